// outbox - numbered events that wait until the broker has them
// SPDX-License-Identifier: MPL-2.0
#include "mesh/outbox.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/topic.h"
#include "outbox_queue.h"

enum {
    GROWTH_STEP_BYTES = 1024 * 1024,
    // A file at its limit is written anew with this part of it free, so that it is not written
    // anew for every event.
    SPARE_PART = 8,
    WASTE_LEAST_BYTES = 4 * 1024 * 1024,    // less is not worth writing the rest again
    RETRY_EVENTS = 1000,                    // how many come before what failed is tried again
};

struct mesh_outbox {
    mesh_uuid_t source;
    mesh_spool_file_t *file;    // owned; NULL in memory
    outbox_queue_t queue;
    size_t limit_bytes;
    uint64_t granted_bytes;    // how long the file may get without asking
    mesh_outbox_may_grow_fn *may_grow;
    void *may_grow_arg;    // borrowed
    uint64_t last_seq, acknowledged_seq;
    uint64_t retry_seq;    // until then the file is neither lengthened nor written anew
    uint64_t window_events, window_bytes;
    uint64_t held_after;    // what is above this number is not sent
    uint64_t dropped, unreadable, withdrawn, torn_bytes;
    int write_error;
    mesh_outbox_event_t shown;
};

// ---- the file ----

// The event as it is to be sent or written; texts are borrowed from the entry or the file.
// Returns -1 when the file does not give it back.
static int
read_entry(mesh_outbox_t *self, const outbox_entry_t *entry, mesh_spool_record_t *record)
{
    uint64_t next;
    if (entry->texts) {
        record->topic = entry->texts;
        record->body = entry->texts + entry->topic_bytes;
    } else if (mesh_spool_file_read(self->file, entry->at, record, &next) != 0 ||
               record->seq != entry->seq || record->topic_bytes != entry->topic_bytes ||
               record->body_bytes != entry->body_bytes) {
        return -1;
    }
    record->seq = entry->seq;
    record->covers = entry->covers;
    record->rank = entry->rank;
    record->timestamp_us = entry->timestamp_us;
    record->topic_bytes = entry->topic_bytes;
    record->body_bytes = entry->body_bytes;
    return 0;
}

static void
withdraw(mesh_outbox_t *self, outbox_entry_t *entry)
{
    self->withdrawn++;
    outbox_queue_drop(&self->queue, entry);
}

static void
lose_entry(mesh_outbox_t *self, outbox_entry_t *entry)
{
    self->unreadable++;
    withdraw(self, entry);
}

static mesh_spool_mark_t
mark_now(const mesh_outbox_t *self)
{
    return (mesh_spool_mark_t){.forgotten = self->acknowledged_seq, .last = self->last_seq};
}

// Append all that waits to a copy, and put it in the file's place. Returns 0, or -1 with errno.
static int
write_copy(mesh_outbox_t *self, mesh_spool_file_t **copy_p)
{
    mesh_spool_mark_t mark = mark_now(self);
    if (mesh_spool_file_set_mark(*copy_p, &mark) != 0)
        return -1;
    for (outbox_entry_t *entry = self->queue.oldest, *newer; entry; entry = newer) {
        mesh_spool_record_t record;
        uint64_t at;
        newer = entry->newer;
        if (read_entry(self, entry, &record) != 0)
            lose_entry(self, entry);
        else if (mesh_spool_file_append(*copy_p, &record, &at) != 0)
            return -1;
    }
    return mesh_spool_file_replace(self->file, copy_p);
}

// Have the file hold what is still wanted and nothing else. When that fails it stays as it is.
static void
write_anew(mesh_outbox_t *self)
{
    mesh_spool_file_t *copy = mesh_spool_file_copy_new(self->file);
    self->write_error = copy && write_copy(self, &copy) == 0 ? 0 : errno;
    if (copy) {
        (void) mesh_spool_file_remove(copy);
        mesh_spool_file_destroy(&copy);
    }
    if (self->write_error) {
        self->retry_seq = self->last_seq + RETRY_EVENTS;
        return;
    }
    uint64_t at = mesh_spool_file_begin(self->file);
    for (outbox_entry_t *entry = self->queue.oldest; entry; entry = entry->newer) {
        entry->at = at;
        at += outbox_entry_record_bytes(entry);
        outbox_queue_free_texts(&self->queue, entry);
    }
}

// What the file holds beside what waits, roughly: what waits in memory is not in it.
static uint64_t
waste_bytes(const mesh_outbox_t *self)
{
    uint64_t used = mesh_spool_file_end(self->file) - mesh_spool_file_begin(self->file);
    return used > self->queue.record_bytes ? used - self->queue.record_bytes : 0;
}

// Say in the file what is read by nobody any more, and give it back where that is cheap. Where
// it cannot be said, what was delivered is delivered again after a crash, which the broker
// notices.
static void
tidy(mesh_outbox_t *self)
{
    if (!self->file)
        return;
    mesh_spool_mark_t mark = mark_now(self);
    int rc = mesh_spool_file_set_mark(self->file, &mark);
    if (self->queue.count > 0) {
        uint64_t waste = waste_bytes(self);
        if (waste > WASTE_LEAST_BYTES && waste > self->queue.record_bytes &&
            self->last_seq >= self->retry_seq)
            write_anew(self);
    } else if (rc == 0 && mesh_spool_file_end(self->file) > mesh_spool_file_begin(self->file)) {
        (void) mesh_spool_file_cut(self->file, mesh_spool_file_begin(self->file));
    }
}

// ---- room ----

// Drop until `wanted` more bytes fit below the limit.
static void
make_room(mesh_outbox_t *self, size_t wanted, size_t limit_bytes)
{
    outbox_entry_t *entry;
    while (self->queue.bytes + wanted > limit_bytes &&
           (entry = outbox_queue_least_wanted(&self->queue))) {
        self->dropped++;
        withdraw(self, entry);
    }
}

// Whether the file may get as long as `end`.
static bool
may_reach(mesh_outbox_t *self, uint64_t end)
{
    if (end > self->limit_bytes)
        return false;
    while (end > self->granted_bytes) {
        if (self->last_seq < self->retry_seq ||
            (self->may_grow && !self->may_grow(self->may_grow_arg, GROWTH_STEP_BYTES)))
            return false;
        self->granted_bytes += GROWTH_STEP_BYTES;
    }
    return true;
}

// Make room for an event in the outbox and, where there is one, in its file. Returns whether
// its record may be appended.
static bool
prepare(mesh_outbox_t *self, const outbox_entry_t *entry)
{
    size_t cost = outbox_entry_cost(entry), record_bytes = outbox_entry_record_bytes(entry);
    make_room(self, cost, self->limit_bytes);
    if (!self->file)
        return false;
    if (may_reach(self, mesh_spool_file_end(self->file) + record_bytes))
        return true;
    if (self->last_seq < self->retry_seq)
        return false;
    size_t most = self->limit_bytes;
    if (most > self->granted_bytes)
        most = (size_t) self->granted_bytes;
    make_room(self, cost, most - most / SPARE_PART);
    if (waste_bytes(self) >= most / SPARE_PART / 2)
        write_anew(self);
    else
        self->retry_seq = self->last_seq + RETRY_EVENTS;
    return mesh_spool_file_end(self->file) + record_bytes <= most;
}

// ---- beginning and end ----

mesh_outbox_t *
mesh_outbox_new(size_t limit_bytes)
{
    mesh_outbox_t *self = calloc(1, sizeof *self);
    if (!self)
        abort();
    self->limit_bytes = limit_bytes;
    self->held_after = UINT64_MAX;
    self->source = mesh_uuid_new();
    return self;
}

// The last number that waits or is acknowledged.
static uint64_t
last_known(const mesh_outbox_t *self)
{
    return self->queue.newest ? self->queue.newest->seq : self->acknowledged_seq;
}

// What was given after the last that waits is to be covered by what comes.
static void
cover_the_end(mesh_outbox_t *self)
{
    uint64_t numbers = self->last_seq - last_known(self);
    if (numbers <= UINT32_MAX)
        self->queue.uncovered = (uint32_t) numbers;
}

// Take up one event that was held before, at its place in the file. Returns NULL when it is out
// of order, as is none that we wrote.
static outbox_entry_t *
take_up(mesh_outbox_t *self, const mesh_spool_record_t *record, uint64_t at)
{
    uint64_t before = last_known(self);
    if (record->seq <= before)
        return NULL;
    outbox_entry_t *entry = outbox_entry_new(record);
    // What lies between was dropped, or could not be written, and is covered by this one.
    // Before the first, where the mark was lost, only the record itself knows.
    if (before > 0 && record->seq - before <= UINT32_MAX)
        entry->covers = (uint32_t) (record->seq - before);
    entry->at = at;
    outbox_queue_append(&self->queue, entry, false);
    if (record->seq > self->last_seq)
        self->last_seq = record->seq;
    return entry;
}

mesh_outbox_t *
mesh_outbox_new_as(const mesh_uuid_t *source, uint64_t acknowledged, uint64_t last,
                   size_t limit_bytes)
{
    assert(source && acknowledged <= last);
    mesh_outbox_t *self = mesh_outbox_new(limit_bytes);
    self->source = *source;
    self->acknowledged_seq = acknowledged;
    self->last_seq = last;
    self->queue.ever_sent_seq = last;
    cover_the_end(self);
    return self;
}

int
mesh_outbox_restore(mesh_outbox_t *self, const mesh_spool_record_t *record)
{
    assert(self && !self->file && record);
    outbox_entry_t *entry = record->seq <= self->last_seq ? take_up(self, record, 0) : NULL;
    if (!entry)
        return -1;
    outbox_queue_keep_texts(&self->queue, entry, record);
    cover_the_end(self);
    return 0;
}

mesh_outbox_t *
mesh_outbox_new_on(mesh_spool_file_t **file_p, size_t limit_bytes)
{
    assert(file_p && *file_p);
    mesh_outbox_t *self = mesh_outbox_new(limit_bytes);
    self->file = *file_p;
    *file_p = NULL;
    self->source = mesh_spool_file_head(self->file)->source;
    self->acknowledged_seq = mesh_spool_file_mark(self->file)->forgotten;
    self->last_seq = mesh_spool_file_mark(self->file)->last;

    uint64_t at = mesh_spool_file_begin(self->file), next;
    mesh_spool_record_t record;
    while (mesh_spool_file_read(self->file, at, &record, &next) == 0 &&
           (record.seq <= self->acknowledged_seq || take_up(self, &record, at)))
        at = next;
    self->torn_bytes = mesh_spool_file_end(self->file) - at;
    if (self->torn_bytes > 0)
        (void) mesh_spool_file_cut(self->file, at);
    self->granted_bytes = at;
    self->queue.ever_sent_seq = self->last_seq;
    cover_the_end(self);
    return self;
}

void
mesh_outbox_destroy(mesh_outbox_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        mesh_outbox_t *self = *self_p;
        if (self->file && self->queue.count == 0)
            (void) mesh_spool_file_remove(self->file);
        while (self->queue.oldest)
            outbox_queue_remove(&self->queue, self->queue.oldest);
        mesh_spool_file_destroy(&self->file);
        free(self);
        *self_p = NULL;
    }
}

const mesh_uuid_t *
mesh_outbox_source(const mesh_outbox_t *self)
{
    return &self->source;
}

size_t
mesh_outbox_limit_bytes(const mesh_outbox_t *self)
{
    return self->limit_bytes;
}

void
mesh_outbox_on_growth(mesh_outbox_t *self, mesh_outbox_may_grow_fn *may_grow, void *arg)
{
    self->may_grow = may_grow;
    self->may_grow_arg = arg;
}

// ---- in and out ----

uint64_t
mesh_outbox_next_seq(const mesh_outbox_t *self)
{
    return self->last_seq + 1;
}

void
mesh_outbox_push(mesh_outbox_t *self, const char *topic, size_t topic_bytes, const char *body,
                 size_t body_bytes, int64_t timestamp_us, mesh_rank_t rank)
{
    assert(self && topic && body && (int) rank < MESH_RANKS);
    mesh_spool_record_t record = {
        .seq = self->last_seq + 1,
        .rank = rank,
        .timestamp_us = timestamp_us,
        .topic = topic,
        .topic_bytes = topic_bytes,
        .body = body,
        .body_bytes = body_bytes,
    };
    outbox_entry_t *entry = outbox_entry_new(&record);
    bool written = prepare(self, entry);
    entry->covers = record.covers = 1 + self->queue.uncovered;
    self->queue.uncovered = 0;
    self->last_seq++;
    if (written) {
        written = mesh_spool_file_append(self->file, &record, &entry->at) == 0;
        self->write_error = written ? 0 : errno;
    }
    if (!written)
        outbox_queue_keep_texts(&self->queue, entry, &record);
    outbox_queue_append(&self->queue, entry, true);
}

void
mesh_outbox_skip(mesh_outbox_t *self, uint32_t numbers)
{
    assert(self && numbers <= UINT32_MAX - 1 - self->queue.uncovered);
    self->last_seq += numbers;
    self->queue.uncovered += numbers;
}

void
mesh_outbox_set_window(mesh_outbox_t *self, uint64_t events, uint64_t bytes)
{
    self->window_events = events;
    self->window_bytes = bytes;
}

void
mesh_outbox_hold_after(mesh_outbox_t *self, uint64_t seq)
{
    self->held_after = seq;
}

const mesh_outbox_event_t *
mesh_outbox_send_next(mesh_outbox_t *self)
{
    outbox_queue_t *queue = &self->queue;
    for (outbox_entry_t *entry; (entry = queue->to_send) && entry->seq <= self->held_after;) {
        if (queue->sent_events >= self->window_events)
            return NULL;
        // One that is larger than the whole window goes alone; it would never go otherwise.
        if (queue->sent_events > 0 &&
            queue->sent_bytes + outbox_entry_frame_bytes(entry) > self->window_bytes)
            return NULL;
        mesh_spool_record_t record;
        if (read_entry(self, entry, &record) != 0) {
            lose_entry(self, entry);
            continue;
        }
        outbox_queue_note_sent(queue);
        self->shown = (mesh_outbox_event_t){
            .seq = record.seq,
            .covers = record.covers,
            .topic = record.topic,
            .topic_bytes = record.topic_bytes,
            .body = record.body,
            .body_bytes = record.body_bytes,
            .timestamp_us = record.timestamp_us,
        };
        return &self->shown;
    }
    return NULL;
}

void
mesh_outbox_acknowledge(mesh_outbox_t *self, uint64_t seq)
{
    outbox_queue_t *queue = &self->queue;
    if (seq > queue->ever_sent_seq)
        seq = queue->ever_sent_seq;
    if (seq <= self->acknowledged_seq)
        return;
    self->acknowledged_seq = seq;
    while (queue->oldest && queue->oldest->seq <= seq)
        outbox_queue_remove(queue, queue->oldest);
    // What was dropped at the end and is acknowledged need not be covered any more.
    if (!queue->newest && self->last_seq - seq < queue->uncovered)
        queue->uncovered = (uint32_t) (self->last_seq - seq);
    tidy(self);
}

void
mesh_outbox_rewind(mesh_outbox_t *self, uint64_t seq)
{
    outbox_queue_rewind(&self->queue, seq);
}

int
mesh_outbox_walk(mesh_outbox_t *self, uint64_t after, mesh_outbox_walk_fn *fn, void *arg)
{
    // What is wanted is at the end, mostly.
    outbox_entry_t *entry = self->queue.newest;
    if (!entry || entry->seq <= after)
        return 0;
    while (entry->older && entry->older->seq > after)
        entry = entry->older;
    int rc = 0;
    for (outbox_entry_t *newer; entry && rc == 0; entry = newer) {
        mesh_spool_record_t record;
        newer = entry->newer;
        if (read_entry(self, entry, &record) == 0)
            rc = fn(arg, &record);
        else
            lose_entry(self, entry);
    }
    return rc;
}

// ---- what is to be forgotten ----

size_t
mesh_outbox_forget(mesh_outbox_t *self, const char *session_id)
{
    assert(self && session_id);
    size_t forgotten = 0;
    for (outbox_entry_t *entry = self->queue.oldest, *newer; entry; entry = newer) {
        mesh_spool_record_t record;
        mesh_topic_t topic;
        newer = entry->newer;
        if (read_entry(self, entry, &record) != 0) {
            lose_entry(self, entry);
        } else if (mesh_topic_parse(&topic, record.topic, record.topic_bytes) == 0 &&
                   strcmp(topic.session, session_id) == 0) {
            withdraw(self, entry);
            forgotten++;
        }
    }
    // Also when nothing was found: records that were delivered lie in the file until then.
    if (self->file && waste_bytes(self) > 0)
        write_anew(self);
    return forgotten;
}

size_t
mesh_outbox_reduce(mesh_outbox_t *self, size_t kept)
{
    size_t reduced = 0;
    while (self->queue.count > kept) {
        withdraw(self, self->queue.oldest);
        reduced++;
    }
    if (reduced > 0 && kept > 0 && self->file)
        write_anew(self);
    return reduced;
}

// ---- figures ----

uint64_t
mesh_outbox_first(const mesh_outbox_t *self)
{
    const outbox_entry_t *oldest = self->queue.oldest;
    return oldest ? oldest->seq - oldest->covers + 1 : mesh_outbox_last(self) + 1;
}

uint64_t
mesh_outbox_last(const mesh_outbox_t *self)
{
    return self->last_seq - self->queue.uncovered;
}

uint64_t
mesh_outbox_acknowledged(const mesh_outbox_t *self)
{
    return self->acknowledged_seq;
}

uint64_t
mesh_outbox_ever_sent(const mesh_outbox_t *self)
{
    return self->queue.ever_sent_seq;
}

size_t
mesh_outbox_count(const mesh_outbox_t *self)
{
    return self->queue.count;
}

size_t
mesh_outbox_unacknowledged(const mesh_outbox_t *self)
{
    return (size_t) self->queue.sent_events;
}

uint64_t
mesh_outbox_dropped(const mesh_outbox_t *self)
{
    return self->dropped;
}

uint64_t
mesh_outbox_unreadable(const mesh_outbox_t *self)
{
    return self->unreadable;
}

uint64_t
mesh_outbox_withdrawn(const mesh_outbox_t *self)
{
    return self->withdrawn;
}

size_t
mesh_outbox_in_memory(const mesh_outbox_t *self)
{
    return self->queue.in_memory;
}

int
mesh_outbox_write_error(const mesh_outbox_t *self)
{
    return self->write_error;
}

uint64_t
mesh_outbox_torn_bytes(const mesh_outbox_t *self)
{
    return self->torn_bytes;
}
