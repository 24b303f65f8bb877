// outbox_queue - the events of an outbox in the order of their numbers, and how far sent
// SPDX-License-Identifier: MPL-2.0
//
// Knows no files: an entry says where its texts are, in memory or at a place of a file.
#ifndef MESH_OUTBOX_QUEUE_H
#define MESH_OUTBOX_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mesh/spool_record.h"

typedef struct outbox_entry outbox_entry_t;

struct outbox_entry {
    uint64_t seq;
    uint32_t covers;
    uint16_t topic_bytes;
    uint8_t rank;
    bool unsent;    // never sent, and in the list of its rank
    uint32_t body_bytes;
    int64_t timestamp_us;
    uint64_t at;                     // its record's place in the file, where texts is NULL
    char *texts;                     // owned; topic and body, where they are not in the file
    outbox_entry_t *newer;           // borrowed; NULL at the newest
    outbox_entry_t *older;           // borrowed; NULL at the oldest
    outbox_entry_t *newer_unsent;    // borrowed; the same among those of its rank never sent
    outbox_entry_t *older_unsent;
};

typedef struct outbox_queue {
    outbox_entry_t *oldest, *newest;    // owned, linked by newer/older
    outbox_entry_t *oldest_unsent[MESH_RANKS];
    outbox_entry_t *newest_unsent[MESH_RANKS];
    outbox_entry_t *to_send;    // the next to send; NULL when all are sent
    size_t count, in_memory;
    size_t bytes;              // what all entries cost
    uint64_t record_bytes;     // what their records take
    uint32_t uncovered;        // numbers after the newest that the coming entry has to cover
    uint64_t ever_sent_seq;    // the highest number that may have reached the broker
    uint64_t sent_events, sent_bytes;    // sent since the last rewind, still held
} outbox_queue_t;

// An entry without its texts. Never NULL: without memory the process ends.
outbox_entry_t *outbox_entry_new(const mesh_spool_record_t *record);

// What an entry is counted with, so that many small ones are bounded too; what its record
// takes; and what it takes of the window, which the broker counts in bytes of body frames.
size_t outbox_entry_cost(const outbox_entry_t *entry);
size_t outbox_entry_record_bytes(const outbox_entry_t *entry);
uint64_t outbox_entry_frame_bytes(const outbox_entry_t *entry);

// Copy the record's texts into an entry of the queue, or free them: they are in the file now.
void outbox_queue_keep_texts(outbox_queue_t *self, outbox_entry_t *entry,
                             const mesh_spool_record_t *record);
void outbox_queue_free_texts(outbox_queue_t *self, outbox_entry_t *entry);

// Add the newest entry, which the queue then owns. unsent: it was never sent, so it may make
// room for others.
void outbox_queue_append(outbox_queue_t *self, outbox_entry_t *entry, bool unsent);

// End an entry that was delivered.
void outbox_queue_remove(outbox_queue_t *self, outbox_entry_t *entry);

// End an entry that will not be; the one after it covers its numbers.
void outbox_queue_drop(outbox_queue_t *self, outbox_entry_t *entry);

// The entry to drop when there is no room, NULL when there is none: never one that was sent,
// since the broker may have taken it and the event after it with its own cover.
outbox_entry_t *outbox_queue_least_wanted(const outbox_queue_t *self);

// The entry to_send is sent.
void outbox_queue_note_sent(outbox_queue_t *self);

// Send again from number seq on.
void outbox_queue_rewind(outbox_queue_t *self, uint64_t seq);

#endif
