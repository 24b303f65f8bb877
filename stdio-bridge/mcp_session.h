// mcp_session - the tool calls of one MCP server, from the lines that pass to and from it
// SPDX-License-Identifier: MPL-2.0
//
// Any revision of the protocol, and the older dialect of mcp_dialect.h: only method, id, params
// and result are looked at. A tools/call of an AIDER tool is a session with one request; what
// the server prints between call and answer is AIDER's console, and tells the truth where the
// answer does not ("success": true after a failure). A call of another tool is a request of the
// server's own session.
//
// What is printed belongs to the oldest AIDER call: such servers run one at a time. A call that
// was cancelled keeps that place, silently, until it or a later one is answered: the server may
// not even have read the cancellation.
//
// An id that is used again while its call is open ends that call as cancelled.
#ifndef MCP_SESSION_H
#define MCP_SESSION_H

#include "aider_session.h"
#include "session_report.h"

typedef struct mcp_session mcp_session_t;

enum {
    MCP_SESSION_CALLS_MOST = 64,        // open at once; one more is counted and not followed
    MCP_SESSION_QUESTIONS_MOST = 16,    // of the server's, open at once; likewise
};

typedef struct mcp_session_start {
    const char *working_dir;               // borrowed, as the next
    const char *model;                     // the server's default, where it is known, or NULL
    const char *const *fallback_models;    // ends with NULL; or NULL
    aider_user_patterns_t *patterns;       // the user's own, or NULL
    const char *const *aider_tools;        // as mcp_call_is_aider takes them
    redaction_t *redaction;                // as of aider_session_start_t
    const json_t *members;                 // more members of session_started; or NULL
    size_t columns;                        // as of aider_session_start_t, like the next
    aider_prompt_t prompt;
    int64_t waiting_ms;
} mcp_session_start_t;

typedef enum {
    MCP_FROM_CLIENT,    // a line of the server's stdin
    MCP_FROM_SERVER,    // ... of its stdout
    MCP_FROM_LOG,       // ... of its stderr
} mcp_side_t;

// start is borrowed and must outlive the session. Never NULL.
mcp_session_t *mcp_session_new(const mcp_session_start_t *start, session_report_fn *handler,
                               void *arg);
void mcp_session_destroy(mcp_session_t **self_p);

// One whole line as plain text, without its end.
void mcp_session_line(mcp_session_t *self, mcp_side_t side, const char *line, aider_time_t now);

// A line of which only the beginning is known: it was too long.
void mcp_session_cut_line(mcp_session_t *self, mcp_side_t side, const char *beginning,
                          aider_time_t now);

// The client will say nothing more: it closed the server's stdin, or reads no more.
void mcp_session_client_gone(mcp_session_t *self);

// Messages were missed: whether calls are still open is not known, so that nothing more is to
// be said to their caller.
void mcp_session_lost_messages(mcp_session_t *self);

// What the client should be told of a call that asks for progress: a notification without a
// newline, the caller's to free. NULL when there is nothing more. To be asked after whole
// messages, when none that is known waits to be given to mcp_session_line.
char *mcp_session_progress(mcp_session_t *self);

// As of aider_session.
void mcp_session_tick(mcp_session_t *self, aider_time_t now);
int64_t mcp_session_next_tick_ms(const mcp_session_t *self);

// The server has ended, and what was open with it: killed by signal where that is not 0,
// cancelled where the client had gone before, else failed. Nothing may follow.
void mcp_session_exit(mcp_session_t *self, int exit_code, int signal, aider_time_t now);

// Calls that were not followed because too many were open.
size_t mcp_session_not_followed(const mcp_session_t *self);

#endif
