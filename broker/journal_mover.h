// journal_mover - a thread that moves the journal's log into its file, beside the writer
// SPDX-License-Identifier: MPL-2.0
//
// Moving ends in waiting for the disk, for which no commit waits where another thread does it.
// It has a connection of its own, from journal_mover_new to journal_mover_destroy. Called from
// one thread.
#ifndef BROKER_JOURNAL_MOVER_H
#define BROKER_JOURNAL_MOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "mesh/db_fault.h"

typedef struct journal_mover journal_mover_t;

// path is the journal's, which is open. done_fd, an eventfd, is borrowed, and told of each end.
journal_mover_t *journal_mover_new(const char *path, int done_fd);

// Waits for the step that is being taken.
void journal_mover_destroy(journal_mover_t **self_p);

// Begin a step: what is in the log now is moved. Not while one is being taken (asserted).
void journal_mover_start(journal_mover_t *self);
bool journal_mover_is_busy(journal_mover_t *self);

typedef struct journal_moved {
    uint64_t frames;          // of the log, that are in the file
    mesh_db_fault_t fault;    // not SOUND: nothing was moved, for this reason
    char reason[256];
} journal_moved_t;

// How a step has ended. Returns whether one has, since this was last asked.
bool journal_mover_take(journal_mover_t *self, journal_moved_t *moved);

#endif
