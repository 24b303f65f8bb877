// nearest - which known word a mistyped one most likely meant
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_NEAREST_H
#define MESH_NEAREST_H

#include <stddef.h>

// Words are compared by at most this many bytes.
enum { MESH_NEAREST_BYTES = 64 };

// How many characters must be inserted, removed, replaced or swapped with their neighbour to
// make one word of the other.
size_t mesh_edit_distance(const char *left, const char *right);

#endif
