// aider_fusion - what the sources of one session tell, put together: each fact counts once
// SPDX-License-Identifier: MPL-2.0
#include "aider_fusion.h"

#include "event_payload.h"

#include <assert.h>
#include <string.h>

// ---- requests ----

// The source is in its next request, which may be the one at hand, an older one, or a new one.
static void
join(aider_fusion_t *self, aider_told_t *source, const char *prompt)
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
leave(aider_fusion_t *self, aider_told_t *source)
{
    if (source->joined && source->turn == self->account.turn_number && self->interactive)
        aider_account_close(&self->account, 0, 0);
    source->joined = false;
}

static bool
in_turn(const aider_fusion_t *self, const aider_told_t *source)
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
on_input(aider_fusion_t *self, aider_told_t *source, const char *text, bool sure)
{
    leave(self, source);
    source->spoke = true;
    source->inputs++;
    event_payload_copy(source->input, sizeof source->input, text);
    self->own[0] = '\0';
    if (!strncmp(text, "/model ", 7))
        self->account.model_asked_for = true;
    if (sure && is_command(text)) {
        aider_fact_t fact = {.kind = AIDER_FACT_COMMAND, .text = text};
        if (aider_tally_count(&self->tally, &fact, 0, source->name))
            aider_account_fact(&self->account, &fact);
    }
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
on_send(aider_fusion_t *self, aider_told_t *source)
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
place(aider_fusion_t *self, aider_told_t *source, const aider_fact_t *fact)
{
    if (source->name == AIDER_SOURCE_STDERR) {
        source->joined = true;
        source->turn = self->account.turn_number;
        return;
    }
    if (source->joined)
        return;
    bool reply = fact->kind == AIDER_FACT_REPLY && source->name == AIDER_SOURCE_CONSOLE;
    const aider_told_t *history = &self->sources[AIDER_SOURCE_HISTORY];
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
    unsigned rung = fact->delay < 0 ? 0 : 1 + (unsigned) aider_turn_rung(fact->delay);
    return aider_errors_index(fact->error) * 16 + rung;
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
is_doubtful(const aider_fusion_t *self, const aider_told_t *source, const aider_fact_t *fact)
{
    const aider_told_t *history = &self->sources[AIDER_SOURCE_HISTORY];
    bool stream = source->name == AIDER_SOURCE_CONSOLE || source->name == AIDER_SOURCE_STDERR;
    if (fact->kind == AIDER_FACT_TRACEBACK)
        return stream;
    return fact->kind == AIDER_FACT_FAILURE && !fact->sure && history->joined &&
           history->turn == self->account.turn_number;
}

// AIDER stands at its prompt, or asks something.
static void
on_question(aider_fusion_t *self, aider_told_t *source, const aider_fact_t *fact)
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
let_go(aider_fusion_t *self)
{
    int64_t later_ms = self->account.now.mono_ms + AIDER_FACTS_HOLD_MS;
    aider_facts_tick(self->sources[AIDER_SOURCE_HISTORY].facts, later_ms);
    aider_facts_tick(self->sources[AIDER_SOURCE_CONSOLE].facts, later_ms);
}

// Facts that say where in the session a source is. Returns true when this was one.
static bool
on_passage(aider_fusion_t *self, aider_told_t *source, const aider_fact_t *fact)
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
        if (fact->text[0] && aider_tally_count(&self->tally, fact, 0, source->name))
            aider_account_fact(&self->account, fact);
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
on_setting(aider_fusion_t *self, aider_told_t *source, const aider_fact_t *fact)
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

void
aider_fusion_lose(aider_fusion_t *self, aider_source_t source, bool shared, const char *why)
{
    assert(self && source < AIDER_SOURCE_COUNT);
    static const char *const NAMES[] = {"console", "chat_history", "analytics_log", "stderr"};
    aider_told_t *told = &self->sources[source];
    if (told->lost)
        return;
    told->lost = true;
    told->joined = false;
    aider_account_source(&self->account, shared ? "source_shared" : "source_failed",
                         NAMES[source], why);
}

// The console does not say whether AIDER speaks or the model; the history, which comes first,
// does. Returns true when that was all there was to say.
static bool
on_voice(aider_fusion_t *self, const aider_fact_t *fact)
{
    if (fact->kind == AIDER_FACT_OWN) {
        event_payload_copy(self->own, sizeof self->own, fact->text);
        return true;
    }
    size_t length = strlen(fact->text);
    return fact->kind == AIDER_FACT_REPLY && length > 0 &&
           !strncmp(self->own, fact->text, length);
}

// Facts that say that a source tells no more. Returns true when this was one.
static bool
on_loss(aider_fusion_t *self, const aider_told_t *source, const aider_fact_t *fact)
{
    if (fact->kind == AIDER_FACT_SHARED)
        aider_fusion_lose(self, source->name, true, "another AIDER writes to the same file");
    else if (fact->kind == AIDER_FACT_HISTORY_LOST)
        aider_fusion_lose(self, AIDER_SOURCE_HISTORY, false, "AIDER cannot write it");
    return fact->kind == AIDER_FACT_SHARED || fact->kind == AIDER_FACT_HISTORY_LOST;
}

// aider_fact_fn: a source has told something.
static void
on_fact(void *arg, const aider_fact_t *fact)
{
    aider_told_t *source = arg;
    aider_fusion_t *self = source->fusion;
    aider_turn_t *turn = &self->account.turn;
    if (source->lost)
        return;
    bool asks = fact->kind == AIDER_FACT_PROMPT || fact->kind == AIDER_FACT_QUESTION;
    if (source->name == AIDER_SOURCE_CONSOLE && !asks) {
        self->asked_ms = -1;    // it goes on, so somebody has answered
        self->at_prompt = false;
    }
    if (on_passage(self, source, fact) || on_setting(self, source, fact) ||
        on_loss(self, source, fact) || on_voice(self, fact))
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

// ---- beginning and end ----

void
aider_fusion_begin(aider_fusion_t *self, const aider_facts_plan_t *plan)
{
    assert(self && plan);
    self->asked_ms = -1;
    for (int i = 0; i < AIDER_SOURCE_COUNT; i++) {
        self->sources[i].fusion = self;
        self->sources[i].name = (aider_source_t) i;
        self->sources[i].facts =
            aider_facts_new((aider_source_t) i, plan, on_fact, &self->sources[i]);
    }
}

void
aider_fusion_clear(aider_fusion_t *self)
{
    assert(self);
    for (int i = 0; i < AIDER_SOURCE_COUNT; i++)
        aider_facts_destroy(&self->sources[i].facts);
}

void
aider_fusion_level(aider_fusion_t *self)
{
    assert(self);
    aider_account_close(&self->account, 0, 0);
    for (int i = 0; i < AIDER_SOURCE_COUNT; i++) {
        self->sources[i].turn = self->account.turn_number;
        self->sources[i].joined = false;
        self->sources[i].inputs = 0;
    }
    aider_tally_level(&self->tally);
    self->at_prompt = false;
}
