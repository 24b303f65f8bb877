// mcp_watch - the three streams of an MCP server, taken apart into what mcp_session reads
// SPDX-License-Identifier: MPL-2.0
//
// The server's stdout goes through a sieve as the relay's does, so that both know what is a
// message. Told the time; knows no sockets.
#ifndef MCP_WATCH_H
#define MCP_WATCH_H

#include "mcp_session.h"
#include "tap_record.h"

typedef struct mcp_watch mcp_watch_t;

enum { MCP_WATCH_MESSAGE_BYTES = 4 * 1024 * 1024 };    // of one message; a longer one is cut

// Takes a line for the server's client, with its newline; valid in the call only. Whoever made
// it had seen the first seen_bytes of the server's stdout.
typedef void mcp_watch_progress_fn(void *arg, const char *line, size_t size,
                                   uint64_t seen_bytes);

// start is borrowed and must outlive the watch. Of lines that are no messages, limit_bytes are
// read. Without progress (NULL) the client is told nothing. Never NULL.
mcp_watch_t *mcp_watch_new(const mcp_session_start_t *start, size_t limit_bytes,
                           session_report_fn *handler, mcp_watch_progress_fn *progress,
                           void *arg);
void mcp_watch_destroy(mcp_watch_t **self_p);

// One record of a stream; one without bytes is the stream's end.
void mcp_watch_bytes(mcp_watch_t *self, const tap_record_t *record, aider_time_t now);

// As of mcp_session.
void mcp_watch_tick(mcp_watch_t *self, aider_time_t now);
int64_t mcp_watch_next_tick_ms(const mcp_watch_t *self);
void mcp_watch_end(mcp_watch_t *self, int exit_code, int signal, aider_time_t now);

// How much of a stream was not read: bytes that were missing, and lines that were cut.
uint64_t mcp_watch_lost_bytes(const mcp_watch_t *self, tap_kind_t stream);
uint64_t mcp_watch_cut(const mcp_watch_t *self, tap_kind_t stream);

#endif
