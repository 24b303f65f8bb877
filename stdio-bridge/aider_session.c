// aider_session - the life of one AIDER process, put together from all that tells of it
// SPDX-License-Identifier: MPL-2.0
#include "aider_session.h"

#include "aider_account.h"
#include "aider_options.h"
#include "aider_tally.h"
#include "event_payload.h"

#include <assert.h>
#include <czmq.h>
#include <signal.h>
#include <string.h>

enum {
    QUEUE_RECORDS = 64,    // analytics records waiting; more are read at once
};

typedef struct source {
    struct aider_session *session;    // borrowed; whose it is
    aider_source_t name;
    aider_facts_t *facts;    // owned
    unsigned turn;           // the request this source was last in, counted from 1
    bool joined;             // it is in that request now
    bool spoke;              // it has told of inputs or requests at all
    unsigned inputs;         // what the person said, since all were level
    char input[AIDER_ACCOUNT_INPUT_BYTES];    // the last of it
} source_t;

typedef struct record {
    json_t *json;    // owned
    int64_t due_ms;
} record_t;

struct aider_session {
    aider_account_t account;
    aider_options_t *options;    // owned
    bool interactive;

    source_t sources[AIDER_SOURCE_COUNT];
    record_t queue[QUEUE_RECORDS];    // oldest first
    size_t queued;
    size_t malformed;

    aider_tally_t tally;    // of what is told outside requests

    int64_t heard_ms;      // when a source last spoke
    int64_t replied_ms;    // when the reply last grew
    int64_t asked_ms;      // since when AIDER waits for a person, -1 when it does not
    bool asked_told;
    bool at_prompt;
    char question[AIDER_ACCOUNT_INPUT_BYTES];
};

// ---- requests ----

// The source is in its next request, which may be the one at hand, an older one, or a new one.
static void
join(aider_session_t *self, source_t *source, const char *prompt)
{
    source->spoke = true;
    source->joined = true;
    if (!self->interactive) {
        if (self->account.turn_number == 0)
            aider_account_open(&self->account, prompt);
        source->turn = 1;
        return;
    }
    if (source->turn == self->account.turn_number)
        aider_account_open(&self->account, prompt);
    source->turn++;
}

// The source is through with its request. Whoever is first to say so ends it for all.
static void
leave(aider_session_t *self, source_t *source)
{
    if (source->joined && source->turn == self->account.turn_number && self->interactive)
        aider_account_close(&self->account, 0, 0);
    source->joined = false;
}

static bool
in_turn(const aider_session_t *self, const source_t *source)
{
    return self->account.turn.open && source->joined &&
           source->turn == self->account.turn_number;
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
    event_payload_copy(source->input, sizeof source->input, text);
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
    if (source->joined && self->interactive &&
        (alone || source->turn < self->account.turn_number))
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
        source->turn = self->account.turn_number;
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
    } else if (self->account.turn.open &&
               (!self->interactive || (reply && source->turn + 1 == self->account.turn_number &&
                                       source->inputs == history->inputs))) {
        join(self, source, "");
    }
}

// ---- facts ----

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
           history->turn == self->account.turn_number;
}

// AIDER stands at its prompt, or asks something.
static void
on_question(aider_session_t *self, source_t *source, const aider_fact_t *fact)
{
    self->at_prompt = fact->kind == AIDER_FACT_PROMPT;
    self->asked_ms = self->account.now.mono_ms;
    self->asked_told = false;
    event_payload_copy(self->question, sizeof self->question, fact->text);
    if (self->at_prompt)
        leave(self, source);
}

// Nothing more comes: a failure that was held for the sentence behind it is told without one.
static void
let_go(aider_session_t *self)
{
    int64_t later_ms = self->account.now.mono_ms + AIDER_FACTS_HOLD_MS;
    aider_facts_tick(self->sources[AIDER_SOURCE_HISTORY].facts, later_ms);
    aider_facts_tick(self->sources[AIDER_SOURCE_CONSOLE].facts, later_ms);
}

// Facts that say where in the session a source is. Returns true when this was one.
static bool
on_passage(aider_session_t *self, source_t *source, const aider_fact_t *fact)
{
    const char *message = self->account.message ? self->account.message : "";
    switch (fact->kind) {
    case AIDER_FACT_READY:
        if (!self->interactive && !is_command(message))
            join(self, source, "");
        return true;
    case AIDER_FACT_INPUT:
        on_input(self, source, fact->text, fact->sure);
        return true;
    case AIDER_FACT_PROMPT:
    case AIDER_FACT_QUESTION:
        on_question(self, source, fact);
        return true;
    case AIDER_FACT_SEND:
        on_send(self, source);
        return true;
    case AIDER_FACT_COMMAND:
        leave(self, source);
        return true;
    case AIDER_FACT_EXIT:
        leave(self, source);
        if (!strncmp(fact->text, "Completed --message", 19)) {
            let_go(self);
            aider_account_close(&self->account, 0, 0);
        }
        return true;
    default:
        return false;
    }
}

// Facts that the sources agree on in their order alone: files are added before, in and between
// requests, and the banner is printed again when the model changes. Returns true when this was
// one.
static bool
on_setting(aider_session_t *self, source_t *source, const aider_fact_t *fact)
{
    if (fact->kind != AIDER_FACT_VERSION && fact->kind != AIDER_FACT_MODEL &&
        fact->kind != AIDER_FACT_FILE_ADDED)
        return false;
    if (!aider_tally_count(&self->tally, fact, 0, source->name))
        return true;
    if (fact->kind == AIDER_FACT_FILE_ADDED)
        aider_account_fact(&self->account, fact);
    else
        aider_account_banner(&self->account, fact);
    return true;
}

// aider_fact_fn: a source has told something.
static void
on_fact(void *arg, const aider_fact_t *fact)
{
    source_t *source = arg;
    aider_session_t *self = source->session;
    aider_turn_t *turn = &self->account.turn;
    bool asks = fact->kind == AIDER_FACT_PROMPT || fact->kind == AIDER_FACT_QUESTION;
    if (source->name == AIDER_SOURCE_CONSOLE && !asks) {
        self->asked_ms = -1;    // it goes on, so somebody has answered
        self->at_prompt = false;
    }
    if (on_passage(self, source, fact) || on_setting(self, source, fact))
        return;
    if (is_doubtful(self, source, fact)) {
        if (fact->kind == AIDER_FACT_TRACEBACK && turn->open)
            event_payload_copy(turn->suspect, sizeof turn->suspect, fact->text);
        return;
    }
    place(self, source, fact);
    bool here = in_turn(self, source);
    if (!here && (source->joined || needs_turn(fact)))
        return;    // of a request already closed, or of none
    if (here)
        aider_turn_add(turn, fact, source->name);
    aider_tally_t *tally = here ? &turn->tally : &self->tally;
    unsigned key = fact->kind == AIDER_FACT_FAILURE ? failure_key(fact) : 0;
    if (aider_tally_count(tally, fact, key, source->name))
        aider_account_fact(&self->account, fact);
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
    self->queue[self->queued++] = (record_t){
        .json = record, .due_ms = self->account.now.mono_ms + AIDER_SESSION_ANALYTICS_MS};
}

void
aider_session_line(aider_session_t *self, aider_source_t source, const char *line,
                   aider_time_t now)
{
    assert(self && source < AIDER_SOURCE_COUNT && line);
    self->account.now = now;
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
    self->account.now = now;
    if (partial[0] == '\0')
        return;
    self->heard_ms = now.mono_ms;
    if (!strstr(partial, "Waiting for "))
        self->replied_ms = now.mono_ms;
    aider_facts_partial(self->sources[AIDER_SOURCE_CONSOLE].facts, partial, now.mono_ms);
}

// AIDER has stood at its prompt for long enough that every source has caught up.
static void
level(aider_session_t *self)
{
    aider_account_close(&self->account, 0, 0);
    for (int i = 0; i < AIDER_SOURCE_COUNT; i++) {
        self->sources[i].turn = self->account.turn_number;
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
    return self->account.turn.open && self->asked_ms < 0
               ? self->account.said_ms + self->account.waiting_ms
               : -1;
}

static bool
is_due(int64_t due_ms, const aider_session_t *self)
{
    return due_ms >= 0 && self->account.now.mono_ms >= due_ms;
}

void
aider_session_tick(aider_session_t *self, aider_time_t now)
{
    assert(self);
    self->account.now = now;
    for (int i = 0; i < AIDER_SOURCE_COUNT; i++)
        aider_facts_tick(self->sources[i].facts, now.mono_ms);
    while (self->queued > 0 && self->queue[0].due_ms <= now.mono_ms)
        take_record(self);
    if (is_due(question_due_ms(self), self)) {
        self->asked_told = true;
        aider_account_question(&self->account, self->question, self->at_prompt);
    }
    if (is_due(level_due_ms(self), self))
        level(self);
    if (is_due(waiting_due_ms(self), self)) {
        bool streaming =
            self->account.turn.answered && self->replied_ms > self->account.said_ms;
        aider_account_waiting(&self->account, streaming);
    }
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

aider_session_t *
aider_session_new(const aider_session_start_t *start, aider_time_t now,
                  aider_session_report_fn *handler, void *arg)
{
    assert(start && start->argv && handler);
    aider_session_t *self = zmalloc(sizeof *self);
    self->account.handler = handler;
    self->account.arg = arg;
    self->heard_ms = now.mono_ms;
    self->asked_ms = -1;
    self->options = aider_options_new(start->argv);
    aider_account_begin(&self->account, start, self->options, now);
    self->interactive =
        !self->account.message && !aider_options_value(self->options, "--message-file");
    for (int i = 0; i < AIDER_SOURCE_COUNT; i++) {
        self->sources[i].session = self;
        self->sources[i].name = (aider_source_t) i;
        self->sources[i].facts = aider_facts_new((aider_source_t) i, self->interactive,
                                                 start->columns, on_fact, &self->sources[i]);
    }
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
    aider_account_clear(&self->account);
    aider_options_destroy(&self->options);
    free(self);
    *self_p = NULL;
}

void
aider_session_exit(aider_session_t *self, int exit_code, int signal, aider_time_t now)
{
    assert(self);
    self->account.now = now;
    aider_facts_finish(self->sources[AIDER_SOURCE_HISTORY].facts);
    aider_facts_finish(self->sources[AIDER_SOURCE_CONSOLE].facts);
    aider_facts_finish(self->sources[AIDER_SOURCE_STDERR].facts);
    while (self->queued > 0)
        take_record(self);
    aider_account_close(&self->account, exit_code, signal);
    aider_account_completed(&self->account, exit_code, signal);
}

size_t
aider_session_malformed(const aider_session_t *self)
{
    assert(self);
    return self->malformed;
}
