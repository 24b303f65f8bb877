// child_process - the wrapped command as a process: started, signalled, waited for
// SPDX-License-Identifier: MPL-2.0
#include "child_process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guardian.h"

struct child_process {
    pid_t guardian;    // the command is its child
    int link;          // to it
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

child_process_t *
child_process_start(const child_process_plan_t *plan, bool *executing_p, int *error_p)
{
    int report[2] = {-1, -1};
    int link[2] = {-1, -1};
    child_process_t *self = calloc(1, sizeof *self);
    *executing_p = false;
    if (!self || pipe2(report, O_CLOEXEC) < 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link) < 0)
        goto failed;

    self->link = link[0];
    self->guardian = fork();
    if (self->guardian < 0)
        goto failed;
    if (self->guardian == 0) {
        guardian_run(plan, link[1], become_command, report[1]);
        fail(report[1], false);
    }
    close(report[1]);
    close(link[1]);
    report[1] = link[1] = -1;
    if (await_start(report[0], executing_p, error_p) < 0) {
        close(link[0]);    // it has nothing more to wait for
        link[0] = -1;
        (void) waitpid(self->guardian, NULL, 0);
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

// Have the guardian leave, and wait for it: that adds what the command used to what our parent
// sees of us, as `time` shows it.
static void
dismiss(const child_process_t *self)
{
    guardian_message_t message = {.verb = GUARDIAN_LEAVE};
    ssize_t sent = 0;
    do
        sent = send(self->link, &message, sizeof message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    (void) waitpid(self->guardian, NULL, 0);
}

child_process_change_t
child_process_next(child_process_t *self, int *value_p)
{
    if (self->ended)
        return CHILD_PROCESS_NOTHING;
    guardian_message_t message;
    ssize_t size = 0;
    // ECONNRESET tells that it ended with something of ours unread; its own words are still
    // there behind that.
    do
        size = recv(self->link, &message, sizeof message, MSG_DONTWAIT);
    while (size < 0 && (errno == EINTR || errno == ECONNRESET));
    if (size < 0)
        return CHILD_PROCESS_NOTHING;
    // When the guardian itself was killed, the command was with it.
    if (size != (ssize_t) sizeof message)
        message = (guardian_message_t){.verb = GUARDIAN_REPORT_STATUS, .value = SIGKILL};
    child_process_change_t change = change_of(self, message.value, value_p);
    if (change == CHILD_PROCESS_ENDED)
        dismiss(self);
    return change;
}

int
child_process_fd(const child_process_t *self)
{
    return self->link;
}

static void
tell(child_process_t *self, guardian_verb_t verb, int value)
{
    guardian_message_t message = {.verb = verb, .value = value};
    if (self->ended)
        return;
    ssize_t sent = send(self->link, &message, sizeof message, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void) sent;    // a guardian that is gone is noticed by child_process_next
}

void
child_process_signal(child_process_t *self, int number)
{
    tell(self, GUARDIAN_SIGNAL, number);
}

void
child_process_signal_group(child_process_t *self, int number)
{
    tell(self, GUARDIAN_SIGNAL_GROUP, number);
}

void
child_process_stop(child_process_t *self, int number)
{
    tell(self, GUARDIAN_STOP, number);
}

void
child_process_set_foreground(child_process_t *self, bool foreground)
{
    tell(self, GUARDIAN_FOREGROUND, foreground);
}
