// supervisor - programs started one by one, watched, and stopped in reverse order
// SPDX-License-Identifier: MPL-2.0
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    NAME_SIZE = 32,
    NOTE_BYTES = 1024,    // of what a program may tell at once
    NOTES_A_TURN = 16,    // before the loop's other work has its turn
    ADDRESS_SIZE = 64,    // an abstract address that the kernel chose is 6 bytes
    STATUS_CANNOT_EXECUTE = 127,
};

typedef struct program {
    char name[NAME_SIZE];
    pid_t pid;
    bool running;
    bool ready;
} program_t;

struct supervisor {
    zloop_t *loop;                          // borrowed
    const supervisor_handler_t *handler;    // borrowed
    void *arg;                              // borrowed

    program_t programs[SUPERVISOR_PROGRAMS];    // in the order of their start
    size_t started;

    int signal_fd;                       // SIGCHLD; owned
    int notes_fd;                        // what the programs tell; owned
    char notes_address[ADDRESS_SIZE];    // for NOTIFY_SOCKET

    bool stopping;
    int kill_timer;      // of the program asked to end; 0 for none
    int64_t grace_ms;    // from SIGTERM to SIGKILL
};

static void
on_program_ended(supervisor_t *self, program_t *program, int status)
{
    program->running = false;
    program->ready = false;
    self->handler->on_ended(self->arg, program->name, status);
}

static int on_grace_over(zloop_t *loop, int timer, void *arg);

// The last started of those that still run; NULL when none does.
static program_t *
last_running(supervisor_t *self)
{
    for (size_t i = self->started; i > 0; i--) {
        if (self->programs[i - 1].running)
            return &self->programs[i - 1];
    }
    return NULL;
}

static void
stop_next(supervisor_t *self)
{
    if (self->kill_timer) {
        zloop_timer_end(self->loop, self->kill_timer);
        self->kill_timer = 0;
    }
    program_t *program = last_running(self);
    if (!program)
        return;
    kill(program->pid, SIGTERM);
    self->kill_timer = zloop_timer(self->loop, (size_t) self->grace_ms, 1, on_grace_over, self);
}

static int
on_grace_over(zloop_t *loop, int timer, void *arg)
{
    (void) loop;
    (void) timer;
    supervisor_t *self = arg;
    self->kill_timer = 0;
    program_t *program = last_running(self);
    if (program)
        kill(program->pid, SIGKILL);
    return 0;
}

static int
on_child_signal(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    supervisor_t *self = arg;
    struct signalfd_siginfo ignored;
    // One signal may stand for several children: each is asked for.
    (void) !read(item->fd, &ignored, sizeof ignored);
    program_t *asked = last_running(self);
    for (size_t i = 0; i < self->started; i++) {
        program_t *program = &self->programs[i];
        int status;
        if (program->running && waitpid(program->pid, &status, WNOHANG) == program->pid)
            on_program_ended(self, program, status);
    }
    if (self->stopping && asked && !asked->running)
        stop_next(self);
    return 0;
}

static bool
says_ready(char *note)
{
    char *rest = NULL;
    for (char *line = strtok_r(note, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (strcmp(line, "READY=1") == 0)
            return true;
    }
    return false;
}

// Take one note. Returns false when none waits. Anybody on this host can write to the socket:
// the kernel says who did.
static bool
take_note(supervisor_t *self)
{
    char note[NOTE_BYTES + 1];
    struct iovec bytes = {note, NOTE_BYTES};
    union {
        char room[CMSG_SPACE(sizeof(struct ucred))];
        struct cmsghdr align;
    } control;
    struct msghdr message = {
        .msg_iov = &bytes,
        .msg_iovlen = 1,
        .msg_control = control.room,
        .msg_controllen = sizeof control.room,
    };
    ssize_t size = recvmsg(self->notes_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0)
        return false;
    note[size] = '\0';

    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_CREDENTIALS)
        return true;
    struct ucred sender;
    memcpy(&sender, CMSG_DATA(header), sizeof sender);
    for (size_t i = 0; i < self->started; i++) {
        program_t *program = &self->programs[i];
        if (program->running && !program->ready && program->pid == sender.pid &&
            says_ready(note)) {
            program->ready = true;
            self->handler->on_ready(self->arg, program->name);
        }
    }
    return true;
}

static int
on_note(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    (void) item;
    for (int taken = 0; taken < NOTES_A_TURN && take_note(arg); taken++)
        ;
    return 0;
}

// A datagram socket at an abstract address of the kernel's choice: nothing to remove
// afterwards.
static int
open_notes(supervisor_t *self)
{
    self->notes_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (self->notes_fd == -1)
        return -1;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t size = sizeof address.sun_family;    // no path: the kernel chooses
    const int on = 1;
    if (bind(self->notes_fd, (struct sockaddr *) &address, size) == -1)
        return -1;
    size = sizeof address;
    if (setsockopt(self->notes_fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == -1 ||
        getsockname(self->notes_fd, (struct sockaddr *) &address, &size) == -1)
        return -1;
    // sun_path begins with a NUL, which NOTIFY_SOCKET writes as '@'.
    size_t path = size - offsetof(struct sockaddr_un, sun_path);
    assert(path > 1 && path < sizeof self->notes_address);
    snprintf(self->notes_address, sizeof self->notes_address, "@%.*s", (int) path - 1,
             address.sun_path + 1);
    return 0;
}

supervisor_t *
supervisor_new(zloop_t *loop, const supervisor_handler_t *handler, void *arg)
{
    assert(loop && handler && handler->on_ready && handler->on_ended);
    supervisor_t *self = zmalloc(sizeof *self);
    self->loop = loop;
    self->handler = handler;
    self->arg = arg;
    self->signal_fd = -1;
    self->notes_fd = -1;

    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &child, NULL) == -1 || open_notes(self) == -1)
        goto failed;
    self->signal_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (self->signal_fd == -1)
        goto failed;

    zmq_pollitem_t signals = {.fd = self->signal_fd, .events = ZMQ_POLLIN};
    zmq_pollitem_t notes = {.fd = self->notes_fd, .events = ZMQ_POLLIN};
    zloop_poller(loop, &signals, on_child_signal, self);
    zloop_poller(loop, &notes, on_note, self);
    return self;

failed:;
    int error = errno;
    supervisor_destroy(&self);
    errno = error;
    return NULL;
}

void
supervisor_destroy(supervisor_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        supervisor_t *self = *self_p;
        program_t *program;
        while ((program = last_running(self))) {
            kill(program->pid, SIGKILL);
            while (waitpid(program->pid, NULL, 0) == -1 && errno == EINTR)
                ;
            program->running = false;
        }
        if (self->kill_timer)
            zloop_timer_end(self->loop, self->kill_timer);
        if (self->signal_fd != -1) {
            zmq_pollitem_t signals = {.fd = self->signal_fd, .events = ZMQ_POLLIN};
            zloop_poller_end(self->loop, &signals);
            close(self->signal_fd);
        }
        if (self->notes_fd != -1) {
            zmq_pollitem_t notes = {.fd = self->notes_fd, .events = ZMQ_POLLIN};
            zloop_poller_end(self->loop, &notes);
            close(self->notes_fd);
        }
        free(self);
        *self_p = NULL;
    }
}

// In the child: become the program, or write errno to failure_fd and end.
static _Noreturn void
become(const char *file, char *const arguments[], const char *notes_address, pid_t parent,
       int failure_fd)
{
    // As a shell would start it: nothing ignored, nothing blocked.
    sigset_t none;
    sigemptyset(&none);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);

    int null_fd = open("/dev/null", O_RDONLY);
    if (null_fd != -1 && setpgid(0, 0) == 0 && prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 &&
        dup2(null_fd, STDIN_FILENO) != -1 && dup2(STDERR_FILENO, STDOUT_FILENO) != -1 &&
        setenv("NOTIFY_SOCKET", notes_address, 1) == 0) {
        close(null_fd);
        // Had the parent died before prctl, nothing would ever tell.
        if (getppid() != parent)
            _exit(STATUS_CANNOT_EXECUTE);
        execvp(file, arguments);
    }
    int error = errno;
    (void) !write(failure_fd, &error, sizeof error);
    _exit(STATUS_CANNOT_EXECUTE);
}

int
supervisor_start(supervisor_t *self, const char *name, const char *file,
                 char *const arguments[])
{
    assert(self && name && file && arguments);
    assert(self->started < SUPERVISOR_PROGRAMS && !self->stopping);
    // Closed by the exec that succeeds: end of file means that the program runs.
    int failure[2];
    if (pipe2(failure, O_CLOEXEC) == -1)
        return -1;
    pid_t parent = getpid();
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        become(file, arguments, self->notes_address, parent, failure[1]);
    int error = errno;
    close(failure[1]);
    if (pid > 0) {
        ssize_t size;
        do
            size = read(failure[0], &error, sizeof error);
        while (size == -1 && errno == EINTR);
        if (size == 0) {
            program_t *program = &self->programs[self->started++];
            snprintf(program->name, sizeof program->name, "%s", name);
            program->pid = pid;
            program->running = true;
            close(failure[0]);
            return 0;
        }
        while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
            ;
    }
    close(failure[0]);
    errno = error;
    return -1;
}

void
supervisor_stop(supervisor_t *self, int64_t grace_ms)
{
    assert(self);
    if (!self->stopping) {
        self->stopping = true;
        self->grace_ms = grace_ms;
        stop_next(self);
    }
}

void
supervisor_signal(supervisor_t *self, int number)
{
    assert(self);
    for (size_t i = 0; i < self->started; i++) {
        if (self->programs[i].running)
            kill(self->programs[i].pid, number);
    }
}

size_t
supervisor_running(const supervisor_t *self)
{
    assert(self);
    size_t running = 0;
    for (size_t i = 0; i < self->started; i++)
        running += self->programs[i].running;
    return running;
}

bool
supervisor_is_ready(const supervisor_t *self, const char *name)
{
    assert(self);
    for (size_t i = 0; i < self->started; i++) {
        if (strcmp(self->programs[i].name, name) == 0)
            return self->programs[i].ready;
    }
    return false;
}

const char *
supervisor_describe(int status, char text[static SUPERVISOR_ENDING_SIZE])
{
    if (WIFSIGNALED(status))
        snprintf(text, SUPERVISOR_ENDING_SIZE, "was killed by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(text, SUPERVISOR_ENDING_SIZE, "ended with status %d", WEXITSTATUS(status));
    return text;
}
