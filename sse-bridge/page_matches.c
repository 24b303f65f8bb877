// page_matches - which entries of a page match which filters, each worked out once
// SPDX-License-Identifier: MPL-2.0
#include "page_matches.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "event_facts.h"
#include "stream_group.h"

enum { BITS = 64 };    // of a word

struct page_match {
    const event_ring_t *ring;    // borrowed
    const filter_t *filter;      // borrowed; of who asked last
    char *key;                   // owned; NULL for none yet
    uint64_t *known;             // a bit for each entry; owned, with those that match after it
    uint64_t *matches;
    uint64_t asked;    // in a count of askings
};

struct page_matches {
    const event_ring_t *ring;    // borrowed
    page_match_t filters[PAGE_MATCHES_FILTERS];
    size_t count;
    uint64_t askings;
};

page_matches_t *
page_matches_new(const event_ring_t *ring)
{
    page_matches_t *self = calloc(1, sizeof *self);
    assert(self);
    self->ring = ring;
    return self;
}

static void
match_clear(page_match_t *self)
{
    free(self->key);
    free(self->known);
    *self = (page_match_t){0};
}

void
page_matches_destroy(page_matches_t **self_p)
{
    assert(self_p);
    page_matches_t *self = *self_p;
    if (self) {
        for (size_t at = 0; at < self->count; at++)
            match_clear(&self->filters[at]);
        free(self);
        *self_p = NULL;
    }
}

static page_match_t *
find(page_matches_t *self, const char *key)
{
    for (size_t at = 0; at < self->count; at++)
        if (strcmp(self->filters[at].key, key) == 0)
            return &self->filters[at];
    return NULL;
}

static page_match_t *
room_for_one(page_matches_t *self)
{
    if (self->count < PAGE_MATCHES_FILTERS)
        return &self->filters[self->count++];
    page_match_t *oldest = &self->filters[0];
    for (size_t at = 1; at < self->count; at++)
        if (self->filters[at].asked < oldest->asked)
            oldest = &self->filters[at];
    match_clear(oldest);
    return oldest;
}

page_match_t *
page_matches_of(page_matches_t *self, const filter_t *filter)
{
    page_match_t *match = find(self, filter_key(filter));
    if (!match) {
        match = room_for_one(self);
        size_t words = (size_t) (event_ring_next(self->ring) / BITS) + 1;
        match->ring = self->ring;
        match->key = strdup(filter_key(filter));
        match->known = calloc(2 * words, sizeof *match->known);
        assert(match->key && match->known);
        match->matches = match->known + words;
    }
    match->filter = filter;
    match->asked = ++self->askings;
    return match;
}

static bool
work_out(const page_match_t *self, uint64_t serial, const session_table_t *sessions,
         int64_t *budget)
{
    const event_ring_entry_t *entry = event_ring_entry(self->ring, serial);
    filter_event_t event = event_facts(self->ring, entry, sessions);
    bool good = filter_matches(self->filter, &event);
    *budget -= event.parsed ? STREAM_GROUP_PAYLOAD_COST : STREAM_GROUP_TOPIC_COST;
    filter_event_clear(&event);
    return good;
}

bool
page_match_entry(page_match_t *self, uint64_t serial, const session_table_t *sessions,
                 int64_t *budget)
{
    uint64_t *known = &self->known[serial / BITS], *matches = &self->matches[serial / BITS];
    uint64_t bit = (uint64_t) 1 << (serial % BITS);
    if (*known & bit) {
        *budget -= STREAM_GROUP_TOPIC_COST;
    } else {
        *known |= bit;
        if (work_out(self, serial, sessions, budget))
            *matches |= bit;
    }
    return (*matches & bit) != 0;
}
