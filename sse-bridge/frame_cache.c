// frame_cache - frames that are made when they are wanted, and kept while there is room
// SPDX-License-Identifier: MPL-2.0
#include "frame_cache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "byte_ring.h"

typedef struct slot {
    uint64_t number;
    uint64_t place;
    size_t bytes;    // 0: empty
} slot_t;

struct frame_cache {
    byte_ring_t frames;    // its memory is NULL before the first frame
    size_t frame_room_bytes;
    slot_t *slots;    // by number % slot_count; owned; NULL before the first frame
    size_t slot_count;
    uint64_t made;
};

frame_cache_t *
frame_cache_new(size_t size_bytes)
{
    frame_cache_t *self = calloc(1, sizeof *self);
    assert(self);
    self->slot_count = size_bytes / 8 / sizeof *self->slots;
    assert(self->slot_count > 0);
    self->frame_room_bytes = size_bytes - self->slot_count * sizeof *self->slots;
    return self;
}

void
frame_cache_destroy(frame_cache_t **self_p)
{
    assert(self_p);
    frame_cache_t *self = *self_p;
    if (self) {
        byte_ring_clear(&self->frames);
        free(self->slots);
        free(self);
        *self_p = NULL;
    }
}

static void
join(frame_cache_hold_t *hold, uint64_t place)
{
    if (place < *hold)
        *hold = place;
}

const char *
frame_cache_find(const frame_cache_t *self, uint64_t number, size_t *bytes,
                 frame_cache_hold_t *hold)
{
    if (!self->slots)
        return NULL;
    const slot_t *slot = &self->slots[number % self->slot_count];
    if (slot->bytes == 0 || slot->number != number ||
        !byte_ring_holds(&self->frames, slot->place, self->frames.end))
        return NULL;
    join(hold, slot->place);
    *bytes = slot->bytes;
    return byte_ring_at(&self->frames, slot->place);
}

char *
frame_cache_add(frame_cache_t *self, uint64_t number, size_t bytes, frame_cache_hold_t *hold)
{
    assert(bytes > 0 && bytes <= self->frame_room_bytes);
    if (!self->slots) {
        byte_ring_init(&self->frames, self->frame_room_bytes);
        self->slots = calloc(self->slot_count, sizeof *self->slots);
        assert(self->slots);
    }
    uint64_t end = byte_ring_next(&self->frames, bytes) + bytes;
    if (*hold != FRAME_CACHE_NONE && !byte_ring_holds(&self->frames, *hold, end))
        return NULL;
    uint64_t place = byte_ring_reserve(&self->frames, bytes);
    self->slots[number % self->slot_count] = (slot_t){number, place, bytes};
    self->made++;
    join(hold, place);
    return byte_ring_at(&self->frames, place);
}

void
frame_cache_clear(frame_cache_t *self)
{
    if (!self->slots)
        return;
    memset(self->slots, 0, self->slot_count * sizeof *self->slots);
    memset(self->frames.memory, 0, frame_cache_bytes(self));
    self->frames.end = 0;
}

size_t
frame_cache_bytes(const frame_cache_t *self)
{
    uint64_t end = self->frames.end;
    return end < self->frame_room_bytes ? (size_t) end : self->frame_room_bytes;
}

uint64_t
frame_cache_made(const frame_cache_t *self)
{
    return self->made;
}
