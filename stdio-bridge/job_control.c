// job_control - the command is in the foreground, stopped and sized as the bridge itself is
// SPDX-License-Identifier: MPL-2.0
#include "job_control.h"

#include <assert.h>
#include <signal.h>

#include "own_fate.h"

// copy_filter_fn
static size_t
undo_newlines(void *arg, uint8_t *bytes, size_t size)
{
    const job_control_t *self = arg;
    return terminal_undo_newlines(self->wires->terminal, bytes, size);
}

void
job_control_set_foreground(job_control_t *self, bool foreground)
{
    assert(self && self->child);
    self->foreground = foreground;
    if (foreground) {
        terminal_set_raw(self->wires->terminal);
        terminal_renew_inner(self->wires->terminal);
    }
    if (self->wires->copies[0])
        copy_pause(self->wires->copies[0], !foreground);
    copy_filter(self->wires->copies[1], foreground ? NULL : undo_newlines, self);
    child_process_set_foreground(self->child, foreground);
}

static bool
is_terminal_stop(int number)
{
    return number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
}

void
job_control_stopped(job_control_t *self, int number)
{
    assert(self && self->child);
    if (!self->wires->wiring.session) {
        // A stop sent to the command alone is left alone: who sent it will continue it.
        if (is_terminal_stop(number)) {
            own_fate_stop(number, false);
            child_process_signal(self->child, SIGCONT);
        }
        return;
    }
    bool wants_terminal = number == SIGTTIN || number == SIGTTOU;
    if (!(wants_terminal && !self->foreground && terminal_is_ours(self->wires->terminal))) {
        terminal_adopt(self->wires->terminal);
        terminal_restore(self->wires->terminal);
        own_fate_stop(number, number != SIGSTOP);
        terminal_pass_size(self->wires->terminal);
    }
    job_control_set_foreground(self, terminal_is_ours(self->wires->terminal));
    child_process_signal(self->child, SIGCONT);
}

void
job_control_continued(job_control_t *self)
{
    assert(self && self->child);
    if (self->wires->wiring.session)
        job_control_set_foreground(self, terminal_is_ours(self->wires->terminal));
}

void
job_control_resized(const job_control_t *self, bool by_terminal)
{
    assert(self && self->child);
    if (self->wires->terminal)
        terminal_pass_size(self->wires->terminal);
    // Where the command's controlling terminal is the user's, it was told before we could pass
    // the size on: tell it again.
    if (!self->wires->wiring.session && (self->wires->terminal || !by_terminal))
        child_process_signal(self->child, SIGWINCH);
}
