// sequencer - the next number of each source
// SPDX-License-Identifier: MPL-2.0
#include "sequencer.h"

#include <assert.h>
#include <czmq.h>

typedef struct source {
    mesh_uuid_t uuid;
    const void *holder;       // borrowed; NULL when no program holds it
    bool registered;          // it was named in a hello once: every number is wanted
    uint64_t taken;           // the last number taken
    uint64_t acknowledged;    // the last one a holder was told of at an ack_due
    int64_t heard_ms;         // when an event of it last arrived; 0 for never
    int64_t met_ms;           // when the first arrived
    uint64_t asked_from;      // the hole that was asked for, 0 for none
    int64_t asked_ms;
} source_t;

struct sequencer {
    zhashx_t *sources;    // uuid -> source_t; owned, with its items
    size_t limit;
    uint64_t gaps;
};

static size_t
hash_uuid(const void *key)
{
    // The last bytes of a UUID are random.
    size_t hash;
    memcpy(&hash, ((const mesh_uuid_t *) key)->bytes + MESH_UUID_BYTES - sizeof hash,
           sizeof hash);
    return hash;
}

static int
compare_uuid(const void *left, const void *right)
{
    return memcmp(left, right, sizeof(mesh_uuid_t));
}

static void
source_destroy(void **item_p)
{
    free(*item_p);
    *item_p = NULL;
}

sequencer_t *
sequencer_new(size_t limit)
{
    assert(limit > 0);
    sequencer_t *self = zmalloc(sizeof *self);
    self->limit = limit;
    self->sources = zhashx_new();
    zhashx_set_key_hasher(self->sources, hash_uuid);
    zhashx_set_key_comparator(self->sources, compare_uuid);
    zhashx_set_key_duplicator(self->sources, NULL);
    zhashx_set_key_destructor(self->sources, NULL);
    zhashx_set_destructor(self->sources, source_destroy);
    return self;
}

void
sequencer_destroy(sequencer_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        zhashx_destroy(&(*self_p)->sources);
        free(*self_p);
        *self_p = NULL;
    }
}

// Make room by forgetting the source unheard for the longest that nobody holds; failing that,
// of all.
static void
forget_one(sequencer_t *self)
{
    source_t *oldest = NULL;
    for (source_t *source = zhashx_first(self->sources); source;
         source = zhashx_next(self->sources)) {
        bool rather =
            !oldest || (!source->holder && oldest->holder) ||
            (!source->holder == !oldest->holder && source->heard_ms < oldest->heard_ms);
        if (rather)
            oldest = source;
    }
    if (oldest)
        zhashx_delete(self->sources, &oldest->uuid);
}

static source_t *
add(sequencer_t *self, const mesh_uuid_t *uuid)
{
    if (zhashx_size(self->sources) >= self->limit)
        forget_one(self);
    source_t *source = zmalloc(sizeof *source);
    source->uuid = *uuid;
    int rc = zhashx_insert(self->sources, &source->uuid, source);
    assert(rc == 0);
    return source;
}

int
sequencer_claim(sequencer_t *self, const mesh_uuid_t *uuid, const void *holder, uint64_t first,
                uint64_t *next)
{
    assert(self && uuid && holder && next);
    source_t *source = zhashx_lookup(self->sources, uuid);
    if (!source) {
        source = add(self, uuid);
        source->taken = first > 0 ? first - 1 : 0;
        source->acknowledged = source->taken;
    }
    if (source->holder && source->holder != holder)
        return -1;
    // What lies before the oldest number a publisher still has cannot be sent any more.
    if (first > 0 && first - 1 > source->taken) {
        self->gaps += first - 1 - source->taken;
        source->taken = first - 1;
    }
    source->holder = holder;
    source->registered = true;
    source->asked_from = 0;
    *next = source->taken + 1;
    return 0;
}

void
sequencer_adopt(sequencer_t *self, const mesh_uuid_t *uuid, uint64_t first, uint64_t *next)
{
    assert(self && uuid && next);
    const source_t *known = zhashx_lookup(self->sources, uuid);
    if (!known || !known->holder) {
        int rc = sequencer_claim(self, uuid, self, first, next);
        assert(rc == 0);
        source_t *source = zhashx_lookup(self->sources, uuid);
        source->holder = NULL;
    } else {
        *next = known->taken + 1;
    }
}

void
sequencer_release(sequencer_t *self, const void *holder)
{
    for (source_t *source = zhashx_first(self->sources); source;
         source = zhashx_next(self->sources))
        if (source->holder == holder)
            source->holder = NULL;
}

// Whether the hole after what was taken should be asked for now.
static bool
ask_now(source_t *source, int64_t now_ms)
{
    uint64_t from = source->taken + 1;
    if (source->asked_from == from && now_ms - source->asked_ms < SEQUENCER_RESEND_PAUSE_MS)
        return false;
    source->asked_from = from;
    source->asked_ms = now_ms;
    return true;
}

sequencer_outcome_t
sequencer_offer(sequencer_t *self, const mesh_header_t *header, int64_t now_ms,
                const void **holder, uint64_t *from, bool *ack_due)
{
    source_t *source = zhashx_lookup(self->sources, &header->source);
    if (!source) {
        source = add(self, &header->source);
        source->met_ms = now_ms;
    }
    source->heard_ms = now_ms;
    *holder = source->holder;
    *ack_due = false;
    uint64_t first = header->seq - header->covers + 1;
    if (header->seq <= source->taken)
        return SEQUENCER_IGNORE;
    if (first > source->taken + 1) {
        if (source->registered) {
            *from = source->taken + 1;
            return ask_now(source, now_ms) ? SEQUENCER_RESEND : SEQUENCER_IGNORE;
        }
        if (now_ms - source->met_ms < SEQUENCER_STRANGER_MS)
            return SEQUENCER_IGNORE;
        self->gaps += first - source->taken - 1;
    }
    source->taken = header->seq;
    source->asked_from = 0;
    if (source->holder && source->taken - source->acknowledged >= SEQUENCER_ACK_EVERY) {
        source->acknowledged = source->taken;
        *ack_due = true;
    }
    return SEQUENCER_TAKE;
}

uint64_t
sequencer_missing(sequencer_t *self, const mesh_uuid_t *uuid, uint64_t last, int64_t now_ms)
{
    source_t *source = zhashx_lookup(self->sources, uuid);
    if (!source || last <= source->taken)
        return 0;
    if (source->heard_ms > 0 && now_ms - source->heard_ms < SEQUENCER_QUIET_MS)
        return 0;
    return ask_now(source, now_ms) ? source->taken + 1 : 0;
}

uint64_t
sequencer_taken(const sequencer_t *self, const mesh_uuid_t *uuid)
{
    const source_t *source = zhashx_lookup(self->sources, uuid);
    return source ? source->taken : 0;
}

uint64_t
sequencer_gaps(const sequencer_t *self)
{
    return self->gaps;
}

size_t
sequencer_size(const sequencer_t *self)
{
    return zhashx_size(self->sources);
}
