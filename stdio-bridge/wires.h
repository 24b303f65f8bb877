// wires - what stands between the user's descriptors and the command's, as wiring says
// SPDX-License-Identifier: MPL-2.0
#ifndef WIRES_H
#define WIRES_H

#include <stdbool.h>
#include <stddef.h>

#include "child_process.h"
#include "copy.h"
#include "mcp_gate.h"
#include "terminal.h"
#include "wiring.h"

enum { WIRES_COPIES = 3 };

typedef struct wires_plan {
    bool watch_stdin;      // what the command is given goes into the tap, too
    bool diverts_noise;    // what an MCP server prints beside its messages goes to stderr
    bool takes_words;      // lines of ours are let in between an MCP server's messages
    tap_t *tap;            // borrowed; NULL when nobody observes
} wires_plan_t;

typedef struct wires {
    wiring_t wiring;
    copy_t *copies[WIRES_COPIES];    // by descriptor number; NULL where nothing is relayed
    mcp_gate_t *gate;                // of stdout; NULL where it passes as it is
    terminal_t *terminal;            // the user's; NULL when no terminal is involved
    int master;                      // ours of the inner terminal; -1
    int shown;                       // which copy shows what is written there; -1
} wires_t;

// Open what the wiring asks for, and say in start what becomes the command's.
// Returns 0, or -1 with errno: then wires_abandon follows.
int wires_open(wires_t *self, const wiring_t *wiring, const wires_plan_t *plan,
               child_process_plan_t *start);

// The command runs: let go of what only it should hold now: its ends, descriptors passed
// through to it, and a stdin that is not relayed, whose writer must see when the command closes
// it.
void wires_let_go(const wires_t *self, const child_process_plan_t *start, const int *inherited,
                  size_t inherited_count);

// Nothing more comes of the command's output.
bool wires_are_done(const wires_t *self);

// The command has ended, but something it started still holds its output; and go on with that
// alone, as of copy_resume.
bool wires_are_left_open(const wires_t *self);
void wires_resume(wires_t *self);

// Bytes that the command had handed to us could not be written.
bool wires_lost_output(const wires_t *self);

// Restore the user's terminal and close everything.
void wires_close(wires_t *self);

// Forget everything, with the user's descriptors as they were: another program takes over this
// process, and what is ours closes by that.
void wires_abandon(wires_t *self);

#endif
