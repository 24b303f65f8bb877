// byte_ring - a fixed store of bytes where the newest overwrite the oldest
// SPDX-License-Identifier: MPL-2.0
//
// A place counts bytes since the beginning and never wraps. What is reserved in one call lies
// in one piece; what is reserved one after the other mostly does too, so that a reader can take
// many records with one pointer. The ring does not know where records begin: its user keeps the
// places, and drops a record once byte_ring_holds says it is gone.
#ifndef SSE_BYTE_RING_H
#define SSE_BYTE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct byte_ring {
    char *memory;    // owned
    size_t size_bytes;
    uint64_t end;    // the place after the newest byte
} byte_ring_t;

// Set up an empty ring of size_bytes (at least 1); byte_ring_clear frees its memory.
void byte_ring_init(byte_ring_t *self, size_t size_bytes);
void byte_ring_clear(byte_ring_t *self);

// Where the next bytes (at least 1, at most size_bytes) will begin, without taking them.
uint64_t byte_ring_next(const byte_ring_t *self, size_t bytes);

// Take bytes; what they overwrite is gone. Returns their place.
uint64_t byte_ring_reserve(byte_ring_t *self, size_t bytes);

// Whether a record at place is still whole when the ring's end is at end.
bool byte_ring_holds(const byte_ring_t *self, uint64_t place, uint64_t end);

// The memory of a place that the ring holds.
char *byte_ring_at(const byte_ring_t *self, uint64_t place);

#endif
