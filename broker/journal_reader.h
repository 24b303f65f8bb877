// journal_reader - reads the journal's file beside the thread that writes it
// SPDX-License-Identifier: MPL-2.0
//
// No read transaction outlives a call, so that the write-ahead log can begin anew.
#ifndef BROKER_JOURNAL_READER_H
#define BROKER_JOURNAL_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "mesh/family.h"
#include "record.h"

typedef struct journal_reader journal_reader_t;

// Returns NULL with *reason_p, a sentence the caller frees.
journal_reader_t *journal_reader_open(const char *path, char **reason_p);
void journal_reader_close(journal_reader_t **self_p);

typedef enum {
    JOURNAL_READ_DONE,       // to the end of the range, or until visit returned false
    JOURNAL_READ_FAILED,     // it could not be read now
    JOURNAL_READ_CORRUPT,    // what was read is not what was written
} journal_read_outcome_t;

// Visit the events after one offset up to another, in order, until visit returns false. The
// record is borrowed for the call, which may hold it. removed, where not NULL, becomes the
// highest offset of each family that was removed when the events were read, neither earlier nor
// later: what is missing is told, and what is told is missing.
typedef bool journal_visit_fn(void *arg, record_t *record);
journal_read_outcome_t journal_reader_events(journal_reader_t *self, uint64_t after,
                                             uint64_t up_to, journal_visit_fn *visit, void *arg,
                                             uint64_t removed[MESH_FAMILIES]);

// Visit what was kept of sessions: of each the newest event of each type, in the order of their
// offsets.
journal_read_outcome_t journal_reader_latest(journal_reader_t *self, journal_visit_fn *visit,
                                             void *arg);

// What the last outcome other than DONE was about. Borrowed until the next call.
const char *journal_reader_reason(const journal_reader_t *self);

#endif
