// taken_signals - what is sent to the bridge and meant for the command, by a descriptor
// SPDX-License-Identifier: MPL-2.0
#ifndef TAKEN_SIGNALS_H
#define TAKEN_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

// Block what is passed on, so that the signalfd returned gives it (-1 with errno when there is
// none), with SIGCHLD and SIGWINCH; and SIGPIPE, so that write does. *mask_p and
// *ignores_child_p are what the process was started with, and the command shall be.
int taken_signals_open(sigset_t *mask_p, bool *ignores_child_p);

// Close it and have signals come as before.
void taken_signals_close(int *signals_p, const sigset_t *mask, bool ignores_child);

#endif
