// journal_told - up to which event others were told, kept beside the journal at every commit
// SPDX-License-Identifier: MPL-2.0
//
// The mark is written once a second, and when a broker is killed what it committed after that
// rests on the end of the write-ahead log alone: cut there, the log is as good as ever to
// SQLite, only shorter. This file is one short write in place for each transaction, made before
// anybody is told of it. It goes through the kernel and so survives the program, not a loss of
// power.
#ifndef BROKER_JOURNAL_TOLD_H
#define BROKER_JOURNAL_TOLD_H

#include <stdbool.h>
#include <stdint.h>

typedef struct journal_told {
    int fd;    // owned; -1 while nothing is open
    uint64_t epoch;
} journal_told_t;

// Begin the file anew. Returns 0, or -1 with errno; journal_told_close in any case.
int journal_told_begin(journal_told_t *self, const char *path, uint64_t epoch, uint64_t head);

// All up to head is committed, and is about to be told. Returns 0, or -1 with errno.
int journal_told_say(const journal_told_t *self, uint64_t head);

void journal_told_close(journal_told_t *self);

// What contradicts the file in a journal of this epoch and head that was not closed in order.
// NULL when nothing does; a static sentence.
const char *journal_told_contradicted(const char *path, uint64_t epoch, uint64_t head);

#endif
