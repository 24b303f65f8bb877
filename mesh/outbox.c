// outbox - numbered events that wait until the broker has them
// SPDX-License-Identifier: MPL-2.0
#include "mesh/outbox.h"

#include <assert.h>
#include <czmq.h>

#include "mesh/wire.h"

typedef struct entry entry_t;

struct entry {
    mesh_outbox_event_t event;    // topic and body point into `bytes`
    entry_t *newer;               // borrowed; NULL at the newest
    entry_t *older;               // borrowed; NULL at the oldest
    entry_t *newer_expendable;    // borrowed; the same among expendable entries never sent
    entry_t *older_expendable;
    bool expendable;    // and in that list
    char bytes[];
};

struct mesh_outbox {
    entry_t *oldest, *newest;      // owned, linked by newer/older
    entry_t *oldest_expendable;    // of those never sent
    entry_t *newest_expendable;
    entry_t *to_send;    // the next to send; NULL when all are sent
    size_t limit_bytes, bytes;
    size_t count;
    uint64_t last_seq, acknowledged_seq;
    uint64_t ever_sent_seq;    // the highest number that may have reached the broker
    uint64_t window_events, window_bytes;
    uint64_t sent_events, sent_bytes;    // sent since the last rewind, not acknowledged
    uint64_t dropped;
};

// What an event is counted with, so that many small ones are bounded too.
static size_t
entry_cost(const entry_t *entry)
{
    return sizeof *entry + entry->event.topic_bytes + entry->event.body_bytes;
}

// What an event takes of the window, which the broker counts in bytes of body frames.
static uint64_t
entry_frame_bytes(const entry_t *entry)
{
    return MESH_WIRE_HEADER_BYTES + entry->event.body_bytes;
}

static void
leave_expendable(mesh_outbox_t *self, entry_t *entry)
{
    if (!entry->expendable)
        return;
    entry_t *older = entry->older_expendable, *newer = entry->newer_expendable;
    if (older)
        older->newer_expendable = newer;
    else
        self->oldest_expendable = newer;
    if (newer)
        newer->older_expendable = older;
    else
        self->newest_expendable = older;
    entry->expendable = false;
}

static void
remove_entry(mesh_outbox_t *self, entry_t *entry)
{
    leave_expendable(self, entry);
    entry_t *older = entry->older, *newer = entry->newer;
    if (entry == self->oldest)
        self->oldest = newer;
    else
        older->newer = newer;
    if (entry == self->newest)
        self->newest = older;
    else
        newer->older = older;
    if (self->to_send == entry)
        self->to_send = newer;
    self->bytes -= entry_cost(entry);
    self->count--;
    free(entry);
}

mesh_outbox_t *
mesh_outbox_new(size_t limit_bytes)
{
    mesh_outbox_t *self = zmalloc(sizeof *self);
    self->limit_bytes = limit_bytes;
    return self;
}

void
mesh_outbox_destroy(mesh_outbox_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        mesh_outbox_t *self = *self_p;
        while (self->oldest)
            remove_entry(self, self->oldest);
        free(self);
        *self_p = NULL;
    }
}

uint64_t
mesh_outbox_next_seq(const mesh_outbox_t *self)
{
    return self->last_seq + 1;
}

// The entry to drop when there is no room: never one that was sent, since the broker may have
// taken it and the event after it may have been sent with its own cover.
static entry_t *
least_wanted(const mesh_outbox_t *self)
{
    if (self->oldest_expendable)
        return self->oldest_expendable;
    entry_t *entry = self->to_send;
    while (entry && entry->event.seq <= self->ever_sent_seq)
        entry = entry->newer;
    return entry;
}

// Drop until `wanted` more bytes fit. Returns how many numbers the coming event must cover for
// those that were the newest.
static uint32_t
make_room(mesh_outbox_t *self, size_t wanted)
{
    uint32_t uncovered = 0;
    while (self->bytes + wanted > self->limit_bytes) {
        entry_t *entry = least_wanted(self);
        if (!entry)
            break;
        self->dropped++;
        if (entry->newer)
            entry->newer->event.covers += entry->event.covers;
        else
            uncovered += entry->event.covers;
        remove_entry(self, entry);
    }
    return uncovered;
}

void
mesh_outbox_push(mesh_outbox_t *self, const char *topic, size_t topic_bytes, const char *body,
                 size_t body_bytes, int64_t timestamp_us, bool expendable)
{
    assert(self && topic && body);
    entry_t *entry = zmalloc(sizeof *entry + topic_bytes + body_bytes);
    memcpy(entry->bytes, topic, topic_bytes);
    memcpy(entry->bytes + topic_bytes, body, body_bytes);
    entry->event = (mesh_outbox_event_t){
        .seq = ++self->last_seq,
        .topic = entry->bytes,
        .topic_bytes = topic_bytes,
        .body = entry->bytes + topic_bytes,
        .body_bytes = body_bytes,
        .timestamp_us = timestamp_us,
    };
    entry->event.covers = 1 + make_room(self, entry_cost(entry));

    entry->older = self->newest;
    if (self->newest)
        self->newest->newer = entry;
    else
        self->oldest = entry;
    self->newest = entry;
    if (!self->to_send)
        self->to_send = entry;
    if (expendable) {
        entry->expendable = true;
        entry->older_expendable = self->newest_expendable;
        if (self->newest_expendable)
            self->newest_expendable->newer_expendable = entry;
        else
            self->oldest_expendable = entry;
        self->newest_expendable = entry;
    }
    self->bytes += entry_cost(entry);
    self->count++;
}

void
mesh_outbox_set_window(mesh_outbox_t *self, uint64_t events, uint64_t bytes)
{
    self->window_events = events;
    self->window_bytes = bytes;
}

const mesh_outbox_event_t *
mesh_outbox_send_next(mesh_outbox_t *self)
{
    entry_t *entry = self->to_send;
    if (!entry || self->sent_events >= self->window_events)
        return NULL;
    // One that is larger than the whole window goes alone; it would never go otherwise.
    if (self->sent_events > 0 &&
        self->sent_bytes + entry_frame_bytes(entry) > self->window_bytes)
        return NULL;
    self->to_send = entry->newer;
    self->sent_events++;
    self->sent_bytes += entry_frame_bytes(entry);
    if (entry->event.seq > self->ever_sent_seq) {
        self->ever_sent_seq = entry->event.seq;
        leave_expendable(self, entry);
    }
    return &entry->event;
}

// Whether the entry counts as sent since the last rewind: all older than to_send do.
static bool
is_sent(const mesh_outbox_t *self, const entry_t *entry)
{
    return !self->to_send || entry->event.seq < self->to_send->event.seq;
}

void
mesh_outbox_acknowledge(mesh_outbox_t *self, uint64_t seq)
{
    if (seq > self->ever_sent_seq)
        seq = self->ever_sent_seq;
    if (seq <= self->acknowledged_seq)
        return;
    self->acknowledged_seq = seq;
    while (self->oldest && self->oldest->event.seq <= seq) {
        if (is_sent(self, self->oldest)) {
            self->sent_events--;
            self->sent_bytes -= entry_frame_bytes(self->oldest);
        }
        remove_entry(self, self->oldest);
    }
}

void
mesh_outbox_rewind(mesh_outbox_t *self, uint64_t seq)
{
    entry_t *entry = self->oldest;
    self->sent_events = 0;
    self->sent_bytes = 0;
    while (entry && entry->event.seq < seq && is_sent(self, entry)) {
        self->sent_events++;
        self->sent_bytes += entry_frame_bytes(entry);
        entry = entry->newer;
    }
    self->to_send = entry;
}

uint64_t
mesh_outbox_first(const mesh_outbox_t *self)
{
    if (!self->oldest)
        return self->last_seq + 1;
    return self->oldest->event.seq - self->oldest->event.covers + 1;
}

uint64_t
mesh_outbox_last(const mesh_outbox_t *self)
{
    return self->last_seq;
}

uint64_t
mesh_outbox_acknowledged(const mesh_outbox_t *self)
{
    return self->acknowledged_seq;
}

size_t
mesh_outbox_count(const mesh_outbox_t *self)
{
    return self->count;
}

size_t
mesh_outbox_unacknowledged(const mesh_outbox_t *self)
{
    return (size_t) self->sent_events;
}

uint64_t
mesh_outbox_dropped(const mesh_outbox_t *self)
{
    return self->dropped;
}
