// aider_turn - one request: the attempts made for it, and what became of it
// SPDX-License-Identifier: MPL-2.0
#include "aider_turn.h"

#include <assert.h>
#include <signal.h>
#include <string.h>

#define FIRST_DELAY 0.25    // seconds; each next one is twice as long

const char *
aider_outcome_name(aider_outcome_t outcome)
{
    switch (outcome) {
    case AIDER_OUTCOME_OK:
        return "ok";
    case AIDER_OUTCOME_FAILED:
        return "failed";
    case AIDER_OUTCOME_GAVE_UP:
        return "gave_up";
    case AIDER_OUTCOME_CANCELLED:
        return "cancelled";
    case AIDER_OUTCOME_KILLED:
        return "killed";
    }
    return "failed";
}

void
aider_turn_open(aider_turn_t *self, int64_t now_ms)
{
    assert(self);
    memset(self, 0, sizeof *self);
    self->open = true;
    self->started_ms = now_ms;
    self->retry_at_ms = -1;
    mesh_uuid_t id = mesh_uuid_new();
    mesh_uuid_format(&id, self->id);
}

int
aider_turn_rung(double delay)
{
    // AIDER prints one decimal: 0.25 is shown as 0.2.
    for (int rung = 1; rung <= AIDER_MAX_RETRIES; rung++) {
        double expected = FIRST_DELAY * (double) (1u << (rung - 1));
        if (delay > expected - 0.06 && delay < expected + 0.06)
            return rung;
    }
    return 0;
}

aider_attempt_t
aider_turn_failure(aider_turn_t *self, const aider_fact_t *fact, int64_t now_ms)
{
    assert(self && fact && fact->error);
    int *last = fact->secondary ? &self->last_secondary : &self->last_attempt;
    aider_attempt_t attempt = {
        .number = *last + 1, .delay = -1, .will_retry = fact->delay >= 0};
    if (attempt.will_retry) {
        int rung = aider_turn_rung(fact->delay);
        attempt.number = rung > 0 ? rung : attempt.number;
        attempt.delay = rung > 0 ? FIRST_DELAY * (double) (1u << (rung - 1)) : fact->delay;
    }
    *last = attempt.will_retry ? attempt.number : 0;
    if (fact->secondary)
        return attempt;
    self->attempts++;
    self->answered = self->call_ended = false;
    self->suspect[0] = '\0';
    self->retrying = attempt.will_retry;
    self->failed = !attempt.will_retry;
    self->gave_up = !attempt.will_retry && fact->verdict.retryable;
    self->retry_at_ms = attempt.will_retry ? now_ms + (int64_t) (attempt.delay * 1000) : -1;
    return attempt;
}

int
aider_turn_progress(aider_turn_t *self)
{
    assert(self);
    int failed = self->retrying ? self->last_attempt : 0;
    self->retrying = false;
    self->retry_at_ms = -1;
    self->failed = self->gave_up = false;
    self->answered = true;
    self->call_ended = false;
    self->suspect[0] = '\0';
    return failed;
}

void
aider_turn_call_ended(aider_turn_t *self, const aider_fact_t *fact)
{
    assert(self && fact);
    self->attempts++;
    self->last_attempt = 0;
    self->call_ended = true;
    if (fact->received == 0)
        self->answered = false;
}

void
aider_turn_lost(aider_turn_t *self)
{
    assert(self);
    self->answered = false;
    self->failed = true;
    self->gave_up = false;
    self->retrying = false;
    self->retry_at_ms = -1;
}

void
aider_turn_add(aider_turn_t *self, const aider_fact_t *fact, aider_source_t source)
{
    assert(self && fact && source < AIDER_SOURCE_COUNT);
    if (fact->kind == AIDER_FACT_TOKENS) {
        self->sums[source].calls++;
        self->sums[source].sent += fact->sent > 0 ? fact->sent : 0;
        self->sums[source].received += fact->received > 0 ? fact->received : 0;
    } else if (fact->kind == AIDER_FACT_COST) {
        self->sums[source].priced++;
        self->sums[source].cost += fact->cost;
        self->sums[source].session_cost = fact->session_cost;
    }
}

aider_outcome_t
aider_turn_outcome(const aider_turn_t *self, int exit_code, int signal)
{
    assert(self);
    // An interrupt comes before the signal it ends in, and AIDER outlives the first one.
    if (self->interrupted || signal == SIGINT)
        return AIDER_OUTCOME_CANCELLED;
    if (self->failed)
        return self->gave_up ? AIDER_OUTCOME_GAVE_UP : AIDER_OUTCOME_FAILED;
    if (signal != 0)
        return AIDER_OUTCOME_KILLED;
    // An error nobody knows is only told by its "Retrying in", which the last one has not.
    if (self->retrying && self->last_attempt == AIDER_MAX_RETRIES)
        return AIDER_OUTCOME_GAVE_UP;
    if (exit_code != 0 || !self->answered)
        return AIDER_OUTCOME_FAILED;
    return AIDER_OUTCOME_OK;
}

// The source to take the counts from: the one that saw most calls, and of several the analytics
// log, whose numbers are not rounded.
static int
best_source(const aider_turn_t *self)
{
    int best = AIDER_SOURCE_ANALYTICS;
    for (int i = 0; i < AIDER_SOURCE_COUNT; i++) {
        if (self->sums[i].calls > self->sums[best].calls)
            best = i;
    }
    return best;
}

static int
best_priced(const aider_turn_t *self)
{
    int best = AIDER_SOURCE_ANALYTICS;
    for (int i = 0; i < AIDER_SOURCE_COUNT; i++) {
        if (self->sums[i].priced > self->sums[best].priced)
            best = i;
    }
    return best;
}

json_t *
aider_turn_completed(const aider_turn_t *self, aider_outcome_t outcome, int64_t now_ms)
{
    assert(self);
    json_t *payload = json_object();
    json_object_set_new(payload, "success", json_boolean(outcome == AIDER_OUTCOME_OK));
    json_object_set_new(payload, "outcome", json_string(aider_outcome_name(outcome)));
    json_object_set_new(payload, "duration",
                        json_real((double) (now_ms - self->started_ms) / 1000));
    if (self->attempts > 0)
        json_object_set_new(payload, "attempts", json_integer(self->attempts));
    int tokens = best_source(self);
    if (self->sums[tokens].calls > 0) {
        json_object_set_new(payload, "tokens_sent", json_integer(self->sums[tokens].sent));
        json_object_set_new(payload, "tokens_received",
                            json_integer(self->sums[tokens].received));
    }
    int priced = best_priced(self);
    if (self->sums[priced].priced > 0) {
        json_object_set_new(payload, "cost", json_real(self->sums[priced].cost));
        if (self->sums[priced].session_cost >= 0)
            json_object_set_new(payload, "session_cost",
                                json_real(self->sums[priced].session_cost));
    }
    return payload;
}
