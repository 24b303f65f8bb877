// journal_mark - the witness beside the journal: what must be so if nobody has touched it
// SPDX-License-Identifier: MPL-2.0
//
// A cursor is a promise about one file's past. The mark, a small file written with the journal,
// says how that file stood; when the journal is opened again it is held against what is found.
// A journal that was restored, copied, rolled back, truncated or lost its write-ahead log is
// told, and costs a new epoch. A false alarm costs no more than that.
#ifndef BROKER_JOURNAL_MARK_H
#define BROKER_JOURNAL_MARK_H

#include <stdbool.h>
#include <stdint.h>

// How a file stands; all zero when it is not there.
typedef struct journal_file_facts {
    uint64_t inode, device, bytes;
    int64_t mtime_ns, ctime_ns;
} journal_file_facts_t;

enum { JOURNAL_MARK_ID_SIZE = 65 };

typedef struct journal_mark {
    bool closed;    // the journal was closed in order
    uint64_t epoch;
    uint64_t generation;    // counts openings
    uint64_t reserved;      // no offset above this one was given
    uint64_t head;          // at least up to here it was filled
    journal_file_facts_t journal, wal;
    char machine[JOURNAL_MARK_ID_SIZE];    // of the host; "" where it has none
    char boot[JOURNAL_MARK_ID_SIZE];       // of the host's start
} journal_mark_t;

typedef enum {
    JOURNAL_MARK_READ,
    JOURNAL_MARK_MISSING,
    JOURNAL_MARK_DAMAGED,       // not as it was written
    JOURNAL_MARK_MOVED,         // put there by somebody else: a file's ctime cannot be set back
    JOURNAL_MARK_UNREADABLE,    // errno says why
} journal_mark_outcome_t;

// Look at a file without opening it. Returns 0, or -1 with errno when that cannot be done; a
// file that is not there is 0.
int journal_mark_look(journal_file_facts_t *facts, const char *path);

// Fill in what names this host.
void journal_mark_name_host(journal_mark_t *self);

// Write the mark, replacing the one before in one step; durable: it then survives a loss of
// power. Returns 0, or -1 with errno.
int journal_mark_write(const journal_mark_t *self, const char *path, bool durable);

journal_mark_outcome_t journal_mark_read(journal_mark_t *self, const char *path);

// What contradicts the mark in the files as they are found, before the journal is opened; and
// in what the opened journal says of itself. NULL when nothing does; a static sentence.
const char *journal_mark_contradicted_by_files(const journal_mark_t *self,
                                               const journal_file_facts_t *journal,
                                               const journal_file_facts_t *wal);
const char *journal_mark_contradicted_by_content(const journal_mark_t *self, uint64_t epoch,
                                                 uint64_t generation, uint64_t head);

#endif
