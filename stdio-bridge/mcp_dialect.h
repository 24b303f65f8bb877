// mcp_dialect - the older lines {"event": ..., "data": ...} of AIDER servers, in MCP's words
// SPDX-License-Identifier: MPL-2.0
//
// Before they spoke MCP, such servers took {"request_id": ..., "name": ..., "parameters": ...}
// on stdin, and answered with events, the last of them "tool_result". A server that speaks so
// speaks no JSON-RPC.
#ifndef MCP_DIALECT_H
#define MCP_DIALECT_H

#include <jansson.h>

// The tools/call that a line of the client's stands for; NULL for none. The caller's to decref.
json_t *mcp_dialect_call(const json_t *line);

// The response that a line of the server's stands for; NULL for none. Its id is null when the
// line names none. The caller's to decref.
json_t *mcp_dialect_answer(const json_t *line);

// The event of ours that a line of the server's stands for: *payload_p is then the caller's to
// decref, *id_p the id of its call, borrowed from line, or NULL. Returns the type; NULL for
// none: what the bridge tells by itself is not taken from there.
const char *mcp_dialect_event(const json_t *line, json_t **payload_p, const json_t **id_p);

#endif
