// taken_signals - what is sent to the bridge and meant for the command, by a descriptor
// SPDX-License-Identifier: MPL-2.0
#include "taken_signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

// Passed on to the command. SIGKILL and SIGSTOP cannot be, and what the kernel raises for a
// mistake of ours (SIGSEGV ...) is ours.
static const int passed_on[] = {
    SIGHUP,  SIGINT,  SIGQUIT,   SIGTERM, SIGUSR1, SIGUSR2, SIGALRM,
    SIGTSTP, SIGCONT, SIGVTALRM, SIGPROF, SIGIO,   SIGPWR,
};

int
taken_signals_open(sigset_t *mask_p, bool *ignores_child_p)
{
    sigset_t taken;
    sigemptyset(&taken);
    for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
        sigaddset(&taken, passed_on[i]);
    sigaddset(&taken, SIGCHLD);
    sigaddset(&taken, SIGWINCH);
    int signals = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
    sigaddset(&taken, SIGPIPE);
    // Lets a bridge in the background set the terminal back and write to it.
    sigaddset(&taken, SIGTTOU);
    sigprocmask(SIG_BLOCK, &taken, mask_p);

    struct sigaction child;
    sigaction(SIGCHLD, NULL, &child);
    *ignores_child_p = child.sa_handler == SIG_IGN;
    // With SIGCHLD ignored there would be nothing to wait for.
    (void) signal(SIGCHLD, SIG_DFL);
    return signals;
}

void
taken_signals_close(int *signals_p, const sigset_t *mask, bool ignores_child)
{
    if (*signals_p >= 0)
        close(*signals_p);
    *signals_p = -1;
    if (ignores_child)
        (void) signal(SIGCHLD, SIG_IGN);
    sigprocmask(SIG_SETMASK, mask, NULL);
}
