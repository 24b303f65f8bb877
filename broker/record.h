// record - one ordered event as it goes to subscribers, counted by its holders
// SPDX-License-Identifier: MPL-2.0
#ifndef BROKER_RECORD_H
#define BROKER_RECORD_H

#include <stddef.h>
#include <stdint.h>

// Immutable once it is shared. Belongs to one thread.
typedef struct record {
    uint32_t holders;
    uint32_t topic_bytes, body_bytes;
    uint64_t offset;
    char bytes[];    // topic, then body
} record_t;

// A copy of both frames, held once, by the caller.
record_t *record_new(uint64_t offset, const void *topic, size_t topic_bytes, const void *body,
                     size_t body_bytes);

// Hold it once more; let go of it (the last holder frees it) and set *self_p to NULL.
record_t *record_hold(record_t *self);
void record_release(record_t **self_p);

const void *record_topic(const record_t *self);
const void *record_body(const record_t *self);

// What it costs in memory.
size_t record_cost(const record_t *self);

#endif
