// uuid - UUID version 7 (RFC 9562): sources, sessions, requests
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_UUID_H
#define MESH_UUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MESH_UUID_BYTES = 16, MESH_UUID_TEXT_SIZE = 37 };    // 36 characters and the NUL

typedef struct mesh_uuid {
    uint8_t bytes[MESH_UUID_BYTES];
} mesh_uuid_t;

// A new version 7 UUID: 48 bits of Unix milliseconds, 74 random bits from getrandom.
// Ends the process when the kernel gives no random bytes, which Linux does not do after boot.
mesh_uuid_t mesh_uuid_new(void);

// Write the lower-case 36-character form and a NUL into text.
void mesh_uuid_format(const mesh_uuid_t *self, char text[static MESH_UUID_TEXT_SIZE]);

// Read the 36-character form, either case, any version. Returns 0, or -1 when text is anything
// else.
int mesh_uuid_parse(mesh_uuid_t *self, const char *text);

bool mesh_uuid_equal(const mesh_uuid_t *left, const mesh_uuid_t *right);
bool mesh_uuid_is_zero(const mesh_uuid_t *self);

// For a zhashx whose keys are mesh_uuid_t: a hash of the last bytes, which are random in every
// version that we meet, and an order.
size_t mesh_uuid_hash(const void *uuid);
int mesh_uuid_compare(const void *left, const void *right);

#endif
