// journal - what the broker keeps of the one order: append, read from, trim, bounds
// SPDX-License-Identifier: MPL-2.0
//
// This interface is all that the broker knows of it. Events are kept in memory, up to two
// limits; the oldest go first.
#ifndef BROKER_JOURNAL_H
#define BROKER_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record.h"

typedef struct journal journal_t;

// A new journal has a new, random epoch.
journal_t *journal_new(uint64_t limit_events, size_t limit_bytes);
void journal_destroy(journal_t **self_p);

uint64_t journal_epoch(const journal_t *self);

// Append records in the order of their offsets, each above the head (asserted). Holds them.
void journal_append(journal_t *self, record_t *const records[], size_t count);

// Visit what comes after an offset, in order, until visit returns false. Records are borrowed
// for the call.
typedef bool journal_visit_fn(void *arg, const record_t *record);
void journal_read(const journal_t *self, uint64_t after, journal_visit_fn *visit, void *arg);

// One above the highest offset that was removed: whatever comes after first - 1 is still there.
uint64_t journal_first(const journal_t *self);

// The newest offset; 0 when nothing was ever appended.
uint64_t journal_head(const journal_t *self);

size_t journal_count(const journal_t *self);
size_t journal_bytes(const journal_t *self);

#endif
