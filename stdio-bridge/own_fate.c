// own_fate - being stopped and ended as the command was, for whoever watches this process
// SPDX-License-Identifier: MPL-2.0
#include "own_fate.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void
own_fate_stop(int number, bool group)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};
    struct sigaction before;
    struct timespec at_once = {0};
    sigset_t only;
    sigset_t mask;
    sigemptyset(&only);
    sigaddset(&only, number);
    if (number != SIGSTOP)
        sigaction(number, &standard, &before);
    (void) kill(group ? 0 : getpid(), number);
    sigprocmask(SIG_UNBLOCK, &only, &mask);
    // ... stopped here; or not, where no shell could continue us: then the kernel ignores it.
    sigprocmask(SIG_SETMASK, &mask, NULL);
    if (number != SIGSTOP)
        sigaction(number, &before, NULL);
    sigemptyset(&only);
    sigaddset(&only, SIGCONT);
    while (sigtimedwait(&only, NULL, &at_once) == SIGCONT) {
    }
}

_Noreturn void
own_fate_end(int status)
{
    if (WIFSIGNALED(status)) {
        struct rlimit none = {0, 0};
        struct sigaction standard = {.sa_handler = SIG_DFL};
        sigset_t only;
        int number = WTERMSIG(status);
        // The core that matters is the command's.
        (void) setrlimit(RLIMIT_CORE, &none);
        (void) sigaction(number, &standard, NULL);
        sigemptyset(&only);
        sigaddset(&only, number);
        (void) raise(number);
        sigprocmask(SIG_UNBLOCK, &only, NULL);
        _exit(128 + number);
    }
    _exit(WEXITSTATUS(status));
}
