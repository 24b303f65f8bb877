// relay - runs the command and passes its bytes on, unchanged and never kept waiting
// SPDX-License-Identifier: MPL-2.0
//
// What the user's shell sees is what the command would have shown it: bytes, order, exit
// status, signals, job control. Everything else the bridge does happens in another process.
#ifndef RELAY_H
#define RELAY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "mcp_gate.h"
#include "tap.h"

typedef enum {
    RELAY_NOISE_KEPT,    // all that comes passes; what is not an MCP server has this
    RELAY_NOISE_TO_STDERR,
} relay_noise_t;

// A line for the client of an MCP server, by tap_say: let in on stdout where mcp_gate allows.
typedef struct relay_word {
    uint64_t seen_bytes;               // of the server's stdout
    char line[MCP_GATE_LINE_BYTES];    // as much of it as the word is long, with its newline
} relay_word_t;

typedef struct relay_plan {
    char *const *words;          // the command and its arguments, NULL-ended
    char *const *environment;    // the command's
    bool watch_stdin;            // copy what the command is given, too
    relay_noise_t noise;         // where what an MCP server prints beside its messages goes
    bool takes_words;            // what the observer says by relay_word_t is let in on stdout
    bool closed[3];              // descriptors the user had closed
    const int *inherited;        // other descriptors that are meant for the command only
    size_t inherited_count;
    tap_t *tap;    // borrowed; NULL when nobody observes
    // Called once when the command runs, with what belongs to nobody but it closed, to start
    // the observer: the command does not wait for that. Returns a child of ours to wait for
    // when it ends early, or -1. NULL for nothing.
    pid_t (*on_started)(void *arg);
    void *arg;
} relay_plan_t;

typedef enum {
    RELAY_ENDED,          // the command ran; *status_p is as wait(2) gives it
    RELAY_OUTPUT_LOST,    // the same, but *status_p is an exit status of exit_status.h: a
                          // command that called itself successful has written what could not be
                          // passed on
    RELAY_NOT_EXECUTED,    // it cannot be executed; that has been said, *status_p as above
    RELAY_UNABLE,    // no relay could be set up (errno says why). The command has not been
                     // started, and this process is as it was: it may become the command
} relay_outcome_t;

// Run the command to its end.
relay_outcome_t relay_run(const relay_plan_t *plan, int *status_p);

#endif
