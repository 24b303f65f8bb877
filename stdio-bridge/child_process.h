// child_process - the wrapped command as a process: started, signalled, waited for
// SPDX-License-Identifier: MPL-2.0
//
// The command starts with the signal mask and the ignored signals that the bridge was started
// with. Without a terminal session it is our child, in our process group. With one, a monitor
// process leads the session and the command is its child in a group of its own, so that job
// control works inside as it does outside.
#ifndef CHILD_PROCESS_H
#define CHILD_PROCESS_H

#include <signal.h>
#include <stdbool.h>
#include <termios.h>

typedef struct child_process child_process_t;

typedef struct child_process_plan {
    char *const *words;    // the command and its arguments
    char *const *environment;
    int fds[3];              // what become 0, 1 and 2; -1 is closed
    int session_terminal;    // slave end that becomes the session's terminal; -1 for none
    // Restored to these settings by the monitor when the bridge is killed; -1 for none.
    int user_terminal;
    const struct termios *user_settings;
    bool foreground;              // of the session's terminal
    sigset_t mask;                // the command's
    bool ignores_child_signal;    // the bridge was started with SIGCHLD ignored
} child_process_plan_t;

// Start it. Returns NULL with *error_p an errno when the command could not be started:
// *executing_p tells whether the command itself could not be executed (or found), rather than
// that the bridge failed before.
child_process_t *child_process_start(const child_process_plan_t *plan, bool *executing_p,
                                     int *error_p);

// Forget about it. A command that still runs goes on, except that a monitor then hangs up.
void child_process_destroy(child_process_t **self_p);

typedef enum {
    CHILD_PROCESS_NOTHING,
    CHILD_PROCESS_STOPPED,    // signal tells by which
    CHILD_PROCESS_ENDED,      // status is as wait(2) gives it
} child_process_change_t;

// The next change of state, without waiting. Ask after each SIGCHLD and when child_process_fd
// is readable, until it says NOTHING.
child_process_change_t child_process_next(child_process_t *self, int *value_p);

// Readable when the monitor has news; -1 without one.
int child_process_fd(const child_process_t *self);

// Send a signal to the command; or, with group, to the terminal session's foreground group.
// Safe at any time: never reaches a process that took over the number.
void child_process_signal(child_process_t *self, int number, bool group);

// Give the session's terminal to the command, or take it away as a shell does with a
// background job.
void child_process_set_foreground(child_process_t *self, bool foreground);

#endif
