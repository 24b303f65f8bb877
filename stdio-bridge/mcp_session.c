// mcp_session - the tool calls of one MCP server, from the lines that pass to and from it
// SPDX-License-Identifier: MPL-2.0
#include "mcp_session.h"

#include <assert.h>
#include <czmq.h>

#include "mcp_calls.h"
#include "mcp_dialect.h"

struct mcp_session {
    char session_id[MESH_UUID_TEXT_SIZE];    // of the requests that are no sessions
    mcp_calls_t *calls;                      // owned
    size_t not_followed;
    bool speaks_jsonrpc;
    bool client_gone;
};

mcp_session_t *
mcp_session_new(const mcp_session_start_t *start, session_report_fn *handler, void *arg)
{
    mcp_session_t *self = zmalloc(sizeof *self);
    mesh_uuid_t id = mesh_uuid_new();
    mesh_uuid_format(&id, self->session_id);
    self->calls = mcp_calls_new(start, handler, arg);
    return self;
}

void
mcp_session_destroy(mcp_session_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        mcp_session_t *self = *self_p;
        mcp_calls_destroy(&self->calls);
        free(self);
        *self_p = NULL;
    }
}

// ---- from the client ----

static void
begin_call(mcp_session_t *self, const json_t *message, aider_time_t now)
{
    mcp_work_t *same = mcp_calls_find(self->calls, json_object_get(message, "id"));
    if (same) {
        mcp_work_cancel(same, now);
        mcp_calls_close(self->calls, same);
    }
    mcp_work_t *call = mcp_calls_continued(self->calls, message);
    if (call) {
        mcp_calls_renew(self->calls, call);
        mcp_work_go_on(call, message, now);
        return;
    }
    call = mcp_calls_place(self->calls, now);
    if (call)
        mcp_work_begin(call, message, self->session_id, now);
    else
        self->not_followed++;
}

// A client that cancels takes no answer; a server should not give one.
static void
cancel_call(mcp_session_t *self, const json_t *message, aider_time_t now)
{
    const json_t *params = json_object_get(message, "params");
    mcp_work_t *call = mcp_calls_find(self->calls, json_object_get(params, "requestId"));
    if (!call)
        return;
    mcp_work_cancel(call, now);
    if (!call->aider)
        mcp_calls_close(self->calls, call);
}

// The client answers a question of the server's.
static void
take_reply(mcp_session_t *self, const json_t *id, aider_time_t now)
{
    mcp_work_t *call = mcp_calls_answered(self->calls, id);
    if (call)
        mcp_work_reply(call, now);
}

static void
on_client_message(mcp_session_t *self, const json_t *message, aider_time_t now)
{
    const char *method = json_string_value(json_object_get(message, "method"));
    const json_t *id = json_object_get(message, "id");
    if (mcp_call_tool(message))
        begin_call(self, message, now);
    else if (method && streq(method, "notifications/cancelled"))
        cancel_call(self, message, now);
    else if (!method && id)
        take_reply(self, id, now);
}

// ---- from the server ----

static void
take_answer(mcp_session_t *self, mcp_work_t *call, const json_t *message, aider_time_t now)
{
    unsigned order = call->order;
    if (mcp_call_wants_more(message) && !call->cancelled) {
        mcp_work_wait(call, message, now);
    } else {
        mcp_work_answer(call, message, now);
        mcp_calls_close(self->calls, call);
    }
    mcp_calls_close_cancelled(self->calls, order);
}

static void
take_question(mcp_session_t *self, const json_t *message, const char *text, aider_time_t now)
{
    mcp_work_t *call = mcp_calls_current(self->calls);
    if (!call)
        return;
    mcp_work_ask(call, text, now);
    mcp_calls_ask(self->calls, call, json_object_get(message, "id"));
}

static void
take_progress(mcp_session_t *self, const json_t *params, aider_time_t now)
{
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++) {
        mcp_work_t *call = mcp_calls_at(self->calls, i);
        if (call && mcp_progress_is_of(&call->progress, params))
            mcp_work_hear_progress(call, params, now);
    }
}

static void
on_server_message(mcp_session_t *self, const json_t *message, aider_time_t now)
{
    const char *method = json_string_value(json_object_get(message, "method"));
    const json_t *id = json_object_get(message, "id");
    const json_t *params = json_object_get(message, "params");
    bool answers = json_object_get(message, "result") || json_object_get(message, "error");
    const char *question = method && id ? mcp_call_question(message) : NULL;
    mcp_work_t *call = !method && id && answers ? mcp_calls_find(self->calls, id) : NULL;
    if (call)
        take_answer(self, call, message, now);
    else if (question)
        take_question(self, message, question, now);
    else if (method && streq(method, "notifications/progress"))
        take_progress(self, params, now);
}

// ---- the older dialect ----

static void
on_client_dialect(mcp_session_t *self, const json_t *line, aider_time_t now)
{
    json_t *call = mcp_dialect_call(line);
    if (call)
        on_client_message(self, call, now);
    json_decref(call);
}

// The call that a line of the server's is of.
static mcp_work_t *
call_of(mcp_session_t *self, const json_t *id)
{
    mcp_work_t *call = id && !json_is_null(id) ? mcp_calls_find(self->calls, id) : NULL;
    return call ? call : mcp_calls_current(self->calls);
}

// Returns whether the line was of that dialect.
static bool
on_server_dialect(mcp_session_t *self, const json_t *line, aider_time_t now)
{
    json_t *payload = NULL;
    const json_t *id = NULL;
    const char *type = mcp_dialect_event(line, &payload, &id);
    json_t *answer = type ? NULL : mcp_dialect_answer(line);
    mcp_work_t *call = call_of(self, answer ? json_object_get(answer, "id") : id);
    if (type && call)
        mcp_work_hear_event(call, type, payload, now);
    else
        json_decref(payload);
    if (answer && call)
        take_answer(self, call, answer, now);
    json_decref(answer);
    return json_is_string(json_object_get(line, "event"));
}

// ---- lines ----

// "2026-11-22 08:12:10 [INFO] logger: text": the server speaks, not AIDER.
static bool
is_log_line(const char *line)
{
    return strspn(line, "0123456789-") == 10 && line[10] == ' ' && strstr(line, " [") != NULL;
}

// Returns whether it was a message.
static bool
take_message(mcp_session_t *self, mcp_side_t side, const json_t *message, aider_time_t now)
{
    if (json_object_get(message, "jsonrpc")) {
        self->speaks_jsonrpc = true;
        if (side == MCP_FROM_CLIENT)
            on_client_message(self, message, now);
        else
            on_server_message(self, message, now);
        return true;
    }
    if (self->speaks_jsonrpc)
        return false;
    if (side == MCP_FROM_SERVER)
        return on_server_dialect(self, message, now);
    on_client_dialect(self, message, now);
    return true;
}

// A JSON-RPC message, a batch of them (revision 2025-03-26), or a line of the older dialect.
// Returns false for anything else.
static bool
take_json(mcp_session_t *self, mcp_side_t side, const char *line, aider_time_t now)
{
    const char *start = line + strspn(line, " \t");
    json_t *json = *start == '{' || *start == '[' ? json_loads(start, 0, NULL) : NULL;
    bool taken = json_is_object(json) && take_message(self, side, json, now);
    for (size_t i = 0; i < json_array_size(json); i++)
        taken = take_message(self, side, json_array_get(json, i), now) || taken;
    json_decref(json);
    return taken;
}

void
mcp_session_line(mcp_session_t *self, mcp_side_t side, const char *line, aider_time_t now)
{
    if (side == MCP_FROM_CLIENT) {
        (void) take_json(self, side, line, now);
        return;
    }
    // Newer SDKs send to stderr what a tool prints, so that AIDER's console is there.
    bool printed =
        side == MCP_FROM_SERVER ? !take_json(self, side, line, now) : !is_log_line(line);
    mcp_work_t *call = printed ? mcp_calls_printing(self->calls) : NULL;
    if (call)
        mcp_work_print(call, line, now);
}

void
mcp_session_cut_line(mcp_session_t *self, mcp_side_t side, const char *beginning,
                     aider_time_t now)
{
    if (side != MCP_FROM_SERVER)
        return;
    // So long is a result only, and it has its id at the beginning or, in other SDKs, at the
    // end: then it is known when only one call is open.
    static const char member[] = "\"id\":";
    enum { HEAD_BYTES = 64 };
    const char *found = strstr(beginning, member);
    json_t *id = NULL;
    if (found && found - beginning < HEAD_BYTES)
        id = json_loads(found + strlen(member), JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, NULL);
    mcp_work_t *call = id ? mcp_calls_find(self->calls, id) : mcp_calls_only(self->calls);
    json_t *answer = json_pack("{s:{}}", "result");
    if (call)
        take_answer(self, call, answer, now);
    json_decref(answer);
    json_decref(id);
}

void
mcp_session_client_gone(mcp_session_t *self)
{
    self->client_gone = true;
}

void
mcp_session_lost_messages(mcp_session_t *self)
{
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++) {
        mcp_work_t *call = mcp_calls_at(self->calls, i);
        if (call)
            mcp_progress_end(&call->progress);
    }
}

char *
mcp_session_progress(mcp_session_t *self)
{
    char *line = NULL;
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST && !line && !self->client_gone; i++) {
        mcp_work_t *call = mcp_calls_at(self->calls, i);
        line = call ? mcp_progress_take(&call->progress) : NULL;
    }
    return line;
}

// ---- time, and the end ----

void
mcp_session_tick(mcp_session_t *self, aider_time_t now)
{
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++) {
        mcp_work_t *call = mcp_calls_at(self->calls, i);
        if (call)
            mcp_work_tick(call, now);
    }
}

int64_t
mcp_session_next_tick_ms(const mcp_session_t *self)
{
    int64_t next_ms = -1;
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++) {
        const mcp_work_t *call = mcp_calls_at(self->calls, i);
        int64_t due_ms = call ? mcp_work_next_tick_ms(call) : -1;
        if (due_ms >= 0 && (next_ms < 0 || due_ms < next_ms))
            next_ms = due_ms;
    }
    return next_ms;
}

void
mcp_session_exit(mcp_session_t *self, int exit_code, int signal, aider_time_t now)
{
    mcp_server_end_t end = {
        .exit_code = exit_code,
        .signal = signal,
        .client_gone = self->client_gone,
    };
    mcp_work_t *call = NULL;
    while ((call = mcp_calls_oldest(self->calls)) != NULL) {
        mcp_work_lose(call, &end, now);
        mcp_calls_close(self->calls, call);
    }
}

size_t
mcp_session_not_followed(const mcp_session_t *self)
{
    return self->not_followed;
}
