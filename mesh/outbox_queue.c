// outbox_queue - the events of an outbox in the order of their numbers, and how far sent
// SPDX-License-Identifier: MPL-2.0
#include "outbox_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

outbox_entry_t *
outbox_entry_new(const mesh_spool_record_t *record)
{
    outbox_entry_t *entry = calloc(1, sizeof *entry);
    if (!entry)
        abort();
    entry->seq = record->seq;
    entry->covers = record->covers;
    entry->rank = (uint8_t) record->rank;
    entry->timestamp_us = record->timestamp_us;
    entry->topic_bytes = (uint16_t) record->topic_bytes;
    entry->body_bytes = (uint32_t) record->body_bytes;
    return entry;
}

size_t
outbox_entry_record_bytes(const outbox_entry_t *entry)
{
    return MESH_SPOOL_RECORD_BYTES + (size_t) entry->topic_bytes + entry->body_bytes;
}

size_t
outbox_entry_cost(const outbox_entry_t *entry)
{
    return sizeof *entry + outbox_entry_record_bytes(entry);
}

uint64_t
outbox_entry_frame_bytes(const outbox_entry_t *entry)
{
    return (uint64_t) MESH_WIRE_HEADER_BYTES + entry->body_bytes;
}

void
outbox_queue_keep_texts(outbox_queue_t *self, outbox_entry_t *entry,
                        const mesh_spool_record_t *record)
{
    entry->texts = malloc(record->topic_bytes + record->body_bytes + 1);
    if (!entry->texts)
        abort();
    memcpy(entry->texts, record->topic, record->topic_bytes);
    memcpy(entry->texts + record->topic_bytes, record->body, record->body_bytes);
    self->in_memory++;
}

void
outbox_queue_free_texts(outbox_queue_t *self, outbox_entry_t *entry)
{
    if (entry->texts)
        self->in_memory--;
    free(entry->texts);
    entry->texts = NULL;
}

static void
join_unsent(outbox_queue_t *self, outbox_entry_t *entry)
{
    outbox_entry_t *newest = self->newest_unsent[entry->rank];
    entry->unsent = true;
    entry->older_unsent = newest;
    if (newest)
        newest->newer_unsent = entry;
    else
        self->oldest_unsent[entry->rank] = entry;
    self->newest_unsent[entry->rank] = entry;
}

static void
leave_unsent(outbox_queue_t *self, outbox_entry_t *entry)
{
    if (!entry->unsent)
        return;
    outbox_entry_t *older = entry->older_unsent, *newer = entry->newer_unsent;
    if (older)
        older->newer_unsent = newer;
    else
        self->oldest_unsent[entry->rank] = newer;
    if (newer)
        newer->older_unsent = older;
    else
        self->newest_unsent[entry->rank] = older;
    entry->unsent = false;
}

void
outbox_queue_append(outbox_queue_t *self, outbox_entry_t *entry, bool unsent)
{
    entry->older = self->newest;
    if (self->newest)
        self->newest->newer = entry;
    else
        self->oldest = entry;
    self->newest = entry;
    if (!self->to_send)
        self->to_send = entry;
    if (unsent)
        join_unsent(self, entry);
    self->bytes += outbox_entry_cost(entry);
    self->record_bytes += outbox_entry_record_bytes(entry);
    self->count++;
}

// Whether the entry counts as sent since the last rewind: all older than to_send do.
static bool
is_sent(const outbox_queue_t *self, const outbox_entry_t *entry)
{
    return !self->to_send || entry->seq < self->to_send->seq;
}

void
outbox_queue_remove(outbox_queue_t *self, outbox_entry_t *entry)
{
    if (is_sent(self, entry)) {
        self->sent_events--;
        self->sent_bytes -= outbox_entry_frame_bytes(entry);
    }
    leave_unsent(self, entry);
    outbox_entry_t *older = entry->older, *newer = entry->newer;
    if (older)
        older->newer = newer;
    else
        self->oldest = newer;
    if (newer)
        newer->older = older;
    else
        self->newest = older;
    if (self->to_send == entry)
        self->to_send = newer;
    self->bytes -= outbox_entry_cost(entry);
    self->record_bytes -= outbox_entry_record_bytes(entry);
    self->count--;
    outbox_queue_free_texts(self, entry);
    free(entry);
}

void
outbox_queue_drop(outbox_queue_t *self, outbox_entry_t *entry)
{
    if (entry->newer)
        entry->newer->covers += entry->covers;
    else
        self->uncovered += entry->covers;
    outbox_queue_remove(self, entry);
}

outbox_entry_t *
outbox_queue_least_wanted(const outbox_queue_t *self)
{
    for (int rank = 0; rank < MESH_RANKS; rank++)
        if (self->oldest_unsent[rank])
            return self->oldest_unsent[rank];
    return NULL;
}

void
outbox_queue_note_sent(outbox_queue_t *self)
{
    outbox_entry_t *entry = self->to_send;
    assert(entry);
    self->to_send = entry->newer;
    self->sent_events++;
    self->sent_bytes += outbox_entry_frame_bytes(entry);
    if (entry->seq > self->ever_sent_seq)
        self->ever_sent_seq = entry->seq;
    leave_unsent(self, entry);
}

void
outbox_queue_rewind(outbox_queue_t *self, uint64_t seq)
{
    outbox_entry_t *entry = self->oldest;
    uint64_t events = 0, bytes = 0;
    while (entry && entry->seq < seq && is_sent(self, entry)) {
        events++;
        bytes += outbox_entry_frame_bytes(entry);
        entry = entry->newer;
    }
    self->sent_events = events;
    self->sent_bytes = bytes;
    self->to_send = entry;
}
