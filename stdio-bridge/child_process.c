// child_process - the wrapped command as a process: started, signalled, waited for
// SPDX-License-Identifier: MPL-2.0
#include "child_process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session_monitor.h"

struct child_process {
    pid_t pid;    // the command, or the monitor when there is a link
    int link;     // to the monitor; -1 without one
    bool ended;
};

// Why the command did not start, from the forked process to us. Nothing comes when it did.
typedef struct failure {
    int error;
    bool executing;
} failure_t;

static _Noreturn void
fail(int report, bool executing)
{
    failure_t failure = {.error = errno, .executing = executing};
    ssize_t written = write(report, &failure, sizeof failure);
    (void) written;
    _exit(127);
}

// In the forked process: become the command.
static void
become_command(const child_process_plan_t *plan, int report)
{
    int from[3];
    // All out of the way of 0, 1 and 2 first, which may be each other's sources.
    for (int fd = 0; fd < 3; fd++) {
        from[fd] = plan->fds[fd] < 0 ? -1 : fcntl(plan->fds[fd], F_DUPFD_CLOEXEC, 3);
        if (plan->fds[fd] >= 0 && from[fd] < 0)
            fail(report, false);
    }
    for (int fd = 0; fd < 3; fd++) {
        if (from[fd] < 0)
            close(fd);
        else if (dup2(from[fd], fd) < 0)
            fail(report, false);
    }
    if (plan->ignores_child_signal)
        (void) signal(SIGCHLD, SIG_IGN);
    sigprocmask(SIG_SETMASK, &plan->mask, NULL);
    execvpe(plan->words[0], plan->words, plan->environment);
    fail(report, true);
}

// Read from the report pipe what happened. Returns 0 when the command runs.
static int
await_start(int report, bool *executing_p, int *error_p)
{
    failure_t failure;
    ssize_t size = 0;
    do
        size = read(report, &failure, sizeof failure);
    while (size < 0 && errno == EINTR);
    if (size == 0)
        return 0;
    *executing_p = size == (ssize_t) sizeof failure && failure.executing;
    *error_p = size == (ssize_t) sizeof failure ? failure.error : EIO;
    return -1;
}

static void
run_forked(const child_process_plan_t *plan, int link, int report, pid_t bridge)
{
    if (link >= 0) {
        session_monitor_run(plan, link, become_command, report);
        fail(report, false);
    }
    // Whoever kills the bridge means the session. The monitor does this for its own.
    (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != bridge)
        _exit(127);
    become_command(plan, report);
}

child_process_t *
child_process_start(const child_process_plan_t *plan, bool *executing_p, int *error_p)
{
    int report[2] = {-1, -1};
    int link[2] = {-1, -1};
    child_process_t *self = calloc(1, sizeof *self);
    bool session = plan->session_terminal >= 0;
    *executing_p = false;
    if (!self || pipe2(report, O_CLOEXEC) < 0)
        goto failed;
    if (session && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link) < 0)
        goto failed;

    pid_t bridge = getpid();
    self->link = link[0];
    self->pid = fork();
    if (self->pid < 0)
        goto failed;
    if (self->pid == 0)
        run_forked(plan, link[1], report[1], bridge);
    close(report[1]);
    report[1] = -1;
    if (session)
        close(link[1]);
    link[1] = -1;
    if (await_start(report[0], executing_p, error_p) < 0) {
        (void) waitpid(self->pid, NULL, 0);
        errno = *error_p;
        goto failed;
    }
    close(report[0]);
    return self;

failed:
    *error_p = errno;
    for (int end = 0; end < 2; end++) {
        if (report[end] >= 0)
            close(report[end]);
        if (link[end] >= 0)
            close(link[end]);
    }
    free(self);
    return NULL;
}

void
child_process_destroy(child_process_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        if ((*self_p)->link >= 0)
            close((*self_p)->link);
        free(*self_p);
        *self_p = NULL;
    }
}

static child_process_change_t
change_of(child_process_t *self, int status, int *value_p)
{
    if (WIFSTOPPED(status)) {
        *value_p = WSTOPSIG(status);
        return CHILD_PROCESS_STOPPED;
    }
    self->ended = true;
    *value_p = status;
    return CHILD_PROCESS_ENDED;
}

// The monitor's news; when the monitor itself was killed, the command counts as killed with it.
static child_process_change_t
next_of_session(child_process_t *self, int *value_p)
{
    session_message_t message;
    ssize_t size = 0;
    do
        size = recv(self->link, &message, sizeof message, MSG_DONTWAIT);
    while (size < 0 && errno == EINTR);
    if (size < 0)
        return CHILD_PROCESS_NOTHING;
    if (size != (ssize_t) sizeof message)
        message = (session_message_t){.verb = SESSION_REPORT_STATUS, .value = SIGHUP};
    child_process_change_t change = change_of(self, message.value, value_p);
    if (change == CHILD_PROCESS_ENDED)
        (void) waitpid(self->pid, NULL, 0);
    return change;
}

child_process_change_t
child_process_next(child_process_t *self, int *value_p)
{
    if (self->ended)
        return CHILD_PROCESS_NOTHING;
    if (self->link >= 0)
        return next_of_session(self, value_p);
    int status = 0;
    if (waitpid(self->pid, &status, WNOHANG | WUNTRACED) <= 0)
        return CHILD_PROCESS_NOTHING;
    return change_of(self, status, value_p);
}

int
child_process_fd(const child_process_t *self)
{
    return self->link;
}

static void
tell_monitor(child_process_t *self, session_verb_t verb, int value)
{
    session_message_t message = {.verb = verb, .value = value};
    ssize_t sent = send(self->link, &message, sizeof message, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void) sent;    // a monitor that is gone is noticed by child_process_next
}

void
child_process_signal(child_process_t *self, int number, bool group)
{
    if (self->ended)
        return;
    if (self->link >= 0)
        tell_monitor(self, group ? SESSION_SIGNAL_GROUP : SESSION_SIGNAL, number);
    else
        (void) kill(self->pid, number);
}

void
child_process_set_foreground(child_process_t *self, bool foreground)
{
    if (!self->ended && self->link >= 0)
        tell_monitor(self, SESSION_FOREGROUND, foreground);
}
