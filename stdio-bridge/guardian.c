// guardian - stands between bridge and command: starts it, reports on it, clears up behind it
// SPDX-License-Identifier: MPL-2.0
#include "guardian.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "descendants.h"
#include "descriptors.h"

typedef struct guardian {
    int link;
    int child_signals;
    int terminal;         // the session's, slave end; -1 without a session
    int user_terminal;    // or -1
    const struct termios *user_settings;
    pid_t command;
    pid_t foreground;    // the group that had the terminal when it was last taken away
    int stop_signal;     // what the bridge was told to stop by; 0 when it was not
    bool ended;          // the command has
} guardian_t;

static void
report(const guardian_t *self, int status)
{
    guardian_message_t message = {.verb = GUARDIAN_REPORT_STATUS, .value = status};
    ssize_t sent = send(self->link, &message, sizeof message, MSG_NOSIGNAL);
    (void) sent;    // a bridge that is gone is noticed as the end of the link
}

static _Noreturn void
leave(const guardian_t *self)
{
    // The terminal's foreground group is sent SIGHUP when its session leader ends; let that be
    // us, since a plain shell does not hang up on what a command leaves behind.
    if (self->terminal >= 0)
        (void) tcsetpgrp(self->terminal, getpgrp());
    _exit(0);
}

// Whether the bridge was told to stop, too, the bridge knows: who signals its group may reach
// the command first. Its answer is GUARDIAN_STOP or GUARDIAN_LEAVE.
static void
on_ended(guardian_t *self, int status)
{
    self->ended = true;
    if (self->stop_signal)
        (void) descendants_end(self->stop_signal, self->child_signals);
    report(self, status);
    if (self->stop_signal)
        leave(self);
}

static void
on_child_changed(guardian_t *self)
{
    int status = 0;
    pid_t changed = 0;
    // Any child: what the command has left behind ends here, too.
    while ((changed = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
        if (changed != self->command)
            continue;
        if (WIFSTOPPED(status))
            report(self, status);
        else
            on_ended(self, status);
    }
}

static void
set_foreground(guardian_t *self, bool foreground)
{
    pid_t now = tcgetpgrp(self->terminal);
    if (foreground && now == getpgrp()) {
        // A group that has ended meanwhile cannot have it back; the command can.
        if (tcsetpgrp(self->terminal, self->foreground) < 0)
            (void) tcsetpgrp(self->terminal, self->command);
    } else if (!foreground && now != getpgrp()) {
        self->foreground = now;
        (void) tcsetpgrp(self->terminal, getpgrp());
    }
}

static void
signal_command(const guardian_t *self, int number)
{
    (void) kill(self->command, number);
    // A stopped command's group is continued as the shell continues a job. Without a session
    // the group is the user's, and the shell has done so.
    if (number == SIGCONT && self->terminal >= 0)
        (void) kill(-self->command, SIGCONT);
}

static void
signal_group(const guardian_t *self, int number)
{
    pid_t group = self->terminal >= 0 ? tcgetpgrp(self->terminal) : -1;
    if (group <= 0 || group == getpgrp())
        group = self->command;
    (void) kill(-group, number);
}

static void
on_stop(guardian_t *self, int number)
{
    self->stop_signal = number;
    if (!self->ended) {
        signal_command(self, number);
        return;
    }
    (void) descendants_end(number, self->child_signals);
    leave(self);
}

static void
on_message(guardian_t *self, const guardian_message_t *message)
{
    // The number of a command that has ended may be another's by now.
    if (self->ended && message->verb != GUARDIAN_STOP && message->verb != GUARDIAN_LEAVE)
        return;
    switch (message->verb) {
    case GUARDIAN_STOP:
        on_stop(self, message->value);
        break;
    case GUARDIAN_LEAVE:
        leave(self);
    case GUARDIAN_SIGNAL:
        signal_command(self, message->value);
        break;
    case GUARDIAN_SIGNAL_GROUP:
        signal_group(self, message->value);
        break;
    case GUARDIAN_FOREGROUND:
        set_foreground(self, message->value != 0);
        break;
    case GUARDIAN_REPORT_STATUS:
        break;
    }
}

// The bridge was killed: it could not do this itself.
static _Noreturn void
on_bridge_gone(const guardian_t *self)
{
    bool session = self->terminal >= 0;
    if (self->user_terminal >= 0)
        (void) tcsetattr(self->user_terminal, TCSANOW, self->user_settings);
    (void) descendants_end(session ? SIGHUP : SIGTERM, self->child_signals);
    _exit(1);
}

static _Noreturn void
watch(guardian_t *self)
{
    for (;;) {
        struct pollfd ready[] = {
            {.fd = self->link, .events = POLLIN},
            {.fd = self->child_signals, .events = POLLIN},
        };
        if (poll(ready, 2, -1) < 0 && errno != EINTR)
            _exit(1);
        if (ready[1].revents) {
            struct signalfd_siginfo taken;
            if (read(self->child_signals, &taken, sizeof taken) == (ssize_t) sizeof taken)
                on_child_changed(self);
        }
        if (ready[0].revents) {
            guardian_message_t message;
            ssize_t size = recv(self->link, &message, sizeof message, MSG_DONTWAIT);
            if (size == 0)
                on_bridge_gone(self);
            if (size == (ssize_t) sizeof message)
                on_message(self, &message);
        }
    }
}

// In the forked process: a command ends with its guardian, whoever kills that.
static _Noreturn void
be_command(const child_process_plan_t *plan, pid_t guardian,
           void (*command)(const child_process_plan_t *plan, int report), int report_fd)
{
    if (plan->session_terminal >= 0) {
        (void) setpgid(0, 0);
        if (plan->foreground)
            (void) tcsetpgrp(plan->session_terminal, getpid());
    }
    (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == guardian)
        command(plan, report_fd);
    _exit(1);
}

void
guardian_run(const child_process_plan_t *plan, int link,
             void (*command)(const child_process_plan_t *plan, int report), int report_fd)
{
    (void) prctl(PR_SET_NAME, "bridge-guardian");
    guardian_t self = {
        .link = link,
        .terminal = plan->session_terminal,
        .user_terminal = plan->user_terminal,
        .user_settings = plan->user_settings,
    };
    sigset_t all;
    sigset_t child;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    bool session = self.terminal >= 0;

    if (session && (setsid() < 0 || ioctl(self.terminal, TIOCSCTTY, 0) < 0))
        return;
    self.child_signals = signalfd(-1, &child, SFD_CLOEXEC);
    if (self.child_signals < 0 || descendants_inherit() < 0)
        return;

    pid_t guardian = getpid();
    self.command = fork();
    if (self.command < 0)
        return;
    if (self.command == 0)
        be_command(plan, guardian, command, report_fd);
    if (session)
        (void) setpgid(self.command, self.command);
    else
        (void) setsid();
    self.foreground = self.command;

    int kept[] = {link, self.child_signals, self.terminal, self.user_terminal};
    descriptors_close_others(kept, sizeof kept / sizeof *kept);
    watch(&self);
}
