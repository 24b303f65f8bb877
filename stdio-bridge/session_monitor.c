// session_monitor - leads the session of a command that runs on a terminal of its own
// SPDX-License-Identifier: MPL-2.0
#include "session_monitor.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "descriptors.h"

typedef struct monitor {
    int link;
    int terminal;         // the session's, slave end
    int user_terminal;    // or -1
    struct termios user_settings;
    pid_t command;
    pid_t foreground;    // the group that had the terminal when it was last taken away
} monitor_t;

static void
report(const monitor_t *self, int status)
{
    session_message_t message = {.verb = SESSION_REPORT_STATUS, .value = status};
    ssize_t sent = send(self->link, &message, sizeof message, MSG_NOSIGNAL);
    (void) sent;    // a bridge that is gone is noticed as the end of the link
}

// Report what became of the command. Ends the monitor with it.
static void
on_child_changed(monitor_t *self)
{
    int status = 0;
    while (waitpid(self->command, &status, WNOHANG | WUNTRACED) > 0) {
        report(self, status);
        if (!WIFSTOPPED(status)) {
            // The terminal's foreground group is sent SIGHUP when its session leader ends; let
            // that be us, since a plain shell does not hang up on what a command leaves behind.
            (void) tcsetpgrp(self->terminal, getpgrp());
            _exit(0);
        }
    }
}

static void
set_foreground(monitor_t *self, bool foreground)
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
on_message(monitor_t *self, const session_message_t *message)
{
    switch (message->verb) {
    case SESSION_SIGNAL:
        (void) kill(self->command, message->value);
        // A stopped command's group is continued as the shell continues a job.
        if (message->value == SIGCONT)
            (void) kill(-self->command, SIGCONT);
        break;
    case SESSION_SIGNAL_GROUP: {
        pid_t group = tcgetpgrp(self->terminal);
        if (group <= 0 || group == getpgrp())
            group = self->command;
        (void) kill(-group, message->value);
        break;
    }
    case SESSION_FOREGROUND:
        set_foreground(self, message->value != 0);
        break;
    case SESSION_REPORT_STATUS:
        break;
    }
}

// The bridge was killed: it could not do this itself.
static _Noreturn void
on_bridge_gone(const monitor_t *self)
{
    if (self->user_terminal >= 0)
        (void) tcsetattr(self->user_terminal, TCSANOW, &self->user_settings);
    (void) kill(-self->command, SIGHUP);
    (void) kill(-self->command, SIGCONT);
    _exit(1);
}

static _Noreturn void
watch(monitor_t *self, int signals)
{
    for (;;) {
        struct pollfd ready[] = {
            {.fd = self->link, .events = POLLIN},
            {.fd = signals, .events = POLLIN},
        };
        if (poll(ready, 2, -1) < 0 && errno != EINTR)
            _exit(1);
        if (ready[1].revents) {
            struct signalfd_siginfo taken;
            if (read(signals, &taken, sizeof taken) == (ssize_t) sizeof taken)
                on_child_changed(self);
        }
        if (ready[0].revents) {
            session_message_t message;
            ssize_t size = recv(self->link, &message, sizeof message, MSG_DONTWAIT);
            if (size == 0)
                on_bridge_gone(self);
            if (size == (ssize_t) sizeof message)
                on_message(self, &message);
        }
    }
}

void
session_monitor_run(const child_process_plan_t *plan, int link,
                    void (*command)(const child_process_plan_t *plan, int report),
                    int report_fd)
{
    (void) prctl(PR_SET_NAME, "bridge-session");
    monitor_t self = {.user_terminal = plan->user_terminal};
    sigset_t all;
    sigset_t child;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);

    if (setsid() < 0 || ioctl(plan->session_terminal, TIOCSCTTY, 0) < 0)
        return;
    if (self.user_terminal >= 0)
        self.user_settings = *plan->user_settings;

    self.command = fork();
    if (self.command < 0)
        return;
    if (self.command == 0) {
        (void) setpgid(0, 0);
        if (plan->foreground)
            (void) tcsetpgrp(plan->session_terminal, getpid());
        command(plan, report_fd);
    }
    (void) setpgid(self.command, self.command);
    self.foreground = self.command;

    int kept[] = {link, plan->session_terminal, self.user_terminal};
    int signals = -1;
    if (descriptors_keep_only(kept, 3, false) < 0 ||
        (signals = signalfd(-1, &child, SFD_CLOEXEC)) < 0) {
        (void) kill(self.command, SIGKILL);
        _exit(1);
    }
    self.link = kept[0];
    self.terminal = kept[1];
    self.user_terminal = kept[2];
    watch(&self, signals);
}
