// descendants - the processes that a command leaves behind, ended by who inherits them
// SPDX-License-Identifier: MPL-2.0
#ifndef DESCENDANTS_H
#define DESCENDANTS_H

enum {
    DESCENDANTS_GRACE_MS = 500,    // between asking and killing
    DESCENDANTS_KILL_MS =
        5000,    // what has not died of SIGKILL by then is in the kernel's hands
};

// Become the one to whom the kernel gives what loses its parent below this process.
// Returns 0, or -1 with errno.
int descendants_inherit(void);

// End every child of this process and, as they are inherited, theirs: each is sent the signal
// and SIGCONT, and SIGKILL after the grace. Waits for them; child_signals is a signalfd that
// has SIGCHLD. Returns 0 when none is left, or -1 when one outlived DESCENDANTS_KILL_MS.
int descendants_end(int number, int child_signals);

#endif
