// aider_session - the life of one AIDER process, put together from all that tells of it
// SPDX-License-Identifier: MPL-2.0
#include "aider_session.h"

#include "aider_options.h"
#include "aider_tally.h"
#include "aider_turn.h"

#include <assert.h>
#include <czmq.h>
#include <signal.h>
#include <string.h>

enum {
    QUEUE_RECORDS = 64,            // analytics records waiting; more are read at once
    MESSAGE_LIMIT_BYTES = 2048,    // of an error's text in an event
    LISTED_FILES = 50,             // in changes_summary
    INPUT_BYTES = 512,             // kept of a prompt; more than the preview needs
    MODEL_BYTES = 256,
    PROVIDER_BYTES = 64,
};

typedef struct source {
    struct aider_session *session;    // borrowed; whose it is
    aider_source_t name;
    aider_facts_t *facts;       // owned
    unsigned turn;              // the request this source was last in, counted from 1
    bool joined;                // it is in that request now
    bool spoke;                 // it has told of inputs or requests at all
    unsigned inputs;            // what the person said, since all were level
    char input[INPUT_BYTES];    // the last of it
} source_t;

typedef struct record {
    json_t *json;    // owned
    int64_t due_ms;
} record_t;

struct aider_session {
    aider_session_report_fn *handler;
    void *arg;    // borrowed
    aider_time_t now;
    aider_time_t started;
    aider_options_t *options;    // owned
    bool interactive;
    char *message;             // owned; of --message, or NULL
    char **fallback_models;    // owned, ends with NULL; or NULL
    char original_model[MODEL_BYTES];
    char model[MODEL_BYTES];
    char version[64];
    bool banner_told;

    source_t sources[AIDER_SOURCE_COUNT];
    record_t queue[QUEUE_RECORDS];    // oldest first
    size_t queued;
    size_t malformed;

    unsigned turn_number;
    aider_turn_t turn;
    aider_tally_t tally;    // of what is told outside requests

    bool any_turn;    // a request was completed
    aider_outcome_t last_outcome;
    bool rate_limited;
    bool crashed;
    json_t *edits;    // owned; paths, each once
    unsigned edit_count;
    unsigned commit_count;

    int64_t said_ms;       // when something was last reported
    int64_t heard_ms;      // when a source last spoke
    int64_t replied_ms;    // when the reply last grew
    int64_t asked_ms;      // since when AIDER waits for a person, -1 when it does not
    bool asked_told;
    bool at_prompt;
    char question[INPUT_BYTES];
};

// ---- saying ----

static void
report(aider_session_t *self, const char *type, json_t *payload)
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

// Copy at most `capacity` bytes with the NUL, whole characters only.
static void
copy_text(char *to, size_t capacity, const char *from)
{
    size_t size = strlen(from);
    if (size >= capacity) {
        size = capacity - 1;
        while (size > 0 && ((unsigned char) from[size] & 0xc0) == 0x80)
            size--;
    }
    memcpy(to, from, size);
    to[size] = '\0';
}

static void
set_text(json_t *payload, const char *key, const char *text)
{
    if (!text || text[0] == '\0')
        return;
    json_t *value = json_string(text);
    // What is not UTF-8 cannot come from terminal_text, but an argv may hold anything.
    if (value)
        json_object_set_new(payload, key, value);
}

// The text, or its first characters and an ellipsis.
static void
set_cut(json_t *payload, const char *key, const char *text, size_t characters, size_t bytes)
{
    if (!text || text[0] == '\0')
        return;
    size_t size = 0;
    size_t count = 0;
    while (text[size] && count < characters && size < bytes) {
        size++;
        while (((unsigned char) text[size] & 0xc0) == 0x80)
            size++;
        count++;
    }
    if (text[size] == '\0') {
        set_text(payload, key, text);
        return;
    }
    char *cut = zmalloc(size + sizeof "…");
    memcpy(cut, text, size);
    memcpy(cut + size, "…", sizeof "…");
    set_text(payload, key, cut);
    free(cut);
}

static void
set_preview(json_t *payload, const char *prompt)
{
    set_cut(payload, "prompt", prompt, AIDER_SESSION_PREVIEW_CHARACTERS, INPUT_BYTES);
}

static void
set_provider(const aider_session_t *self, json_t *payload, const char *text)
{
    char provider[PROVIDER_BYTES];
    const char *model = self->model[0] ? self->model : NULL;
    set_text(payload, "provider",
             aider_patterns_provider(text, model, provider, sizeof provider));
}

// What the configured chain names behind the current model; the chain's first when the current
// one is not in it.
static const char *
fallback_model(const aider_session_t *self)
{
    if (!self->fallback_models)
        return NULL;
    for (char **at = self->fallback_models; *at; at++) {
        if (!strcmp(*at, self->model))
            return at[1];
    }
    return self->fallback_models[0];
}

// Report progress. Takes data, which may be NULL.
static void
progress(aider_session_t *self, const char *stage, const char *message, json_t *data)
{
    json_t *payload = json_object();
    set_text(payload, "stage", stage);
    set_cut(payload, "message", message, MESSAGE_LIMIT_BYTES, MESSAGE_LIMIT_BYTES);
    int64_t since_ms = self->turn.open ? self->turn.started_ms : self->started.mono_ms;
    json_object_set_new(payload, "duration",
                        json_real((double) (self->now.mono_ms - since_ms) / 1000));
    if (data)
        json_object_set_new(payload, "progress_data", data);
    report(self, "aider.session_progress", payload);
}

static json_t *
error_payload(const aider_session_t *self, const char *text)
{
    json_t *payload = json_object();
    set_cut(payload, "error_message", text, MESSAGE_LIMIT_BYTES, MESSAGE_LIMIT_BYTES);
    set_provider(self, payload, text);
    set_text(payload, "current_model", self->model);
    set_text(payload, "fallback_model", fallback_model(self));
    return payload;
}

// An error with no retries behind it.
static void
report_error(aider_session_t *self, const char *error_type, const char *text, bool fatal)
{
    json_t *payload = error_payload(self, text);
    set_text(payload, "error_type", error_type);
    json_object_set_new(payload, "will_retry", json_boolean(!fatal));
    json_object_set_new(payload, "fatal", json_boolean(fatal));
    report(self, "aider.error_occurred", payload);
}

// ---- requests ----

static void
close_turn(aider_session_t *self, int exit_code, int signal)
{
    aider_turn_t *turn = &self->turn;
    if (!turn->open)
        return;
    if (turn->suspect[0] && !turn->failed) {
        report_error(self, "unmapped", turn->suspect, true);
        aider_turn_lost(turn);
    }
    aider_outcome_t outcome = aider_turn_outcome(turn, exit_code, signal);
    json_t *payload = aider_turn_completed(turn, outcome, self->now.mono_ms);
    report(self, "aider.request_completed", payload);
    self->any_turn = true;
    self->last_outcome = outcome;
    turn->open = false;
}

static void
open_turn(aider_session_t *self, const char *prompt)
{
    close_turn(self, 0, 0);
    self->turn_number++;
    aider_turn_open(&self->turn, self->now.mono_ms);

    json_t *payload = json_object();
    set_preview(payload, self->message ? self->message : prompt);
    set_text(payload, "model", self->model);
    set_provider(self, payload, NULL);
    report(self, "aider.request_started", payload);
}

// The source is in its next request, which may be the one at hand, an older one, or a new one.
static void
join(aider_session_t *self, source_t *source, const char *prompt)
{
    source->spoke = true;
    source->joined = true;
    if (!self->interactive) {
        if (self->turn_number == 0)
            open_turn(self, prompt);
        source->turn = 1;
        return;
    }
    if (source->turn == self->turn_number)
        open_turn(self, prompt);
    source->turn++;
}

// The source is through with its request. Whoever is first to say so ends it for all.
static void
leave(aider_session_t *self, source_t *source)
{
    if (source->joined && source->turn == self->turn_number && self->interactive)
        close_turn(self, 0, 0);
    source->joined = false;
}

static bool
in_turn(const aider_session_t *self, const source_t *source)
{
    return self->turn.open && source->joined && source->turn == self->turn_number;
}

// A command opens a request only when it turns out to call the model.
static bool
is_command(const char *text)
{
    return text[0] == '/' || text[0] == '!';
}

// The person said something: what was open is over, and a request may begin.
static void
on_input(aider_session_t *self, source_t *source, const char *text, bool sure)
{
    leave(self, source);
    source->spoke = true;
    source->inputs++;
    copy_text(source->input, sizeof source->input, text);
    // The console may show no input, or half of it.
    bool nothing = text[0] == '\0' || !strcmp(text, "<blank>") || !strcmp(text, "^C");
    // An input of no words, with --message, is how the caller itself says that a request is
    // open.
    if (nothing && !self->interactive)
        aider_facts_begun(self->sources[AIDER_SOURCE_CONSOLE].facts);
    if (sure && !is_command(text) && (!nothing || !self->interactive))
        join(self, source, text);
}

// A model round begins. Only the other sources tell whether it is a new request or AIDER's own
// reflection within one; while none of them has spoken, every round counts as a request.
static void
on_send(aider_session_t *self, source_t *source)
{
    bool alone = !self->sources[AIDER_SOURCE_CONSOLE].spoke &&
                 !self->sources[AIDER_SOURCE_HISTORY].spoke;
    if (source->joined && self->interactive && (alone || source->turn < self->turn_number))
        leave(self, source);
    if (!source->joined)
        join(self, source, "");
}

// What only a model call prints.
static bool
tells_of_call(const aider_fact_t *fact)
{
    switch (fact->kind) {
    case AIDER_FACT_FAILURE:
        return !fact->secondary && fact->sure;
    case AIDER_FACT_TOKENS:
    case AIDER_FACT_TOKEN_LIMIT:
    case AIDER_FACT_EMPTY_RESPONSE:
        return true;
    default:
        return false;
    }
}

// Put the source into its request where the fact shows that it is in one.
static void
place(aider_session_t *self, source_t *source, const aider_fact_t *fact)
{
    if (source->name == AIDER_SOURCE_STDERR) {
        source->joined = true;
        source->turn = self->turn_number;
        return;
    }
    if (source->joined)
        return;
    bool reply = fact->kind == AIDER_FACT_REPLY && source->name == AIDER_SOURCE_CONSOLE;
    const source_t *history = &self->sources[AIDER_SOURCE_HISTORY];
    // An interrupt at the prompt is not one of a request.
    bool interrupt = fact->kind == AIDER_FACT_INTERRUPT &&
                     source->name == AIDER_SOURCE_CONSOLE && source->inputs > 0 &&
                     strcmp(source->input, "^C") != 0;
    if (tells_of_call(fact) || interrupt || (reply && !self->interactive)) {
        join(self, source, source->input);
    } else if (reply && self->turn.open && source->turn + 1 == self->turn_number &&
               source->inputs == history->inputs) {
        join(self, source, "");
    } else if (!self->interactive && self->turn.open) {
        join(self, source, "");
    }
}

// ---- facts ----

static void
report_failure(aider_session_t *self, const aider_fact_t *fact, const aider_attempt_t *attempt)
{
    const aider_exception_t *exception = fact->exception;
    bool ladder = exception->retryable || attempt->will_retry;
    json_t *payload = error_payload(self, fact->text);
    json_object_set_new(payload, "attempt", json_integer(attempt->number));
    if (ladder)
        json_object_set_new(payload, "max_retries", json_integer(AIDER_MAX_RETRIES));
    json_object_set_new(payload, "will_retry", json_boolean(attempt->will_retry));
    if (attempt->will_retry)
        json_object_set_new(payload, "estimated_delay", json_real(attempt->delay));
    double retry_after = aider_patterns_retry_after(fact->text);

    if (exception->rate_limit) {
        json_t *limit = json_deep_copy(payload);
        if (retry_after >= 0)
            json_object_set_new(limit, "retry_after", json_real(retry_after));
        set_text(limit, "limit_type", aider_patterns_limit_type(fact->text));
        self->rate_limited = true;
        report(self, "aider.rate_limit_detected", limit);
    }
    if (exception->rate_limit && attempt->will_retry) {
        json_decref(payload);
        return;
    }
    set_text(payload, "error_type", aider_patterns_error_type(exception, fact->text));
    // A commit message that could not be made does not end the request.
    json_object_set_new(payload, "fatal",
                        json_boolean(!attempt->will_retry && !fact->secondary));
    report(self, "aider.error_occurred", payload);
}

// Tells failures apart between sources: by class and by the rung they stand on.
static unsigned
failure_key(const aider_fact_t *fact)
{
    unsigned class = 0;
    const aider_exception_t *at;
    for (size_t i = 0; (at = aider_patterns_exception_entry(i)) != NULL; i++) {
        if (at == fact->exception)
            class = (unsigned) i + 1;
    }
    unsigned rung = fact->delay < 0 ? 0 : 1 + (unsigned) aider_turn_rung(fact->delay);
    return class * 16 + rung;
}

static void
on_failure(aider_session_t *self, const aider_fact_t *fact)
{
    aider_attempt_t attempt = aider_turn_failure(&self->turn, fact, self->now.mono_ms);
    report_failure(self, fact, &attempt);
}

static void
on_progress(aider_session_t *self)
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
on_tokens(aider_session_t *self, const aider_fact_t *fact)
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
on_edit(aider_session_t *self, const char *path)
{
    self->edit_count++;
    bool known = false;
    size_t i;
    json_t *edited;
    json_array_foreach(self->edits, i, edited) known =
        known || !strcmp(json_string_value(edited), path);
    json_t *value = json_string(path);
    if (value && !known && json_array_size(self->edits) < LISTED_FILES)
        json_array_append(self->edits, value);
    json_decref(value);
    progress(self, "edit", path, json_pack("{s:s*}", "file", path));
}

static void
on_commit(aider_session_t *self, const char *text)
{
    self->commit_count++;
    char hash[64];
    size_t length = strspn(text, "0123456789abcdef");
    snprintf(hash, sizeof hash, "%.*s", (int) (length < sizeof hash ? length : 0), text);
    const char *message = text + length + strspn(text + length, " ");
    progress(self, "commit", message, json_pack("{s:s}", "commit", hash));
}

// What can only be said of a request.
static bool
needs_turn(const aider_fact_t *fact)
{
    switch (fact->kind) {
    case AIDER_FACT_REPLY:
    case AIDER_FACT_FAILURE:
    case AIDER_FACT_TOKENS:
    case AIDER_FACT_COST:
    case AIDER_FACT_TOKEN_LIMIT:
    case AIDER_FACT_EMPTY_RESPONSE:
    case AIDER_FACT_EDIT_FORMAT:
    case AIDER_FACT_INTERRUPT:
    case AIDER_FACT_REFLECTIONS:
        return true;
    default:
        return false;
    }
}

// Facts that are an error of the request.
static void
on_trouble(aider_session_t *self, const aider_fact_t *fact)
{
    static const struct {
        aider_fact_kind_t kind;
        const char *error_type;
        const char *text;
    } TROUBLES[] = {
        {AIDER_FACT_EMPTY_RESPONSE, "empty_response",
         "Empty response received from LLM. Check your provider account?"},
        {AIDER_FACT_REFLECTIONS, "reflections", "Only 3 reflections allowed, stopping."},
        {AIDER_FACT_UNCAUGHT, "crash", NULL},
        {AIDER_FACT_TRACEBACK, "unmapped", NULL},
    };
    const char *error_type = fact->output ? "output_limit" : "context_window";
    const char *text = fact->text;
    for (size_t i = 0; i < sizeof TROUBLES / sizeof TROUBLES[0]; i++) {
        if (TROUBLES[i].kind == fact->kind) {
            error_type = TROUBLES[i].error_type;
            text = TROUBLES[i].text ? TROUBLES[i].text : text;
        }
    }
    if (self->turn.open)
        aider_turn_lost(&self->turn);
    report_error(self, error_type, text, true);
}

static void
on_fresh_fact(aider_session_t *self, const aider_fact_t *fact)
{
    switch (fact->kind) {
    case AIDER_FACT_REPLY:
        on_progress(self);
        progress(self, "streaming", NULL, NULL);
        break;
    case AIDER_FACT_FAILURE:
        on_failure(self, fact);
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
        report_error(self, "edit_format", "The LLM did not conform to the edit format.", false);
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
    case AIDER_FACT_CONFIRMED:
        progress(self, "confirmation", fact->text, NULL);
        break;
    case AIDER_FACT_INTERRUPT:
        self->turn.interrupted = !self->turn.call_ended;
        progress(self, "interrupted", NULL, NULL);
        break;
    case AIDER_FACT_COST:
        break;
    default:
        on_trouble(self, fact);
        break;
    }
}

static void
on_banner(aider_session_t *self, const aider_fact_t *fact)
{
    if (fact->kind == AIDER_FACT_VERSION) {
        copy_text(self->version, sizeof self->version, fact->text);
        return;
    }
    if (self->banner_told && !strcmp(self->model, fact->text))
        return;
    self->banner_told = true;
    copy_text(self->model, sizeof self->model, fact->text);
    if (!self->original_model[0])
        copy_text(self->original_model, sizeof self->original_model, fact->text);
    json_t *data = json_object();
    set_text(data, "aider_version", self->version);
    set_text(data, "model", self->model);
    progress(self, "banner", NULL, data);
}

// A traceback on a stream may be a test's or a reply's. It counts when the history shows it
// too, or when nothing better explains how the request ended.
static bool
is_doubtful(const aider_session_t *self, const source_t *source, const aider_fact_t *fact)
{
    const source_t *history = &self->sources[AIDER_SOURCE_HISTORY];
    bool stream = source->name == AIDER_SOURCE_CONSOLE || source->name == AIDER_SOURCE_STDERR;
    if (fact->kind == AIDER_FACT_TRACEBACK)
        return stream;
    return fact->kind == AIDER_FACT_FAILURE && !fact->sure && history->joined &&
           history->turn == self->turn_number;
}

// aider_fact_fn: a source has told something.
static void
on_fact(void *arg, const aider_fact_t *fact)
{
    source_t *source = arg;
    aider_session_t *self = source->session;
    bool asks = fact->kind == AIDER_FACT_PROMPT || fact->kind == AIDER_FACT_QUESTION;
    if (source->name == AIDER_SOURCE_CONSOLE && !asks) {
        self->asked_ms = -1;    // it goes on, so somebody has answered
        self->at_prompt = false;
    }
    switch (fact->kind) {
    case AIDER_FACT_VERSION:
    case AIDER_FACT_MODEL:
        if (aider_tally_count(&self->tally, fact, 0, source->name))
            on_banner(self, fact);
        return;
    case AIDER_FACT_READY:
        if (!self->interactive && !is_command(self->message ? self->message : ""))
            join(self, source, "");
        return;
    case AIDER_FACT_INPUT:
        on_input(self, source, fact->text, fact->sure);
        return;
    case AIDER_FACT_PROMPT:
    case AIDER_FACT_QUESTION:
        self->at_prompt = fact->kind == AIDER_FACT_PROMPT;
        self->asked_ms = self->now.mono_ms;
        self->asked_told = false;
        copy_text(self->question, sizeof self->question, fact->text);
        if (self->at_prompt)
            leave(self, source);
        return;
    case AIDER_FACT_SEND:
        on_send(self, source);
        return;
    case AIDER_FACT_COMMAND:
    case AIDER_FACT_EXIT:
        leave(self, source);
        if (fact->kind == AIDER_FACT_EXIT && !strncmp(fact->text, "Completed --message", 19))
            close_turn(self, 0, 0);
        return;
    default:
        break;
    }
    if (!is_doubtful(self, source, fact))
        place(self, source, fact);
    else if (fact->kind == AIDER_FACT_TRACEBACK && self->turn.open)
        copy_text(self->turn.suspect, sizeof self->turn.suspect, fact->text);
    if (is_doubtful(self, source, fact))
        return;
    // Files are added before, in and between requests; the sources agree on their order alone.
    bool here = in_turn(self, source);
    if (fact->kind == AIDER_FACT_FILE_ADDED) {
        if (aider_tally_count(&self->tally, fact, 0, source->name))
            on_fresh_fact(self, fact);
        return;
    }
    if (!here && (source->joined || needs_turn(fact)))
        return;    // of a request already closed, or of none
    aider_tally_t *tally = here ? &self->turn.tally : &self->tally;
    unsigned key = fact->kind == AIDER_FACT_FAILURE ? failure_key(fact) : 0;
    if (here)
        aider_turn_add(&self->turn, fact, source->name);
    if (aider_tally_count(tally, fact, key, source->name))
        on_fresh_fact(self, fact);
}

// ---- lines and time ----

static void
take_record(aider_session_t *self)
{
    json_t *record = self->queue[0].json;
    self->queued--;
    memmove(self->queue, self->queue + 1, self->queued * sizeof self->queue[0]);
    aider_facts_record(self->sources[AIDER_SOURCE_ANALYTICS].facts, record);
    json_decref(record);
}

static void
analytics_line(aider_session_t *self, const char *line)
{
    json_t *record = json_loads(line, 0, NULL);
    if (!json_is_object(record)) {
        self->malformed++;
        json_decref(record);
        return;
    }
    if (self->queued == QUEUE_RECORDS)
        take_record(self);
    self->queue[self->queued++] =
        (record_t){.json = record, .due_ms = self->now.mono_ms + AIDER_SESSION_ANALYTICS_MS};
}

void
aider_session_line(aider_session_t *self, aider_source_t source, const char *line,
                   aider_time_t now)
{
    assert(self && source < AIDER_SOURCE_COUNT && line);
    self->now = now;
    self->heard_ms = now.mono_ms;
    if (source == AIDER_SOURCE_ANALYTICS) {
        analytics_line(self, line);
        return;
    }
    if (source == AIDER_SOURCE_CONSOLE && line[0] != '\0')
        self->replied_ms = now.mono_ms;
    aider_facts_line(self->sources[source].facts, line, now.mono_ms);
}

void
aider_session_partial(aider_session_t *self, const char *partial, aider_time_t now)
{
    assert(self && partial);
    self->now = now;
    if (partial[0] == '\0')
        return;
    self->heard_ms = now.mono_ms;
    if (!strstr(partial, "Waiting for "))
        self->replied_ms = now.mono_ms;
    aider_facts_partial(self->sources[AIDER_SOURCE_CONSOLE].facts, partial, now.mono_ms);
}

static void
tell_question(aider_session_t *self)
{
    self->asked_told = true;
    json_t *payload = json_object();
    set_cut(payload, "question", self->question, INPUT_BYTES, INPUT_BYTES);
    set_text(payload, "kind", self->at_prompt ? "prompt" : "confirmation");
    report(self, "aider.waiting_for_input", payload);
}

// AIDER has stood at its prompt for long enough that every source has caught up.
static void
level(aider_session_t *self)
{
    close_turn(self, 0, 0);
    for (int i = 0; i < AIDER_SOURCE_COUNT; i++) {
        self->sources[i].turn = self->turn_number;
        self->sources[i].joined = false;
        self->sources[i].inputs = 0;
    }
    aider_tally_level(&self->tally);
    self->at_prompt = false;
}

static int64_t
level_due_ms(const aider_session_t *self)
{
    return self->at_prompt && self->asked_ms >= 0 ? self->heard_ms + AIDER_SESSION_LEVEL_MS
                                                  : -1;
}

static int64_t
question_due_ms(const aider_session_t *self)
{
    return self->asked_ms >= 0 && !self->asked_told
               ? self->asked_ms + AIDER_SESSION_PROMPT_HOLD_MS
               : -1;
}

static int64_t
waiting_due_ms(const aider_session_t *self)
{
    // A question to the person has been said; that nothing happens is then not worth saying.
    return self->turn.open && self->asked_ms < 0 ? self->said_ms + AIDER_SESSION_WAITING_MS
                                                 : -1;
}

static void
tell_waiting(aider_session_t *self)
{
    if (self->turn.answered && self->replied_ms > self->said_ms) {
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

static bool
is_due(int64_t due_ms, const aider_session_t *self)
{
    return due_ms >= 0 && self->now.mono_ms >= due_ms;
}

void
aider_session_tick(aider_session_t *self, aider_time_t now)
{
    assert(self);
    self->now = now;
    for (int i = 0; i < AIDER_SOURCE_COUNT; i++)
        aider_facts_tick(self->sources[i].facts, now.mono_ms);
    while (self->queued > 0 && self->queue[0].due_ms <= now.mono_ms)
        take_record(self);
    if (is_due(question_due_ms(self), self))
        tell_question(self);
    if (is_due(level_due_ms(self), self))
        level(self);
    if (is_due(waiting_due_ms(self), self))
        tell_waiting(self);
}

static int64_t
earlier(int64_t left_ms, int64_t right_ms)
{
    if (left_ms < 0 || right_ms < 0)
        return left_ms < 0 ? right_ms : left_ms;
    return left_ms < right_ms ? left_ms : right_ms;
}

int64_t
aider_session_next_tick_ms(const aider_session_t *self)
{
    assert(self);
    int64_t next_ms = self->queued > 0 ? self->queue[0].due_ms : -1;
    for (int i = 0; i < AIDER_SOURCE_COUNT; i++)
        next_ms = earlier(next_ms, aider_facts_next_tick_ms(self->sources[i].facts));
    next_ms = earlier(next_ms, question_due_ms(self));
    next_ms = earlier(next_ms, level_due_ms(self));
    return earlier(next_ms, waiting_due_ms(self));
}

// ---- beginning and end ----

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
report_started(aider_session_t *self, const aider_session_start_t *start)
{
    json_t *payload = json_object();
    if (start->members)
        json_object_update(payload, (json_t *) (uintptr_t) start->members);
    set_preview(payload, self->message);
    json_object_set_new(payload, "editable_files", file_list(self->options, false));
    json_object_set_new(payload, "readonly_files", file_list(self->options, true));
    set_text(payload, "model", self->model);
    set_text(payload, "working_dir", start->working_dir);
    const char *format = aider_options_value(self->options, "--edit-format");
    bool architect = aider_options_switch(self->options, "--architect") ||
                     (format && !strcmp(format, "architect"));
    json_object_set_new(payload, "architect_mode", json_boolean(architect));
    set_text(payload, "mode", "cli");
    report(self, "aider.session_started", payload);
}

static char **
copy_list(const char *const *list)
{
    if (!list || !list[0])
        return NULL;
    size_t count = 0;
    while (list[count])
        count++;
    char **copy = zmalloc((count + 1) * sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = strdup(list[i]);
    return copy;
}

aider_session_t *
aider_session_new(const aider_session_start_t *start, aider_time_t now,
                  aider_session_report_fn *handler, void *arg)
{
    assert(start && start->argv && handler);
    aider_session_t *self = zmalloc(sizeof *self);
    self->handler = handler;
    self->arg = arg;
    self->now = self->started = now;
    self->said_ms = self->heard_ms = now.mono_ms;
    self->asked_ms = -1;
    self->edits = json_array();
    self->options = aider_options_new(start->argv);
    self->fallback_models = copy_list(start->fallback_models);

    const char *message = aider_options_value(self->options, "--message");
    if (!message)
        message = start->message;
    self->message = message ? strdup(message) : NULL;
    self->interactive = !message && !aider_options_value(self->options, "--message-file");
    const char *model = aider_options_value(self->options, "--model");
    if (!model)
        model = start->model;
    if (model) {
        copy_text(self->model, sizeof self->model, model);
        copy_text(self->original_model, sizeof self->original_model, model);
    }
    for (int i = 0; i < AIDER_SOURCE_COUNT; i++) {
        self->sources[i].session = self;
        self->sources[i].name = (aider_source_t) i;
        self->sources[i].facts = aider_facts_new((aider_source_t) i, self->interactive,
                                                 start->columns, on_fact, &self->sources[i]);
    }
    report_started(self, start);
    return self;
}

void
aider_session_destroy(aider_session_t **self_p)
{
    assert(self_p);
    aider_session_t *self = *self_p;
    if (!self)
        return;
    for (int i = 0; i < AIDER_SOURCE_COUNT; i++)
        aider_facts_destroy(&self->sources[i].facts);
    for (size_t i = 0; i < self->queued; i++)
        json_decref(self->queue[i].json);
    for (char **at = self->fallback_models; at && *at; at++)
        free(*at);
    free(self->fallback_models);
    free(self->message);
    json_decref(self->edits);
    aider_options_destroy(&self->options);
    free(self);
    *self_p = NULL;
}

static json_t *
changes_summary(const aider_session_t *self)
{
    char summary[96];
    size_t files = json_array_size(self->edits);
    snprintf(summary, sizeof summary, "%zu file%s edited, %u commit%s", files,
             files == 1 ? "" : "s", self->commit_count, self->commit_count == 1 ? "" : "s");
    json_t *list = json_array();
    size_t i;
    json_t *path;
    json_array_foreach(self->edits, i, path) json_array_append_new(
        list, json_pack("{s:O, s:s}", "name", path, "operation", "edited"));
    return json_pack("{s:s, s:o}", "summary", summary, "files", list);
}

static void
report_completed(aider_session_t *self, int exit_code, int signal)
{
    aider_outcome_t outcome = self->last_outcome;
    if (!self->any_turn) {
        outcome = exit_code == 0 ? AIDER_OUTCOME_OK : AIDER_OUTCOME_FAILED;
        if (signal != 0)
            outcome = signal == SIGINT ? AIDER_OUTCOME_CANCELLED : AIDER_OUTCOME_KILLED;
    }
    json_t *payload = json_object();
    json_object_set_new(payload, "success", json_boolean(outcome == AIDER_OUTCOME_OK));
    set_text(payload, "outcome", aider_outcome_name(outcome));
    if (signal != 0)
        json_object_set_new(payload, "signal", json_integer(signal));
    else
        json_object_set_new(payload, "exit_code", json_integer(exit_code));
    json_object_set_new(payload, "duration",
                        json_real((double) (self->now.mono_ms - self->started.mono_ms) / 1000));
    set_text(payload, "model_used", self->model);
    set_text(payload, "original_model", self->original_model);
    json_object_set_new(payload, "rate_limit_encountered", json_boolean(self->rate_limited));
    json_object_set_new(payload, "fallback_used", json_false());
    json_object_set_new(payload, "changes_detected", json_boolean(self->edit_count > 0));
    if (self->edit_count > 0)
        json_object_set_new(payload, "changes_summary", changes_summary(self));
    report(self, "aider.session_completed", payload);
}

void
aider_session_exit(aider_session_t *self, int exit_code, int signal, aider_time_t now)
{
    assert(self);
    self->now = now;
    aider_facts_finish(self->sources[AIDER_SOURCE_HISTORY].facts);
    aider_facts_finish(self->sources[AIDER_SOURCE_CONSOLE].facts);
    aider_facts_finish(self->sources[AIDER_SOURCE_STDERR].facts);
    while (self->queued > 0)
        take_record(self);
    close_turn(self, exit_code, signal);
    report_completed(self, exit_code, signal);
}

size_t
aider_session_malformed(const aider_session_t *self)
{
    assert(self);
    return self->malformed;
}
