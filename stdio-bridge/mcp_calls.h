// mcp_calls - the open calls of one MCP server: which one a line is of
// SPDX-License-Identifier: MPL-2.0
//
// A call is a place in a table, free until mcp_work_begin. Calls are borrowed and valid until
// they are closed.
#ifndef MCP_CALLS_H
#define MCP_CALLS_H

#include "mcp_work.h"

typedef struct mcp_calls mcp_calls_t;

// The arguments go to each call. start and arg are borrowed and must outlive the calls. Never
// NULL.
mcp_calls_t *mcp_calls_new(const mcp_session_start_t *start, session_report_fn *handler,
                           void *arg);

// Ends all of them without a word.
void mcp_calls_destroy(mcp_calls_t **self_p);

// A place for one more call, which has got its order. Where all are taken, one is freed that
// was cancelled or, else, the oldest that the client has not come back to, which is then
// cancelled. NULL when there is none.
mcp_work_t *mcp_calls_place(mcp_calls_t *self, aider_time_t now);

// Let a call be the latest, as one is that goes on.
void mcp_calls_renew(mcp_calls_t *self, mcp_work_t *call);

// Free the place, and forget the call's questions.
void mcp_calls_close(mcp_calls_t *self, mcp_work_t *call);

// The server is past what was cancelled before the call of this order.
void mcp_calls_close_cancelled(mcp_calls_t *self, unsigned before);

// ---- finding; NULL when there is none ----

// The call that waits for an answer to this id. One that is open goes before one that is
// cancelled.
mcp_work_t *mcp_calls_find(mcp_calls_t *self, const json_t *id);

// The oldest call that waits for its client and is what this tools/call goes on with.
mcp_work_t *mcp_calls_continued(mcp_calls_t *self, const json_t *message);

// The AIDER call that what is printed belongs to: the oldest, even if it was cancelled.
mcp_work_t *mcp_calls_printing(mcp_calls_t *self);

// The call that the server is taken to work on when it does not say which.
mcp_work_t *mcp_calls_current(mcp_calls_t *self);

// The oldest of all.
mcp_work_t *mcp_calls_oldest(mcp_calls_t *self);

// The one call that an answer can be of, where there are not more, cancelled ones included.
mcp_work_t *mcp_calls_only(mcp_calls_t *self);

// The i-th of MCP_SESSION_CALLS_MOST places; NULL while it is free.
mcp_work_t *mcp_calls_at(mcp_calls_t *self, size_t i);

// ---- questions of the server's ----

// The server has asked the client something, by a request with this id, for the call's sake.
// Past MCP_SESSION_QUESTIONS_MOST it is not remembered.
void mcp_calls_ask(mcp_calls_t *self, const mcp_work_t *call, const json_t *id);

// The client has answered: the call that it was asked for, if that is still open. An id is
// answered once.
mcp_work_t *mcp_calls_answered(mcp_calls_t *self, const json_t *id);

#endif
