// cursor - a place in the total order, as clients see it: "<epoch>-<offset>", opaque to them
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_CURSOR_H
#define MESH_CURSOR_H

#include <stdint.h>

enum {
    MESH_CURSOR_SIZE = 16 + 1 + 20 + 1
};    // 16 hexadecimal digits, '-', 20 decimal digits, NUL

typedef struct mesh_cursor {
    uint64_t epoch;     // random, made with the journal; 0 is no epoch
    uint64_t offset;    // counts from 1, with holes; 0 is before the first
} mesh_cursor_t;

// Write e.g. "00c0ffee00c0ffee-42" and a NUL into text.
void mesh_cursor_format(const mesh_cursor_t *self, char text[static MESH_CURSOR_SIZE]);

// Read exactly what mesh_cursor_format writes. Returns 0, or -1 when text is anything else.
int mesh_cursor_parse(mesh_cursor_t *self, const char *text);

#endif
