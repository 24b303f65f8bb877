// descendants - the processes that a command leaves behind, ended by who inherits them
// SPDX-License-Identifier: MPL-2.0
#include "descendants.h"

#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mesh/clock.h"

enum {
    ASKED_MOST = 256,    // who can be asked once; any more are only killed
    STAT_BYTES = 512,
    NS_PER_MS = 1000000,
    LOOK_AGAIN_MS = 50,    // for children that a death has given us since the last look
};

typedef struct ending {
    int number;    // what to ask with; SIGKILL once the grace is over
    pid_t asked[ASKED_MOST];
    size_t asked_count;
} ending_t;

int
descendants_inherit(void)
{
    return prctl(PR_SET_CHILD_SUBREAPER, 1);
}

// The parent of a process, or -1 when it is gone.
static pid_t
parent_of(const char *pid)
{
    char path[sizeof "/proc//stat" + 3 * sizeof(pid_t)];
    char text[STAT_BYTES];
    if (strlen(pid) > 3 * sizeof(pid_t))
        return -1;
    (void) stpcpy(stpcpy(stpcpy(path, "/proc/"), pid), "/stat");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0)
        return -1;
    text[size] = '\0';
    // "pid (name) state parent ...": a name may hold anything, the last parenthesis ends it.
    const char *at = strrchr(text, ')');
    if (!at || strlen(at) < sizeof ") S 1" - 1)
        return -1;
    return (pid_t) strtol(at + sizeof ") S" - 1, NULL, 10);
}

static bool
is_to_be_asked(ending_t *self, pid_t pid)
{
    if (self->number == SIGKILL)
        return true;
    for (size_t i = 0; i < self->asked_count; i++)
        if (self->asked[i] == pid)
            return false;
    if (self->asked_count == ASKED_MOST)
        return false;
    self->asked[self->asked_count++] = pid;
    return true;
}

static void
signal_children(ending_t *self)
{
    DIR *processes = opendir("/proc");
    if (!processes)
        return;
    const struct dirent *entry = NULL;
    while ((entry = readdir(processes))) {
        if (!isdigit((unsigned char) entry->d_name[0]) || parent_of(entry->d_name) != getpid())
            continue;
        // Ours until we wait for it: the number cannot have become another's.
        pid_t pid = (pid_t) strtol(entry->d_name, NULL, 10);
        if (is_to_be_asked(self, pid)) {
            (void) kill(pid, self->number);
            (void) kill(pid, SIGCONT);
        }
    }
    (void) closedir(processes);
}

int
descendants_end(int number, int child_signals)
{
    ending_t self = {.number = number};
    uint64_t begun_ns = mesh_clock_mono_ns();
    for (;;) {
        pid_t reaped = 0;
        while ((reaped = waitpid(-1, NULL, WNOHANG)) > 0) {
        }
        if (reaped < 0 && errno == ECHILD)
            return 0;
        uint64_t spent_ms = (mesh_clock_mono_ns() - begun_ns) / NS_PER_MS;
        if (spent_ms >= DESCENDANTS_GRACE_MS + DESCENDANTS_KILL_MS)
            return -1;
        if (spent_ms >= DESCENDANTS_GRACE_MS)
            self.number = SIGKILL;
        signal_children(&self);
        struct pollfd died = {.fd = child_signals, .events = POLLIN};
        struct signalfd_siginfo taken;
        if (poll(&died, 1, LOOK_AGAIN_MS) > 0)
            (void) !read(child_signals, &taken, sizeof taken);
    }
}
