// relay - runs the command and passes its bytes on, unchanged and never kept waiting
// SPDX-License-Identifier: MPL-2.0
#include "relay.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child_process.h"
#include "copy.h"
#include "mesh/clock.h"
#include "mesh/exit_status.h"
#include "own_fate.h"
#include "terminal.h"
#include "wiring.h"

// Passed on to the command. SIGKILL and SIGSTOP cannot be, and what the kernel raises for a
// mistake of ours (SIGSEGV ...) is ours.
static const int passed_on[] = {
    SIGHUP,  SIGINT,  SIGQUIT,   SIGTERM, SIGUSR1, SIGUSR2, SIGALRM,
    SIGTSTP, SIGCONT, SIGVTALRM, SIGPROF, SIGIO,   SIGPWR,
};

enum {
    COPIES = 3,
    POLL_SIGNALS = 0,
    POLL_CHILD,
    POLL_WORDS,
    POLL_ASIDE,
    POLL_COPIES,
    POLLS = POLL_COPIES + COPIES * COPY_POLLS,
};

typedef struct relay {
    const relay_plan_t *plan;
    wiring_t wiring;
    copy_t *copies[COPIES];    // by descriptor number; NULL where nothing is relayed
    mcp_gate_t *gate;          // of stdout; NULL where it passes as it is
    bool hears;                // the observer's words
    terminal_t *terminal;      // the user's; NULL when no terminal is involved
    int master;                // ours of the inner terminal; -1
    int signals;               // signalfd
    child_process_t *child;
    bool foreground;
    bool ended;
    bool hurried;    // told to stop while passing on the last bytes
    int status;
    uint64_t ended_ns;
} relay_t;

static int
say_failure(const char *what, int error, int exit_status, int *status_p)
{
    fprintf(stderr, "aidermesh-stdio-bridge: %s: %s\n", what, strerror(error));
    *status_p = exit_status;
    return -1;
}

// ---- before the command runs ----

// Block what is passed on, so that signalfd gives it, and SIGPIPE, so that write does.
static int
take_signals(relay_t *self, child_process_plan_t *start)
{
    sigset_t taken;
    sigemptyset(&taken);
    for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
        sigaddset(&taken, passed_on[i]);
    sigaddset(&taken, SIGCHLD);
    sigaddset(&taken, SIGWINCH);
    self->signals = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
    sigaddset(&taken, SIGPIPE);
    // Lets a bridge in the background set the terminal back and write to it.
    sigaddset(&taken, SIGTTOU);
    sigprocmask(SIG_BLOCK, &taken, &start->mask);

    struct sigaction child;
    sigaction(SIGCHLD, NULL, &child);
    start->ignores_child_signal = child.sa_handler == SIG_IGN;
    // With SIGCHLD ignored there would be nothing to wait for.
    (void) signal(SIGCHLD, SIG_DFL);
    return self->signals < 0 ? -1 : 0;
}

// A pipe whose near end is ours alone and never blocks; the far end is the command's.
static int
open_pipe(int near_index, int *near_p, int *far_p)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    *near_p = ends[near_index];
    *far_p = ends[1 - near_index];
    return fcntl(*near_p, F_SETFL, O_NONBLOCK);
}

static int
wire_terminal(relay_t *self, child_process_plan_t *start)
{
    bool screen = !self->wiring.session;
    int outer = self->wiring.session || self->wiring.of[1] == WIRING_SCREEN ? 1 : 2;
    int slave = -1;
    self->terminal = terminal_new(self->wiring.session ? 0 : outer);
    if (!self->terminal ||
        terminal_open_inner(self->terminal, screen, &self->master, &slave) < 0)
        return -1;
    start->fds[outer] = slave;
    self->copies[outer] = copy_new(self->master, false, sink_new_shared(outer),
                                   (tap_kind_t) outer, self->plan->tap);
    if (screen)
        return 0;

    int input = fcntl(self->master, F_DUPFD_CLOEXEC, 3);
    if (input < 0)
        return -1;
    tap_t *tap = self->plan->watch_stdin ? self->plan->tap : NULL;
    self->copies[0] = copy_new(0, true, sink_new_own(input), TAP_STDIN, tap);
    start->fds[0] = slave;
    start->session_terminal = slave;
    start->user_terminal = 0;
    start->user_settings = terminal_settings(self->terminal);
    return 0;
}

static int
wire_pipe(relay_t *self, int fd, child_process_plan_t *start)
{
    int near = -1;
    int far = -1;
    if (open_pipe(fd == 0 ? 1 : 0, &near, &far) < 0)
        return -1;
    start->fds[fd] = far;
    if (fd == 0)
        self->copies[0] = copy_new(0, true, sink_new_own(near), TAP_STDIN, self->plan->tap);
    else
        self->copies[fd] =
            copy_new(near, false, sink_new_shared(fd), (tap_kind_t) fd, self->plan->tap);
    return 0;
}

// Between an MCP server and its client, when they talk by a pipe: what goes to a terminal, or
// to one place with stderr, is for a person.
static void
set_gate(relay_t *self)
{
    bool diverts =
        self->plan->noise == RELAY_NOISE_TO_STDERR && self->wiring.of[2] != WIRING_AS_STDOUT;
    if (self->wiring.of[1] != WIRING_PIPE || !(diverts || self->plan->takes_words))
        return;
    // Without a descriptor for it, noise stays where it is.
    self->gate = mcp_gate_new(diverts ? sink_new_beside(2) : NULL);
    copy_set_gate(self->copies[1], self->gate);
    self->hears = self->plan->takes_words && self->plan->tap;
}

static int
wire(relay_t *self, child_process_plan_t *start)
{
    bool terminal = false;
    for (int fd = 0; fd < 3; fd++) {
        wiring_kind_t kind = self->wiring.of[fd];
        start->fds[fd] = kind == WIRING_CLOSED ? -1 : fd;
        terminal = terminal || kind == WIRING_TERMINAL || kind == WIRING_SCREEN;
    }
    start->session_terminal = start->user_terminal = -1;
    if (terminal && wire_terminal(self, start) < 0)
        return -1;
    for (int fd = 0; fd < 3; fd++)
        if (self->wiring.of[fd] == WIRING_PIPE && wire_pipe(self, fd, start) < 0)
            return -1;
    if (self->wiring.of[2] == WIRING_AS_STDOUT)
        start->fds[2] = start->fds[1];
    set_gate(self);
    return 0;
}

// What only the command should hold now: its ends, descriptors passed through, and a stdin that
// is not relayed, whose writer must see when the command closes it.
static void
let_go(const relay_t *self, const child_process_plan_t *start)
{
    for (int fd = 0; fd < 3; fd++)
        if (start->fds[fd] >= 3 && !(fd == 2 && start->fds[2] == start->fds[1]) &&
            !(fd == 1 && start->fds[1] == start->fds[0]))
            close(start->fds[fd]);
    for (size_t i = 0; i < self->plan->inherited_count; i++)
        close(self->plan->inherited[i]);
    if (self->wiring.of[0] == WIRING_INHERIT) {
        int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (nothing >= 0) {
            (void) dup3(nothing, 0, O_CLOEXEC);
            close(nothing);
        }
    }
}

// ---- while it runs ----

static void
set_foreground(relay_t *self, bool foreground)
{
    self->foreground = foreground;
    if (foreground) {
        terminal_set_raw(self->terminal);
        terminal_renew_inner(self->terminal, self->master);
    }
    if (self->copies[0])
        copy_pause(self->copies[0], !foreground);
    child_process_set_foreground(self->child, foreground);
}

static bool
is_terminal_stop(int number)
{
    return number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
}

static void
on_stopped(relay_t *self, int number)
{
    if (!self->wiring.session) {
        // A stop sent to the command alone is left alone: who sent it will continue it.
        if (is_terminal_stop(number)) {
            own_fate_stop(number, false);
            child_process_signal(self->child, SIGCONT, false);
        }
        return;
    }
    bool wants_terminal = number == SIGTTIN || number == SIGTTOU;
    if (!(wants_terminal && !self->foreground && terminal_is_ours(self->terminal))) {
        terminal_restore(self->terminal);
        own_fate_stop(number, number != SIGSTOP);
        terminal_pass_size(self->terminal, self->master);
    }
    set_foreground(self, terminal_is_ours(self->terminal));
    child_process_signal(self->child, SIGCONT, false);
}

static void
on_copied(relay_t *self, int fd)
{
    if (!copy_is_done(self->copies[fd]))
        return;
    // Said now: stderr may be closed by the time the command ends.
    int error = copy_error(self->copies[fd]);
    if (fd > 0 && error)
        fprintf(stderr, "aidermesh-stdio-bridge: cannot write the command's output: %s\n",
                strerror(error));
    // Who reads stdout and stderr as one must see the end when the command closed both.
    if (fd == 1 && self->wiring.of[2] == WIRING_AS_STDOUT && !self->wiring.session &&
        !self->ended) {
        int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (nothing >= 0) {
            (void) dup3(nothing, 2, O_CLOEXEC);
            close(nothing);
        }
    }
}

static void
on_ended(relay_t *self, int status)
{
    self->ended = true;
    self->status = status;
    self->ended_ns = mesh_clock_mono_ns();
    copy_destroy(&self->copies[0]);
    for (int fd = 1; fd < COPIES; fd++)
        if (self->copies[fd] && !copy_is_done(self->copies[fd])) {
            copy_finish(self->copies[fd]);
            on_copied(self, fd);
        }
}

static void
on_child_changed(relay_t *self)
{
    int value = 0;
    child_process_change_t change;
    while ((change = child_process_next(self->child, &value)) != CHILD_PROCESS_NOTHING) {
        if (change == CHILD_PROCESS_ENDED)
            on_ended(self, value);
        else
            on_stopped(self, value);
    }
}

static void
on_size_changed(relay_t *self, const struct signalfd_siginfo *signal)
{
    bool by_terminal = signal->ssi_code == SI_KERNEL;
    if (self->terminal)
        terminal_pass_size(self->terminal, self->master);
    // Where the command's controlling terminal is the user's, it was told before we could pass
    // the size on: tell it again.
    if (!self->wiring.session && (self->terminal || !by_terminal))
        child_process_signal(self->child, SIGWINCH, false);
}

static void
on_signal(relay_t *self, const struct signalfd_siginfo *signal)
{
    int number = (int) signal->ssi_signo;
    bool by_terminal = signal->ssi_code == SI_KERNEL;
    if (number == SIGCHLD) {
        on_child_changed(self);
        if (self->plan->observer > 0)
            (void) waitpid(self->plan->observer, NULL, WNOHANG);
        return;
    }
    if (self->ended) {
        self->hurried =
            self->hurried || (number != SIGWINCH && number != SIGCONT && number != SIGTSTP);
        return;
    }
    if (number == SIGWINCH) {
        on_size_changed(self, signal);
        return;
    }
    if (number == SIGCONT && self->wiring.session)
        set_foreground(self, terminal_is_ours(self->terminal));
    // What a terminal sends, it sends to the command's group itself, unless that has a
    // terminal of its own.
    if (!by_terminal || self->wiring.session)
        child_process_signal(self->child, number, by_terminal);
}

static void
on_signals(relay_t *self)
{
    struct signalfd_siginfo signal;
    while (read(self->signals, &signal, sizeof signal) == (ssize_t) sizeof signal)
        on_signal(self, &signal);
}

// The observer has something for the client of an MCP server.
static void
on_word(relay_t *self)
{
    relay_word_t word;
    ssize_t size = tap_hear(self->plan->tap, &word, sizeof word);
    const size_t head_bytes = offsetof(relay_word_t, line);
    if (size < 0)
        self->hears = false;
    else if ((size_t) size > head_bytes && !self->ended)
        (void) copy_let_in(self->copies[1], (const uint8_t *) word.line,
                           (size_t) size - head_bytes, word.seen_bytes);
}

static bool
is_done(const relay_t *self)
{
    if (!self->ended)
        return false;
    if (self->hurried)
        return true;
    for (int fd = 1; fd < COPIES; fd++)
        if (self->copies[fd] && !copy_is_done(self->copies[fd]))
            return false;
    return true;
}

static void
prepare(relay_t *self, struct pollfd polls[POLLS])
{
    polls[POLL_SIGNALS] = (struct pollfd){.fd = self->signals, .events = POLLIN};
    polls[POLL_CHILD] = (struct pollfd){
        .fd = self->ended ? -1 : child_process_fd(self->child),
        .events = POLLIN,
    };
    polls[POLL_WORDS] = (struct pollfd){
        .fd = self->hears ? tap_fd(self->plan->tap) : -1,
        .events = POLLIN,
    };
    polls[POLL_ASIDE] = (struct pollfd){
        .fd = self->gate ? mcp_gate_aside_fd(self->gate) : -1,
        .events = POLLOUT,
    };
    for (int fd = 0; fd < COPIES; fd++) {
        struct pollfd *of_copy = polls + POLL_COPIES + (ptrdiff_t) fd * COPY_POLLS;
        of_copy[0].fd = of_copy[1].fd = -1;
        if (self->copies[fd])
            copy_prepare(self->copies[fd], of_copy);
    }
}

static void
loop(relay_t *self)
{
    while (!is_done(self)) {
        struct pollfd polls[POLLS];
        prepare(self, polls);
        if (poll(polls, POLLS, -1) < 0)
            continue;    // EINTR; nothing else is possible with these arguments
        for (int fd = 0; fd < COPIES; fd++)
            if (self->copies[fd] && !copy_is_done(self->copies[fd])) {
                copy_proceed(self->copies[fd],
                             polls + POLL_COPIES + (ptrdiff_t) fd * COPY_POLLS);
                on_copied(self, fd);
            }
        if (polls[POLL_ASIDE].revents)
            mcp_gate_write_aside(self->gate);
        if (polls[POLL_WORDS].revents)
            on_word(self);
        if (polls[POLL_SIGNALS].revents)
            on_signals(self);
        if (polls[POLL_CHILD].revents)
            on_child_changed(self);
    }
}

// ---- after it ended ----

// Something the command started still holds its output. The shell learns the command's status
// now, and what comes later is passed on by a process of its own, as if it were written
// directly.
static void
leave_open_copies(relay_t *self, const sigset_t *mask)
{
    bool open = false;
    for (int fd = 1; fd < COPIES; fd++)
        open = open || (self->copies[fd] && copy_is_left_open(self->copies[fd]));
    if (!open || self->hurried || fork() != 0)
        return;
    close(self->signals);
    self->signals = -1;
    self->hears = false;
    sigset_t quiet = *mask;
    sigaddset(&quiet, SIGPIPE);
    sigprocmask(SIG_SETMASK, &quiet, NULL);
    for (int fd = 1; fd < COPIES; fd++) {
        if (self->copies[fd] && copy_is_left_open(self->copies[fd]))
            copy_resume(self->copies[fd]);
        else
            copy_destroy(&self->copies[fd]);
    }
    loop(self);
    _exit(0);
}

// Bytes that the command had handed to us could not be written.
static bool
has_lost_output(const relay_t *self)
{
    for (int fd = 1; fd < COPIES; fd++)
        if (self->copies[fd] && copy_error(self->copies[fd]))
            return true;
    return false;
}

static void
close_all(relay_t *self)
{
    terminal_destroy(&self->terminal);
    child_process_destroy(&self->child);
    for (int fd = 0; fd < COPIES; fd++)
        copy_destroy(&self->copies[fd]);
    mcp_gate_destroy(&self->gate);
    if (self->signals >= 0)
        close(self->signals);
}

static int
failed_status(int error)
{
    return error == ENOENT ? MESH_EXIT_NOT_FOUND : MESH_EXIT_NOT_EXECUTABLE;
}

int
relay_run(const relay_plan_t *plan, int *status_p)
{
    relay_t self = {.plan = plan, .master = -1, .signals = -1};
    child_process_plan_t start = {.words = plan->words, .environment = plan->environment};
    wiring_question_t question = wiring_ask(plan->closed, plan->watch_stdin);
    self.wiring = wiring_decide(&question);

    if (take_signals(&self, &start) < 0 || wire(&self, &start) < 0) {
        (void) say_failure("cannot prepare to run the command", errno, MESH_EXIT_BRIDGE_FAILED,
                           status_p);
        close_all(&self);
        return -1;
    }
    start.foreground = self.wiring.session && terminal_is_ours(self.terminal);
    if (start.foreground)
        terminal_set_raw(self.terminal);
    bool executing = false;
    int error = 0;
    self.child = child_process_start(&start, &executing, &error);
    if (!self.child) {
        terminal_destroy(&self.terminal);
        (void) say_failure(executing ? plan->words[0] : "cannot start a process", error,
                           executing ? failed_status(error) : MESH_EXIT_BRIDGE_FAILED,
                           status_p);
        close_all(&self);
        return -1;
    }
    let_go(&self, &start);
    if (self.wiring.session)
        set_foreground(&self, start.foreground);
    loop(&self);

    if (plan->tap)
        tap_end(plan->tap, self.status, self.ended_ns);
    if (self.terminal)
        terminal_restore(self.terminal);
    leave_open_copies(&self, &start.mask);
    *status_p = self.status;
    int outcome = 0;
    if (self.status == 0 && has_lost_output(&self)) {
        *status_p = MESH_EXIT_BRIDGE_FAILED;
        outcome = -1;
    }
    close_all(&self);
    return outcome;
}
