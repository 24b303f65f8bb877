// aider_console - the console: wrapped lines, prompts, and the model talking in between
// SPDX-License-Identifier: MPL-2.0
#include "aider_reader.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

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
    const char *gap = self->carried_row == self->columns ? "" : " ";
    aider_reader_append(self->carry, sizeof self->carry, gap);
    aider_reader_append(self->carry, sizeof self->carry, line);
    self->carried_row = strlen(line);
}

// The person has answered the prompt; typed is "" where the console does not show it.
static void
take_input(aider_facts_t *self, const char *typed)
{
    self->asking = self->drawn = false;
    self->banner = BANNER_PASSED;
    aider_reader_settle(self, -1);
    // Fancy input may draw the same line again.
    if (self->fancy && typed[0] && !strcmp(typed, self->typed))
        return;
    aider_reader_open_round(self);
    self->round_open = typed[0] != '/';    // what a command prints is not a reply
    self->edited = self->reporting = false;
    snprintf(self->typed, sizeof self->typed, "%s", typed);
    aider_fact_t fact = aider_reader_fact(AIDER_FACT_INPUT, typed);
    fact.sure = typed[0] != '\0' && !self->fancy;
    self->handler(self->arg, &fact);
}

void
aider_reader_show_prompt(aider_facts_t *self, const char *prompt)
{
    aider_reader_settle(self, -1);
    self->asking = true;
    self->round_open = false;
    self->banner = BANNER_PASSED;
    aider_reader_tell(self, AIDER_FACT_PROMPT, prompt);
}

// A line that has to do with a prompt or a question. Returns true when it is done with.
static bool
take_dialogue(aider_facts_t *self, const char *line)
{
    const char *typed;
    bool in_reply = self->replied && self->round_open;
    if (self->plan.interactive && !in_reply && aider_patterns_prompt(line, &typed)) {
        if (typed[0] || (self->asking && !self->drawn)) {
            take_input(self, typed);
        } else if (!self->asking) {
            aider_reader_show_prompt(self, line);
            // Without a terminal nothing is painted: a prompt's line ends when it is answered.
            if (self->plan.terminal)
                self->drawn = self->fancy = true;
            else
                take_input(self, "");
        }
        return true;
    }
    if (!self->asking)
        return false;
    if (self->drawn) {
        // Fancy input draws more below and above its prompt; only what AIDER says is an answer.
        const char *text;
        aider_line_kind_t kind = aider_patterns_line(line, &text);
        if (!aider_errors_class(line, &text) &&
            (kind == AIDER_LINE_OTHER || kind == AIDER_LINE_BLANK || kind == AIDER_LINE_ECHO))
            return true;
        // What the person pressed at a painted prompt is shown nowhere but in AIDER's answer.
        take_input(self, kind == AIDER_LINE_INTERRUPT ? "^C" : "");
        return false;
    }
    self->asking = false;
    if (strstr(line, "(Y)es/(N)o"))
        return false;    // a question with its answer, which is a line of its own kind
    take_input(self, "");
    return true;
}

void
aider_reader_console_line(aider_facts_t *self, const char *line, int64_t now_ms)
{
    char trimmed[TEXT_LIMIT_BYTES] = "";
    aider_reader_append(trimmed, sizeof trimmed, line);
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
        aider_reader_tool_line(self, self->carry, now_ms);
    } else if (is_cut(self, trimmed, strlen(trimmed))) {
        self->carried = 1;
        self->carried_row = strlen(trimmed);
        snprintf(self->carry, sizeof self->carry, "%s", trimmed);
    } else {
        aider_reader_tool_line(self, trimmed, now_ms);
    }
}

// Whether a line that begins so may still become one of AIDER's own.
static bool
may_become_known(const char *partial)
{
    size_t length = strlen(partial);
    for (const aider_line_t *row = AIDER_LINES; row->prefix; row++) {
        size_t known = strlen(row->prefix);
        if (!strncmp(row->prefix, partial, length < known ? length : known))
            return true;
    }
    return strstr(partial, "litellm") ||
           !strncmp("litellm.", partial, length < 8 ? length : 8) ||
           strstr(partial, "Waiting for ") || strstr(partial, "Generating commit message") ||
           strstr(partial, "Updating repo map") ||
           strspn(partial, AIDER_READER_SPINNER) == length;
}

void
aider_reader_console_partial(aider_facts_t *self, const char *partial, int64_t now_ms)
{
    assert(self && partial);
    if (self->asking || self->carried > 0 || self->traceback_lines > 0 ||
        partial[strspn(partial, " ")] == '\0')
        return;
    const char *typed;
    bool in_reply = self->replied && self->round_open;
    if (is_question(partial)) {
        aider_reader_settle(self, -1);
        self->asking = true;
        aider_reader_tell(self, AIDER_FACT_QUESTION, partial);
    } else if (self->plan.interactive && aider_patterns_prompt(partial, &typed) && !typed[0]) {
        // Inside a reply it is the model's quotation, unless nothing follows.
        if (in_reply)
            self->prompt_ms = now_ms;
        else
            aider_reader_show_prompt(self, partial);
    } else if (!self->failure.error && !may_become_known(partial)) {
        aider_reader_reply_seen(self, partial);
    }
}
