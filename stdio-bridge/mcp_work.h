// mcp_work - one tools/call of an MCP server, from its beginning to its end
// SPDX-License-Identifier: MPL-2.0
//
// A call of an AIDER tool is a session with one request, told by an aider_session that hears
// what the server prints meanwhile. A call of another tool is a request.
#ifndef MCP_WORK_H
#define MCP_WORK_H

#include "mcp_call.h"
#include "mcp_progress.h"
#include "mcp_session.h"
#include "mesh/uuid.h"

enum { MCP_WORK_TOOL_BYTES = 128 };

typedef struct mcp_work {
    const mcp_session_start_t *start;    // borrowed, as the next two
    session_report_fn *handler;
    void *arg;
    json_t *id;        // owned; of the JSON-RPC request
    unsigned order;    // calls count up
    char tool[MCP_WORK_TOOL_BYTES];
    char session_id[MESH_UUID_TEXT_SIZE];
    char request_id[MESH_UUID_TEXT_SIZE];    // of the one request
    char trace_id[MCP_TRACE_ID_SIZE];        // "" when the caller gave none
    aider_session_t *aider;                  // owned; NULL when the tool is not AIDER's
    aider_time_t started;
    mcp_progress_t progress;
    int64_t heard_ms;    // when the server's own progress was last told; 0 for never
    bool waits;          // the client is to come back with what it was asked for
    bool asked;          // ... a person
    json_t *state;       // owned; what it then shows, or NULL
    bool cancelled;      // told; it waits for the end of what the server goes on printing
    bool refused;        // AIDER was seen to fail for good
    bool answered;
    mcp_answer_t answer;
    const char *outcome;       // how it ended otherwise; NULL when it has not
    bool hidden_rate_limit;    // the answer owns up to one
    bool hidden_fallback;
} mcp_work_t;

// How a server came to its end, for the calls that were open then.
typedef struct mcp_server_end {
    int exit_code;
    int signal;          // not 0: it was ended by this one
    bool client_gone;    // before the server, so that it had nobody to answer
} mcp_server_end_t;

// Begin: fill *self, but for its order, from a message that mcp_call_tool accepts. session_id
// is that of requests that are no sessions.
void mcp_work_begin(mcp_work_t *self, const json_t *message, const char *session_id,
                    aider_time_t now);

// Free what it holds and make it all zero but for its borrowed pointers.
void mcp_work_close(mcp_work_t *self);

// What is seen of it. A call that is cancelled says nothing more.
void mcp_work_print(mcp_work_t *self, const char *line, aider_time_t now);
void mcp_work_ask(mcp_work_t *self, const char *question, aider_time_t now);
void mcp_work_reply(mcp_work_t *self, aider_time_t now);    // to what was asked
void mcp_work_hear_progress(mcp_work_t *self, const json_t *params, aider_time_t now);
void mcp_work_hear_event(mcp_work_t *self, const char *type, json_t *payload,
                         aider_time_t now);    // steals payload

// The server wants more before it goes on (mcp_call_wants_more): the call stays open, and its
// id is done with. Then whether a tools/call is its client coming back, by which it goes on.
void mcp_work_wait(mcp_work_t *self, const json_t *message, aider_time_t now);
bool mcp_work_goes_on(const mcp_work_t *self, const json_t *message);
void mcp_work_go_on(mcp_work_t *self, const json_t *message, aider_time_t now);

// As of aider_session; a call that waits for its client, or is cancelled, has nothing to do.
void mcp_work_tick(mcp_work_t *self, aider_time_t now);
int64_t mcp_work_next_tick_ms(const mcp_work_t *self);

// Its three ends.
void mcp_work_answer(mcp_work_t *self, const json_t *message, aider_time_t now);
void mcp_work_cancel(mcp_work_t *self, aider_time_t now);
void mcp_work_lose(mcp_work_t *self, const mcp_server_end_t *end, aider_time_t now);

#endif
