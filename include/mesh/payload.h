// payload - an event's JSON object as text, cut to its limit
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_PAYLOAD_H
#define MESH_PAYLOAD_H

#include <jansson.h>
#include <stddef.h>

// Write object as compact JSON of at most limit_bytes, its length to *bytes. Where it would be
// longer, its longest strings are cut at a character, end in "…", and their number is added to
// *cut_strings; object itself is changed so. The caller frees the result. Returns NULL when
// object is not an object, holds what JSON cannot say, or passes the limit although all its
// strings are cut to 64 bytes.
char *mesh_payload_dump(json_t *object, size_t limit_bytes, size_t *bytes, size_t *cut_strings);

#endif
