// high_water - the last number of each source among the events of one transaction
// SPDX-License-Identifier: MPL-2.0
#ifndef BROKER_HIGH_WATER_H
#define BROKER_HIGH_WATER_H

#include <stddef.h>
#include <stdint.h>

#include "mesh/uuid.h"

typedef struct high_water_mark {
    mesh_uuid_t source;
    uint64_t seq;
    int64_t recorded_us;
} high_water_mark_t;

typedef struct high_water {
    high_water_mark_t *marks;    // owned; `count` of them, each source once
    size_t count;
    uint32_t *places;    // owned; by the source's hash, 1 + the index of its mark; 0 for none
    size_t capacity;     // of places, a power of two; of marks half of that
} high_water_t;

// Forget all sources. Keeps its memory.
void high_water_clear(high_water_t *self);
void high_water_free(high_water_t *self);

// An event of a source; they come in the order of their numbers.
void high_water_note(high_water_t *self, const mesh_uuid_t *source, uint64_t seq,
                     int64_t recorded_us);

#endif
