// stream_group - the streams that share one filter, and which entries of the ring match it
// SPDX-License-Identifier: MPL-2.0
#include "stream_group.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "event_facts.h"

enum { WORD_BITS = 64 };

stream_group_t *
stream_group_new(filter_t **filter_p, const event_ring_t *ring)
{
    stream_group_t *self = calloc(1, sizeof *self);
    assert(self);
    self->capacity = event_ring_capacity(ring);
    self->known_from = event_ring_next(ring);
    self->known_to = self->known_from;
    self->filter = *filter_p;
    *filter_p = NULL;
    return self;
}

void
stream_group_destroy(stream_group_t **self_p)
{
    assert(self_p);
    stream_group_t *self = *self_p;
    if (self) {
        filter_destroy(&self->filter);
        for (int at = 0; at < ENVELOPES; at++)
            zipper_destroy(&self->zips[at].zipper);
        free(self->bits);
        free(self);
        *self_p = NULL;
    }
}

static void
set_bit(stream_group_t *self, uint64_t serial, bool value)
{
    uint64_t at = serial % self->capacity;
    uint64_t mask = (uint64_t) 1 << (at % WORD_BITS);
    if (!self->bits) {
        if (!value)
            return;
        self->bits = calloc(self->capacity / WORD_BITS, sizeof *self->bits);
        assert(self->bits);
    }
    if (value)
        self->bits[at / WORD_BITS] |= mask;
    else
        self->bits[at / WORD_BITS] &= ~mask;
}

// Serials run through a word without a break, since the capacity is a multiple of 64.
static uint64_t
word_end(uint64_t serial)
{
    return serial - serial % WORD_BITS + WORD_BITS;
}

// What was passed over before serial does not match: its bits may be those of older entries.
static void
pass_over(stream_group_t *self, uint64_t serial)
{
    assert(serial >= self->known_to);
    if (!self->bits)
        return;
    if (serial - self->known_to >= self->capacity) {
        memset(self->bits, 0, self->capacity / WORD_BITS * sizeof *self->bits);
        return;
    }
    for (uint64_t at = self->known_to; at < serial;) {
        uint64_t end = word_end(at);
        if (at % WORD_BITS == 0 && end <= serial) {
            self->bits[at % self->capacity / WORD_BITS] = 0;
            at = end;
        } else {
            set_bit(self, at++, false);
        }
    }
}

bool
stream_group_add(stream_group_t *self, uint64_t serial, bool everyone, filter_event_t *event)
{
    bool matches = everyone || filter_matches(self->filter, event);
    pass_over(self, serial);
    set_bit(self, serial, matches);
    self->known_to = serial + 1;
    return matches;
}

void
stream_group_forget(stream_group_t *self, uint64_t serial)
{
    if (serial < self->known_to)
        set_bit(self, serial, false);
}

bool
stream_group_look_back(stream_group_t *self, const event_ring_t *ring,
                       const session_table_t *sessions, uint64_t down_to, int64_t *budget)
{
    // Entries that the ring has removed meanwhile were known or not: they are gone.
    if (down_to < event_ring_first(ring))
        down_to = event_ring_first(ring);
    while (self->known_from > down_to) {
        if (*budget <= 0)
            return false;
        uint64_t serial = self->known_from - 1;
        const event_ring_entry_t *entry = event_ring_entry(ring, serial);
        if (event_ring_is_gone(entry)) {
            set_bit(self, serial, false);
            *budget -= STREAM_GROUP_TOPIC_COST;
            self->known_from = serial;
            continue;
        }
        filter_event_t event = event_facts(ring, entry, sessions);
        set_bit(self, serial,
                entry->type == EVENT_RING_EVERYONE || filter_matches(self->filter, &event));
        *budget -= event.parsed ? STREAM_GROUP_PAYLOAD_COST : STREAM_GROUP_TOPIC_COST;
        filter_event_clear(&event);
        self->known_from = serial;
    }
    return true;
}

// The bits of the word that holds serial, those before it cut off.
static uint64_t
word_from(const stream_group_t *self, uint64_t serial)
{
    uint64_t at = serial % self->capacity;
    if (!self->bits)
        return 0;
    return self->bits[at / WORD_BITS] & (~(uint64_t) 0 << (at % WORD_BITS));
}

uint64_t
stream_group_match(const stream_group_t *self, uint64_t from, uint64_t to)
{
    uint64_t known = to < self->known_to ? to : self->known_to;
    while (from < known) {
        uint64_t word = word_from(self, from);
        if (word != 0) {
            uint64_t serial = word_end(from) - WORD_BITS + (uint64_t) __builtin_ctzll(word);
            return serial < known ? serial : to;
        }
        from = word_end(from);
    }
    return to;
}

size_t
stream_group_count(const stream_group_t *self, uint64_t from, uint64_t to)
{
    size_t count = 0;
    if (to > self->known_to)
        to = self->known_to;
    while (from < to) {
        uint64_t word = word_from(self, from);
        uint64_t end = word_end(from);
        if (end > to)
            word &= ~(uint64_t) 0 >> (end - to);
        count += (size_t) __builtin_popcountll(word);
        from = end;
    }
    return count;
}

uint64_t
stream_group_nth_last(const stream_group_t *self, uint64_t from, uint64_t to, size_t nth)
{
    size_t count = stream_group_count(self, from, to);
    if (count < nth)
        return from;
    uint64_t serial = stream_group_match(self, from, to);
    for (size_t skip = count - nth; skip > 0; skip--)
        serial = stream_group_match(self, serial + 1, to);
    return serial;
}
