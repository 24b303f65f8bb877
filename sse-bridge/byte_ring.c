// byte_ring - a fixed store of bytes where the newest overwrite the oldest
// SPDX-License-Identifier: MPL-2.0
#include "byte_ring.h"

#include <assert.h>
#include <stdlib.h>

void
byte_ring_init(byte_ring_t *self, size_t size_bytes)
{
    assert(size_bytes > 0);
    // calloc of this size is fresh pages, which cost nothing until they are written.
    self->memory = calloc(1, size_bytes);
    assert(self->memory);
    self->size_bytes = size_bytes;
    self->end = 0;
}

void
byte_ring_clear(byte_ring_t *self)
{
    free(self->memory);
    self->memory = NULL;
}

uint64_t
byte_ring_next(const byte_ring_t *self, size_t bytes)
{
    assert(bytes > 0 && bytes <= self->size_bytes);
    size_t left = self->size_bytes - (size_t) (self->end % self->size_bytes);
    return left < bytes ? self->end + left : self->end;
}

uint64_t
byte_ring_reserve(byte_ring_t *self, size_t bytes)
{
    uint64_t place = byte_ring_next(self, bytes);
    self->end = place + bytes;
    return place;
}

bool
byte_ring_holds(const byte_ring_t *self, uint64_t place, uint64_t end)
{
    return place + self->size_bytes >= end;
}

char *
byte_ring_at(const byte_ring_t *self, uint64_t place)
{
    return self->memory + place % self->size_bytes;
}
