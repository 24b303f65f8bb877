// aider_facts - what one source tells of an AIDER session, line by line
// SPDX-License-Identifier: MPL-2.0
#include "aider_facts.h"

#include <assert.h>
#include <czmq.h>
#include <string.h>

enum {
    TEXT_LIMIT_BYTES = 4096,    // of an error's text or of a joined line
    JOIN_LIMIT_LINES = 3,       // a line of the banner or a Tokens line is never longer
    LEAST_DESCRIPTION = 12,     // "The API prov": below this a line is not taken for one
    TRACEBACK_LIMIT_LINES = 500,
};

typedef enum { BANNER_AHEAD, BANNER_IN, BANNER_PASSED } banner_t;

// A failure whose end is not known yet.
typedef struct failure {
    const aider_exception_t *exception;    // NULL when there is none
    char text[TEXT_LIMIT_BYTES];
    bool described;             // AIDER's own sentence was seen
    const char *description;    // what is still to come of that sentence, in a wrapped console
    bool alone;                 // no reply had begun that could quote it
    bool ended;                 // a blank line was seen behind the text
    int64_t since_ms;
} failure_t;

struct aider_facts {
    aider_source_t source;
    bool interactive;
    size_t columns;
    aider_fact_fn *handler;
    void *arg;    // borrowed

    banner_t banner;
    failure_t failure;
    bool fancy;           // it has done so; what is typed may be seen half done
    int64_t prompt_ms;    // since when a prompt, or the model's quotation, stands there; or -1
    bool drawn;           // the prompt on the screen came as a line, as fancy input draws it
    char typed[256];      // what was typed last, while nothing has come of it
    bool reporting;       // inside the linter's report, which may quote anything
    bool asking;          // a prompt or question is on the screen
    bool round_open;      // a model call may be running
    bool replied;         // the reply of this round has been told
    bool edited;          // an edit followed the last Tokens line
    char reply[256];      // the first line of the reply in this round, in the history
    bool in_input;        // inside a block of "#### " lines
    bool after_tokens;    // the line before was a Tokens line
    bool limit_output;    // figures of a token limit block, as they come
    bool limit_input;
    bool no_reply;            // the last Tokens line said 0 received
    char limit_model[128];    // not empty: inside the block

    size_t traceback_lines;          // not 0: inside a traceback
    char carry[TEXT_LIMIT_BYTES];    // the beginning of a wrapped line
    size_t carried;                  // lines in carry
};

aider_facts_t *
aider_facts_new(aider_source_t source, bool interactive, size_t columns, aider_fact_fn *handler,
                void *arg)
{
    assert(handler);
    aider_facts_t *self = zmalloc(sizeof *self);
    self->source = source;
    self->interactive = interactive;
    self->columns = columns > 0 ? columns : AIDER_FACTS_DEFAULT_COLUMNS;
    self->handler = handler;
    self->arg = arg;
    self->round_open = !interactive;
    self->prompt_ms = -1;
    return self;
}

void
aider_facts_destroy(aider_facts_t **self_p)
{
    assert(self_p);
    free(*self_p);
    *self_p = NULL;
}

static aider_fact_t
fact_of(aider_fact_kind_t kind, const char *text)
{
    return (aider_fact_t){.kind = kind,
                          .text = text,
                          .delay = -1,
                          .sent = -1,
                          .received = -1,
                          .cost = -1,
                          .session_cost = -1};
}

static void
tell(aider_facts_t *self, aider_fact_kind_t kind, const char *text)
{
    aider_fact_t fact = fact_of(kind, text);
    if (kind != AIDER_FACT_INPUT && kind != AIDER_FACT_PROMPT)
        self->typed[0] = '\0';
    self->handler(self->arg, &fact);
}

// Append to a bounded text; a character is never cut in two.
static void
append(char *text, size_t capacity, const char *more)
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

static void
open_round(aider_facts_t *self)
{
    self->round_open = true;
    self->replied = false;
}

// The reply has begun, unless that was told or the line may be something else.
static void
reply_seen(aider_facts_t *self)
{
    if (self->replied || !self->round_open || self->banner != BANNER_PASSED)
        return;
    self->replied = true;
    tell(self, AIDER_FACT_REPLY, "");
}

// -- failures
// ----------------------------------------------------------------------------------

static void
begin_failure(aider_facts_t *self, const aider_exception_t *exception, const char *text,
              int64_t now_ms)
{
    self->banner = BANNER_PASSED;
    self->failure = (failure_t){.exception = exception, .since_ms = now_ms};
    append(self->failure.text, sizeof self->failure.text, text);
}

static void
settle_failure(aider_facts_t *self, double delay)
{
    if (!self->failure.exception)
        return;
    aider_fact_t fact = fact_of(AIDER_FACT_FAILURE, self->failure.text);
    fact.exception = self->failure.exception;
    fact.delay = delay;
    fact.sure = self->source == AIDER_SOURCE_HISTORY || self->failure.described ||
                self->failure.alone || delay >= 0;
    fact.secondary = !self->round_open && self->edited;
    self->failure.exception = NULL;
    if (!fact.secondary) {
        open_round(self);
        self->round_open = delay >= 0;
    }
    self->handler(self->arg, &fact);
}

// Whether the line is the description of the failure at hand, or, wrapped, a piece of it.
static bool
take_description(failure_t *failure, const char *line)
{
    if (!failure->described && aider_patterns_sentence(line)) {
        failure->described = true;
        failure->description = NULL;
        return true;
    }
    const char *expected =
        failure->described ? failure->description : failure->exception->description;
    if (!expected)
        return false;
    size_t length = strlen(line);
    while (length > 0 && line[length - 1] == ' ')
        length--;
    if (length == 0 || strncmp(expected, line, length) != 0)
        return false;
    if (!failure->described && length < LEAST_DESCRIPTION)
        return false;
    failure->described = true;
    failure->description = expected[length] ? expected + length + 1 : NULL;
    return true;
}

// A line behind a failure's first. Returns true when it belongs to the failure.
static bool
continue_failure(aider_facts_t *self, aider_line_kind_t kind, const char *line,
                 const char *text)
{
    failure_t *failure = &self->failure;
    if (kind == AIDER_LINE_RETRYING) {
        const char *end;
        settle_failure(self, aider_patterns_number(text, &end));
        return true;
    }
    if (kind == AIDER_LINE_BLANK) {
        failure->ended = true;
        return true;
    }
    if (take_description(failure, line))
        return true;
    if (kind == AIDER_LINE_TOKENS && self->source == AIDER_SOURCE_CONSOLE &&
        !failure->described) {
        failure->exception = NULL;    // the call went well: the model quoted an error
        return false;
    }
    bool text_open = !failure->described && !failure->ended;
    if ((kind == AIDER_LINE_OTHER || kind == AIDER_LINE_URL) && text_open) {
        append(failure->text, sizeof failure->text, " ");
        append(failure->text, sizeof failure->text, line);
        // A chain of classes may go on behind the end of the row.
        const char *at;
        const aider_exception_t *exception = aider_patterns_exception(failure->text, &at);
        failure->exception = exception ? exception : failure->exception;
        return true;
    }
    if (kind == AIDER_LINE_OTHER && !failure->described)
        return true;    // an error's text may have blank lines inside
    settle_failure(self, -1);
    return false;
}

// Whether the line begins a failure; what stands before it on the console is the reply.
static bool
take_failure(aider_facts_t *self, const char *line, int64_t now_ms)
{
    const char *at;
    const aider_exception_t *exception = aider_patterns_exception(line, &at);
    if (exception && at != line) {
        // Glued to a reply that broke off; the history never does that, and neither does
        // AIDER's talk about its own errand.
        if (self->source != AIDER_SOURCE_CONSOLE ||
            !strncmp(line, "Summarization failed", 20) ||
            !strncmp(line, "Cache warming error", 19))
            return false;
        reply_seen(self);
    }
    if (!exception) {
        if (self->failure.exception)
            return false;    // a description belongs to what it follows
        exception = aider_patterns_description(line);
        at = line;
        if (!exception)
            return false;
    }
    if (self->failure.exception) {
        bool nested = strstr(self->failure.text, ": ") == NULL && !self->failure.described;
        if (nested)
            return false;    // "litellm.X: litellm.X: …" wrapped behind its first word
        settle_failure(self, -1);
    }
    bool replying = self->replied && self->round_open;
    begin_failure(self, exception, at, now_ms);
    self->failure.alone = !replying;
    if (exception->description && !strcmp(at, exception->description))
        self->failure.described = true;
    return true;
}

// -- tracebacks
// --------------------------------------------------------------------------------

// "ValueError: …", "litellm.exceptions.X: …", "KeyboardInterrupt"
static bool
is_exception_line(const char *line)
{
    size_t length = strspn(line, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "0123456789_.");
    if (length == 0 || (line[length] != ':' && line[length] != '\0'))
        return false;
    static const char *const ENDS[] = {"Error", "Exception", "Interrupt", "Exit", "Timeout"};
    for (size_t i = 0; i < sizeof ENDS / sizeof ENDS[0]; i++) {
        size_t end = strlen(ENDS[i]);
        if (length >= end && !strncmp(line + length - end, ENDS[i], end))
            return true;
    }
    return false;
}

static void
continue_traceback(aider_facts_t *self, const char *line)
{
    if (is_exception_line(line)) {
        self->traceback_lines = 0;
        self->round_open = false;    // what follows is the exception's text again
        bool interrupted = !strncmp(line, "KeyboardInterrupt", 17);
        tell(self, interrupted ? AIDER_FACT_INTERRUPT : AIDER_FACT_TRACEBACK, line);
    } else if (++self->traceback_lines > TRACEBACK_LIMIT_LINES) {
        self->traceback_lines = 0;
    }
}

// -- lines
// -------------------------------------------------------------------------------------

static void
take_cost(aider_facts_t *self, const char *text)
{
    aider_fact_t fact = fact_of(AIDER_FACT_COST, "");
    const char *end;
    fact.cost = aider_patterns_number(text, &end);
    const char *session = strstr(end, ", $");
    if (session)
        fact.session_cost = aider_patterns_number(session + 3, &end);
    if (fact.cost >= 0)
        self->handler(self->arg, &fact);
}

static void
take_tokens(aider_facts_t *self, const char *text)
{
    aider_fact_t fact = fact_of(AIDER_FACT_TOKENS, "");
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
    self->handler(self->arg, &fact);
    const char *cost = strstr(text, "Cost: $");
    if (cost)
        take_cost(self, cost + strlen("Cost: $"));
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
    aider_fact_t fact = fact_of(AIDER_FACT_TOKEN_LIMIT, text);
    fact.output = !self->no_reply && (self->limit_output || !self->limit_input);
    self->limit_model[0] = '\0';
    self->round_open = false;
    self->handler(self->arg, &fact);
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
    tell(self, kind == AIDER_LINE_MODEL ? AIDER_FACT_MODEL : AIDER_FACT_VERSION, name);
}

static void
take_file_added(aider_facts_t *self, const char *text)
{
    static const char *const TAILS[] = {" to the chat.", " to the chat (read-only).",
                                        " to the chat"};
    char path[TEXT_LIMIT_BYTES] = "";
    append(path, sizeof path, text);
    for (size_t i = 0; i < sizeof TAILS / sizeof TAILS[0]; i++) {
        size_t tail = strlen(TAILS[i]);
        size_t length = strlen(path);
        if (length > tail && !strcmp(path + length - tail, TAILS[i])) {
            path[length - tail] = '\0';
            break;
        }
    }
    tell(self, AIDER_FACT_FILE_ADDED, path);
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
        open_round(self);
        break;
    case AIDER_LINE_CONFIRM:
        if (!strncmp(line, "Add ", 4) || !strncmp(line, "Attempt ", 8))
            open_round(self);
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
            tell(self, AIDER_FACT_READY, "");
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
            take_cost(self, text);
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
        if (self->source == AIDER_SOURCE_CONSOLE)
            reply_seen(self);
        break;
    default:
        if (plain_fact(kind, &fact))
            tell(self, fact, text);
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
static void
tool_line(aider_facts_t *self, const char *line, int64_t now_ms)
{
    if (self->traceback_lines > 0) {
        continue_traceback(self, line);
        return;
    }
    const char *text;
    aider_line_kind_t kind = aider_patterns_line(line, &text);
    if (take_failure(self, line, now_ms))
        return;
    bool quoted = self->source == AIDER_SOURCE_CONSOLE && self->replied && self->round_open &&
                  !self->failure.described;
    if (quoted && !counts_inside_reply(kind))
        kind = AIDER_LINE_OTHER;
    if (self->failure.exception && continue_failure(self, kind, line, text))
        return;
    bool after_tokens = self->after_tokens;
    take_line(self, kind, line, text);
    if (after_tokens)
        self->after_tokens = false;
}

// -- the chat history
// --------------------------------------------------------------------------

static void
history_line(aider_facts_t *self, const char *line, int64_t now_ms)
{
    size_t length = strlen(line);
    if (!strncmp(line, "####", 4) && (line[4] == ' ' || line[4] == '\0')) {
        self->banner = BANNER_PASSED;
        settle_failure(self, -1);
        if (!self->in_input) {
            char input[TEXT_LIMIT_BYTES] = "";
            append(input, sizeof input, line + 4 + (line[4] == ' '));
            while (input[0] && input[strlen(input) - 1] == ' ')
                input[strlen(input) - 1] = '\0';
            open_round(self);
            self->in_input = true;
            // The architect's plan goes to the editor as if somebody had typed it.
            bool typed = !self->reply[0] || strcmp(input, self->reply) != 0;
            self->reply[0] = '\0';
            if (!typed)
                return;
            self->edited = false;
            aider_fact_t fact = fact_of(AIDER_FACT_INPUT, input);
            fact.sure = true;
            self->handler(self->arg, &fact);
        }
        self->in_input = true;
        return;
    }
    self->in_input = false;
    // "> …" and two blanks: one without them is the model's quotation.
    if (line[0] == '>' && length >= 3 && !strcmp(line + length - 2, "  ")) {
        char tool[TEXT_LIMIT_BYTES] = "";
        append(tool, sizeof tool, line + 1 + (line[1] == ' '));
        for (size_t end = strlen(tool); end > 0 && tool[end - 1] == ' '; end--)
            tool[end - 1] = '\0';
        tool_line(self, tool, now_ms);
        return;
    }
    if (length == 0)
        return;
    settle_failure(self, -1);
    if (self->after_tokens && !strncmp(line, "Cost: $", 7)) {
        take_cost(self, line + 7);
        self->after_tokens = false;
    } else if (!self->after_tokens) {
        if (!self->replied)
            snprintf(self->reply, sizeof self->reply, "%s", line);
        reply_seen(self);
    }
}

// -- the console
// -------------------------------------------------------------------------------

static bool
is_question(const char *text)
{
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == ' ')
        length--;
    return (strstr(text, "(Y)es/(N)o") && length > 0 && text[length - 1] == ':') ||
           (length >= 5 && !strncmp(text + length - 5, "(Y/n)", 5));
}

// Whether AIDER wraps at its width what should be read as one line.
static bool
is_cut(const aider_facts_t *self, const char *line, size_t length)
{
    const char *text;
    switch (aider_patterns_line(line, &text)) {
    case AIDER_LINE_EDIT:
        return text[0] == '\0' || length == self->columns;
    case AIDER_LINE_TOKENS:
        return !strstr(text, "received.") ||
               (strstr(text, "Cost:") && !strstr(text, "session."));
    default:
        return !strncmp(line, "Tokens: ", 8) && !strstr(line, "sent");
    }
}

static void
join(aider_facts_t *self, const char *line)
{
    // A word longer than a row is cut at the row's end; else rows end between words.
    const char *last = strrchr(self->carry, '\n');
    size_t length = strlen(last ? last + 1 : self->carry);
    append(self->carry, sizeof self->carry, length == self->columns ? "" : " ");
    append(self->carry, sizeof self->carry, line);
}

// The person has answered the prompt; typed is "" where the console does not show it.
static void
take_input(aider_facts_t *self, const char *typed)
{
    self->asking = self->drawn = false;
    self->banner = BANNER_PASSED;
    settle_failure(self, -1);
    // A terminal may draw the same line again.
    if (typed[0] && !strcmp(typed, self->typed))
        return;
    open_round(self);
    self->round_open = typed[0] != '/';    // what a command prints is not a reply
    self->edited = self->reporting = false;
    snprintf(self->typed, sizeof self->typed, "%s", typed);
    aider_fact_t fact = fact_of(AIDER_FACT_INPUT, typed);
    fact.sure = typed[0] != '\0' && !self->fancy;
    self->handler(self->arg, &fact);
}

static void
show_prompt(aider_facts_t *self, const char *prompt)
{
    settle_failure(self, -1);
    self->asking = true;
    self->round_open = false;
    self->banner = BANNER_PASSED;
    tell(self, AIDER_FACT_PROMPT, prompt);
}

// A line that has to do with a prompt or a question. Returns true when it is done with.
static bool
take_dialogue(aider_facts_t *self, const char *line)
{
    const char *typed;
    bool in_reply = self->replied && self->round_open;
    if (self->interactive && !in_reply && aider_patterns_prompt(line, &typed)) {
        if (typed[0] || (self->asking && !self->drawn)) {
            take_input(self, typed);
        } else if (!self->asking) {
            show_prompt(self, line);
            self->drawn = self->fancy = true;
        }
        return true;
    }
    if (!self->asking)
        return false;
    if (self->drawn) {
        // Fancy input draws more below and above its prompt; only what AIDER says is an answer.
        const char *text;
        aider_line_kind_t kind = aider_patterns_line(line, &text);
        if (!aider_patterns_exception(line, &text) &&
            (kind == AIDER_LINE_OTHER || kind == AIDER_LINE_BLANK || kind == AIDER_LINE_ECHO))
            return true;
        take_input(self, "");
        return false;
    }
    self->asking = false;
    if (strstr(line, "(Y)es/(N)o"))
        return false;    // a question with its answer, which is a line of its own kind
    take_input(self, "");
    return true;
}

static void
console_line(aider_facts_t *self, const char *line, int64_t now_ms)
{
    char trimmed[TEXT_LIMIT_BYTES] = "";
    append(trimmed, sizeof trimmed, line);
    for (size_t end = strlen(trimmed); end > 0 && trimmed[end - 1] == ' '; end--)
        trimmed[end - 1] = '\0';
    if (take_dialogue(self, trimmed))
        return;
    if (self->carried > 0) {
        join(self, trimmed);
        bool cut = ++self->carried < JOIN_LIMIT_LINES && strlen(trimmed) == self->columns;
        if (cut || (self->carried < JOIN_LIMIT_LINES && is_cut(self, self->carry, 0)))
            return;
        self->carried = 0;
        tool_line(self, self->carry, now_ms);
    } else if (is_cut(self, trimmed, strlen(trimmed))) {
        self->carried = 1;
        snprintf(self->carry, sizeof self->carry, "%s", trimmed);
    } else {
        tool_line(self, trimmed, now_ms);
    }
}

void
aider_facts_line(aider_facts_t *self, const char *line, int64_t now_ms)
{
    assert(self && line);
    self->prompt_ms = -1;
    if (self->source == AIDER_SOURCE_HISTORY)
        history_line(self, line, now_ms);
    else if (self->source == AIDER_SOURCE_CONSOLE)
        console_line(self, line, now_ms);
    else if (self->traceback_lines > 0)
        continue_traceback(self, line);
    else if (!strncmp(line, "Traceback (most recent call last):", 34))
        self->traceback_lines = 1;
}

// Whether a line that begins so may still become one of AIDER's own.
static bool
may_become_known(const char *partial)
{
    const char *prefix;
    const char *meaning;
    size_t length = strlen(partial);
    for (size_t i = 0; aider_patterns_entry(i, &prefix, &meaning); i++) {
        size_t known = strlen(prefix);
        if (!strncmp(prefix, partial, length < known ? length : known))
            return true;
    }
    return strstr(partial, "litellm") ||
           !strncmp("litellm.", partial, length < 8 ? length : 8) ||
           strstr(partial, "Waiting for ") || strstr(partial, "Generating commit message") ||
           strstr(partial, "Updating repo map") || strspn(partial, "░█=# ") == length;
}

void
aider_facts_partial(aider_facts_t *self, const char *partial, int64_t now_ms)
{
    assert(self && partial);
    self->prompt_ms = -1;
    if (self->source != AIDER_SOURCE_CONSOLE || self->asking || self->carried > 0 ||
        self->traceback_lines > 0 || partial[strspn(partial, " ")] == '\0')
        return;
    const char *typed;
    bool in_reply = self->replied && self->round_open;
    if (is_question(partial)) {
        settle_failure(self, -1);
        self->asking = true;
        tell(self, AIDER_FACT_QUESTION, partial);
    } else if (self->interactive && aider_patterns_prompt(partial, &typed) && !typed[0]) {
        // Inside a reply it is the model's quotation, unless nothing follows.
        if (in_reply)
            self->prompt_ms = now_ms;
        else
            show_prompt(self, partial);
    } else if (!self->failure.exception && !may_become_known(partial)) {
        reply_seen(self);
    }
}

void
aider_facts_begun(aider_facts_t *self)
{
    assert(self);
    if (self->banner == BANNER_AHEAD)
        self->banner = BANNER_PASSED;
}

void
aider_facts_tick(aider_facts_t *self, int64_t now_ms)
{
    assert(self);
    if (self->failure.exception && now_ms >= self->failure.since_ms + AIDER_FACTS_HOLD_MS)
        settle_failure(self, -1);
    if (self->prompt_ms >= 0 && now_ms >= self->prompt_ms + AIDER_FACTS_HOLD_MS) {
        self->prompt_ms = -1;
        show_prompt(self, "> ");
    }
}

int64_t
aider_facts_next_tick_ms(const aider_facts_t *self)
{
    assert(self);
    int64_t since_ms = self->prompt_ms;
    if (self->failure.exception && (since_ms < 0 || self->failure.since_ms < since_ms))
        since_ms = self->failure.since_ms;
    return since_ms < 0 ? -1 : since_ms + AIDER_FACTS_HOLD_MS;
}

void
aider_facts_finish(aider_facts_t *self)
{
    assert(self);
    if (self->carried > 0) {
        self->carried = 0;
        tool_line(self, self->carry, 0);
    }
    settle_failure(self, -1);
}

// -- the analytics log
// -------------------------------------------------------------------------

static double
number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : -1;
}

static void
message_sent(aider_facts_t *self, const json_t *properties)
{
    aider_fact_t tokens = fact_of(AIDER_FACT_TOKENS, "");
    double sent = number_of(properties, "prompt_tokens");
    double received = number_of(properties, "completion_tokens");
    if (sent >= 0 && sent < 1e15)
        tokens.sent = (long long) sent;
    if (received >= 0 && received < 1e15)
        tokens.received = (long long) received;
    self->handler(self->arg, &tokens);

    // A model without a price is told as costing 0, which is not known to be true.
    aider_fact_t cost = fact_of(AIDER_FACT_COST, "");
    cost.cost = number_of(properties, "cost");
    cost.session_cost = number_of(properties, "total_cost");
    if (cost.cost > 0)
        self->handler(self->arg, &cost);
}

void
aider_facts_record(aider_facts_t *self, const json_t *record)
{
    assert(self && self->source == AIDER_SOURCE_ANALYTICS);
    const char *event = json_string_value(json_object_get(record, "event"));
    const json_t *properties = json_object_get(record, "properties");
    if (!event)
        return;
    if (!strcmp(event, "message_send_starting")) {
        tell(self, AIDER_FACT_SEND, "");
    } else if (!strcmp(event, "message_send")) {
        message_sent(self, properties);
    } else if (!strcmp(event, "message_send_exception")) {
        const char *text = json_string_value(json_object_get(properties, "exception"));
        tell(self, AIDER_FACT_TRACEBACK, text ? text : "");
    } else if (!strncmp(event, "command_", 8)) {
        tell(self, AIDER_FACT_COMMAND, event + 8);
    } else if (!strcmp(event, "cli session")) {
        const char *model = json_string_value(json_object_get(properties, "main_model"));
        if (model && !strstr(model, "REDACTED") && strcmp(model, "None") != 0)
            tell(self, AIDER_FACT_MODEL, model);
        tell(self, AIDER_FACT_COMMAND, "");
    } else if (!strcmp(event, "exit")) {
        const char *reason = json_string_value(json_object_get(properties, "reason"));
        if (reason && strcmp(reason, "Recursing with correct repo") != 0)
            tell(self, AIDER_FACT_EXIT, reason);
    }
}
