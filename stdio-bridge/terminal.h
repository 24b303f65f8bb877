// terminal - the user's terminal around a session, and the pseudo-terminal within
// SPDX-License-Identifier: MPL-2.0
#ifndef TERMINAL_H
#define TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

typedef struct terminal terminal_t;

// The terminal behind fd, which may be closed afterwards, with its settings as they are now.
// Returns NULL with errno when fd is no terminal.
terminal_t *terminal_new(int fd);

// Restore it if need be.
void terminal_destroy(terminal_t **self_p);

// Our own descriptor of it, above 2. Borrowed.
int terminal_fd(const terminal_t *self);

// Whether our process group may use it. A terminal that is not our controlling one is free.
bool terminal_is_ours(const terminal_t *self);

// Pass every byte on untouched: no echo, no line editing, no signals from keys.
void terminal_set_raw(terminal_t *self);

// Back to what it was when terminal_set_raw was called.
void terminal_restore(terminal_t *self);

// Have terminal_restore leave what the command set on its own terminal (as `stty -echo` does),
// which without us would have been this one. Nothing while this one is not raw.
void terminal_adopt(terminal_t *self);

// Adopt, and let go of the terminal within: nothing comes from it any more, or goes there.
void terminal_leave_inner(terminal_t *self);

// What terminal_restore goes back to. Borrowed.
const struct termios *terminal_settings(const terminal_t *self);

// Open the pseudo-terminal within, once, with this terminal's settings and size; both ends
// close-on-exec, master non-blocking. A screen does not change what is written to it, since the
// user's terminal will. Returns 0, or -1 with errno.
int terminal_open_inner(terminal_t *self, bool screen, int *master_p, int *slave_p);

// Give it the settings that terminal_restore goes back to, where whoever uses it has not
// changed those it had: a session started in the background was given what the shell's line
// editor had set.
void terminal_renew_inner(terminal_t *self);

// Take back what the terminal within did to the ends of lines, where this one will do it again
// because it is not raw: our session is in the background. In place; returns the size that
// remains. (A pair that two reads have split stays.)
size_t terminal_undo_newlines(const terminal_t *self, uint8_t *bytes, size_t size);

// Give the terminal within the size that the user's terminal has now.
void terminal_pass_size(const terminal_t *self);

#endif
