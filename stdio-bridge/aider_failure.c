// aider_failure - a failed attempt, gathered from the lines it is printed on
// SPDX-License-Identifier: MPL-2.0
#include "aider_reader.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static void
begin_failure(aider_facts_t *self, const aider_error_t *error, const char *text, int64_t now_ms)
{
    self->banner = BANNER_PASSED;
    self->failure = (failure_t){.error = error, .since_ms = now_ms};
    aider_reader_append(self->failure.text, sizeof self->failure.text, text);
}

void
aider_reader_settle(aider_facts_t *self, double delay)
{
    if (!self->failure.error)
        return;
    aider_fact_t fact = aider_reader_fact(AIDER_FACT_FAILURE, self->failure.text);
    fact.error = self->failure.error;
    fact.verdict = aider_errors_judge(fact.error, fact.text, self->plan.user);
    fact.delay = delay;
    fact.sure = self->source == AIDER_SOURCE_HISTORY || self->failure.described ||
                self->failure.alone || (delay >= 0 && !self->failure.doubted);
    fact.secondary = !self->round_open && self->edited;
    self->failure.error = NULL;
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
    if (!failure->described && aider_errors_sentence(line)) {
        // Where litellm prints the class it derives from, the sentence tells them apart.
        const aider_error_t *said = aider_errors_description(line);
        const char *expected = failure->error->description;
        if (said && (!expected || strcmp(expected, line) != 0))
            failure->error = said;
        failure->described = true;
        failure->description = NULL;
        return true;
    }
    const char *expected =
        failure->described ? failure->description : failure->error->description;
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
        failure->error = NULL;    // the call went well: the model quoted an error
        return false;
    }
    bool text_open = !failure->described && !failure->ended;
    if ((kind == AIDER_LINE_OTHER || kind == AIDER_LINE_URL) && text_open) {
        aider_reader_append(failure->text, sizeof failure->text, " ");
        aider_reader_append(failure->text, sizeof failure->text, line);
        // A chain of classes may go on behind the end of the row.
        const char *at;
        const aider_error_t *error = aider_errors_class(failure->text, &at);
        failure->error = error ? error : failure->error;
        return true;
    }
    if (kind == AIDER_LINE_OTHER && !failure->described)
        return true;    // an error's text may have blank lines inside
    aider_reader_settle(self, -1);
    return false;
}

// The row of a user's pattern for a line that is nothing known; NULL where the model may speak.
static const aider_error_t *
users_line(const aider_facts_t *self, const char *line)
{
    bool replying = self->source == AIDER_SOURCE_CONSOLE && self->replied && self->round_open;
    const char *text;
    aider_user_match_t match;
    if (!self->plan.user || replying || self->banner != BANNER_PASSED ||
        aider_patterns_line(line, &text) != AIDER_LINE_OTHER)
        return NULL;
    return aider_user_patterns_match(self->plan.user, NULL, line, &match) ? match.error : NULL;
}

void
aider_reader_take_unknown(aider_facts_t *self, double delay)
{
    bool replying = self->source == AIDER_SOURCE_CONSOLE && self->replied && self->round_open;
    if (replying && !self->unknown[0])
        return;    // the model speaks of retries
    // An exception may have no text at all.
    const char *text = self->unknown[0] ? self->unknown : "an error without a text";
    begin_failure(self, &AIDER_ERROR_UNKNOWN, text, 0);
    self->unknown[0] = '\0';
    self->failure.doubted = replying;
    aider_reader_settle(self, delay);
}

// Whether the line begins a failure; what stands before it on the console is the reply.
bool
aider_reader_take_failure(aider_facts_t *self, const char *line, int64_t now_ms)
{
    const char *at;
    const aider_error_t *error = aider_errors_class(line, &at);
    if (error && at != line) {
        // Glued to a reply that broke off, or to the spinner; the history never does that, and
        // neither does AIDER's talk about its own errand.
        if (self->source != AIDER_SOURCE_CONSOLE ||
            !strncmp(line, "Summarization failed", 20) ||
            !strncmp(line, "Cache warming error", 19))
            return false;
        if (strspn(line, AIDER_READER_SPINNER) < (size_t) (at - line))
            aider_reader_reply_seen(self, "");
    }
    bool replying = self->replied && self->round_open;
    bool certain = !replying;
    if (!error) {
        if (self->failure.error)
            return false;    // a description belongs to what it follows
        error = aider_errors_description(line);
        at = line;
        if (!error) {
            error = users_line(self, line);
            certain = false;    // the reply's first line may say the same
        }
        if (!error)
            return false;
    }
    if (self->failure.error) {
        bool nested = strstr(self->failure.text, ": ") == NULL && !self->failure.described;
        if (nested)
            return false;    // "litellm.X: litellm.X: …" wrapped behind its first word
        aider_reader_settle(self, -1);
    }
    begin_failure(self, error, at, now_ms);
    self->failure.alone = certain;
    if (error->description && !strcmp(at, error->description))
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
