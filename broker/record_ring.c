// record_ring - the newest records, up to two limits; the oldest go first
// SPDX-License-Identifier: MPL-2.0
#include "record_ring.h"

#include <assert.h>
#include <czmq.h>

enum { FIRST_CAPACITY = 1024 };

struct record_ring {
    uint64_t limit_events;
    size_t limit_bytes;
    record_t **ring;    // owned; each record held
    size_t capacity;    // a power of two
    size_t oldest;      // index of the oldest record
    size_t count;
    size_t bytes;
    uint64_t floor;    // the highest offset that is not held any more
    uint64_t newest;
};

record_ring_t *
record_ring_new(uint64_t limit_events, size_t limit_bytes)
{
    record_ring_t *self = zmalloc(sizeof *self);
    self->limit_events = limit_events;
    self->limit_bytes = limit_bytes;
    self->capacity = FIRST_CAPACITY;
    self->ring = zmalloc(self->capacity * sizeof *self->ring);
    return self;
}

static record_t **
slot(const record_ring_t *self, size_t index)
{
    return &self->ring[(self->oldest + index) & (self->capacity - 1)];
}

static void
remove_oldest(record_ring_t *self)
{
    record_t **oldest = slot(self, 0);
    self->floor = (*oldest)->offset;
    self->bytes -= record_cost(*oldest);
    record_release(oldest);
    self->oldest = (self->oldest + 1) & (self->capacity - 1);
    self->count--;
}

void
record_ring_begin(record_ring_t *self, uint64_t after)
{
    while (self->count > 0)
        remove_oldest(self);
    self->floor = after;
    self->newest = after;
}

void
record_ring_destroy(record_ring_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        record_ring_begin(*self_p, 0);
        free((*self_p)->ring);
        free(*self_p);
        *self_p = NULL;
    }
}

static void
grow(record_ring_t *self)
{
    size_t capacity = self->capacity * 2;
    record_t **ring = zmalloc(capacity * sizeof *ring);
    for (size_t i = 0; i < self->count; i++)
        ring[i] = *slot(self, i);
    free(self->ring);
    self->ring = ring;
    self->capacity = capacity;
    self->oldest = 0;
}

void
record_ring_append(record_ring_t *self, record_t *record)
{
    assert(self && record && record->offset > self->newest);
    if (self->count == self->capacity)
        grow(self);
    *slot(self, self->count++) = record_hold(record);
    self->newest = record->offset;
    self->bytes += record_cost(record);
    while (self->count > 1 &&
           (self->count > self->limit_events || self->bytes > self->limit_bytes))
        remove_oldest(self);
}

uint64_t
record_ring_floor(const record_ring_t *self)
{
    return self->floor;
}

void
record_ring_read(const record_ring_t *self, uint64_t after, record_ring_visit_fn *visit,
                 void *arg)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((*slot(self, middle))->offset <= after)
            low = middle + 1;
        else
            high = middle;
    }
    while (low < self->count && visit(arg, *slot(self, low)))
        low++;
}

void
record_ring_forget(record_ring_t *self, record_ring_is_one_fn *is_one, void *arg)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->count; i++) {
        record_t **from = slot(self, i);
        if (is_one(arg, *from)) {
            self->bytes -= record_cost(*from);
            record_release(from);
        } else {
            *slot(self, kept++) = *from;
        }
    }
    self->count = kept;
}

size_t
record_ring_count(const record_ring_t *self)
{
    return self->count;
}

size_t
record_ring_bytes(const record_ring_t *self)
{
    return self->bytes;
}
