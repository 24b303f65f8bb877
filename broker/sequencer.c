// sequencer - the next number of each source
// SPDX-License-Identifier: MPL-2.0
#include "sequencer.h"

#include <assert.h>
#include <czmq.h>

typedef struct source source_t;

struct source {
    mesh_uuid_t uuid;
    source_t *before, *after;    // borrowed; among those that nobody holds
    const void *holder;          // borrowed; NULL when no program holds it
    bool registered;             // it was named in a hello once: every number is wanted
    bool restored;               // known before this start, and named in no hello since
    bool ack_wanted;             // its holder waits for what is in flight
    uint64_t taken;              // the last number taken; above committed it is in flight
    uint64_t committed;          // the last number committed
    uint64_t acknowledged;       // the last one a holder was told of by sequencer_commit
    int64_t met_ms;              // when an event of it first arrived; 0 for never
    int64_t heard_ms;            // ... and last
    uint64_t asked_from;         // the hole that was asked for, 0 for none
    int64_t asked_ms;
};

struct sequencer {
    zhashx_t *sources;            // uuid -> source_t; owned, with its items
    source_t *oldest, *newest;    // borrowed; of those that nobody holds, as last heard or held
    size_t limit;
    uint64_t gaps;
};

// Among those that nobody holds: as the newest, or no more.
static void
enlist(sequencer_t *self, source_t *source)
{
    assert(!source->holder);
    source->before = self->newest;
    source->after = NULL;
    *(self->newest ? &self->newest->after : &self->oldest) = source;
    self->newest = source;
}

static void
unlist(sequencer_t *self, source_t *source)
{
    *(source->before ? &source->before->after : &self->oldest) = source->after;
    *(source->after ? &source->after->before : &self->newest) = source->before;
    source->before = source->after = NULL;
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
    zhashx_set_key_hasher(self->sources, mesh_uuid_hash);
    zhashx_set_key_comparator(self->sources, mesh_uuid_compare);
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

static void
forget(sequencer_t *self, source_t *source)
{
    if (!source->holder)
        unlist(self, source);
    zhashx_delete(self->sources, &source->uuid);
}

// Make room by forgetting the source that nobody has held or heard of for the longest; where
// all are held, the one unheard for the longest.
static void
forget_one(sequencer_t *self)
{
    source_t *oldest = self->oldest;
    source_t *source = oldest ? NULL : zhashx_first(self->sources);
    for (; source; source = zhashx_next(self->sources))
        if (!oldest || source->heard_ms < oldest->heard_ms)
            oldest = source;
    if (oldest)
        forget(self, oldest);
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
    enlist(self, source);
    return source;
}

void
sequencer_restore(sequencer_t *self, const mesh_uuid_t *uuid, uint64_t seq, bool registered)
{
    source_t *source = zhashx_lookup(self->sources, uuid);
    if (!source) {
        source = add(self, uuid);
        source->restored = true;
    }
    source->registered = source->registered || registered;
    if (seq > source->committed)
        source->committed = seq;
    if (seq > source->taken)
        source->taken = seq;
    if (seq > source->acknowledged)
        source->acknowledged = seq;
}

sequencer_claim_t
sequencer_claim(sequencer_t *self, const mesh_uuid_t *uuid, const void *holder, uint64_t first,
                uint64_t acknowledged, uint64_t *next)
{
    assert(self && uuid && holder && next);
    source_t *source = zhashx_lookup(self->sources, uuid);
    bool known = source != NULL;
    if (!source) {
        source = add(self, uuid);
        source->taken = first > 0 ? first - 1 : 0;
        source->committed = source->taken;
        source->acknowledged = source->taken;
    }
    if (source->holder && source->holder != holder)
        return SEQUENCER_HELD;
    bool forgotten = known && acknowledged > source->committed;
    // What lies before the oldest number a publisher still has cannot be sent any more. Where
    // it was acknowledged, it was not left out but forgotten here.
    if (first > 0 && first - 1 > source->taken) {
        if (!forgotten)
            self->gaps += first - 1 - source->taken;
        source->taken = first - 1;
    }
    if (first > 0 && first - 1 > source->committed)
        source->committed = first - 1;
    if (!source->holder)
        unlist(self, source);
    source->holder = holder;
    source->registered = true;
    source->restored = false;
    source->asked_from = 0;
    *next = source->committed + 1;
    return forgotten ? SEQUENCER_FORGOTTEN : SEQUENCER_CLAIMED;
}

void
sequencer_adopt(sequencer_t *self, const mesh_uuid_t *uuid, uint64_t first, uint64_t *next)
{
    assert(self && uuid && next);
    const source_t *known = zhashx_lookup(self->sources, uuid);
    if (!known || !known->holder) {
        (void) sequencer_claim(self, uuid, self, first, 0, next);
        source_t *source = zhashx_lookup(self->sources, uuid);
        source->holder = NULL;
        enlist(self, source);
    } else {
        *next = known->committed + 1;
    }
}

void
sequencer_release(sequencer_t *self, const void *holder)
{
    for (source_t *source = zhashx_first(self->sources); source;
         source = zhashx_next(self->sources))
        if (source->holder == holder) {
            source->holder = NULL;
            enlist(self, source);
        }
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

// Whether a hole in a source that no hello has named is to be put up with.
static bool
is_best_effort(const source_t *source, int64_t now_ms)
{
    return !source->registered && now_ms - source->met_ms >= SEQUENCER_STRANGER_MS;
}

sequencer_outcome_t
sequencer_offer(sequencer_t *self, const mesh_header_t *header, int64_t now_ms,
                const void **holder, uint64_t *from)
{
    source_t *source = zhashx_lookup(self->sources, &header->source);
    if (!source)
        source = add(self, &header->source);
    if (source->met_ms == 0)
        source->met_ms = now_ms;
    source->heard_ms = now_ms;
    if (!source->holder && source->after) {
        unlist(self, source);
        enlist(self, source);
    }
    *holder = source->holder;
    uint64_t first = header->seq - header->covers + 1;
    if (header->seq <= source->taken)
        return SEQUENCER_IGNORE;
    if (first > source->taken + 1) {
        if (!is_best_effort(source, now_ms)) {
            *from = source->taken + 1;
            return source->registered && ask_now(source, now_ms) ? SEQUENCER_RESEND
                                                                 : SEQUENCER_IGNORE;
        }
        self->gaps += first - source->taken - 1;
    }
    source->taken = header->seq;
    source->asked_from = 0;
    return SEQUENCER_TAKE;
}

const void *
sequencer_holder(const sequencer_t *self, const mesh_uuid_t *uuid)
{
    const source_t *source = zhashx_lookup(self->sources, uuid);
    return source ? source->holder : NULL;
}

bool
sequencer_is_registered(const sequencer_t *self, const mesh_uuid_t *uuid)
{
    const source_t *source = zhashx_lookup(self->sources, uuid);
    return source && source->registered;
}

const void *
sequencer_commit(sequencer_t *self, const mesh_uuid_t *uuid, uint64_t seq)
{
    source_t *source = zhashx_lookup(self->sources, uuid);
    if (!source || seq <= source->committed)
        return NULL;
    source->committed = seq;
    if (!source->holder)
        return NULL;
    bool all = source->ack_wanted && source->committed >= source->taken;
    if (!all && source->committed - source->acknowledged < SEQUENCER_ACK_EVERY)
        return NULL;
    source->acknowledged = source->committed;
    if (all)
        source->ack_wanted = false;
    return source->holder;
}

void
sequencer_ask_ack(sequencer_t *self, const mesh_uuid_t *uuid)
{
    source_t *source = zhashx_lookup(self->sources, uuid);
    if (source)
        source->ack_wanted = source->committed < source->taken;
}

void
sequencer_take_back(sequencer_t *self, sequencer_ask_fn *ask, void *arg)
{
    for (source_t *source = zhashx_first(self->sources); source;
         source = zhashx_next(self->sources)) {
        if (source->taken == source->committed)
            continue;
        source->taken = source->committed;
        source->ack_wanted = false;
        source->asked_from = 0;
        if (ask && source->holder)
            ask(arg, source->holder, &source->uuid, source->committed + 1);
    }
}

void
sequencer_forget_restored(sequencer_t *self)
{
    // Nothing may be removed from a hash while it is walked.
    zlistx_t *restored = zlistx_new();
    for (source_t *source = zhashx_first(self->sources); source;
         source = zhashx_next(self->sources))
        if (source->restored && source->heard_ms == 0)
            (void) zlistx_add_end(restored, source);
    for (source_t *source = zlistx_first(restored); source; source = zlistx_next(restored))
        forget(self, source);
    zlistx_destroy(&restored);
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

void
sequencer_visit_held(sequencer_t *self, sequencer_visit_fn *visit, void *arg)
{
    // Gathered first: a lookup, which visit may cause, moves zhashx's cursor.
    source_t **held = zmalloc((zhashx_size(self->sources) + 1) * sizeof *held);
    size_t count = 0;
    for (source_t *source = zhashx_first(self->sources); source;
         source = zhashx_next(self->sources))
        if (source->holder)
            held[count++] = source;
    for (size_t i = 0; i < count; i++)
        visit(arg, held[i]->holder, &held[i]->uuid);
    free(held);
}

uint64_t
sequencer_committed(const sequencer_t *self, const mesh_uuid_t *uuid)
{
    const source_t *source = zhashx_lookup(self->sources, uuid);
    return source ? source->committed : 0;
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
