// child_process - the wrapped command as a process: started, signalled, waited for
// SPDX-License-Identifier: MPL-2.0
//
// The command starts with the signal mask and the ignored signals that the bridge was started
// with, as a child of the guardian, which is ours. Without a terminal session both stay in our
// process group. With one, the guardian leads the session and the command has a group of its
// own, so that job control works inside as it does outside.
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
    // Above 2; restored to these settings by the guardian when the bridge is killed; -1 for
    // none.
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

// Forget about it. A command that still runs is ended by the guardian.
void child_process_destroy(child_process_t **self_p);

typedef enum {
    CHILD_PROCESS_NOTHING,
    CHILD_PROCESS_STOPPED,    // signal tells by which
    CHILD_PROCESS_ENDED,      // status is as wait(2) gives it
} child_process_change_t;

// The next change of state, without waiting. Ask when child_process_fd is readable, until it
// says NOTHING.
child_process_change_t child_process_next(child_process_t *self, int *value_p);

// Readable when there is news.
int child_process_fd(const child_process_t *self);

// Send a signal to the command; or to its terminal session's foreground group. Safe at any
// time: never reaches a process that took over the number.
void child_process_signal(child_process_t *self, int number);
void child_process_signal_group(child_process_t *self, int number);

// The bridge is told to stop: send the signal to the command, and when that has ended by it, to
// whatever it left behind, so that none remains when the bridge ends. To be called before
// child_process_next tells of the end.
void child_process_stop(child_process_t *self, int number);

// Give the session's terminal to the command, or take it away as a shell does with a
// background job.
void child_process_set_foreground(child_process_t *self, bool foreground);

#endif
