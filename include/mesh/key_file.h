// key_file - the file of one CURVE key: a pair, or its public half
// SPDX-License-Identifier: MPL-2.0
//
// The format is that of CZMQ's certificates (zcert): ZPL, with the sections metadata (name,
// role, server-key, mesh-secret) and curve (public-key, secret-key). Functions that fail return
// -1 with *error_p a sentence the caller frees.
#ifndef MESH_KEY_FILE_H
#define MESH_KEY_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mesh/beacon.h"

enum {
    MESH_KEY_NAME_LIMIT = 64,    // bytes of [A-Za-z0-9._-], not beginning with '.'
    MESH_KEY_TEXT_SIZE = 41,     // a key in Z85 and the NUL
    MESH_KEY_MESH_SECRET_SIZE = 2 * MESH_BEACON_SECRET_BYTES + 1,
    MESH_KEY_FILE_LIMIT = 8 * 1024,    // bytes; a certificate has some hundred
};

typedef enum {
    MESH_ROLE_NONE,
    MESH_ROLE_PUBLISH,      // may publish
    MESH_ROLE_SUBSCRIBE,    // may subscribe, replay, ask for the snapshot, call
    MESH_ROLE_OPERATE,      // both, and answer calls
} mesh_role_t;

// "publish", "subscribe", "operate". MESH_ROLE_NONE for any other word.
mesh_role_t mesh_role_parse(const char *word);
const char *mesh_role_name(mesh_role_t role);

typedef struct mesh_key_file {
    char name[MESH_KEY_NAME_LIMIT + 1];    // as the key's texts, empty where there is none
    mesh_role_t role;
    char public_key[MESH_KEY_TEXT_SIZE];
    char secret_key[MESH_KEY_TEXT_SIZE];
    char server_key[MESH_KEY_TEXT_SIZE];            // of the broker the pair is for
    char mesh_secret[MESH_KEY_MESH_SECRET_SIZE];    // in hexadecimal digits
} mesh_key_file_t;

// Whether name may be a key's.
bool mesh_key_name_is_legal(const char *name);

// Make a fresh pair for a broker, whose public key and whose mesh's secret it takes; or, where
// broker is NULL, a broker's pair, with a fresh secret. The caller wipes it when it is done.
void mesh_key_file_make(mesh_key_file_t *self, const char *name, mesh_role_t role,
                        const mesh_key_file_t *broker);

// The mesh's secret, by which beacons are made and judged. Returns -1 when the file has none.
int mesh_key_file_mesh_secret(const mesh_key_file_t *self,
                              uint8_t secret[static MESH_BEACON_SECRET_BYTES]);

// Forget what it holds, also for who looks at the memory later.
void mesh_key_file_wipe(mesh_key_file_t *self);

// Read size_bytes of text. A pair whose halves do not belong together is refused.
int mesh_key_file_parse(mesh_key_file_t *self, const char *text, size_t size_bytes,
                        char **error_p);

// Read a file; *found_p says whether there is one. With secret it must hold a pair, and others
// may have no access to it. A link, and what is no regular file, is refused.
int mesh_key_file_read(mesh_key_file_t *self, const char *path, bool secret, bool *found_p,
                       char **error_p);

// Write a file (mode 0600, whatever the umask), the secret half only with secret. It appears
// whole and durable or not at all; one that is there already is left and is a failure.
int mesh_key_file_write(const mesh_key_file_t *self, const char *path, bool secret,
                        char **error_p);

#endif
