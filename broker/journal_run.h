// journal_run - events that follow one another, kept as one row of the journal
// SPDX-License-Identifier: MPL-2.0
//
// What a row costs SQLite does not depend on how much it holds, so what is committed together
// is kept together. A run is never changed where it lies: what retention takes out of it leaves
// a shorter one under the same key, the offset of the last event it was made with.
#ifndef BROKER_JOURNAL_RUN_H
#define BROKER_JOURNAL_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mesh/family.h"

enum {
    JOURNAL_RUN_BYTES = 64 * 1024,    // a run that would get longer is ended before
    JOURNAL_RUN_ENTRY_BYTES = 16,     // of each event, before its topic and body
};

// One event of a run. Its bytes are borrowed.
typedef struct journal_run_event {
    uint64_t offset;
    mesh_family_t family;
    const void *topic, *body;
    size_t topic_bytes, body_bytes;
} journal_run_event_t;

typedef struct journal_run {
    uint8_t *bytes;    // owned
    size_t used, capacity;
    size_t count;
    uint64_t first, last;    // offsets, where count is not 0
} journal_run_t;

void journal_run_clear(journal_run_t *self);    // keeps its memory
void journal_run_free(journal_run_t *self);

// Whether a run that is not empty would get too long by an event of so many bytes.
bool journal_run_is_full(const journal_run_t *self, size_t topic_bytes, size_t body_bytes);

// Append an event, whose offset is above those before it.
void journal_run_add(journal_run_t *self, const journal_run_event_t *event);

// The sum that is kept with a run, or with an event of its own: of its key and its bytes.
int64_t journal_run_sum(uint64_t key, const void *bytes, size_t size);

typedef enum {
    JOURNAL_RUN_EVENT,
    JOURNAL_RUN_END,
    JOURNAL_RUN_DAMAGED,    // not what journal_run_add makes
} journal_run_outcome_t;

// Where the reading of a run is. The bytes are borrowed.
typedef struct journal_run_cursor {
    const uint8_t *at, *end;
    uint64_t before;    // the offset of the event before; 0 at the beginning
} journal_run_cursor_t;

journal_run_cursor_t journal_run_read(const void *bytes, size_t size);

// The next event.
journal_run_outcome_t journal_run_next(journal_run_cursor_t *cursor,
                                       journal_run_event_t *event);

#endif
