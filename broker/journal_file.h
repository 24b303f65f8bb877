// journal_file - the journal's file: opened and proven to be the one it was, or begun anew
// SPDX-License-Identifier: MPL-2.0
//
// What cannot be proven is set aside, not thrown away: "<path>.<why>-<time>", of which the
// newest few are kept. Used by one thread at a time.
#ifndef BROKER_JOURNAL_FILE_H
#define BROKER_JOURNAL_FILE_H

#include "journal_store.h"

typedef struct journal_file journal_file_t;

typedef enum {
    JOURNAL_ORIGIN_NEW,          // there was none
    JOURNAL_ORIGIN_CONTINUED,    // closed in order, and gone on with
    JOURNAL_ORIGIN_RECOVERED,    // not closed: gone on with at the next block of offsets
    JOURNAL_ORIGIN_LOST,         // there was one, and it is gone: begun anew
    JOURNAL_ORIGIN_UNPROVEN,     // it is not the one it was: set aside, begun anew
    JOURNAL_ORIGIN_CORRUPT,      // it is damaged: set aside, begun anew
} journal_origin_t;

// "new", "continued", ...
const char *journal_origin_name(journal_origin_t origin);

// How an opening went.
typedef struct journal_opening {
    journal_origin_t origin;
    char why[512];            // for people; "" where there is nothing to say
    mesh_db_fault_t fault;    // why it could not be opened
    // Where it stands, and the sources it knows (owned; journal_opening_clear).
    journal_state_t state;
    uint64_t first;
    journal_source_t *sources;
    size_t source_count;
    journal_forgotten_t *forgotten;    // owned; the sessions that were, the first first
    size_t forgotten_count;
} journal_opening_t;

void journal_opening_clear(journal_opening_t *self);

// block: how many offsets are reserved at a time. Opens nothing yet.
journal_file_t *journal_file_new(const char *path, bool durable, uint64_t block);

// Closes in order what is open.
void journal_file_destroy(journal_file_t **self_p);

// Open it. The caller ends *opening in either case. Returns 0, or -1 with opening->fault and
// opening->why; to be tried again.
int journal_file_open(journal_file_t *self, journal_opening_t *opening);

// Open it, but first set aside what there is, and say why. For a journal found to be wrong
// while it was used.
int journal_file_renew(journal_file_t *self, journal_origin_t origin, const char *why,
                       journal_opening_t *opening);

// After a fault: let go of what is open.
void journal_file_abandon(journal_file_t *self);

const char *journal_file_path(const journal_file_t *self);

// What is open; NULL when nothing is.
journal_store_t *journal_file_store(journal_file_t *self);

// Have offsets up to this one reserved. Returns 0, or -1 with journal_file_fault.
int journal_file_reserve(journal_file_t *self, uint64_t offset);

// What is committed is about to be told to others: after each commit. Returns 0, or -1 as
// above.
int journal_file_tell(journal_file_t *self);

// Have the mark say where the journal stands now. Returns 0, or -1 as above.
int journal_file_witness(journal_file_t *self);

mesh_db_fault_t journal_file_fault(const journal_file_t *self);
const char *journal_file_reason(const journal_file_t *self);

#endif
