// mcp_call - what a tools/call asks for, and what its answer claims
// SPDX-License-Identifier: MPL-2.0
#ifndef MCP_CALL_H
#define MCP_CALL_H

#include <jansson.h>
#include <stdbool.h>

enum { MCP_TRACE_ID_SIZE = 32 + 1 };

// The tool that a message calls; NULL when it is no tools/call with an id. Borrowed from
// message.
const char *mcp_call_tool(const json_t *message);

// Whether the tool runs AIDER: it is one of names, which ends with NULL; a last * of a name
// stands for any end. Without names it is one of those of the servers that are known.
bool mcp_call_is_aider(const char *tool, const char *const *names);

// The command line that would make AIDER do what the call asks for: what aider_session reads
// prompt, files and model from. model is the server's default, or NULL. A NULL-ended array; the
// caller ends it with mcp_call_free_words.
char **mcp_call_words(const json_t *message, const char *model);
void mcp_call_free_words(char ***words_p);

// The trace id of params._meta.traceparent (W3C Trace Context). Returns false when there is
// none, or none that is legal.
bool mcp_call_trace_id(const json_t *message, char trace_id[static MCP_TRACE_ID_SIZE]);

// Whether a response to tools/call is not yet the end: the client is to call again, with what
// is asked of it or just later (revision 2026-07-28).
bool mcp_call_wants_more(const json_t *message);

// What a request of the server, or a response that wants more, asks of the person at the
// client; NULL for nothing. Borrowed.
const char *mcp_call_question(const json_t *message);

typedef enum {
    MCP_ANSWER_SUCCESS,
    MCP_ANSWER_FAILURE,    // an error, isError, or text JSON with "success": false or "error"
    MCP_ANSWER_UNCLEAR,    // "success": false beside a diff: one tool says so of short files
} mcp_answer_t;

// What a response claims. *error_p is the text of a protocol error or of a tool's own error,
// borrowed, or NULL; *keep_p is the object that the tool answered, which may hold that text
// (the caller's to decref), or NULL.
mcp_answer_t mcp_call_answer(const json_t *message, const char **error_p, json_t **keep_p);

#endif
