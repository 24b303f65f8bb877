// quantity - numbers as people write them: 30s, 64MiB, 1000
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_QUANTITY_H
#define MESH_QUANTITY_H

#include <stdint.h>

typedef enum {
    MESH_QUANTITY_NUMBER,
    MESH_QUANTITY_DURATION,    // in milliseconds
    MESH_QUANTITY_SIZE,        // in bytes
} mesh_quantity_t;

// Read text into *value_p. Returns NULL, or what is allowed, as the end of a sentence
// ("a whole number and a unit: ..."); *value_p is then unchanged. Borrowed.
const char *mesh_quantity_parse(mesh_quantity_t kind, const char *text, int64_t *value_p);

// value in the largest unit that gives a whole number. The caller frees it.
char *mesh_quantity_format(mesh_quantity_t kind, int64_t value);

#endif
