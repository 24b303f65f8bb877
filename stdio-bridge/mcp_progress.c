// mcp_progress - progress notifications of ours for one call that asks for progress
// SPDX-License-Identifier: MPL-2.0
#include "mcp_progress.h"

#include <czmq.h>

#include "event_payload.h"

// A token goes into each notification; one longer than any program makes is not answered.
enum { TOKEN_BYTES_MOST = 1024 };

void
mcp_progress_begin(mcp_progress_t *self, const json_t *message)
{
    *self = (mcp_progress_t){0};
    const json_t *meta = json_object_get(json_object_get(message, "params"), "_meta");
    json_t *token = json_object_get(meta, "progressToken");
    bool fits = json_is_integer(token) ||
                (json_is_string(token) && json_string_length(token) <= TOKEN_BYTES_MOST);
    self->token = fits ? json_incref(token) : NULL;
}

void
mcp_progress_end(mcp_progress_t *self)
{
    json_decref(self->token);
    *self = (mcp_progress_t){0};
}

bool
mcp_progress_is_of(const mcp_progress_t *self, const json_t *params)
{
    return self->token && json_equal(self->token, json_object_get(params, "progressToken"));
}

void
mcp_progress_heard(mcp_progress_t *self, const json_t *params)
{
    double figure = json_number_value(json_object_get(params, "progress"));
    if (figure > self->last)
        self->last = figure;
    if (figure > self->base) {
        self->base = figure;
        self->count = 0;
    }
}

// ---- words ----

static const char *
text_of(const json_t *payload, const char *key)
{
    const char *text = json_string_value(json_object_get(payload, key));
    return text ? text : "";
}

// "attempt 3 of 8, next in 1.0 s", or that there is none.
static void
attempt_words(const json_t *payload, char *words, size_t capacity)
{
    int attempt = (int) json_integer_value(json_object_get(payload, "attempt"));
    int most = (int) json_integer_value(json_object_get(payload, "max_retries"));
    double delay = json_number_value(json_object_get(payload, "estimated_delay"));
    if (!json_is_true(json_object_get(payload, "will_retry")))
        (void) snprintf(words, capacity, "given up");
    else if (attempt && most)
        (void) snprintf(words, capacity, "attempt %d of %d, next in %.1f s", attempt, most,
                        delay);
    else
        (void) snprintf(words, capacity, "trying again");
}

static void
note_failure(mcp_progress_t *self, const char *what, const json_t *payload)
{
    char words[80];
    char kind[40];
    attempt_words(payload, words, sizeof words);
    (void) snprintf(kind, sizeof kind, "%s", what);
    for (char *at = kind; *at; at++)
        if (*at == '_')
            *at = ' ';
    (void) snprintf(self->text, sizeof self->text, "%s, %s", kind, words);
}

static void
note_stage(mcp_progress_t *self, const json_t *payload)
{
    const char *stage = text_of(payload, "stage");
    const char *message = text_of(payload, "message");
    const json_t *data = json_object_get(payload, "progress_data");
    const json_t *retry = json_object_get(data, "retry_in");
    char text[MCP_PROGRESS_TEXT_BYTES * 2];
    if (streq(stage, "waiting") && retry)
        (void) snprintf(text, sizeof text, "waiting for attempt %d, in %.1f s",
                        (int) json_integer_value(json_object_get(data, "attempt")) + 1,
                        json_number_value(retry));
    else if (streq(stage, "waiting"))
        (void) snprintf(text, sizeof text, "no answer from the model for %.0f s",
                        json_number_value(json_object_get(payload, "duration")));
    else
        (void) snprintf(text, sizeof text, "%s%s%.*s", stage, *message ? ": " : "",
                        MCP_PROGRESS_TEXT_BYTES, message);
    event_payload_copy(self->text, sizeof self->text, text);
}

void
mcp_progress_note(mcp_progress_t *self, const char *type, const json_t *payload)
{
    if (!self->token)
        return;
    if (streq(type, "aider.rate_limit_detected"))
        note_failure(self, "rate limited", payload);
    else if (streq(type, "aider.error_occurred"))
        note_failure(self, text_of(payload, "error_type"), payload);
    else if (streq(type, "aider.session_progress"))
        note_stage(self, payload);
    else if (streq(type, "aider.waiting_for_input"))
        (void) snprintf(self->text, sizeof self->text, "waiting for an answer");
}

char *
mcp_progress_take(mcp_progress_t *self)
{
    if (!self->token || !*self->text)
        return NULL;
    double next = self->count + 1.0;
    double figure = self->base + next / (next + 1) * MCP_PROGRESS_STEP;
    // Beside a very large figure of the server's there is no room for ours.
    json_t *text = figure > self->last ? json_string(self->text) : NULL;
    self->text[0] = '\0';
    if (!text)
        return NULL;
    self->count++;
    self->last = figure;
    json_t *notification = json_pack(
        "{s:s, s:s, s:{s:O, s:f, s:o}}", "jsonrpc", "2.0", "method", "notifications/progress",
        "params", "progressToken", self->token, "progress", figure, "message", text);
    char *line = json_dumps(notification, JSON_COMPACT);
    json_decref(notification);
    return line;
}
