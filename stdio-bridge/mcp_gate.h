// mcp_gate - stands before an MCP client's stdin: noise goes aside, a line of ours may come in
// SPDX-License-Identifier: MPL-2.0
//
// The server's messages pass as they are, in their order, and wait for nobody but the client.
// What else the server prints goes aside, to stderr, where the client reads that; what stderr
// does not take is left out after MCP_GATE_ASIDE_BYTES, and said there in a sentence.
//
// A line of ours is let in between two messages, and only when it was made by somebody who had
// seen the last message that has passed: so a progress notification can never follow the
// response that it did not know of.
#ifndef MCP_GATE_H
#define MCP_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sink.h"

typedef struct mcp_gate mcp_gate_t;

enum {
    MCP_GATE_LINE_BYTES = 4096,          // most of a line of ours, with its newline
    MCP_GATE_ASIDE_BYTES = 64 * 1024,    // noise that stderr has not taken yet
};

// aside, which is taken, is where noise goes; NULL: noise stays where it is, among the
// messages. Never NULL: without memory the process ends.
mcp_gate_t *mcp_gate_new(sink_t *aside);

// Noise that stderr has not taken by now is left out, and said where stderr has room for that.
void mcp_gate_destroy(mcp_gate_t **self_p);

// Take what the server wrote, at most MCP_SIEVE_FEED_BYTES; everything of before must have been
// taken by mcp_gate_next. Then its end.
void mcp_gate_feed(mcp_gate_t *self, const uint8_t *bytes, size_t size);
void mcp_gate_finish(mcp_gate_t *self);

// The next bytes for the client, valid until the next call. Returns false when there are none
// before more is fed.
bool mcp_gate_next(mcp_gate_t *self, const uint8_t **bytes_p, size_t *size_p);

// Let in a line, whole and with its newline, made by who had seen the first seen_bytes of what
// was fed. To be asked when everything of before has been written. Returns false when it may
// not come in here; otherwise mcp_gate_next gives it.
bool mcp_gate_let_in(mcp_gate_t *self, const uint8_t *line, size_t size, uint64_t seen_bytes);

// What to poll for POLLOUT, or -1 while no noise waits; and what to do when it came. Returns
// whether stderr has taken something.
int mcp_gate_aside_fd(const mcp_gate_t *self);
bool mcp_gate_write_aside(mcp_gate_t *self);

// Forget the noise that waits: another process, forked from this one, has it too.
void mcp_gate_forget_aside(mcp_gate_t *self);

#endif
