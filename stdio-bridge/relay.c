// relay - runs the command and passes its bytes on, unchanged and never kept waiting
// SPDX-License-Identifier: MPL-2.0
#include "relay.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child_process.h"
#include "descriptors.h"
#include "job_control.h"
#include "mesh/clock.h"
#include "mesh/exit_status.h"
#include "taken_signals.h"
#include "terminal.h"
#include "wires.h"

enum {
    POLL_SIGNALS = 0,
    POLL_CHILD,
    POLL_WORDS,
    POLL_ASIDE,
    POLL_COPIES,
    POLLS = POLL_COPIES + WIRES_COPIES * COPY_POLLS,
};

// At the end, how long a stderr that takes nothing of a server's noise is waited for.
enum { ASIDE_PATIENCE_MS = 1000 };

typedef struct relay {
    const relay_plan_t *plan;
    wires_t wires;
    bool hears;     // the observer's words
    int signals;    // signalfd
    child_process_t *child;
    pid_t observer;    // our child, waited for when it ends early; 0 for none
    job_control_t job;
    bool ended;
    bool hurried;    // told to stop while passing on the last bytes
    int status;
    uint64_t ended_ns;
    uint64_t aside_ns;    // since when stderr takes nothing, at the end; 0 before that
} relay_t;

// ---- while it runs ----

static void
on_copied(relay_t *self, int fd)
{
    if (!copy_is_done(self->wires.copies[fd]))
        return;
    if (fd == self->wires.shown)
        terminal_leave_inner(self->wires.terminal);
    // Said now: stderr may be closed by the time the command ends.
    int error = copy_error(self->wires.copies[fd]);
    if (fd > 0 && error)
        fprintf(stderr, "aidermesh-stdio-bridge: cannot write the command's output: %s\n",
                strerror(error));
    // Who reads stdout and stderr as one must see the end when the command closed both.
    if (fd == 1 && self->wires.wiring.of[2] == WIRING_AS_STDOUT &&
        !self->wires.wiring.session && !self->ended)
        descriptors_blank(2);
}

static void
on_ended(relay_t *self, int status)
{
    self->ended = true;
    self->status = status;
    self->ended_ns = mesh_clock_mono_ns();
    copy_destroy(&self->wires.copies[0]);
    for (int fd = 1; fd < WIRES_COPIES; fd++)
        if (self->wires.copies[fd] && !copy_is_done(self->wires.copies[fd])) {
            copy_finish(self->wires.copies[fd]);
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
            job_control_stopped(&self->job, value);
    }
}

// The session goes on without it. Only who installed the bridge can mend what it lacks, so it
// is said, once.
static void
on_observer_ended(relay_t *self, int status)
{
    self->observer = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0 && !self->ended)
        (void) dprintf(STDERR_FILENO,
                       "aidermesh-stdio-bridge: the observer ended with status %d; the session "
                       "goes on unobserved%s\n",
                       WEXITSTATUS(status), self->wires.terminal ? "\r" : "");
}

static void
on_children(relay_t *self)
{
    int status = 0;
    if (self->observer > 0 && waitpid(self->observer, &status, WNOHANG) == self->observer)
        on_observer_ended(self, status);
}

// Pass a signal on that was not sent by a terminal to all of us.
static void
pass_on(relay_t *self, int number, bool by_terminal)
{
    if (number == SIGTERM)
        child_process_stop(self->child, number);
    else if (by_terminal)
        child_process_signal_group(self->child, number);
    else
        child_process_signal(self->child, number);
}

static void
on_signal(relay_t *self, const struct signalfd_siginfo *signal)
{
    int number = (int) signal->ssi_signo;
    bool by_terminal = signal->ssi_code == SI_KERNEL;
    if (number == SIGCHLD) {
        on_children(self);
        return;
    }
    if (self->ended) {
        self->hurried =
            self->hurried || (number != SIGWINCH && number != SIGCONT && number != SIGTSTP);
        return;
    }
    if (number == SIGWINCH) {
        job_control_resized(&self->job, by_terminal);
        return;
    }
    if (number == SIGCONT)
        job_control_continued(&self->job);
    // What a terminal sends, it sends to the command's group itself, unless that has a
    // terminal of its own.
    if (!by_terminal || self->wires.wiring.session)
        pass_on(self, number, by_terminal);
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
        (void) copy_let_in(self->wires.copies[1], (const uint8_t *) word.line,
                           (size_t) size - head_bytes, word.seen_bytes);
}

// How long the end may still wait for stderr to take a server's noise: 0 for no more. A process
// of its own does that where something still holds the output.
static int
aside_wait_ms(relay_t *self)
{
    if (!self->wires.gate || mcp_gate_aside_fd(self->wires.gate) < 0 ||
        wires_are_left_open(&self->wires))
        return 0;
    uint64_t now_ns = mesh_clock_mono_ns();
    if (self->aside_ns == 0)
        self->aside_ns = now_ns;
    uint64_t waited_ms = (now_ns - self->aside_ns) / 1000000;
    return waited_ms < ASIDE_PATIENCE_MS ? ASIDE_PATIENCE_MS - (int) waited_ms : 0;
}

// Returns how long to wait for something to happen, -1 for ever, or 0 when all is done.
static int
wait_ms(relay_t *self)
{
    if (!self->ended)
        return -1;
    if (self->hurried)
        return 0;
    return wires_are_done(&self->wires) ? aside_wait_ms(self) : -1;
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
        .fd = self->wires.gate ? mcp_gate_aside_fd(self->wires.gate) : -1,
        .events = POLLOUT,
    };
    for (int fd = 0; fd < WIRES_COPIES; fd++) {
        struct pollfd *of_copy = polls + POLL_COPIES + (ptrdiff_t) fd * COPY_POLLS;
        of_copy[0].fd = of_copy[1].fd = -1;
        if (self->wires.copies[fd])
            copy_prepare(self->wires.copies[fd], of_copy);
    }
}

static void
loop(relay_t *self)
{
    int timeout_ms = 0;
    while ((timeout_ms = wait_ms(self)) != 0) {
        struct pollfd polls[POLLS];
        prepare(self, polls);
        if (poll(polls, POLLS, timeout_ms) < 0)
            continue;    // EINTR; nothing else is possible with these arguments
        for (int fd = 0; fd < WIRES_COPIES; fd++)
            if (self->wires.copies[fd] && !copy_is_done(self->wires.copies[fd])) {
                copy_proceed(self->wires.copies[fd],
                             polls + POLL_COPIES + (ptrdiff_t) fd * COPY_POLLS);
                on_copied(self, fd);
            }
        if (polls[POLL_ASIDE].revents && mcp_gate_write_aside(self->wires.gate))
            self->aside_ns = 0;
        if (polls[POLL_WORDS].revents)
            on_word(self);
        // Before a command's end: what is sent to the whole group has come to us by then, too,
        // but perhaps after poll had looked.
        if (polls[POLL_SIGNALS].revents || polls[POLL_CHILD].revents)
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
    if (!wires_are_left_open(&self->wires) || self->hurried)
        return;
    pid_t keeper = fork();
    if (keeper > 0 && self->wires.gate)
        mcp_gate_forget_aside(self->wires.gate);
    if (keeper != 0)
        return;
    close(self->signals);
    self->signals = -1;
    self->hears = false;
    sigset_t quiet = *mask;
    sigaddset(&quiet, SIGPIPE);
    sigprocmask(SIG_SETMASK, &quiet, NULL);
    wires_resume(&self->wires);
    loop(self);
    mcp_gate_destroy(&self->wires.gate);
    _exit(0);
}

static void
close_all(relay_t *self)
{
    wires_close(&self->wires);
    child_process_destroy(&self->child);
    close(self->signals);
}

static int
failed_status(int error)
{
    return error == ENOENT ? MESH_EXIT_NOT_FOUND : MESH_EXIT_NOT_EXECUTABLE;
}

// Everything that stands between, and the command.
static relay_outcome_t
start(relay_t *self, child_process_plan_t *start, int *status_p)
{
    const relay_plan_t *plan = self->plan;
    wiring_question_t question = wiring_ask(plan->closed, plan->watch_stdin);
    wiring_t wiring = wiring_decide(&question);
    wires_plan_t wires = {
        .watch_stdin = plan->watch_stdin,
        .diverts_noise = plan->noise == RELAY_NOISE_TO_STDERR,
        .takes_words = plan->takes_words,
        .tap = plan->tap,
    };
    self->signals = taken_signals_open(&start->mask, &start->ignores_child_signal);
    if (self->signals < 0 || wires_open(&self->wires, &wiring, &wires, start) < 0)
        goto unable;

    start->foreground = wiring.session && terminal_is_ours(self->wires.terminal);
    if (start->foreground)
        terminal_set_raw(self->wires.terminal);
    bool executing = false;
    int error = 0;
    self->child = child_process_start(start, &executing, &error);
    if (self->child)
        return RELAY_ENDED;
    errno = error;
    if (!executing)
        goto unable;
    terminal_destroy(&self->wires.terminal);
    fprintf(stderr, "aidermesh-stdio-bridge: %s: %s\n", plan->words[0], strerror(error));
    wires_close(&self->wires);
    close(self->signals);
    *status_p = failed_status(error);
    return RELAY_NOT_EXECUTED;

unable:
    error = errno;
    wires_abandon(&self->wires);
    taken_signals_close(&self->signals, &start->mask, start->ignores_child_signal);
    errno = error;
    return RELAY_UNABLE;
}

relay_outcome_t
relay_run(const relay_plan_t *plan, int *status_p)
{
    relay_t self = {.plan = plan, .signals = -1};
    child_process_plan_t child = {.words = plan->words, .environment = plan->environment};
    relay_outcome_t outcome = start(&self, &child, status_p);
    if (outcome != RELAY_ENDED)
        return outcome;

    self.job = (job_control_t){.wires = &self.wires, .child = self.child};
    wires_let_go(&self.wires, &child, plan->inherited, plan->inherited_count);
    if (self.wires.wiring.session)
        job_control_set_foreground(&self.job, child.foreground);
    if (plan->on_started)
        self.observer = plan->on_started(plan->arg);
    self.hears = self.wires.gate && plan->takes_words && self.observer > 0;
    loop(&self);

    if (plan->tap)
        tap_end(plan->tap, self.status, self.ended_ns);
    if (self.wires.terminal) {
        terminal_adopt(self.wires.terminal);
        terminal_restore(self.wires.terminal);
    }
    leave_open_copies(&self, &child.mask);
    *status_p = self.status;
    if (self.status == 0 && wires_lost_output(&self.wires)) {
        *status_p = MESH_EXIT_BRIDGE_FAILED;
        outcome = RELAY_OUTPUT_LOST;
    }
    close_all(&self);
    return outcome;
}
