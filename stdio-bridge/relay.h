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
    tap_t *tap;        // borrowed; NULL when nobody observes
    pid_t observer;    // our child, waited for when it ends early; 0 for none
} relay_plan_t;

// Run the command to its end.
// Returns 0 with *status_p as wait(2) gives it, or -1 with *status_p the exit status of
// exit_status.h for a command that could not be started; that has been said on stderr.
int relay_run(const relay_plan_t *plan, int *status_p);

#endif
