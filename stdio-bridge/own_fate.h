// own_fate - being stopped and ended as the command was, for whoever watches this process
// SPDX-License-Identifier: MPL-2.0
#ifndef OWN_FATE_H
#define OWN_FATE_H

#include <stdbool.h>

// Be stopped by the signal, until somebody continues us; with group, the whole process group,
// where a terminal would have stopped the whole group. Returns at once where no shell could
// continue us: then the kernel does not stop us either. The signal, unless it is SIGSTOP, and
// SIGCONT are blocked by the caller; a SIGCONT that came is taken.
void own_fate_stop(int number, bool group);

// End this process as a command with that status of wait(2) did: by exit, or by the same
// signal, without a core dump of ours.
_Noreturn void own_fate_end(int status);

#endif
