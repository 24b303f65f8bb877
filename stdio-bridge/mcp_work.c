// mcp_work - one tools/call of an MCP server, from its beginning to its end
// SPDX-License-Identifier: MPL-2.0
#include "mcp_work.h"

#include <assert.h>
#include <czmq.h>

#include "event_payload.h"

enum {
    ERROR_BYTES = 2048,
    PROGRESS_PAUSE_MS = 1000,    // a server's own progress is told once in so long
};

// ---- saying ----

// Report an event of a call. Steals payload.
static void
report(mcp_work_t *self, const char *type, const char *request_id, double timestamp,
       json_t *payload)
{
    if (*self->trace_id)
        json_object_set_new(payload, "correlation_id", json_string(self->trace_id));
    mcp_progress_note(&self->progress, type, payload);
    session_report_t event = {
        .type = type,
        .session_id = self->session_id,
        .request_id = request_id,
        .timestamp = timestamp,
        .payload = payload,
    };
    self->handler(self->arg, &event);
}

// The same, where AIDER's own account does not know of it.
static void
report_own(mcp_work_t *self, const char *type, aider_time_t now, json_t *payload)
{
    const char *request_id = *self->request_id ? self->request_id : NULL;
    report(self, type, request_id, now.unix_s, payload);
}

static void
set_outcome(json_t *payload, const char *outcome)
{
    json_object_set_new(payload, "success", json_boolean(streq(outcome, "ok")));
    json_object_set_new(payload, "outcome", json_string(outcome));
}

// AIDER's own account of a call's end is mended by what else is known of it: an end without an
// answer, a failure that AIDER did not print, or a success whose output never came this way.
static void
mend_completed(const mcp_work_t *self, json_t *payload)
{
    json_object_del(payload, "exit_code");    // a call has none
    const char *outcome = json_string_value(json_object_get(payload, "outcome"));
    if (self->outcome)
        set_outcome(payload, self->outcome);
    else if (self->answered && !self->refused && self->answer == MCP_ANSWER_SUCCESS)
        set_outcome(payload, "ok");
    else if (self->answered && self->answer == MCP_ANSWER_FAILURE && outcome &&
             streq(outcome, "ok"))
        set_outcome(payload, "failed");
    if (!self->outcome || !streq(self->outcome, "killed"))
        json_object_del(payload, "signal");
}

static void
add_hidden(const mcp_work_t *self, json_t *payload)
{
    if (self->hidden_rate_limit)
        json_object_set_new(payload, "rate_limit_encountered", json_true());
    if (self->hidden_fallback)
        json_object_set_new(payload, "fallback_used", json_true());
}

// aider_session_report_fn
static void
on_aider_report(void *arg, const aider_report_t *aider)
{
    mcp_work_t *self = arg;
    json_t *payload = aider->payload;
    if (streq(aider->type, "aider.session_started")) {
        json_object_set_new(payload, "mode", json_string("mcp"));
        json_object_set_new(payload, "tool", json_string(self->tool));
    } else if (streq(aider->type, "aider.request_started")) {
        event_payload_copy(self->request_id, sizeof self->request_id, aider->request_id);
    } else if (streq(aider->type, "aider.error_occurred") &&
               json_is_true(json_object_get(payload, "fatal"))) {
        self->refused = true;
    } else if (streq(aider->type, "aider.session_completed")) {
        mend_completed(self, payload);
        add_hidden(self, payload);
    } else if (streq(aider->type, "aider.request_completed")) {
        mend_completed(self, payload);
    }
    report(self, aider->type, aider->request_id, aider->timestamp, payload);
}

// Set a member to a text, without secrets before it is cut: half of one is not known for one.
static void
set_text(const mcp_work_t *self, json_t *payload, const char *key, const char *text)
{
    redaction_t *redaction = self->start->redaction;
    char *clean = redaction && text ? redaction_text(redaction, text) : NULL;
    event_payload_cut(payload, key, clean ? clean : text, ERROR_BYTES, ERROR_BYTES);
    free(clean);
}

// What went wrong, where AIDER has not said it.
static void
report_error(mcp_work_t *self, const char *error_type, const char *text, aider_time_t now)
{
    json_t *payload =
        json_pack("{s:s, s:b, s:b}", "error_type", error_type, "will_retry", 0, "fatal", 1);
    set_text(self, payload, "error_message", text);
    report_own(self, "aider.error_occurred", now, payload);
}

// ---- the beginning ----

static void
begin_aider(mcp_work_t *self, const json_t *message, aider_time_t now)
{
    char **words = mcp_call_words(message, self->start->model);
    // The array is not written to; C has no conversion that adds the inner const.
    const char *const *argv = (const char *const *) words;
    aider_session_start_t start = {
        .argv = argv,
        .working_dir = self->start->working_dir,
        .fallback_models = self->start->fallback_models,
        .patterns = self->start->patterns,
        .redaction = self->start->redaction,
        .members = self->start->members,
        .columns = self->start->columns,
        .prompt = self->start->prompt,
        .waiting_ms = self->start->waiting_ms,
    };
    self->aider = aider_session_new(&start, now, on_aider_report, self);
    // The call is the turn: it is open although AIDER has printed nothing yet.
    aider_session_line(self->aider, AIDER_SOURCE_HISTORY, "#### ", now);
    mcp_call_free_words(&words);
}

void
mcp_work_begin(mcp_work_t *self, const json_t *message, const char *session_id,
               aider_time_t now)
{
    const char *tool = mcp_call_tool(message);
    assert(tool && !self->id);
    self->id = json_deep_copy(json_object_get(message, "id"));
    self->started = now;
    event_payload_copy(self->tool, sizeof self->tool, tool);
    mcp_progress_begin(&self->progress, message);
    if (!mcp_call_trace_id(message, self->trace_id))
        self->trace_id[0] = '\0';
    mesh_uuid_t made = mesh_uuid_new();
    if (mcp_call_is_aider(tool, self->start->aider_tools)) {
        mesh_uuid_format(&made, self->session_id);
        begin_aider(self, message, now);
        return;
    }
    mesh_uuid_format(&made, self->request_id);
    event_payload_copy(self->session_id, sizeof self->session_id, session_id);
    report_own(self, "aider.request_started", now, json_pack("{s:s}", "tool", self->tool));
}

void
mcp_work_close(mcp_work_t *self)
{
    aider_session_destroy(&self->aider);
    mcp_progress_end(&self->progress);
    json_decref(self->id);
    json_decref(self->state);
    *self = (mcp_work_t){.start = self->start, .handler = self->handler, .arg = self->arg};
}

// ---- meanwhile ----

void
mcp_work_print(mcp_work_t *self, const char *line, aider_time_t now)
{
    if (!self->cancelled && self->aider)
        aider_session_line(self->aider, AIDER_SOURCE_CONSOLE, line, now);
}

void
mcp_work_ask(mcp_work_t *self, const char *question, aider_time_t now)
{
    if (self->cancelled)
        return;
    json_t *payload = json_pack("{s:s}", "kind", "confirmation");
    set_text(self, payload, "question", question);
    report_own(self, "aider.waiting_for_input", now, payload);
}

static void
report_stage(mcp_work_t *self, const char *stage, const char *message, json_t *data,
             aider_time_t now)
{
    double duration = (double) (now.mono_ms - self->started.mono_ms) / 1000;
    json_t *payload = json_pack("{s:s, s:f}", "stage", stage, "duration", duration);
    set_text(self, payload, "message", message);
    if (data)
        json_object_set_new(payload, "progress_data", data);
    report_own(self, "aider.session_progress", now, payload);
}

void
mcp_work_reply(mcp_work_t *self, aider_time_t now)
{
    if (!self->cancelled)
        report_stage(self, "confirmation", NULL, NULL, now);
}

void
mcp_work_hear_progress(mcp_work_t *self, const json_t *params, aider_time_t now)
{
    mcp_progress_heard(&self->progress, params);
    if (self->cancelled || (self->heard_ms && now.mono_ms - self->heard_ms < PROGRESS_PAUSE_MS))
        return;
    self->heard_ms = now.mono_ms;
    json_t *data = json_object();
    static const char *const figures[] = {"progress", "total"};
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        json_t *figure = json_object_get(params, figures[i]);
        if (json_is_number(figure))
            json_object_set(data, figures[i], figure);
    }
    report_stage(self, "tool", json_string_value(json_object_get(params, "message")), data,
                 now);
    // The client has that from the server itself.
    self->progress.text[0] = '\0';
}

void
mcp_work_hear_event(mcp_work_t *self, const char *type, json_t *payload, aider_time_t now)
{
    if (self->cancelled)
        json_decref(payload);
    else
        report_own(self, type, now, payload);
}

void
mcp_work_wait(mcp_work_t *self, const json_t *message, aider_time_t now)
{
    assert(!self->cancelled);
    const char *question = mcp_call_question(message);
    if (question)
        mcp_work_ask(self, question, now);
    json_t *result = json_object_get(message, "result");
    self->state = json_incref(json_object_get(result, "requestState"));
    self->asked = question != NULL;
    self->waits = true;
    mcp_progress_end(&self->progress);
}

bool
mcp_work_goes_on(const mcp_work_t *self, const json_t *message)
{
    const json_t *params = json_object_get(message, "params");
    const json_t *state = json_object_get(params, "requestState");
    const char *called = mcp_call_tool(message);
    char tool[MCP_WORK_TOOL_BYTES];
    event_payload_copy(tool, sizeof tool, called ? called : "");
    if (!self->waits || !streq(tool, self->tool))
        return false;
    // Where the server gave nothing to show, what the client brings must do.
    return self->state ? state && json_equal(self->state, state)
                       : !state && json_object_get(params, "inputResponses");
}

void
mcp_work_go_on(mcp_work_t *self, const json_t *message, aider_time_t now)
{
    assert(self->waits);
    json_decref(self->id);
    self->id = json_deep_copy(json_object_get(message, "id"));
    json_decref(self->state);
    self->state = NULL;
    self->waits = false;
    mcp_progress_begin(&self->progress, message);
    if (self->asked)
        mcp_work_reply(self, now);
}

void
mcp_work_tick(mcp_work_t *self, aider_time_t now)
{
    if (self->aider && !self->cancelled && !self->waits)
        aider_session_tick(self->aider, now);
}

int64_t
mcp_work_next_tick_ms(const mcp_work_t *self)
{
    bool ticks = self->aider && !self->cancelled && !self->waits;
    return ticks ? aider_session_next_tick_ms(self->aider) : -1;
}

// ---- the end ----

// Report the end of a call, by what is known of it now.
static void
complete(mcp_work_t *self, int exit_code, int signal, aider_time_t now)
{
    if (self->aider) {
        aider_session_exit(self->aider, exit_code, signal, now);
        return;
    }
    double duration = (double) (now.mono_ms - self->started.mono_ms) / 1000;
    json_t *payload = json_pack("{s:s, s:f}", "tool", self->tool, "duration", duration);
    bool failed = self->answer == MCP_ANSWER_FAILURE;
    set_outcome(payload, self->outcome ? self->outcome : failed ? "failed" : "ok");
    report_own(self, "aider.request_completed", now, payload);
}

void
mcp_work_answer(mcp_work_t *self, const json_t *message, aider_time_t now)
{
    if (self->cancelled)
        return;
    const char *error = NULL;
    json_t *keep = NULL;
    self->answer = mcp_call_answer(message, &error, &keep);
    self->answered = true;
    const json_t *limits = json_object_get(keep, "rate_limit_info");
    self->hidden_rate_limit = json_is_true(json_object_get(limits, "encountered"));
    self->hidden_fallback = json_is_string(json_object_get(limits, "fallback_model"));
    // Where AIDER has said why, the tool's text would say it a second time.
    if (self->answer == MCP_ANSWER_FAILURE && !self->refused && error && *error)
        report_error(self, "unmapped", error, now);
    complete(self, 0, 0, now);
    json_decref(keep);
}

void
mcp_work_cancel(mcp_work_t *self, aider_time_t now)
{
    if (self->cancelled)
        return;
    self->outcome = "cancelled";
    complete(self, 0, SIGINT, now);
    self->cancelled = true;
    mcp_progress_end(&self->progress);
}

void
mcp_work_lose(mcp_work_t *self, const mcp_server_end_t *end, aider_time_t now)
{
    if (self->cancelled)
        return;
    if (end->client_gone) {
        mcp_work_cancel(self, now);
        return;
    }
    char text[120];
    if (end->signal)
        (void) snprintf(text, sizeof text,
                        "the MCP server was ended by signal %d before it answered",
                        end->signal);
    else
        (void) snprintf(text, sizeof text,
                        "the MCP server ended with status %d before it answered",
                        end->exit_code);
    report_error(self, "crash", text, now);
    self->outcome = end->signal ? "killed" : "failed";
    complete(self, end->exit_code, end->signal, now);
}
