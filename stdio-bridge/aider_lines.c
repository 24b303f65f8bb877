// aider_lines - one line of AIDER's own, and what it adds to what is known
// SPDX-License-Identifier: MPL-2.0
#include "aider_reader.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

aider_fact_t
aider_reader_fact(aider_fact_kind_t kind, const char *text)
{
    return (aider_fact_t){.kind = kind,
                          .text = text,
                          .delay = -1,
                          .sent = -1,
                          .received = -1,
                          .cost = -1,
                          .session_cost = -1};
}

void
aider_reader_hand_out(aider_facts_t *self, const aider_fact_t *fact)
{
    // Something has come of what was typed, so the same again is new.
    if (fact->kind != AIDER_FACT_INPUT && fact->kind != AIDER_FACT_PROMPT)
        self->typed[0] = '\0';
    self->handler(self->arg, fact);
}

void
aider_reader_tell(aider_facts_t *self, aider_fact_kind_t kind, const char *text)
{
    aider_fact_t fact = aider_reader_fact(kind, text);
    aider_reader_hand_out(self, &fact);
}

// Append to a bounded text; a character is never cut in two.
void
aider_reader_append(char *text, size_t capacity, const char *more)
{
    size_t length = strlen(text);
    size_t room = capacity - 1 - length;
    size_t size = strlen(more);
    if (size > room) {
        size = room;
        while (size > 0 && ((unsigned char) more[size] & 0xc0) == 0x80)
            size--;
    }
    memcpy(text + length, more, size);
    text[length + size] = '\0';
}

void
aider_reader_open_round(aider_facts_t *self)
{
    self->round_open = true;
    self->replied = false;
}

// The reply has begun, unless that was told or the line may be something else.
void
aider_reader_reply_seen(aider_facts_t *self, const char *line)
{
    if (self->replied || !self->round_open || self->banner != BANNER_PASSED)
        return;
    self->replied = true;
    aider_reader_tell(self, AIDER_FACT_REPLY, line);
}

void
aider_reader_take_cost(aider_facts_t *self, const char *text)
{
    aider_fact_t fact = aider_reader_fact(AIDER_FACT_COST, "");
    const char *end;
    fact.cost = aider_patterns_number(text, &end);
    const char *session = strstr(end, ", $");
    if (session)
        fact.session_cost = aider_patterns_number(session + 3, &end);
    if (fact.cost >= 0)
        aider_reader_hand_out(self, &fact);
}

static void
take_tokens(aider_facts_t *self, const char *text)
{
    aider_fact_t fact = aider_reader_fact(AIDER_FACT_TOKENS, "");
    const char *end;
    fact.sent = aider_patterns_count(text, &end);
    const char *received = strstr(text, " received");
    if (received) {
        while (received > text && received[-1] != ' ')
            received--;
        fact.received = aider_patterns_count(received, &end);
    }
    self->no_reply = fact.received == 0;
    self->round_open = false;
    self->edited = false;
    self->after_tokens = true;
    aider_reader_hand_out(self, &fact);
    const char *cost = strstr(text, "Cost: $");
    if (cost)
        aider_reader_take_cost(self, cost + strlen("Cost: $"));
}

// The block below "Model … has hit a token limit!" is decided by its figures: AIDER prints it
// for too long an input, behind a Tokens line with nothing received, and for an output cut
// short.
static void
take_limit_figure(aider_facts_t *self, aider_line_kind_t kind, const char *line)
{
    if (self->limit_model[0] == '\0')
        return;
    bool possibly = strstr(line, "possibly") != NULL;
    if (kind == AIDER_LINE_LIMIT_INPUT)
        self->limit_input = possibly;
    if (kind == AIDER_LINE_LIMIT_OUTPUT)
        self->limit_output = possibly;
    if (kind != AIDER_LINE_LIMIT_TOTAL)
        return;
    char text[sizeof self->limit_model + 64];
    snprintf(text, sizeof text, "Model %s has hit a token limit!", self->limit_model);
    aider_fact_t fact = aider_reader_fact(AIDER_FACT_TOKEN_LIMIT, text);
    fact.output = !self->no_reply && (self->limit_output || !self->limit_input);
    self->limit_model[0] = '\0';
    self->round_open = false;
    aider_reader_hand_out(self, &fact);
}

static void
begin_limit_block(aider_facts_t *self, const char *text)
{
    size_t length = strcspn(text, " ");
    if (length >= sizeof self->limit_model)
        length = sizeof self->limit_model - 1;
    memcpy(self->limit_model, text, length);
    self->limit_model[length] = '\0';
    self->limit_input = self->limit_output = false;
    // Behind a Tokens line the round is over; without one the reply was cut.
    self->no_reply = self->no_reply && !self->round_open;
}

static void
take_banner_line(aider_facts_t *self, aider_line_kind_t kind, const char *text)
{
    self->banner = BANNER_IN;
    char name[256];
    size_t length = kind == AIDER_LINE_MODEL ? strcspn(text, " ,") : strlen(text);
    if (length == 0 || length >= sizeof name || kind == AIDER_LINE_BANNER)
        return;
    memcpy(name, text, length);
    name[length] = '\0';
    aider_reader_tell(self, kind == AIDER_LINE_MODEL ? AIDER_FACT_MODEL : AIDER_FACT_VERSION,
                      name);
}

static void
take_file_added(aider_facts_t *self, const char *text)
{
    static const char *const TAILS[] = {" to the chat.", " to the chat (read-only).",
                                        " to the chat"};
    char path[TEXT_LIMIT_BYTES] = "";
    aider_reader_append(path, sizeof path, text);
    for (size_t i = 0; i < sizeof TAILS / sizeof TAILS[0]; i++) {
        size_t tail = strlen(TAILS[i]);
        size_t length = strlen(path);
        if (length > tail && !strcmp(path + length - tail, TAILS[i])) {
            path[length - tail] = '\0';
            break;
        }
    }
    aider_reader_tell(self, AIDER_FACT_FILE_ADDED, path);
}

// A kind that stands for one fact, its text as it is.
static bool
plain_fact(aider_line_kind_t kind, aider_fact_kind_t *fact)
{
    static const struct {
        aider_line_kind_t line;
        aider_fact_kind_t fact;
    } PLAIN[] = {
        {AIDER_LINE_EDIT, AIDER_FACT_EDIT},
        {AIDER_LINE_COMMIT, AIDER_FACT_COMMIT},
        {AIDER_LINE_COMMIT_FAILED, AIDER_FACT_COMMIT_FAILED},
        {AIDER_LINE_EMPTY_RESPONSE, AIDER_FACT_EMPTY_RESPONSE},
        {AIDER_LINE_EDIT_FORMAT, AIDER_FACT_EDIT_FORMAT},
        {AIDER_LINE_REFLECTIONS, AIDER_FACT_REFLECTIONS},
        {AIDER_LINE_LINT, AIDER_FACT_LINT},
        {AIDER_LINE_TEST, AIDER_FACT_TEST},
        {AIDER_LINE_SHELL, AIDER_FACT_SHELL},
        {AIDER_LINE_CONFIRM, AIDER_FACT_CONFIRMED},
        {AIDER_LINE_INTERRUPT, AIDER_FACT_INTERRUPT},
        {AIDER_LINE_UNCAUGHT, AIDER_FACT_UNCAUGHT},
        {AIDER_LINE_HISTORY_LOST, AIDER_FACT_HISTORY_LOST},
    };
    for (size_t i = 0; i < sizeof PLAIN / sizeof PLAIN[0]; i++) {
        if (PLAIN[i].line == kind) {
            *fact = PLAIN[i].fact;
            return true;
        }
    }
    return false;
}

// What follows some lines is another model call (AIDER's reflection), others end the talk.
static void
follow_round(aider_facts_t *self, aider_line_kind_t kind, const char *line)
{
    switch (kind) {
    case AIDER_LINE_LINT:
    case AIDER_LINE_TEST:
    case AIDER_LINE_SHELL:
    case AIDER_LINE_EDIT_FORMAT:
        aider_reader_open_round(self);
        break;
    case AIDER_LINE_CONFIRM:
        if (!strncmp(line, "Add ", 4) || !strncmp(line, "Attempt ", 8))
            aider_reader_open_round(self);
        break;
    case AIDER_LINE_INTERRUPT:
    case AIDER_LINE_EMPTY_RESPONSE:
        self->round_open = false;
        break;
    case AIDER_LINE_EDIT:
    case AIDER_LINE_COMMIT:
        self->round_open = false;
        self->edited = true;
        break;
    default:
        break;
    }
}

static void
take_line(aider_facts_t *self, aider_line_kind_t kind, const char *line, const char *text)
{
    aider_fact_kind_t fact;
    follow_round(self, kind, line);
    if (kind == AIDER_LINE_LINT || kind == AIDER_LINE_TOKENS || kind == AIDER_LINE_CONFIRM)
        self->reporting = kind == AIDER_LINE_LINT;
    switch (kind) {
    case AIDER_LINE_BLANK:
        if (self->banner == BANNER_IN) {
            self->banner = BANNER_PASSED;
            aider_reader_tell(self, AIDER_FACT_READY, "");
        }
        break;
    case AIDER_LINE_VERSION:
    case AIDER_LINE_MODEL:
    case AIDER_LINE_BANNER:
        take_banner_line(self, kind, text);
        break;
    case AIDER_LINE_FILE_ADDED:
        take_file_added(self, text);
        break;
    case AIDER_LINE_TOKENS:
        take_tokens(self, text);
        break;
    case AIDER_LINE_COST:
        if (self->after_tokens)
            aider_reader_take_cost(self, text);
        break;
    case AIDER_LINE_TOKEN_LIMIT:
        begin_limit_block(self, text);
        break;
    case AIDER_LINE_LIMIT_INPUT:
    case AIDER_LINE_LIMIT_OUTPUT:
    case AIDER_LINE_LIMIT_TOTAL:
        take_limit_figure(self, kind, line);
        break;
    case AIDER_LINE_TRACEBACK:
        if (!self->reporting)
            self->traceback_lines = 1;
        break;
    case AIDER_LINE_OTHER:
        self->unknown[0] = '\0';
        aider_reader_append(self->unknown, sizeof self->unknown, line);
        if (self->source == AIDER_SOURCE_CONSOLE)
            aider_reader_reply_seen(self, line);
        else
            aider_reader_tell(self, AIDER_FACT_OWN, line);
        break;
    case AIDER_LINE_RETRYING: {
        const char *end;
        aider_reader_take_unknown(self, aider_patterns_number(text, &end));
        break;
    }
    default:
        if (plain_fact(kind, &fact))
            aider_reader_tell(self, fact, text);
        break;
    }
}

// While the model talks, only what ends its talk is AIDER's; the rest may be quoted.
static bool
counts_inside_reply(aider_line_kind_t kind)
{
    return kind == AIDER_LINE_TOKENS || kind == AIDER_LINE_TOKEN_LIMIT ||
           kind == AIDER_LINE_RETRYING || kind == AIDER_LINE_BLANK || kind == AIDER_LINE_URL ||
           kind == AIDER_LINE_EMPTY_RESPONSE || kind == AIDER_LINE_INTERRUPT ||
           kind == AIDER_LINE_REFLECTIONS || kind == AIDER_LINE_UNCAUGHT ||
           kind == AIDER_LINE_LIMIT_INPUT || kind == AIDER_LINE_LIMIT_OUTPUT ||
           kind == AIDER_LINE_LIMIT_TOTAL;
}

// One line of AIDER's own, or, on the console, perhaps of the reply.
void
aider_reader_tool_line(aider_facts_t *self, const char *line, int64_t now_ms)
{
    if (self->traceback_lines > 0) {
        aider_reader_continue_traceback(self, line);
        return;
    }
    const char *text;
    aider_line_kind_t kind = aider_patterns_line(line, &text);
    if (aider_reader_take_failure(self, line, now_ms))
        return;
    bool quoted = self->source == AIDER_SOURCE_CONSOLE && self->replied && self->round_open &&
                  !self->failure.described;
    if (quoted && !counts_inside_reply(kind))
        kind = AIDER_LINE_OTHER;
    if (self->failure.error && aider_reader_continue_failure(self, kind, line, text))
        return;
    bool after_tokens = self->after_tokens;
    take_line(self, kind, line, text);
    if (after_tokens)
        self->after_tokens = false;
}
