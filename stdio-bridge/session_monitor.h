// session_monitor - leads the session of a command that runs on a terminal of its own
// SPDX-License-Identifier: MPL-2.0
//
// A process without a parent in its session could not be stopped from the keyboard: the kernel
// drops ^Z for such groups. So a process that does nothing else stands between: it starts the
// command, reports each change, passes signals on, moves the command between foreground and
// background; and when the bridge is killed, it restores the user's terminal and hangs up.
#ifndef SESSION_MONITOR_H
#define SESSION_MONITOR_H

#include <sys/types.h>

#include "child_process.h"

// What goes over the link; one message is one write of a socket that keeps messages apart.
typedef enum {
    SESSION_REPORT_STATUS,    // from the monitor: value is a status of waitpid
    SESSION_SIGNAL,           // to the monitor: send signal `value` to the command
    SESSION_SIGNAL_GROUP,     // ... to the terminal's foreground group
    SESSION_FOREGROUND,       // value: 1 foreground, 0 background
} session_verb_t;

typedef struct session_message {
    session_verb_t verb;
    int value;
} session_message_t;

// Be the monitor; returns only when the session could not be made, with errno. command is run
// in the forked child, after the session stands, and does not return.
void session_monitor_run(const child_process_plan_t *plan, int link,
                         void (*command)(const child_process_plan_t *plan, int report),
                         int report);

#endif
