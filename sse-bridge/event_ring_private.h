// event_ring_private - what the two files of event_ring share
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_EVENT_RING_PRIVATE_H
#define SSE_EVENT_RING_PRIVATE_H

#include "byte_ring.h"
#include "event_ring.h"
#include "mesh/uuid.h"

// Where an event is from: of each entry this, then host NUL session NUL.
typedef struct event_origin {
    mesh_uuid_t source;    // of a frame of our own: what makes it one of its kind
    uint64_t seq;          // ... 0
    int64_t timestamp_us;
} event_origin_t;

struct event_ring {
    byte_ring_t frames;
    byte_ring_t origins;
    frame_cache_t *shown;           // owned; frames in other envelopes
    event_ring_entry_t *entries;    // capacity of them, by serial % capacity; owned
    size_t capacity;
    uint64_t first;    // the oldest serial held
    uint64_t next;     // the serial of the next entry
    uint64_t epoch;
    uint64_t epoch_first;    // the first serial of this epoch
    uint64_t last_offset;
    int64_t last_recorded_us;
    event_ring_evict_fn *evict;    // may be NULL
    void *evict_arg;
    type_ledger_t ledger;
};

#endif
