// high_water - the last number of each source among the events of one transaction
// SPDX-License-Identifier: MPL-2.0
#include "high_water.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

void
high_water_clear(high_water_t *self)
{
    if (self->count > 0)
        memset(self->places, 0, self->capacity * sizeof *self->places);
    self->count = 0;
}

void
high_water_free(high_water_t *self)
{
    free(self->marks);
    free(self->places);
    *self = (high_water_t){0};
}

// Where the source's place is, or would be.
static uint32_t *
find(const high_water_t *self, const mesh_uuid_t *source)
{
    // So that every bit of it counts in those that are used.
    uint64_t hash = mesh_uuid_hash(source);
    size_t at = (size_t) (((hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
    for (;; at++) {
        uint32_t *place = &self->places[at & (self->capacity - 1)];
        if (*place == 0 || mesh_uuid_equal(&self->marks[*place - 1].source, source))
            return place;
    }
}

static void
grow(high_water_t *self)
{
    self->capacity = self->capacity ? 2 * self->capacity : FIRST_CAPACITY;
    self->marks = realloc(self->marks, self->capacity / 2 * sizeof *self->marks);
    free(self->places);
    self->places = calloc(self->capacity, sizeof *self->places);
    assert(self->marks && self->places && self->capacity <= UINT32_MAX);
    for (size_t i = 0; i < self->count; i++)
        *find(self, &self->marks[i].source) = (uint32_t) i + 1;
}

void
high_water_note(high_water_t *self, const mesh_uuid_t *source, uint64_t seq,
                int64_t recorded_us)
{
    if (self->count == self->capacity / 2)
        grow(self);
    uint32_t *place = find(self, source);
    if (*place == 0) {
        *place = (uint32_t) ++self->count;
        self->marks[self->count - 1].source = *source;
    }
    high_water_mark_t *mark = &self->marks[*place - 1];
    mark->seq = seq;
    mark->recorded_us = recorded_us;
}
