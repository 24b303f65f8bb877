// aider_facts - what one source tells of an AIDER session, line by line
// SPDX-License-Identifier: MPL-2.0
#include "aider_facts.h"

#include "aider_reader.h"

#include <assert.h>
#include <czmq.h>
#include <string.h>

aider_facts_t *
aider_facts_new(aider_source_t source, const aider_facts_plan_t *plan, aider_fact_fn *handler,
                void *arg)
{
    assert(plan && handler);
    aider_facts_t *self = zmalloc(sizeof *self);
    self->source = source;
    self->plan = *plan;
    self->columns = plan->columns > 0 ? plan->columns : AIDER_FACTS_DEFAULT_COLUMNS;
    self->handler = handler;
    self->arg = arg;
    self->round_open = !plan->interactive;
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

// ---- the chat history ----

// A second AIDER in the same folder writes into the same file, and its lines look like ours.
// AIDER may start anew by itself, but not once somebody has spoken, nor with other words.
static void
watch_for_another(aider_facts_t *self, const char *line)
{
    if (!strncmp(line, "# aider chat started at ", 24)) {
        self->shared = self->shared || self->spoken;
        self->starting = true;
    } else if (self->starting && line[0] == '>') {
        self->starting = false;
        if (!self->command[0])
            aider_reader_append(self->command, sizeof self->command, line);
        else if (strncmp(self->command, line, sizeof self->command - 1) != 0)
            self->shared = true;
    }
}

static void
history_line(aider_facts_t *self, const char *line, int64_t now_ms)
{
    size_t length = strlen(line);
    if (self->shared)
        return;
    watch_for_another(self, line);
    if (self->shared) {
        aider_reader_tell(self, AIDER_FACT_SHARED, "");
        return;
    }
    if (!strncmp(line, "####", 4) && (line[4] == ' ' || line[4] == '\0')) {
        self->banner = BANNER_PASSED;
        self->spoken = true;
        aider_reader_settle(self, -1);
        if (!self->in_input) {
            char input[TEXT_LIMIT_BYTES] = "";
            aider_reader_append(input, sizeof input, line + 4 + (line[4] == ' '));
            while (input[0] && input[strlen(input) - 1] == ' ')
                input[strlen(input) - 1] = '\0';
            aider_reader_open_round(self);
            self->unknown[0] = '\0';
            self->in_input = true;
            // The architect's plan goes to the editor as if somebody had typed it.
            bool typed = !self->reply[0] || strcmp(input, self->reply) != 0;
            self->reply[0] = '\0';
            if (!typed)
                return;
            self->edited = false;
            aider_fact_t fact = aider_reader_fact(AIDER_FACT_INPUT, input);
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
        aider_reader_append(tool, sizeof tool, line + 1 + (line[1] == ' '));
        for (size_t end = strlen(tool); end > 0 && tool[end - 1] == ' '; end--)
            tool[end - 1] = '\0';
        aider_reader_tool_line(self, tool, now_ms);
        return;
    }
    if (length == 0)
        return;
    aider_reader_settle(self, -1);
    if (self->after_tokens && !strncmp(line, "Cost: $", 7)) {
        aider_reader_take_cost(self, line + 7);
        self->after_tokens = false;
    } else if (!self->after_tokens) {
        if (!self->replied)
            snprintf(self->reply, sizeof self->reply, "%s", line);
        aider_reader_reply_seen(self, "");
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
        aider_reader_console_line(self, line, now_ms);
    else if (self->traceback_lines > 0)
        aider_reader_continue_traceback(self, line);
    else if (!strncmp(line, "Traceback (most recent call last):", 34))
        self->traceback_lines = 1;
}

void
aider_facts_partial(aider_facts_t *self, const char *partial, int64_t now_ms)
{
    assert(self && partial);
    self->prompt_ms = -1;
    if (self->source == AIDER_SOURCE_CONSOLE)
        aider_reader_console_partial(self, partial, now_ms);
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
    if (self->failure.error && now_ms >= self->failure.since_ms + AIDER_FACTS_HOLD_MS)
        aider_reader_settle(self, -1);
    if (self->prompt_ms >= 0 && now_ms >= self->prompt_ms + AIDER_FACTS_HOLD_MS) {
        self->prompt_ms = -1;
        aider_reader_show_prompt(self, "> ");
    }
}

int64_t
aider_facts_next_tick_ms(const aider_facts_t *self)
{
    assert(self);
    int64_t since_ms = self->prompt_ms;
    if (self->failure.error && (since_ms < 0 || self->failure.since_ms < since_ms))
        since_ms = self->failure.since_ms;
    return since_ms < 0 ? -1 : since_ms + AIDER_FACTS_HOLD_MS;
}

void
aider_facts_finish(aider_facts_t *self)
{
    assert(self);
    if (self->carried > 0) {
        self->carried = 0;
        aider_reader_tool_line(self, self->carry, 0);
    }
    aider_reader_settle(self, -1);
}

// ---- the analytics log ----

static double
number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : -1;
}

static void
message_sent(aider_facts_t *self, const json_t *properties)
{
    aider_fact_t tokens = aider_reader_fact(AIDER_FACT_TOKENS, "");
    double sent = number_of(properties, "prompt_tokens");
    double received = number_of(properties, "completion_tokens");
    if (sent >= 0 && sent < 1e15)
        tokens.sent = (long long) sent;
    if (received >= 0 && received < 1e15)
        tokens.received = (long long) received;
    self->handler(self->arg, &tokens);

    // A model without a price is told as costing 0, which is not known to be true.
    aider_fact_t cost = aider_reader_fact(AIDER_FACT_COST, "");
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
        aider_reader_tell(self, AIDER_FACT_SEND, "");
    } else if (!strcmp(event, "message_send")) {
        message_sent(self, properties);
    } else if (!strcmp(event, "message_send_exception")) {
        const char *text = json_string_value(json_object_get(properties, "exception"));
        aider_reader_tell(self, AIDER_FACT_TRACEBACK, text ? text : "");
    } else if (!strncmp(event, "command_", 8)) {
        aider_reader_tell(self, AIDER_FACT_COMMAND, event + 8);
    } else if (!strcmp(event, "cli session")) {
        const char *model = json_string_value(json_object_get(properties, "main_model"));
        if (model && !strstr(model, "REDACTED") && strcmp(model, "None") != 0)
            aider_reader_tell(self, AIDER_FACT_MODEL, model);
        aider_reader_tell(self, AIDER_FACT_COMMAND, "");
    } else if (!strcmp(event, "exit")) {
        const char *reason = json_string_value(json_object_get(properties, "reason"));
        if (reason && strcmp(reason, "Recursing with correct repo") != 0)
            aider_reader_tell(self, AIDER_FACT_EXIT, reason);
    }
}
