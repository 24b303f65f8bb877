// stream_hub - all streams, the ring they read from, and the turns in which they are written to
// SPDX-License-Identifier: MPL-2.0
#include "stream_hub.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/epoll.h>

#include "event_facts.h"
#include "stream_hub_private.h"
#include "stream_notice.h"

static void
group_destroy(void **item_p)
{
    stream_group_destroy((stream_group_t **) item_p);
}

stream_hub_t *
stream_hub_new(const stream_hub_limits_t *limits, const stream_hub_owner_t *owner, void *arg,
               int64_t now_ms)
{
    stream_hub_t *self = calloc(1, sizeof *self);
    assert(self);
    self->limits = *limits;
    self->owner = owner;
    self->arg = arg;
    self->now_ms = now_ms;
    self->ring = event_ring_new(limits->ring_bytes);
    event_ring_on_evict(self->ring, stream_hub_let_go, self);
    self->sessions = session_table_new(limits->sessions);
    self->session_list = session_list_new(limits->sessions);
    self->forgotten = forgotten_list_new();
    self->groups = zhashx_new();
    zhashx_set_destructor(self->groups, group_destroy);
    self->index = group_index_new();
    self->slowest = UINT64_MAX;
    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    assert(self->epoll_fd >= 0);
    // Only jitter hangs on it.
    mesh_uuid_t seed = mesh_uuid_new();
    memcpy(&self->random, seed.bytes + 8, sizeof self->random);
    return self;
}

void
stream_hub_destroy(stream_hub_t **self_p)
{
    assert(self_p);
    stream_hub_t *self = *self_p;
    if (self) {
        assert(self->clients == 0);    // released by the owner
        group_index_destroy(&self->index);
        zhashx_destroy(&self->groups);
        session_table_destroy(&self->sessions);
        session_list_destroy(&self->session_list);
        forgotten_list_destroy(&self->forgotten);
        zipper_destroy(&self->zipper);
        event_ring_destroy(&self->ring);
        close(self->epoll_fd);
        free(self);
        *self_p = NULL;
    }
}

void
stream_hub_want_turn(stream_hub_t *self)
{
    if (!self->turn_wanted) {
        self->turn_wanted = true;
        self->owner->wants_turn(self->arg);
    }
}

static void
mark_dirty(stream_hub_t *self, stream_group_t *group, uint64_t serial)
{
    if (group->dirty || !group->idle.first)
        return;
    group->dirty = true;
    group->dirty_from = serial;
    group->next_dirty = self->dirty;
    self->dirty = group;
    stream_hub_want_turn(self);
}

// Have all groups take the newest entry, which is for everyone.
static void
offer_to_all(stream_hub_t *self)
{
    uint64_t serial = event_ring_next(self->ring) - 1;
    for (stream_group_t *group = zhashx_first(self->groups); group;
         group = zhashx_next(self->groups)) {
        stream_group_add(group, serial, true, NULL);
        mark_dirty(self, group, serial);
    }
}

// Have groups of a chain of the index look at the newest entry.
static void
offer_to(stream_hub_t *self, stream_group_t *chain, filter_event_t *event)
{
    uint64_t serial = event_ring_next(self->ring) - 1;
    for (stream_group_t *group = chain; group; group = group->next_indexed) {
        self->stats.evaluated++;
        if (stream_group_add(group, serial, false, event))
            mark_dirty(self, group, serial);
    }
}

void
stream_hub_event(stream_hub_t *self, const mesh_event_t *event, int64_t now_ms)
{
    self->now_ms = now_ms;
    if (event_ring_append(self->ring, event) != 0) {
        self->stats.refused++;
        return;
    }
    self->stats.events++;
    const event_ring_entry_t *entry =
        event_ring_entry(self->ring, event_ring_next(self->ring) - 1);
    filter_event_t facts = {.type = event_ring_type(self->ring, entry),
                            .host = event_ring_host(self->ring, entry),
                            .session = event_ring_session(self->ring, entry)};
    // As it is shown, and read again by who comes later: a byte that is not UTF-8 is '?' there.
    facts.payload = event_ring_payload(self->ring, entry, &facts.payload_bytes);
    mesh_event_t shown = *event;
    shown.payload = facts.payload;
    shown.payload_bytes = facts.payload_bytes;
    // Not before the ring has it: to have room a turn may be taken, in which a stream begins
    // that is told the sessions and then gets this event.
    session_list_note(self->session_list, &shown);
    if (facts.session[0] != '\0') {
        session_table_note(self->sessions, facts.session, facts.type, facts.payload,
                           facts.payload_bytes, now_ms);
        facts.session_labels = session_table_labels(self->sessions, facts.session);
    }
    bool forgets = strcmp(facts.type, "mesh.session_forgotten") == 0;
    offer_to(self, group_index_of_any(self->index), &facts);
    offer_to(self, group_index_of_session(self->index, facts.session), &facts);
    filter_event_clear(&facts);
    if (forgets)
        stream_hub_forget(self, event->payload, event->payload_bytes,
                          event->header.recorded_us);
}

void
stream_hub_gap(stream_hub_t *self, const char *reason, const mesh_cursor_t *to,
               uint64_t holes_to, int64_t now_ms)
{
    self->now_ms = now_ms;
    mesh_cursor_t from = event_ring_position(self->ring);
    if (from.epoch == 0)
        return;    // nobody has seen anything yet
    bool same_epoch = to->epoch == from.epoch;
    if (same_epoch && to->offset < from.offset)
        to = &from;    // an id must not send a client back
    uint64_t place = same_epoch ? to->offset : from.offset;
    uint64_t missed = place - from.offset;
    if (same_epoch && holes_to > to->offset)
        missed = holes_to - from.offset;
    size_t bytes;
    char *frame = stream_notice_gap(ENVELOPE_DATA, reason, &from, to, missed, &bytes);
    event_ring_append_control(self->ring, frame, bytes, place, missed);
    free(frame);
    offer_to_all(self);
}

void
stream_hub_epoch(stream_hub_t *self, const mesh_cursor_t *after,
                 const uint64_t removed[MESH_FAMILIES], int64_t now_ms)
{
    self->now_ms = now_ms;
    // Said to the streams of the old order, before the new one begins.
    stream_hub_gap(self, "new_epoch", after, 0, now_ms);
    event_ring_begin_epoch(self->ring, after, removed);
    forgotten_list_clear(self->forgotten);
}

void
stream_hub_removed(stream_hub_t *self, uint64_t epoch,
                   const uint64_t removed[static MESH_FAMILIES])
{
    if (epoch == event_ring_position(self->ring).epoch)
        event_ring_note_removed(self->ring, removed);
}

void
stream_hub_feed(stream_hub_t *self, bool live, int64_t heard_ms, int64_t now_ms)
{
    self->now_ms = now_ms;
    bool became_live = live && !self->live;
    self->live = live;
    self->heard_ms = heard_ms;
    if (!became_live)
        return;
    for (stream_t *stream = self->held.first, *next; stream; stream = next) {
        next = stream->next;
        stream_hub_decide(self, stream);
    }
}

stream_hub_admission_t
stream_hub_admit(stream_hub_t *self, stream_query_t *query, void *connection, int64_t now_ms,
                 stream_t **stream_p)
{
    self->now_ms = now_ms;
    if (self->stopping)
        return STREAM_HUB_STOPPING;
    if (self->clients >= self->limits.clients)
        return STREAM_HUB_FULL;
    stream_group_t *group = zhashx_lookup(self->groups, filter_key(query->filter));
    if (!group) {
        if (zhashx_size(self->groups) >= self->limits.filters)
            return STREAM_HUB_FILTERS_FULL;
        group = stream_group_new(&query->filter, self->ring);
        zhashx_insert(self->groups, filter_key(group->filter), group);
        group_index_add(self->index, group);
    }
    group->streams++;
    stream_t *stream = calloc(1, sizeof *stream);
    assert(stream);
    stream->group = group;
    stream->connection = connection;
    stream->fd = -1;
    stream->state = STREAM_ADMITTED;
    stream->endpoint = (uint8_t) query->endpoint;
    stream->slow = (uint8_t) query->slow;
    stream->envelope = (uint8_t) query->envelope;
    self->stats.envelopes[stream->envelope]++;
    stream->ask = query->ask;
    stream->ask.asked_ms = now_ms;
    stream->client_id = mesh_uuid_new();
    self->clients++;
    self->stats.clients[stream->endpoint]++;
    *stream_p = stream;
    return STREAM_HUB_ADMITTED;
}

bool
stream_hub_is_over(const stream_hub_t *self, const stream_query_t *query, int64_t now_ms)
{
    const char *session = filter_only_session(query->filter);
    if (!session ||
        !session_table_ended(self->sessions, session, self->limits.ended_after_ms, now_ms))
        return false;
    mesh_cursor_t position = event_ring_position(self->ring);
    mesh_cursor_t cursor = query->ask.id == RESUME_ID ? query->ask.cursor : position;
    if (query->ask.id == RESUME_ID_UNREADABLE ||
        (query->ask.id == RESUME_NO_ID && query->ask.since != RESUME_SINCE_NOTHING) ||
        cursor.epoch != position.epoch || cursor.offset > position.offset)
        return false;
    type_removal_t removed =
        type_ledger_removed(event_ring_ledger(self->ring), filter_may_match_type,
                            filter_may_match_family, query->filter);
    if (removed.count > 0 && removed.offset > cursor.offset)
        return false;
    for (uint64_t serial = event_ring_after(self->ring, cursor.offset);
         serial < event_ring_next(self->ring); serial++) {
        const event_ring_entry_t *entry = event_ring_entry(self->ring, serial);
        if (strcmp(event_ring_session(self->ring, entry), session) != 0)
            continue;
        filter_event_t facts = event_facts(self->ring, entry, self->sessions);
        bool matches = filter_matches(query->filter, &facts);
        filter_event_clear(&facts);
        if (matches)
            return false;
    }
    return true;
}

void
stream_hub_end(stream_hub_t *self, stream_t *stream, bool clean)
{
    // What comes over TLS is libmicrohttpd's to read.
    if (clean && !stream->pulled)
        (void) stream_hub_drain(stream);
    // The socket lives on in libmicrohttpd: not to be watched by both.
    epoll_ctl(self->epoll_fd, EPOLL_CTL_DEL, stream->fd, NULL);
    stream_move(stream, NULL);
    stream_hub_drop_rest(self, stream);
    stream_clear_own(stream);
    free(stream->past);
    stream->past = NULL;
    stream->state = STREAM_ENDED;
    stream->fd = -1;
    if (!clean)
        self->stats.vanished++;
    self->owner->ended(self->arg, stream, clean);
}

void
stream_hub_gone(stream_hub_t *self, stream_t *stream)
{
    if (stream->state != STREAM_ADMITTED && stream->state != STREAM_ENDED)
        stream_hub_end(self, stream, stream->state == STREAM_CLOSING);
}

void
stream_hub_release(stream_hub_t *self, stream_t **stream_p)
{
    stream_t *stream = *stream_p;
    *stream_p = NULL;
    if (!stream)
        return;
    assert(stream->state == STREAM_ADMITTED || stream->state == STREAM_ENDED);
    stream_group_t *group = stream->group;
    stream_hub_forget_gzip(self, stream);
    self->clients--;
    self->stats.clients[stream->endpoint]--;
    self->stats.envelopes[stream->envelope]--;
    stream_clear_own(stream);
    free(stream);
    if (--group->streams == 0) {
        for (stream_group_t **at = &self->dirty; *at; at = &(*at)->next_dirty) {
            if (*at == group) {
                *at = group->next_dirty;
                break;
            }
        }
        group_index_remove(self->index, group);
        zhashx_delete(self->groups, filter_key(group->filter));
    }
}

int
stream_hub_fd(const stream_hub_t *self)
{
    return self->epoll_fd;
}

// How many streams stand in the list; the lowest position of those that follow goes to *lowest.
static size_t
count_list(const stream_list_t *list, uint64_t *lowest)
{
    size_t count = 0;
    for (const stream_t *stream = list->first; stream; stream = stream->next, count++)
        if (stream->state == STREAM_OPEN && stream->position < *lowest)
            *lowest = stream->position;
    return count;
}

stream_hub_stats_t
stream_hub_stats(const stream_hub_t *self)
{
    stream_hub_stats_t stats = self->stats;
    stats.filters = zhashx_size(self->groups);
    for (const stream_t *stream = self->held.first; stream; stream = stream->next)
        stats.held++;
    for (const stream_t *stream = self->paged.first; stream; stream = stream->next)
        stats.held += !stream->opened;
    uint64_t next = event_ring_next(self->ring);
    uint64_t lowest = next;
    (void) count_list(&self->ready, &lowest);
    stats.blocked = count_list(&self->blocked, &lowest);
    uint64_t first = event_ring_first(self->ring);
    stats.queue_events = next - (lowest < first ? first : lowest);
    return stats;
}

size_t
stream_hub_clients(const stream_hub_t *self)
{
    return self->clients;
}

const event_ring_t *
stream_hub_ring(const stream_hub_t *self)
{
    return self->ring;
}

const session_table_t *
stream_hub_sessions(const stream_hub_t *self)
{
    return self->sessions;
}

session_list_t *
stream_hub_session_list(stream_hub_t *self)
{
    return self->session_list;
}
