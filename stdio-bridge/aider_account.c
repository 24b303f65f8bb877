// aider_account - what is known of a session, and the events made of it
// SPDX-License-Identifier: MPL-2.0
#include "aider_account.h"

#include "aider_trouble.h"
#include "event_payload.h"

#include <assert.h>
#include <czmq.h>
#include <signal.h>
#include <string.h>

enum { MESSAGE_LIMIT_BYTES = 2048 };    // of a message in an event

static void
set_prompt(const aider_account_t *self, json_t *payload, const char *prompt)
{
    // Before it is cut: half of a secret is not known for one.
    char *clean = self->redaction && prompt ? redaction_text(self->redaction, prompt) : NULL;
    const char *text = clean ? clean : prompt;
    if (self->prompt == AIDER_PROMPT_FULL)
        event_payload_text(payload, "prompt", text);
    else if (self->prompt == AIDER_PROMPT_PREVIEW)
        event_payload_cut(payload, "prompt", text, AIDER_SESSION_PREVIEW_CHARACTERS,
                          AIDER_ACCOUNT_INPUT_BYTES);
    free(clean);
}

void
aider_account_report(aider_account_t *self, const char *type, json_t *payload)
{
    aider_report_t event = {
        .type = type,
        .request_id = self->turn.open ? self->turn.id : NULL,
        .timestamp = self->now.unix_s,
        .payload = payload,
    };
    self->said_ms = self->now.mono_ms;
    self->handler(self->arg, &event);
}

// Report progress. Takes data, which may be NULL.
static void
progress(aider_account_t *self, const char *stage, const char *message, json_t *data)
{
    json_t *payload = json_object();
    event_payload_text(payload, "stage", stage);
    event_payload_cut(payload, "message", message, MESSAGE_LIMIT_BYTES, MESSAGE_LIMIT_BYTES);
    int64_t since_ms = self->turn.open ? self->turn.started_ms : self->started.mono_ms;
    json_object_set_new(payload, "duration",
                        json_real((double) (self->now.mono_ms - since_ms) / 1000));
    if (data)
        json_object_set_new(payload, "progress_data", data);
    aider_account_report(self, "aider.session_progress", payload);
}

void
aider_account_close(aider_account_t *self, int exit_code, int signal)
{
    aider_turn_t *turn = &self->turn;
    if (!turn->open)
        return;
    // Behind a call that ended well, such text is some other program's; and who interrupts a
    // retry's sleep sees the error that was slept over once more.
    bool cancelled = turn->interrupted || signal == SIGINT;
    if (turn->suspect[0] && !turn->failed && !turn->call_ended && !cancelled) {
        aider_trouble_report(self, "unmapped", turn->suspect, true);
        aider_turn_lost(turn);
    }
    aider_outcome_t outcome = aider_turn_outcome(turn, exit_code, signal);
    json_t *payload = aider_turn_completed(turn, outcome, self->now.mono_ms);
    aider_account_report(self, "aider.request_completed", payload);
    self->any_turn = true;
    self->last_outcome = outcome;
    turn->open = false;
}

void
aider_account_open(aider_account_t *self, const char *prompt)
{
    aider_account_close(self, 0, 0);
    self->turn_number++;
    aider_turn_open(&self->turn, self->now.mono_ms);

    json_t *payload = json_object();
    set_prompt(self, payload, self->message ? self->message : prompt);
    event_payload_text(payload, "model", self->model);
    aider_trouble_set_provider(self, payload, NULL);
    aider_account_report(self, "aider.request_started", payload);
}

static void
on_progress(aider_account_t *self)
{
    int failed = aider_turn_progress(&self->turn);
    if (failed == 0)
        return;
    char message[64];
    snprintf(message, sizeof message, "answered after %d failed attempt%s", failed,
             failed == 1 ? "" : "s");
    progress(self, "retry_ended", message, json_pack("{s:i}", "attempt", failed));
}

static void
on_tokens(aider_account_t *self, const aider_fact_t *fact)
{
    if (fact->received != 0)
        on_progress(self);
    aider_turn_call_ended(&self->turn, fact);
    json_t *data = json_object();
    if (fact->sent >= 0)
        json_object_set_new(data, "tokens_sent", json_integer(fact->sent));
    if (fact->received >= 0)
        json_object_set_new(data, "tokens_received", json_integer(fact->received));
    progress(self, "tokens", NULL, data);
}

static void
on_edit(aider_account_t *self, const char *path)
{
    aider_changes_edit(&self->changes, path);
    progress(self, "edit", path, json_pack("{s:s*}", "file", path));
}

static void
on_commit(aider_account_t *self, const char *text)
{
    aider_changes_commit(&self->changes);
    char hash[64];
    size_t length = strspn(text, "0123456789abcdef");
    snprintf(hash, sizeof hash, "%.*s", (int) (length < sizeof hash ? length : 0), text);
    const char *message = text + length + strspn(text + length, " ");
    progress(self, "commit", message, json_pack("{s:s}", "commit", hash));
}

// "/add a.py", "!ls", or, as the analytics log has it, "add". What stands behind the command is
// as private as a prompt.
static void
on_command(aider_account_t *self, const char *text)
{
    enum { NAME_BYTES = 64 };
    char name[NAME_BYTES];
    bool shell = text[0] == '!';
    text += text[0] == '/';
    snprintf(name, sizeof name, "/%.*s", shell ? 3 : (int) strcspn(text, " "),
             shell ? "run" : text);
    progress(self, "command", name, NULL);
}

void
aider_account_fact(aider_account_t *self, const aider_fact_t *fact)
{
    switch (fact->kind) {
    case AIDER_FACT_REPLY:
        on_progress(self);
        progress(self, "streaming", NULL, NULL);
        break;
    case AIDER_FACT_FAILURE:
        aider_trouble_failure(self, fact);
        break;
    case AIDER_FACT_TOKENS:
        on_tokens(self, fact);
        break;
    case AIDER_FACT_FILE_ADDED:
        progress(self, "file_added", fact->text, json_pack("{s:s*}", "file", fact->text));
        break;
    case AIDER_FACT_EDIT:
        on_edit(self, fact->text);
        break;
    case AIDER_FACT_COMMIT:
        on_commit(self, fact->text);
        break;
    case AIDER_FACT_COMMIT_FAILED:
        progress(self, "commit", "the commit failed", NULL);
        break;
    case AIDER_FACT_EDIT_FORMAT:
        aider_trouble_report(self, "edit_format", "The LLM did not conform to the edit format.",
                             false);
        break;
    case AIDER_FACT_LINT:
        progress(self, "lint", "the linter found errors", NULL);
        break;
    case AIDER_FACT_TEST:
        progress(self, "test", "tests failed", NULL);
        break;
    case AIDER_FACT_SHELL:
        progress(self, "shell", fact->text, NULL);
        break;
    case AIDER_FACT_COMMAND:
        on_command(self, fact->text);
        break;
    case AIDER_FACT_CONFIRMED:
        progress(self, "confirmation", fact->text, NULL);
        break;
    case AIDER_FACT_INTERRUPT:
        // AIDER goes back to its prompt with the first; a second one is said there.
        if (self->turn.stopped)
            break;
        self->turn.stopped = true;
        self->turn.interrupted = !self->turn.call_ended;
        progress(self, "interrupted", NULL, NULL);
        break;
    case AIDER_FACT_COST:
        break;
    default:
        aider_trouble_lost(self, fact);
        break;
    }
}

// Another model than before has taken over.
static void
change_model(aider_account_t *self, const char *model)
{
    json_t *data = json_object();
    event_payload_text(data, "previous_model", self->model);
    event_payload_text(data, "by", self->model_asked_for ? "user" : "aider");
    event_payload_copy(self->model, sizeof self->model, model);
    event_payload_text(data, "model", self->model);
    self->fallback_used = self->fallback_used || self->failed_model;
    self->failed_model = self->model_asked_for = false;
    progress(self, "model_changed", self->model, data);
}

void
aider_account_banner(aider_account_t *self, const aider_fact_t *fact)
{
    if (fact->kind == AIDER_FACT_VERSION) {
        event_payload_copy(self->version, sizeof self->version, fact->text);
        return;
    }
    if (self->banner_told && !strcmp(self->model, fact->text))
        return;
    if (self->banner_told) {
        change_model(self, fact->text);
        return;
    }
    // The first banner says what the command line's name, which may be an alias, stands for.
    self->banner_told = true;
    event_payload_copy(self->model, sizeof self->model, fact->text);
    event_payload_copy(self->original_model, sizeof self->original_model, fact->text);
    json_t *data = json_object();
    event_payload_text(data, "aider_version", self->version);
    event_payload_text(data, "model", self->model);
    progress(self, "banner", NULL, data);
}

void
aider_account_source(aider_account_t *self, const char *stage, const char *source,
                     const char *why)
{
    assert(self && stage && source);
    progress(self, stage, why, json_pack("{s:s}", "source", source));
}

void
aider_account_question(aider_account_t *self, const char *question, bool at_prompt)
{
    assert(self && question);
    json_t *payload = json_object();
    event_payload_cut(payload, "question", question, AIDER_ACCOUNT_INPUT_BYTES,
                      AIDER_ACCOUNT_INPUT_BYTES);
    event_payload_text(payload, "kind", at_prompt ? "prompt" : "confirmation");
    aider_account_report(self, "aider.waiting_for_input", payload);
}

void
aider_account_waiting(aider_account_t *self, bool streaming)
{
    assert(self);
    if (streaming) {
        progress(self, "streaming", NULL, NULL);
        return;
    }
    json_t *data = NULL;
    if (self->turn.retrying && self->turn.retry_at_ms > self->now.mono_ms) {
        double left = (double) (self->turn.retry_at_ms - self->now.mono_ms) / 1000;
        data = json_pack("{s:f, s:i}", "retry_in", left, "attempt", self->turn.last_attempt);
    }
    progress(self, "waiting", NULL, data);
}

static json_t *
file_list(const aider_options_t *options, bool read_only)
{
    json_t *files = json_array();
    const char *file;
    for (size_t i = 0; (file = aider_options_file(options, read_only, i)) != NULL; i++) {
        json_t *value = json_string(file);
        if (value)
            json_array_append_new(files, value);
    }
    return files;
}

static void
report_started(aider_account_t *self, const aider_session_start_t *start,
               const aider_options_t *options)
{
    json_t *payload = json_object();
    const char *key;
    json_t *member;
    // Not json_object_update, which wants the borrowed object as if it changed it.
    json_t *members = start->members ? json_deep_copy(start->members) : NULL;
    json_object_foreach(members, key, member) json_object_set(payload, key, member);
    json_decref(members);
    set_prompt(self, payload, self->message);
    json_object_set_new(payload, "editable_files", file_list(options, false));
    json_object_set_new(payload, "readonly_files", file_list(options, true));
    event_payload_text(payload, "model", self->model);
    event_payload_text(payload, "working_dir", start->working_dir);
    const char *format = aider_options_value(options, "--edit-format");
    bool architect = aider_options_switch(options, "--architect") ||
                     (format && !strcmp(format, "architect"));
    json_object_set_new(payload, "architect_mode", json_boolean(architect));
    event_payload_text(payload, "mode", "cli");
    aider_account_report(self, "aider.session_started", payload);
}

void
aider_account_begin(aider_account_t *self, const aider_session_start_t *start,
                    const aider_options_t *options, aider_time_t now)
{
    assert(self && start && options);
    self->now = self->started = now;
    self->said_ms = now.mono_ms;
    self->chain = aider_chain_new(start->fallback_models);
    self->prompt = start->prompt;
    self->redaction = start->redaction;
    self->waiting_ms = start->waiting_ms ? start->waiting_ms : AIDER_SESSION_WAITING_MS;
    const char *message = aider_options_value(options, "--message");
    message = message ? message : start->message;
    self->message = message ? strdup(message) : NULL;
    const char *model = aider_options_value(options, "--model");
    model = model ? model : start->model;
    if (model) {
        event_payload_copy(self->model, sizeof self->model, model);
        event_payload_copy(self->original_model, sizeof self->original_model, model);
    }
    report_started(self, start, options);
}

void
aider_account_clear(aider_account_t *self)
{
    assert(self);
    aider_chain_destroy(&self->chain);
    free(self->message);
    aider_changes_clear(&self->changes);
    memset(self, 0, sizeof *self);
}

void
aider_account_completed(aider_account_t *self, int exit_code, int signal)
{
    aider_outcome_t outcome = self->last_outcome;
    if (!self->any_turn) {
        outcome = exit_code == 0 ? AIDER_OUTCOME_OK : AIDER_OUTCOME_FAILED;
        if (signal != 0)
            outcome = signal == SIGINT ? AIDER_OUTCOME_CANCELLED : AIDER_OUTCOME_KILLED;
    }
    json_t *payload = json_object();
    json_object_set_new(payload, "success", json_boolean(outcome == AIDER_OUTCOME_OK));
    event_payload_text(payload, "outcome", aider_outcome_name(outcome));
    if (signal != 0)
        json_object_set_new(payload, "signal", json_integer(signal));
    else
        json_object_set_new(payload, "exit_code", json_integer(exit_code));
    json_object_set_new(payload, "duration",
                        json_real((double) (self->now.mono_ms - self->started.mono_ms) / 1000));
    event_payload_text(payload, "model_used", self->model);
    event_payload_text(payload, "original_model", self->original_model);
    json_object_set_new(payload, "rate_limit_encountered", json_boolean(self->rate_limited));
    json_object_set_new(payload, "fallback_used", json_boolean(self->fallback_used));
    aider_changes_set(&self->changes, payload);
    aider_account_report(self, "aider.session_completed", payload);
}
