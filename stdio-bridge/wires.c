// wires - what stands between the user's descriptors and the command's, as wiring says
// SPDX-License-Identifier: MPL-2.0
#include "wires.h"

#include <fcntl.h>
#include <unistd.h>

#include "descriptors.h"

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
wire_terminal(wires_t *self, const wires_plan_t *plan, child_process_plan_t *start)
{
    bool screen = !self->wiring.session;
    int outer = self->wiring.session || self->wiring.of[1] == WIRING_SCREEN ? 1 : 2;
    int slave = -1;
    self->terminal = terminal_new(self->wiring.session ? 0 : outer);
    if (!self->terminal ||
        terminal_open_inner(self->terminal, screen, &self->master, &slave) < 0)
        return -1;
    self->shown = outer;
    start->fds[outer] = slave;
    self->copies[outer] =
        copy_new(self->master, false, sink_new_shared(outer), (tap_kind_t) outer, plan->tap);
    if (screen)
        return 0;

    int input = fcntl(self->master, F_DUPFD_CLOEXEC, 3);
    if (input < 0)
        return -1;
    tap_t *tap = plan->watch_stdin ? plan->tap : NULL;
    self->copies[0] = copy_new(0, true, sink_new_own(input), TAP_STDIN, tap);
    start->fds[0] = slave;
    start->session_terminal = slave;
    start->user_terminal = terminal_fd(self->terminal);
    start->user_settings = terminal_settings(self->terminal);
    return 0;
}

static int
wire_pipe(wires_t *self, int fd, tap_t *tap, child_process_plan_t *start)
{
    int near = -1;
    int far = -1;
    if (open_pipe(fd == 0 ? 1 : 0, &near, &far) < 0)
        return -1;
    start->fds[fd] = far;
    if (fd == 0)
        self->copies[0] = copy_new(0, true, sink_new_own(near), TAP_STDIN, tap);
    else
        self->copies[fd] = copy_new(near, false, sink_new_shared(fd), (tap_kind_t) fd, tap);
    return 0;
}

// Between an MCP server and its client, when they talk by a pipe: what goes to a terminal, or
// to one place with stderr, is for a person.
static void
set_gate(wires_t *self, const wires_plan_t *plan)
{
    bool diverts = plan->diverts_noise && self->wiring.of[2] != WIRING_AS_STDOUT;
    if (self->wiring.of[1] != WIRING_PIPE || !(diverts || plan->takes_words))
        return;
    // Without a descriptor for it, noise stays where it is.
    self->gate = mcp_gate_new(diverts ? sink_new_beside(2) : NULL);
    copy_set_gate(self->copies[1], self->gate);
}

int
wires_open(wires_t *self, const wiring_t *wiring, const wires_plan_t *plan,
           child_process_plan_t *start)
{
    bool terminal = false;
    *self = (wires_t){.wiring = *wiring, .master = -1, .shown = -1};
    for (int fd = 0; fd < 3; fd++) {
        wiring_kind_t kind = wiring->of[fd];
        start->fds[fd] = kind == WIRING_CLOSED ? -1 : fd;
        terminal = terminal || kind == WIRING_TERMINAL || kind == WIRING_SCREEN;
    }
    start->session_terminal = start->user_terminal = -1;
    if (terminal && wire_terminal(self, plan, start) < 0)
        return -1;
    for (int fd = 0; fd < 3; fd++)
        if (wiring->of[fd] == WIRING_PIPE && wire_pipe(self, fd, plan->tap, start) < 0)
            return -1;
    if (wiring->of[2] == WIRING_AS_STDOUT)
        start->fds[2] = start->fds[1];
    set_gate(self, plan);
    return 0;
}

void
wires_let_go(const wires_t *self, const child_process_plan_t *start, const int *inherited,
             size_t inherited_count)
{
    for (int fd = 0; fd < 3; fd++)
        if (start->fds[fd] >= 3 && !(fd == 2 && start->fds[2] == start->fds[1]) &&
            !(fd == 1 && start->fds[1] == start->fds[0]))
            close(start->fds[fd]);
    for (size_t i = 0; i < inherited_count; i++)
        close(inherited[i]);
    if (self->wiring.of[0] == WIRING_INHERIT)
        descriptors_blank(0);
}

bool
wires_are_done(const wires_t *self)
{
    for (int fd = 1; fd < WIRES_COPIES; fd++)
        if (self->copies[fd] && !copy_is_done(self->copies[fd]))
            return false;
    return true;
}

static bool
is_left_open(const copy_t *copy)
{
    return copy && copy_is_left_open(copy);
}

bool
wires_are_left_open(const wires_t *self)
{
    return is_left_open(self->copies[1]) || is_left_open(self->copies[2]);
}

void
wires_resume(wires_t *self)
{
    for (int fd = 1; fd < WIRES_COPIES; fd++) {
        if (is_left_open(self->copies[fd]))
            copy_resume(self->copies[fd]);
        else
            copy_destroy(&self->copies[fd]);
    }
}

bool
wires_lost_output(const wires_t *self)
{
    for (int fd = 1; fd < WIRES_COPIES; fd++)
        if (self->copies[fd] && copy_error(self->copies[fd]))
            return true;
    return false;
}

void
wires_close(wires_t *self)
{
    terminal_destroy(&self->terminal);
    for (int fd = 0; fd < WIRES_COPIES; fd++)
        copy_destroy(&self->copies[fd]);
    mcp_gate_destroy(&self->gate);
}

void
wires_abandon(wires_t *self)
{
    terminal_destroy(&self->terminal);
    for (int fd = 0; fd < WIRES_COPIES; fd++)
        copy_abandon(&self->copies[fd]);
    mcp_gate_destroy(&self->gate);
}
