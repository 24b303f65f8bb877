// memory_journal - the journal in memory: a ring of records, oldest first
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <czmq.h>
#include <sys/random.h>

#include "journal.h"

enum { FIRST_CAPACITY = 1024 };

struct journal {
    uint64_t epoch;
    uint64_t limit_events;
    size_t limit_bytes;
    record_t **ring;    // owned; each record held
    size_t capacity;    // a power of two
    size_t oldest;      // index of the oldest record
    size_t count;
    size_t bytes;
    uint64_t head;
    uint64_t trimmed;    // the highest offset removed
};

static uint64_t
random_epoch(void)
{
    uint64_t epoch = 0;
    while (epoch == 0)
        if (getrandom(&epoch, sizeof epoch, 0) != (ssize_t) sizeof epoch)
            abort();
    return epoch;
}

journal_t *
journal_new(uint64_t limit_events, size_t limit_bytes)
{
    journal_t *self = zmalloc(sizeof *self);
    self->epoch = random_epoch();
    self->limit_events = limit_events;
    self->limit_bytes = limit_bytes;
    self->capacity = FIRST_CAPACITY;
    self->ring = zmalloc(self->capacity * sizeof *self->ring);
    return self;
}

static record_t **
slot(const journal_t *self, size_t index)
{
    return &self->ring[(self->oldest + index) & (self->capacity - 1)];
}

static void
remove_oldest(journal_t *self)
{
    record_t **oldest = slot(self, 0);
    self->trimmed = (*oldest)->offset;
    self->bytes -= record_cost(*oldest);
    record_release(oldest);
    self->oldest = (self->oldest + 1) & (self->capacity - 1);
    self->count--;
}

void
journal_destroy(journal_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        journal_t *self = *self_p;
        while (self->count > 0)
            remove_oldest(self);
        free(self->ring);
        free(self);
        *self_p = NULL;
    }
}

uint64_t
journal_epoch(const journal_t *self)
{
    return self->epoch;
}

static void
grow(journal_t *self)
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
journal_append(journal_t *self, record_t *const records[], size_t count)
{
    assert(self && (records || count == 0));
    for (size_t i = 0; i < count; i++) {
        assert(records[i]->offset > self->head);
        if (self->count == self->capacity)
            grow(self);
        *slot(self, self->count++) = record_hold(records[i]);
        self->head = records[i]->offset;
        self->bytes += record_cost(records[i]);
    }
    // The newest is always kept, whatever its size.
    while (self->count > 1 &&
           (self->count > self->limit_events || self->bytes > self->limit_bytes))
        remove_oldest(self);
}

void
journal_read(const journal_t *self, uint64_t after, journal_visit_fn *visit, void *arg)
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

uint64_t
journal_first(const journal_t *self)
{
    return self->trimmed + 1;
}

uint64_t
journal_head(const journal_t *self)
{
    return self->head;
}

size_t
journal_count(const journal_t *self)
{
    return self->count;
}

size_t
journal_bytes(const journal_t *self)
{
    return self->bytes;
}
