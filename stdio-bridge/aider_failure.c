// aider_failure - a failed attempt, gathered from the lines it is printed on
// SPDX-License-Identifier: MPL-2.0
#include "aider_reader.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static void
begin_failure(aider_facts_t *self, const aider_exception_t *exception, const char *text,
              int64_t now_ms)
{
    self->banner = BANNER_PASSED;
    self->failure = (failure_t){.exception = exception, .since_ms = now_ms};
    aider_reader_append(self->failure.text, sizeof self->failure.text, text);
}

void
aider_reader_settle(aider_facts_t *self, double delay)
{
    if (!self->failure.exception)
        return;
    aider_fact_t fact = aider_reader_fact(AIDER_FACT_FAILURE, self->failure.text);
    fact.exception = self->failure.exception;
    fact.delay = delay;
    fact.sure = self->source == AIDER_SOURCE_HISTORY || self->failure.described ||
                self->failure.alone || delay >= 0;
    fact.secondary = !self->round_open && self->edited;
    self->failure.exception = NULL;
    if (!fact.secondary) {
        aider_reader_open_round(self);
        self->round_open = delay >= 0;
    }
    aider_reader_hand_out(self, &fact);
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
bool
aider_reader_continue_failure(aider_facts_t *self, aider_line_kind_t kind, const char *line,
                              const char *text)
{
    failure_t *failure = &self->failure;
    if (kind == AIDER_LINE_RETRYING) {
        const char *end;
        aider_reader_settle(self, aider_patterns_number(text, &end));
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
        aider_reader_append(failure->text, sizeof failure->text, " ");
        aider_reader_append(failure->text, sizeof failure->text, line);
        // A chain of classes may go on behind the end of the row.
        const char *at;
        const aider_exception_t *exception = aider_patterns_exception(failure->text, &at);
        failure->exception = exception ? exception : failure->exception;
        return true;
    }
    if (kind == AIDER_LINE_OTHER && !failure->described)
        return true;    // an error's text may have blank lines inside
    aider_reader_settle(self, -1);
    return false;
}

// Whether the line begins a failure; what stands before it on the console is the reply.
bool
aider_reader_take_failure(aider_facts_t *self, const char *line, int64_t now_ms)
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
        aider_reader_reply_seen(self);
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
        aider_reader_settle(self, -1);
    }
    bool replying = self->replied && self->round_open;
    begin_failure(self, exception, at, now_ms);
    self->failure.alone = !replying;
    if (exception->description && !strcmp(at, exception->description))
        self->failure.described = true;
    return true;
}

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

void
aider_reader_continue_traceback(aider_facts_t *self, const char *line)
{
    if (is_exception_line(line)) {
        self->traceback_lines = 0;
        self->round_open = false;    // what follows is the exception's text again
        bool interrupted = !strncmp(line, "KeyboardInterrupt", 17);
        aider_reader_tell(self, interrupted ? AIDER_FACT_INTERRUPT : AIDER_FACT_TRACEBACK,
                          line);
    } else if (++self->traceback_lines > TRACEBACK_LIMIT_LINES) {
        self->traceback_lines = 0;
    }
}
