// journal - what the broker keeps of the one order: submit, read from, bounds
// SPDX-License-Identifier: MPL-2.0
//
// All that the broker's thread knows of it. Batches are handed over and come back when they are
// committed, or when they could not be. The newest events are kept in memory too, so that who
// is a little behind is answered without the disk. A journal may also be in memory only.
#ifndef BROKER_JOURNAL_H
#define BROKER_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "journal_batch.h"
#include "journal_file.h"
#include "journal_reader.h"
#include "retention.h"

typedef struct journal journal_t;

typedef struct journal_options {
    const char *path;    // borrowed for the call; NULL keeps it in memory
    bool durable;        // an event is kept only when it survives a loss of power
    uint64_t block;      // how many offsets are reserved at a time
    uint64_t wal_bytes;
    retention_limits_t limits;
    uint64_t memory_events;    // of the newest, kept in memory
    size_t memory_bytes;
} journal_options_t;

// All called from within journal_dispatch.
typedef struct journal_events {
    // A batch has come to its end, as its `kept` says. It is its maker's again.
    void (*ended)(void *arg, journal_batch_t *batch);
    // The journal was opened, at first or again: offsets go on after opening->state.head, in
    // opening->state.epoch. Batches that were given offsets before are not kept. Borrowed.
    void (*opened)(void *arg, const journal_opening_t *opening);
    // It cannot be written. Said once, until it is opened.
    void (*down)(void *arg, mesh_db_fault_t fault, const char *why);
    // Nothing of this session is kept any more that came before journal_forget; of several in
    // its life what->removed counts all. Said again after a start, until journal_told.
    // Borrowed.
    void (*forgotten)(void *arg, const journal_forgotten_t *what);
    // journal_forget was noted: it will be done, also by the broker after this one. Or it could
    // not be.
    void (*forget_noted)(void *arg, const char *session);
    void (*forget_failed)(void *arg, const char *session);
} journal_events_t;

// Open the journal. That it cannot be opened now is no failure (it is `down`); that another
// broker has it is: NULL, with *error_p a sentence the caller frees. events is borrowed; the
// first dispatch tells how the opening went.
journal_t *journal_new(const journal_options_t *options, const journal_events_t *events,
                       void *arg, char **error_p);

// Commit what was submitted and close. Batches still under way are told as ended before.
void journal_destroy(journal_t **self_p);

// Readable when journal_dispatch has something to tell.
int journal_fd(const journal_t *self);
void journal_dispatch(journal_t *self);

// Counts openings: offsets that were given in one are worth nothing in the next.
uint64_t journal_era(const journal_t *self);

// Hand over a batch of events in the order of their offsets, each above those before; its maker
// has set its era. The caller leaves it alone until it has ended.
void journal_submit(journal_t *self, journal_batch_t *batch);

// Whether everything submitted has ended.
bool journal_is_idle(const journal_t *self);

// Whether journal_forget can be asked for now.
bool journal_can_forget(const journal_t *self);

// Whether there is a file, and it can be written now: then sessions can be kept in it.
bool journal_keeps_sessions(const journal_t *self);

// Keep these as the newest of their sessions (held by the journal meanwhile), forget those
// sessions (takes the array and its texts), and note that with them the newest are kept up to
// an offset.
void journal_keep_latest(journal_t *self, record_t *const records[], size_t count,
                         char **forgotten, size_t forgotten_count, uint64_t through);

// Whether what was to be kept of sessions was lost since this was last asked.
bool journal_lost_latest(journal_t *self);

// Remove what there is of a session, from memory and from the files, in small steps: it is told
// when that is done. Once it is noted, a broker that is killed goes on with it when it starts.
void journal_forget(journal_t *self, const char *session);

// The event that tells of it is kept.
void journal_told(journal_t *self, const char *session);

// Journals that were set aside, which nothing is removed from, as an array of paths. The caller
// owns it.
json_t *journal_set_aside(const journal_t *self);

// It is known from outside that the journal is not what it was: set it aside, begin anew.
void journal_renew(journal_t *self, const char *why);

uint64_t journal_epoch(const journal_t *self);

// The newest offset that is kept, or before which nothing more will come.
uint64_t journal_head(const journal_t *self);

// The oldest offset kept; head + 1 when none is.
uint64_t journal_first(journal_t *self);

// The highest offset that was removed, of each family.
void journal_removed(journal_t *self, uint64_t removed[static MESH_FAMILIES]);

// Visit what comes after an offset, in order, until visit returns false. removed, where not
// NULL, becomes what journal_removed says, as of this reading: no event is missing from it that
// removed does not tell of.
journal_read_outcome_t journal_read(journal_t *self, uint64_t after, journal_visit_fn *visit,
                                    void *arg, uint64_t removed[MESH_FAMILIES]);

// Visit what was kept of sessions, in the order of their offsets.
journal_read_outcome_t journal_read_latest(journal_t *self, journal_visit_fn *visit, void *arg);

// Whether the past can be read at all.
bool journal_is_readable(const journal_t *self);

// How it is, for people: state ("memory", "up" or "down"), reason where it is down, and what it
// holds. The caller owns the result.
json_t *journal_report(journal_t *self);

#endif
