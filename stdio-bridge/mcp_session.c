// mcp_session - the tool calls of one MCP server, from the lines that pass to and from it
// SPDX-License-Identifier: MPL-2.0
#include "mcp_session.h"

#include <assert.h>
#include <czmq.h>

#include "mcp_dialect.h"
#include "mcp_work.h"

// A question of the server's that the client has not answered yet.
typedef struct question {
    json_t *id;        // owned; NULL: this place is free
    unsigned order;    // of the call that it is taken to belong to
} question_t;

struct mcp_session {
    char session_id[MESH_UUID_TEXT_SIZE];        // of the requests that are no sessions
    mcp_work_t calls[MCP_SESSION_CALLS_MOST];    // without an id: this place is free
    unsigned order;                              // of the latest call
    question_t questions[MCP_SESSION_QUESTIONS_MOST];
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
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++)
        self->calls[i] = (mcp_work_t){.start = start, .handler = handler, .arg = arg};
    return self;
}

static void
forget_question(question_t *question)
{
    json_decref(question->id);
    *question = (question_t){0};
}

static void
close_call(mcp_session_t *self, mcp_work_t *call)
{
    for (size_t i = 0; i < MCP_SESSION_QUESTIONS_MOST; i++)
        if (self->questions[i].id && self->questions[i].order == call->order)
            forget_question(&self->questions[i]);
    mcp_work_close(call);
}

void
mcp_session_destroy(mcp_session_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        mcp_session_t *self = *self_p;
        for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++)
            mcp_work_close(&self->calls[i]);
        for (size_t i = 0; i < MCP_SESSION_QUESTIONS_MOST; i++)
            forget_question(&self->questions[i]);
        free(self);
        *self_p = NULL;
    }
}

// ---- finding ----

// The call that has this id. One that is open goes before one that is cancelled.
static mcp_work_t *
find_call(mcp_session_t *self, const json_t *id)
{
    mcp_work_t *found = NULL;
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++) {
        mcp_work_t *call = &self->calls[i];
        if (call->id && json_equal(call->id, id) && (!found || found->cancelled))
            found = call;
    }
    return found;
}

// The oldest call that this is true of; NULL when there is none.
typedef bool call_is_fn(const mcp_work_t *call);

static mcp_work_t *
oldest_call(mcp_session_t *self, call_is_fn *is)
{
    mcp_work_t *oldest = NULL;
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++) {
        mcp_work_t *call = &self->calls[i];
        if (call->id && is(call) && (!oldest || call->order < oldest->order))
            oldest = call;
    }
    return oldest;
}

static bool
is_aider(const mcp_work_t *call)
{
    return call->aider != NULL;
}

static bool
is_open(const mcp_work_t *call)
{
    return !call->cancelled;
}

// The call that the server is taken to work on when it does not say which.
static mcp_work_t *
current_call(mcp_session_t *self)
{
    mcp_work_t *call = oldest_call(self, is_aider);
    return call && is_open(call) ? call : oldest_call(self, is_open);
}

// A place for one more call. Those that are cancelled need not be kept.
static mcp_work_t *
free_call(mcp_session_t *self)
{
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++)
        if (!self->calls[i].id)
            return &self->calls[i];
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++)
        if (self->calls[i].cancelled) {
            close_call(self, &self->calls[i]);
            return &self->calls[i];
        }
    return NULL;
}

// ---- from the client ----

static void
begin_call(mcp_session_t *self, const json_t *message, aider_time_t now)
{
    mcp_work_t *same = find_call(self, json_object_get(message, "id"));
    if (same) {
        mcp_work_cancel(same, now);
        close_call(self, same);
    }
    mcp_work_t *call = free_call(self);
    if (call)
        mcp_work_begin(call, message, self->session_id, ++self->order, now);
    else
        self->not_followed++;
}

// A client that cancels takes no answer; a server should not give one.
static void
cancel_call(mcp_session_t *self, const json_t *message, aider_time_t now)
{
    const json_t *params = json_object_get(message, "params");
    mcp_work_t *call = find_call(self, json_object_get(params, "requestId"));
    if (!call)
        return;
    mcp_work_cancel(call, now);
    if (!is_aider(call))
        close_call(self, call);
}

// The client answers a question of the server's.
static void
take_reply(mcp_session_t *self, const json_t *id, aider_time_t now)
{
    for (size_t i = 0; i < MCP_SESSION_QUESTIONS_MOST; i++) {
        question_t *question = &self->questions[i];
        if (!question->id || !json_equal(question->id, id))
            continue;
        for (size_t j = 0; j < MCP_SESSION_CALLS_MOST; j++)
            if (self->calls[j].id && self->calls[j].order == question->order)
                mcp_work_reply(&self->calls[j], now);
        forget_question(question);
        return;
    }
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
end_call(mcp_session_t *self, mcp_work_t *call, const json_t *message, aider_time_t now)
{
    unsigned order = call->order;
    mcp_work_answer(call, message, now);
    close_call(self, call);
    // The server is past what was cancelled before.
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++)
        if (self->calls[i].cancelled && self->calls[i].order < order)
            close_call(self, &self->calls[i]);
}

static void
take_question(mcp_session_t *self, const json_t *message, const char *text, aider_time_t now)
{
    mcp_work_t *call = current_call(self);
    if (!call)
        return;
    mcp_work_ask(call, text, now);
    for (size_t i = 0; i < MCP_SESSION_QUESTIONS_MOST; i++)
        if (!self->questions[i].id) {
            json_t *id = json_deep_copy(json_object_get(message, "id"));
            self->questions[i] = (question_t){.id = id, .order = call->order};
            return;
        }
}

static void
take_progress(mcp_session_t *self, const json_t *params, aider_time_t now)
{
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++)
        if (self->calls[i].id && mcp_progress_is_of(&self->calls[i].progress, params))
            mcp_work_hear_progress(&self->calls[i], params, now);
}

static void
on_server_message(mcp_session_t *self, const json_t *message, aider_time_t now)
{
    const char *method = json_string_value(json_object_get(message, "method"));
    const json_t *id = json_object_get(message, "id");
    const json_t *params = json_object_get(message, "params");
    bool answers = json_object_get(message, "result") || json_object_get(message, "error");
    const char *question = method && id ? mcp_call_question(message) : NULL;
    mcp_work_t *call = !method && id && answers ? find_call(self, id) : NULL;
    if (call)
        end_call(self, call, message, now);
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
    mcp_work_t *call = id && !json_is_null(id) ? find_call(self, id) : NULL;
    return call ? call : current_call(self);
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
        end_call(self, call, answer, now);
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
    mcp_work_t *call = printed ? oldest_call(self, is_aider) : NULL;
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
    mcp_work_t *call = id ? find_call(self, id) : NULL;
    mcp_work_t *oldest = oldest_call(self, is_open);
    if (!id && oldest && oldest->order == self->order)
        call = oldest;
    json_t *answer = json_pack("{s:{}}", "result");
    if (call)
        end_call(self, call, answer, now);
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
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++)
        mcp_progress_end(&self->calls[i].progress);
}

char *
mcp_session_progress(mcp_session_t *self)
{
    char *line = NULL;
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST && !line && !self->client_gone; i++)
        line = mcp_progress_take(&self->calls[i].progress);
    return line;
}

// ---- time, and the end ----

void
mcp_session_tick(mcp_session_t *self, aider_time_t now)
{
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++) {
        const mcp_work_t *call = &self->calls[i];
        if (call->aider && !call->cancelled)
            aider_session_tick(call->aider, now);
    }
}

int64_t
mcp_session_next_tick_ms(const mcp_session_t *self)
{
    int64_t next_ms = -1;
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++) {
        const mcp_work_t *call = &self->calls[i];
        bool ticks = call->aider && !call->cancelled;
        int64_t due_ms = ticks ? aider_session_next_tick_ms(call->aider) : -1;
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
    while ((call = oldest_call(self, is_open)) != NULL) {
        mcp_work_lose(call, &end, now);
        close_call(self, call);
    }
}

size_t
mcp_session_not_followed(const mcp_session_t *self)
{
    return self->not_followed;
}
