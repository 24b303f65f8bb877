// mcp_session - the tool calls of one MCP server, from the lines that pass to and from it
// SPDX-License-Identifier: MPL-2.0
//
// Any revision of the protocol: only method, id, params and result are looked at. A tools/call
// of an AIDER tool is a session with one request; what the server prints between call and
// answer is AIDER's console, and tells the truth where the answer does not ("success": true
// after a failure). A call of another tool is a request of the server's own session.
#ifndef MCP_SESSION_H
#define MCP_SESSION_H

#include "aider_session.h"
#include "session_report.h"

typedef struct mcp_session mcp_session_t;

enum { MCP_SESSION_CALLS_MOST = 64 };    // open at once; one more is counted and not followed

typedef struct mcp_session_start {
    const char *working_dir;               // borrowed, as the next
    const char *model;                     // the server's default, where it is known, or NULL
    const char *const *fallback_models;    // ends with NULL; or NULL
    aider_user_patterns_t *patterns;       // the user's own, or NULL
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

// As of aider_session.
void mcp_session_tick(mcp_session_t *self, aider_time_t now);
int64_t mcp_session_next_tick_ms(const mcp_session_t *self);

// The server has ended: what was open is killed with it. Nothing may follow.
void mcp_session_exit(mcp_session_t *self, int exit_code, int signal, aider_time_t now);

// Calls that were not followed because too many were open.
size_t mcp_session_not_followed(const mcp_session_t *self);

#endif
