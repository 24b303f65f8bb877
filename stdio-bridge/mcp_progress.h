// mcp_progress - progress notifications of ours for one call that asks for progress
// SPDX-License-Identifier: MPL-2.0
//
// Progress must rise, also against what the server itself reports before and after. So ours
// stays within MCP_PROGRESS_STEP above the server's last figure (0 before its first), rising
// towards it without ever getting there.
#ifndef MCP_PROGRESS_H
#define MCP_PROGRESS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define MCP_PROGRESS_STEP (1.0 / 1024)

enum { MCP_PROGRESS_TEXT_BYTES = 256 };

// All zero is a call without a token.
typedef struct mcp_progress {
    json_t *token;                         // owned; NULL: no progress is asked for
    double base;                           // the server's last figure
    double last;                           // the last one told, by either
    unsigned count;                        // of ours above base
    char text[MCP_PROGRESS_TEXT_BYTES];    // what is to be said next; "" for nothing
} mcp_progress_t;

// Take the token of a call's params._meta.progressToken, if it has one.
void mcp_progress_begin(mcp_progress_t *self, const json_t *message);
void mcp_progress_end(mcp_progress_t *self);

// The server's own notification, params of it.
void mcp_progress_heard(mcp_progress_t *self, const json_t *params);

// Whether params are of this call.
bool mcp_progress_is_of(const mcp_progress_t *self, const json_t *params);

// Have an event said, where a client would want to know: the latest is said.
void mcp_progress_note(mcp_progress_t *self, const char *type, const json_t *payload);

// The notification of what was noted, which is then said: JSON without a newline, the caller's
// to free; NULL when there is nothing to say.
char *mcp_progress_take(mcp_progress_t *self);

#endif
