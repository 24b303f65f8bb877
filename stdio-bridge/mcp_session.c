// mcp_session - the tool calls of one MCP server, from the lines that pass to and from it
// SPDX-License-Identifier: MPL-2.0
#include "mcp_session.h"

#include <assert.h>
#include <czmq.h>

#include "mcp_call.h"
#include "mesh/uuid.h"

enum { TOOL_BYTES = 128, ERROR_BYTES = 2048 };

// One tools/call that is not answered yet.
typedef struct call {
    mcp_session_t *owner;    // borrowed
    json_t *id;              // owned; NULL: this place is free
    char tool[TOOL_BYTES];
    char session_id[MESH_UUID_TEXT_SIZE];
    char request_id[MESH_UUID_TEXT_SIZE];    // of a call that is no session
    char trace_id[MCP_TRACE_ID_SIZE];        // "" when the caller gave none
    aider_session_t *aider;                  // owned; NULL when the tool is not AIDER's
    aider_time_t started;
    bool answered;
    bool refused;    // AIDER was seen to fail for good
    mcp_answer_t answer;
} call_t;

struct mcp_session {
    const mcp_session_start_t *start;    // borrowed
    session_report_fn *handler;
    void *arg;                               // borrowed
    char session_id[MESH_UUID_TEXT_SIZE];    // of the requests that are no sessions
    call_t calls[MCP_SESSION_CALLS_MOST];
    size_t not_followed;
};

mcp_session_t *
mcp_session_new(const mcp_session_start_t *start, session_report_fn *handler, void *arg)
{
    mcp_session_t *self = zmalloc(sizeof *self);
    mesh_uuid_t id = mesh_uuid_new();
    mesh_uuid_format(&id, self->session_id);
    self->start = start;
    self->handler = handler;
    self->arg = arg;
    return self;
}

static void
close_call(call_t *call)
{
    aider_session_destroy(&call->aider);
    json_decref(call->id);
    *call = (call_t){0};
}

void
mcp_session_destroy(mcp_session_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++)
            close_call(&(*self_p)->calls[i]);
        free(*self_p);
        *self_p = NULL;
    }
}

// ---- saying ----

// Report an event of a call. Steals payload.
static void
report(const call_t *call, const char *type, const char *request_id, double timestamp,
       json_t *payload)
{
    if (*call->trace_id)
        json_object_set_new(payload, "correlation_id", json_string(call->trace_id));
    session_report_t event = {
        .type = type,
        .session_id = call->session_id,
        .request_id = request_id,
        .timestamp = timestamp,
        .payload = payload,
    };
    call->owner->handler(call->owner->arg, &event);
}

static void
set_outcome(json_t *payload, const char *outcome)
{
    json_object_set_new(payload, "success", json_boolean(streq(outcome, "ok")));
    json_object_set_new(payload, "outcome", json_string(outcome));
}

// AIDER's own account of a call's end is mended by what the answer adds to it: a failure that
// AIDER did not print, or a success whose output never came this way.
static void
mend_completed(const call_t *call, json_t *payload)
{
    json_object_del(payload, "exit_code");    // a call has none
    const char *outcome = json_string_value(json_object_get(payload, "outcome"));
    if (!call->answered || call->refused || !outcome || streq(outcome, "cancelled"))
        return;
    if (call->answer == MCP_ANSWER_SUCCESS)
        set_outcome(payload, "ok");
    else if (call->answer == MCP_ANSWER_FAILURE && streq(outcome, "ok"))
        set_outcome(payload, "failed");
}

// aider_session_report_fn
static void
on_aider_report(void *arg, const aider_report_t *aider)
{
    call_t *call = arg;
    json_t *payload = aider->payload;
    if (streq(aider->type, "aider.session_started")) {
        json_object_set_new(payload, "mode", json_string("mcp"));
        json_object_set_new(payload, "tool", json_string(call->tool));
    } else if (streq(aider->type, "aider.error_occurred") &&
               json_is_true(json_object_get(payload, "fatal"))) {
        call->refused = true;
    } else if (streq(aider->type, "aider.session_completed") ||
               streq(aider->type, "aider.request_completed")) {
        mend_completed(call, payload);
    }
    report(call, aider->type, aider->request_id, aider->timestamp, payload);
}

// How much of a text of whole UTF-8 characters is within a limit, in whole characters.
static size_t
cut_size(const char *text, size_t limit_bytes)
{
    size_t size = strnlen(text, limit_bytes);
    while (size && ((unsigned char) text[size] & 0xc0) == 0x80)
        size--;
    return size;
}

// ---- from the client ----

static call_t *
find_call(mcp_session_t *self, const json_t *id)
{
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++)
        if (self->calls[i].id && json_equal(self->calls[i].id, id))
            return &self->calls[i];
    return NULL;
}

static call_t *
free_call(mcp_session_t *self)
{
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++)
        if (!self->calls[i].id)
            return &self->calls[i];
    return NULL;
}

static void
begin_aider(mcp_session_t *self, call_t *call, const json_t *message, aider_time_t now)
{
    char **words = mcp_call_words(message, self->start->model);
    // The array is not written to; C has no conversion that adds the inner const.
    const char *const *argv = (const char *const *) words;
    aider_session_start_t start = {
        .argv = argv,
        .working_dir = self->start->working_dir,
        .fallback_models = self->start->fallback_models,
        .patterns = self->start->patterns,
        .members = self->start->members,
        .columns = self->start->columns,
        .prompt = self->start->prompt,
        .waiting_ms = self->start->waiting_ms,
    };
    call->aider = aider_session_new(&start, now, on_aider_report, call);
    // The call is the turn: it is open although AIDER has printed nothing yet.
    aider_session_line(call->aider, AIDER_SOURCE_HISTORY, "#### ", now);
    mcp_call_free_words(&words);
}

static void
begin_call(mcp_session_t *self, const json_t *message, const char *tool, aider_time_t now)
{
    const json_t *id = json_object_get(message, "id");
    call_t *call = find_call(self, id) ? NULL : free_call(self);
    if (!call) {
        self->not_followed++;
        return;
    }
    call->owner = self;
    call->id = json_deep_copy(id);
    call->started = now;
    (void) snprintf(call->tool, sizeof call->tool, "%.*s",
                    (int) cut_size(tool, sizeof call->tool - 1), tool);
    if (!mcp_call_trace_id(message, call->trace_id))
        call->trace_id[0] = '\0';
    mesh_uuid_t made = mesh_uuid_new();
    if (mcp_call_is_aider(tool)) {
        mesh_uuid_format(&made, call->session_id);
        begin_aider(self, call, message, now);
        return;
    }
    mesh_uuid_format(&made, call->request_id);
    (void) snprintf(call->session_id, sizeof call->session_id, "%s", self->session_id);
    report(call, "aider.request_started", call->request_id, now.unix_s,
           json_pack("{s:s}", "tool", call->tool));
}

// ---- to the client ----

// What the tool itself said went wrong.
static void
report_error(const call_t *call, const char *text, double timestamp)
{
    json_t *message = json_stringn(text, cut_size(text, ERROR_BYTES));
    const char *request_id = *call->request_id ? call->request_id : NULL;
    report(call, "aider.error_occurred", request_id, timestamp,
           json_pack("{s:s, s:o, s:b, s:b}", "error_type", "unmapped", "error_message", message,
                     "will_retry", 0, "fatal", 1));
}

static void
end_request(call_t *call, const char *outcome, aider_time_t now)
{
    double duration = (double) (now.mono_ms - call->started.mono_ms) / 1000;
    json_t *payload = json_pack("{s:s, s:f}", "tool", call->tool, "duration", duration);
    set_outcome(payload, outcome);
    report(call, "aider.request_completed", call->request_id, now.unix_s, payload);
}

static void
end_call(call_t *call, const json_t *message, aider_time_t now)
{
    const char *error = NULL;
    json_t *keep = NULL;
    call->answer = mcp_call_answer(message, &error, &keep);
    call->answered = true;
    bool failed = call->answer == MCP_ANSWER_FAILURE;
    // Where AIDER has said why, the tool's text would say it a second time.
    if (failed && !call->refused && error && *error)
        report_error(call, error, now.unix_s);
    if (call->aider)
        aider_session_exit(call->aider, 0, 0, now);
    else
        end_request(call, failed ? "failed" : "ok", now);
    json_decref(keep);
    close_call(call);
}

// A client that cancels takes no answer; a server should not give one.
static void
cancel_call(mcp_session_t *self, const json_t *message, aider_time_t now)
{
    const json_t *params = json_object_get(message, "params");
    call_t *call = find_call(self, json_object_get(params, "requestId"));
    if (!call)
        return;
    if (call->aider)
        aider_session_exit(call->aider, 0, SIGINT, now);
    else
        end_request(call, "cancelled", now);
    close_call(call);
}

// ---- lines ----

// What AIDER prints belongs to the oldest AIDER call: such servers run one at a time.
static call_t *
talking_call(mcp_session_t *self)
{
    call_t *oldest = NULL;
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++) {
        call_t *call = &self->calls[i];
        if (call->aider && (!oldest || call->started.mono_ms < oldest->started.mono_ms))
            oldest = call;
    }
    return oldest;
}

// "2026-11-22 08:12:10 [INFO] logger: text": the server speaks, not AIDER.
static bool
is_log_line(const char *line)
{
    return strspn(line, "0123456789-") == 10 && line[10] == ' ' && strstr(line, " [") != NULL;
}

static void
on_client_message(mcp_session_t *self, const json_t *message, aider_time_t now)
{
    const char *tool = mcp_call_tool(message);
    const char *method = json_string_value(json_object_get(message, "method"));
    if (tool)
        begin_call(self, message, tool, now);
    else if (method && streq(method, "notifications/cancelled"))
        cancel_call(self, message, now);
}

static void
on_server_message(mcp_session_t *self, const json_t *message, aider_time_t now)
{
    const json_t *id = json_object_get(message, "id");
    bool answers = json_object_get(message, "result") || json_object_get(message, "error");
    call_t *call = id && answers ? find_call(self, id) : NULL;
    if (call)
        end_call(call, message, now);
}

static void
take_message(mcp_session_t *self, mcp_side_t side, const json_t *message, aider_time_t now)
{
    if (side == MCP_FROM_CLIENT)
        on_client_message(self, message, now);
    else
        on_server_message(self, message, now);
}

// A JSON-RPC message, or a batch of them (revision 2025-03-26); NULL when the line is neither.
static json_t *
parse(const char *line)
{
    const char *start = line + strspn(line, " \t");
    if ((*start != '{' && *start != '[') || !strstr(start, "\"jsonrpc\""))
        return NULL;
    return json_loads(start, 0, NULL);
}

void
mcp_session_line(mcp_session_t *self, mcp_side_t side, const char *line, aider_time_t now)
{
    json_t *message = side == MCP_FROM_LOG ? NULL : parse(line);
    if (json_is_array(message)) {
        for (size_t i = 0; i < json_array_size(message); i++)
            take_message(self, side, json_array_get(message, i), now);
    } else if (message) {
        take_message(self, side, message, now);
    } else if (side == MCP_FROM_SERVER || (side == MCP_FROM_LOG && !is_log_line(line))) {
        // Newer SDKs send to stderr what a tool prints, so that AIDER's console is there.
        call_t *call = talking_call(self);
        if (call)
            aider_session_line(call->aider, AIDER_SOURCE_CONSOLE, line, now);
    }
    json_decref(message);
}

void
mcp_session_tick(mcp_session_t *self, aider_time_t now)
{
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++)
        if (self->calls[i].aider)
            aider_session_tick(self->calls[i].aider, now);
}

int64_t
mcp_session_next_tick_ms(const mcp_session_t *self)
{
    int64_t next_ms = -1;
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++) {
        const aider_session_t *aider = self->calls[i].aider;
        int64_t due_ms = aider ? aider_session_next_tick_ms(aider) : -1;
        if (due_ms >= 0 && (next_ms < 0 || due_ms < next_ms))
            next_ms = due_ms;
    }
    return next_ms;
}

void
mcp_session_exit(mcp_session_t *self, int exit_code, int signal, aider_time_t now)
{
    (void) exit_code;
    for (size_t i = 0; i < MCP_SESSION_CALLS_MOST; i++) {
        call_t *call = &self->calls[i];
        if (!call->id)
            continue;
        // No answer will come, whether the server went by itself or not.
        if (call->aider)
            aider_session_exit(call->aider, 0, signal ? signal : SIGKILL, now);
        else
            end_request(call, "killed", now);
        close_call(call);
    }
}

size_t
mcp_session_not_followed(const mcp_session_t *self)
{
    return self->not_followed;
}
