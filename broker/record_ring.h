// record_ring - the newest records, up to two limits; the oldest go first
// SPDX-License-Identifier: MPL-2.0
#ifndef BROKER_RECORD_RING_H
#define BROKER_RECORD_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record.h"

typedef struct record_ring record_ring_t;

// A record is always kept until a newer one comes, whatever its size.
record_ring_t *record_ring_new(uint64_t limit_events, size_t limit_bytes);
void record_ring_destroy(record_ring_t **self_p);

// Let all go. What comes from here on comes after this offset.
void record_ring_begin(record_ring_t *self, uint64_t after);

// Append a record, whose offset is above all before (asserted). Holds it.
void record_ring_append(record_ring_t *self, record_t *record);

// All that came after this offset is held.
uint64_t record_ring_floor(const record_ring_t *self);

// Visit what comes after an offset, in order, until visit returns false; borrowed for the call.
typedef bool record_ring_visit_fn(void *arg, record_t *record);
void record_ring_read(const record_ring_t *self, uint64_t after, record_ring_visit_fn *visit,
                      void *arg);

// Let go of the records for which is_one is true; the others stay in their order.
typedef bool record_ring_is_one_fn(void *arg, const record_t *record);
void record_ring_forget(record_ring_t *self, record_ring_is_one_fn *is_one, void *arg);

size_t record_ring_count(const record_ring_t *self);
size_t record_ring_bytes(const record_ring_t *self);

#endif
