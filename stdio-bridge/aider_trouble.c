// aider_trouble - the events of what goes wrong with a request
// SPDX-License-Identifier: MPL-2.0
#include "aider_trouble.h"

#include "event_payload.h"

#include <string.h>

enum {
    MESSAGE_LIMIT_BYTES = 2048,    // of an error's text in an event
    PROVIDER_BYTES = 64,
};

void
aider_trouble_set_provider(const aider_account_t *self, json_t *payload, const char *text)
{
    char provider[PROVIDER_BYTES];
    const char *model = self->model[0] ? self->model : NULL;
    event_payload_text(payload, "provider",
                       aider_errors_provider(text, model, provider, sizeof provider));
}

// provider, where it is not NULL, is known better than by the text.
static json_t *
error_payload(const aider_account_t *self, const char *text, const char *provider)
{
    json_t *payload = json_object();
    event_payload_cut(payload, "error_message", text, MESSAGE_LIMIT_BYTES, MESSAGE_LIMIT_BYTES);
    aider_trouble_set_provider(self, payload, text);
    event_payload_text(payload, "provider", provider);
    event_payload_text(payload, "current_model", self->model);
    event_payload_text(
        payload, "fallback_model",
        aider_chain_next(self->chain, self->model,
                         json_string_value(json_object_get(payload, "provider"))));
    return payload;
}

void
aider_trouble_report(aider_account_t *self, const char *error_type, const char *text,
                     bool fatal)
{
    json_t *payload = error_payload(self, text, NULL);
    event_payload_text(payload, "error_type", error_type);
    json_object_set_new(payload, "will_retry", json_boolean(!fatal));
    json_object_set_new(payload, "fatal", json_boolean(fatal));
    aider_account_report(self, "aider.error_occurred", payload);
}

static void
report_failure(aider_account_t *self, const aider_fact_t *fact, const aider_attempt_t *attempt)
{
    const aider_verdict_t *verdict = &fact->verdict;
    json_t *payload = error_payload(self, fact->text, verdict->provider);
    json_object_set_new(payload, "attempt", json_integer(attempt->number));
    if (verdict->retryable || attempt->will_retry)
        json_object_set_new(payload, "max_retries", json_integer(AIDER_MAX_RETRIES));
    json_object_set_new(payload, "will_retry", json_boolean(attempt->will_retry));
    if (attempt->will_retry)
        json_object_set_new(payload, "estimated_delay", json_real(attempt->delay));
    if (verdict->retry_after >= 0)
        json_object_set_new(payload, "retry_after", json_real(verdict->retry_after));

    if (aider_errors_is_limit(verdict->error_type)) {
        json_t *limit = json_deep_copy(payload);
        event_payload_text(limit, "limit_type", verdict->limit_type);
        self->rate_limited = true;
        aider_account_report(self, "aider.rate_limit_detected", limit);
        if (attempt->will_retry) {
            json_decref(payload);
            return;
        }
    }
    event_payload_text(payload, "error_type", verdict->error_type);
    // A commit message that could not be made does not end the request.
    json_object_set_new(payload, "fatal",
                        json_boolean(!attempt->will_retry && !fact->secondary));
    aider_account_report(self, "aider.error_occurred", payload);
}

void
aider_trouble_failure(aider_account_t *self, const aider_fact_t *fact)
{
    aider_attempt_t attempt = aider_turn_failure(&self->turn, fact, self->now.mono_ms);
    self->failed_model = true;
    report_failure(self, fact, &attempt);
}

void
aider_trouble_lost(aider_account_t *self, const aider_fact_t *fact)
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
    aider_trouble_report(self, error_type, text, true);
}
