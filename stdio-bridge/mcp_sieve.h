// mcp_sieve - tells an MCP server's messages from what else it prints on the same stdout
// SPDX-License-Identifier: MPL-2.0
//
// A line is a message when it is a JSON object, or an array of objects, with a top-level
// member "jsonrpc", wherever that stands in it; or an object with a top-level member "event",
// as servers that speak the older dialect {"event": "...", "data": {...}} write, until the
// first one with "jsonrpc": a server speaks one of the two. A line that starts otherwise, but
// has
// {"jsonrpc" further on, with one whole object from there to its end, is noise up to there and
// a message from there: a program printed without a newline before the server answered. A line
// whose kind is not known within the limit is taken for a message.
//
// What is known to be a message is handed out at once; what is not known yet is held. All bytes
// come out again, in their order, each once. Knows no descriptors.
#ifndef MCP_SIEVE_H
#define MCP_SIEVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mcp_sieve mcp_sieve_t;

enum {
    MCP_SIEVE_HELD_BYTES = 256 * 1024,    // of a line whose kind is not known yet
    MCP_SIEVE_FEED_BYTES = 64 * 1024,     // most that one feed takes
    MCP_SIEVE_SPLITS_MOST = 8,            // places of one line at which a message is looked for
};

typedef struct mcp_sieve_part {
    const uint8_t *bytes;    // valid until the next call on this sieve
    size_t size;
    bool message;    // else noise
    bool added;      // not from the server: the newline of a noise that a message was glued to
} mcp_sieve_part_t;

// Never NULL: without memory the process ends.
mcp_sieve_t *mcp_sieve_new(void);
void mcp_sieve_destroy(mcp_sieve_t **self_p);

// Take bytes, at most MCP_SIEVE_FEED_BYTES. All parts of the previous feed must have been
// taken.
void mcp_sieve_feed(mcp_sieve_t *self, const uint8_t *bytes, size_t size);

// No more bytes come: what is held becomes a message or noise.
void mcp_sieve_finish(mcp_sieve_t *self);

// The next part. Returns false when there is none before more bytes come.
bool mcp_sieve_next(mcp_sieve_t *self, mcp_sieve_part_t *part);

#endif
