// guardian - stands between bridge and command: starts it, reports on it, clears up behind it
// SPDX-License-Identifier: MPL-2.0
//
// A process that does nothing else, for two reasons. Whoever kills the bridge means all that it
// ran, and only a parent that lives on can find what a command has left behind; while the
// bridge lives, what a command leaves is left alone. And a command with a terminal session of
// its own needs a parent in that session: the kernel drops ^Z for a group without one.
//
// Without a session the command stays in the user's process group, so that a terminal or a
// shell that signals the group finds it there. The guardian leaves that group, for a session of
// its own: what kills the group must not kill who clears up, and a parent in the same session
// would have the kernel stop commands by ^Z that nobody could continue.
#ifndef GUARDIAN_H
#define GUARDIAN_H

#include <sys/types.h>

#include "child_process.h"

// What goes over the link; one message is one write of a socket that keeps messages apart.
typedef enum {
    GUARDIAN_REPORT_STATUS,    // from the guardian: value is a status of waitpid; when that is
                               // the end, and no GUARDIAN_STOP came before, it waits for
                               // GUARDIAN_STOP or GUARDIAN_LEAVE
    GUARDIAN_SIGNAL,           // to the guardian: send signal `value` to the command
    GUARDIAN_STOP,             // ... and when it has ended, to whatever it left behind
    GUARDIAN_LEAVE,            // the command has ended: what it left behind is left
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
