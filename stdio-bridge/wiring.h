// wiring - what stands between each of the user's descriptors 0, 1, 2 and the command's
// SPDX-License-Identifier: MPL-2.0
//
// The less stands between, the less can differ: a descriptor is only replaced where the bridge
// has to see its bytes, and only then by something of the same kind.
#ifndef WIRING_H
#define WIRING_H

#include <stdbool.h>

typedef enum {
    WIRING_INHERIT,      // the command has the user's own
    WIRING_CLOSED,       // closed, as the user's is
    WIRING_PIPE,         // a pipe, relayed
    WIRING_AS_STDOUT,    // the same as the command's stdout, so that the order is kept
    WIRING_TERMINAL,     // a pseudo-terminal of its own session, for input and output
    WIRING_SCREEN,       // a pseudo-terminal that only shows: no session, no keyboard
} wiring_kind_t;

typedef struct wiring_question {
    bool closed[3];
    bool terminal[3];
    bool stderr_is_stdout;    // 1 and 2 share one open file
    bool watch_stdin;         // mode mcp
} wiring_question_t;

typedef struct wiring {
    wiring_kind_t of[3];
    bool session;    // the command gets a session with a terminal of its own
} wiring_t;

// Decide:
// - stdin and stdout both terminals: a full pseudo-terminal, as script(1) has, for each of the
//   three that is one; raw mode outside, job control passed on.
// - stdout or stderr a terminal, but not stdin with stdout: the command keeps the user's
//   keyboard, process group and controlling terminal (so that `aider | less` leaves the keys to
//   less), and writes to a screen.
// - anything else that is watched: a pipe. stdin is watched in mode mcp only.
wiring_t wiring_decide(const wiring_question_t *question);

// Ask the kernel about this process's own descriptors. closed is as descriptors_fill_standard
// found it.
wiring_question_t wiring_ask(const bool closed[3], bool watch_stdin);

#endif
