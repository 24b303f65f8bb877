// guardian - stands between bridge and command: starts it, reports on it, clears up behind it
// SPDX-License-Identifier: MPL-2.0
//
// A process that does nothing else, for two reasons. Whoever kills the bridge means all that it
// ran, and only a parent that lives on can find what a command has left behind; while the
// bridge lives, what a command leaves is left alone. And a command with a terminal session of
// its own needs a parent in that session: the kernel drops ^Z for a group without one.
//
// Without a session it stays in the user's process group, so that a terminal or a shell that
// signals the group finds the command in it, and blocks what they send.
#ifndef GUARDIAN_H
#define GUARDIAN_H

#include <sys/types.h>

#include "child_process.h"

// What goes over the link; one message is one write of a socket that keeps messages apart.
typedef enum {
    GUARDIAN_REPORT_STATUS,    // from the guardian: value is a status of waitpid
    GUARDIAN_SIGNAL,           // to the guardian: send signal `value` to the command
    GUARDIAN_STOP,             // ... and when it has ended, to whatever it left behind
    GUARDIAN_SIGNAL_GROUP,     // ... to the terminal session's foreground group
    GUARDIAN_FOREGROUND,       // value: 1 foreground, 0 background
} guardian_verb_t;

typedef struct guardian_message {
    guardian_verb_t verb;
    int value;
} guardian_message_t;

// Be the guardian; returns only when the command could not be started, with errno. command is
// run in the forked child and does not return.
void guardian_run(const child_process_plan_t *plan, int link,
                  void (*command)(const child_process_plan_t *plan, int report), int report);

#endif
