// job_control - the command is in the foreground, stopped and sized as the bridge itself is
// SPDX-License-Identifier: MPL-2.0
#ifndef JOB_CONTROL_H
#define JOB_CONTROL_H

#include <stdbool.h>

#include "child_process.h"
#include "wires.h"

typedef struct job_control {
    wires_t *wires;            // borrowed, like the next; both must outlive this
    child_process_t *child;    // NULL until it runs; nothing may be called before
    bool foreground;           // of the user's terminal; false where there is no session
} job_control_t;

// The user's terminal is now for the command, or for others: then what the command writes still
// comes, but nothing is read for it.
void job_control_set_foreground(job_control_t *self, bool foreground);

// The command was stopped by a signal: so are we, until the user's shell continues us, and then
// it.
void job_control_stopped(job_control_t *self, int number);

// We were continued, by whomever.
void job_control_continued(job_control_t *self);

// The user's terminal has another size; by_terminal says that it told us itself, and so the
// command where that is its own.
void job_control_resized(const job_control_t *self, bool by_terminal);

#endif
