// journal_store - one SQLite file of events, by offset; each change is a transaction
// SPDX-License-Identifier: MPL-2.0
//
// One connection, for one thread at a time. Knows nothing of epochs' proof, threads or time.
// After any fault the store can only be abandoned.
#ifndef BROKER_JOURNAL_STORE_H
#define BROKER_JOURNAL_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "journal_batch.h"
#include "journal_forgotten.h"
#include "mesh/db_fault.h"

typedef struct journal_store journal_store_t;

// Where the journal stands, kept in it with every transaction.
typedef struct journal_state {
    uint64_t epoch;         // 0 in a journal that was just made
    uint64_t generation;    // counts openings
    uint64_t reserved;      // offsets up to here may have been given
    uint64_t head;          // the last offset appended
    int64_t recorded_us;    // ... and when; INT64_MIN before the first
    uint64_t events;        // how many are kept
    uint64_t latest;        // up to this offset the newest of each session are kept apart
    uint64_t removed[MESH_FAMILIES];    // the highest offset that was removed, of each family
} journal_state_t;

typedef struct journal_source {
    mesh_uuid_t source;
    uint64_t seq;       // its last number that is kept
    bool registered;    // a hello has named it
} journal_source_t;

enum {
    JOURNAL_SOURCES_LIMIT = 100000
};    // remembered; those unheard for the longest go first

// Open or make the file. durable: every transaction survives a loss of power, not only a crash
// of the program. Returns NULL with *fault_p and *reason_p, a sentence the caller frees.
journal_store_t *journal_store_open(const char *path, bool durable, mesh_db_fault_t *fault_p,
                                    char **reason_p);

// Close it in order: all is in the one file. Returns 0, or -1 when that failed, which loses
// nothing that was committed.
int journal_store_close(journal_store_t **self_p);

// Let it go as it is: what was committed is in the file and its write-ahead log.
void journal_store_abandon(journal_store_t **self_p);

// The last fault, and what SQLite said of it (borrowed until the next call).
mesh_db_fault_t journal_store_fault(const journal_store_t *self);
const char *journal_store_reason(const journal_store_t *self);

const journal_state_t *journal_store_state(const journal_store_t *self);

// Each of these returns 0, or -1 when there was a fault; then nothing of it is kept.
// Begin this epoch or go on with it, after head, with offsets up to reserved. Survives a loss
// of power in any case.
int journal_store_start(journal_store_t *self, uint64_t epoch, uint64_t generation,
                        uint64_t head, uint64_t reserved);
int journal_store_reserve(journal_store_t *self, uint64_t reserved);

// One transaction of several batches of either kind: begin, add each, commit.
int journal_store_begin(journal_store_t *self);
int journal_store_add(journal_store_t *self, const journal_batch_t *batch);
int journal_store_commit(journal_store_t *self);

// Remove events of the families in the mask (1 << family) from after an offset, in their order:
// those recorded before before_us, looking at no more than limit events. *until_p is the last
// one looked at and found old enough; *more_p whether there may be more. Pass before_us
// INT64_MAX to go by the count alone.
int journal_store_trim(journal_store_t *self, unsigned families, uint64_t after,
                       int64_t before_us, uint64_t limit, uint64_t *until_p, bool *more_p);

// Remove what there is of a session in the next events, looking at about limit of them, whole
// rows at a time; what->state says when nothing of it is left in the table. Its bytes may be in
// the write-ahead log until journal_store_empty_log.
int journal_store_forget(journal_store_t *self, journal_forgotten_t *what, uint64_t limit);

// The sessions that were forgotten, the first first, into an array the caller frees, each with
// journal_forgotten_clear.
int journal_store_forgotten(journal_store_t *self, journal_forgotten_t **rows_p,
                            size_t *count_p);

// Move the log into the file and empty it, so that what was removed is in neither. *done_p is
// false when somebody reads, or moves it: it stays for the next time.
int journal_store_empty_log(journal_store_t *self, bool *done_p);

// Forget the sources unheard for the longest, beyond the limit.
int journal_store_trim_sources(journal_store_t *self, uint64_t limit);

// The sources that are kept, into an array the caller frees.
int journal_store_sources(journal_store_t *self, journal_source_t **sources_p, size_t *count_p);

// The oldest offset kept; head + 1 when none is.
int journal_store_first(journal_store_t *self, uint64_t *first_p);

// Bytes in use: pages that hold something, and what of the write-ahead log has not been moved
// to them. Beside that, the size of the log's file, of which the rest is used again.
int journal_store_bytes(journal_store_t *self, uint64_t *used_p, uint64_t *wal_p);

// What of the write-ahead log has not been moved into the file, in bytes.
uint64_t journal_store_pending_bytes(const journal_store_t *self);

// Which log is being written (it counts how often one has begun anew), and how long it is.
uint64_t journal_store_log(const journal_store_t *self);
uint64_t journal_store_log_bytes(const journal_store_t *self);

// Of that log so many frames were moved by another connection.
void journal_store_note_moved(journal_store_t *self, uint64_t log, uint64_t frames);

// Move the log into the file; restart: and have the next transaction begin the log anew, which
// waits for readers, briefly. A log that is in use is no fault: it stays for the next time.
int journal_store_checkpoint(journal_store_t *self, bool restart);

#endif
