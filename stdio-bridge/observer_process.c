// observer_process - the observer's program, started beside a session that already runs
// SPDX-License-Identifier: MPL-2.0
#include "observer_process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "mesh/programs.h"

enum { NICENESS = 5 };    // the session goes first

void
observer_process_become(char *const argv[])
{
    char *program = mesh_programs_find(OBSERVER_PROGRAM);
    (void) execvp(program, argv);
    int error = errno;
    free(program);
    errno = error;
}

// Let go of all that is the user's, and put the two ends in their places.
static int
take_descriptors(const tap_t *tap, bool keep_stderr)
{
    // Both out of the way first: each may lie where the other belongs.
    int bell = fcntl(tap_reader_bell(tap), F_DUPFD, OBSERVER_RING_FD + 1);
    int ring = fcntl(tap_reader_ring(tap), F_DUPFD, OBSERVER_RING_FD + 1);
    if (bell < 0 || ring < 0 || dup2(bell, OBSERVER_BELL_FD) < 0 ||
        dup2(ring, OBSERVER_RING_FD) < 0)
        return -1;
    (void) close_range(OBSERVER_RING_FD + 1, UINT_MAX, 0);
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing < 0)
        return -1;
    for (int fd = 0; fd < (keep_stderr ? 2 : 3); fd++)
        if (dup2(nothing, fd) < 0)
            return -1;
    return 0;
}

static _Noreturn void
be_observer(char *const argv[], const tap_t *tap, bool keep_stderr)
{
    (void) setsid();
    if (take_descriptors(tap, keep_stderr) == 0) {
        // What the user's shell ignores or blocks is nothing to it.
        sigset_t none;
        sigemptyset(&none);
        for (int number = 1; number < SIGRTMIN; number++)
            (void) signal(number, SIG_DFL);
        sigprocmask(SIG_SETMASK, &none, NULL);
        (void) setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + NICENESS);
        observer_process_become(argv);
    }
    _exit(127);
}

pid_t
observer_process_start(char *const argv[], tap_t *tap, bool keep_stderr)
{
    pid_t observer = fork();
    if (observer == 0)
        be_observer(argv, tap, keep_stderr);
    int error = errno;
    tap_let_go(tap);
    errno = error;
    return observer;
}
