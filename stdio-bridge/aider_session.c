// aider_session - the life of one AIDER process, put together from all that tells of it
// SPDX-License-Identifier: MPL-2.0
#include "aider_session.h"

#include "aider_fusion.h"
#include "aider_options.h"

#include <assert.h>
#include <czmq.h>
#include <string.h>

enum {
    QUEUE_RECORDS = 64,    // analytics records waiting; more are read at once
};

typedef struct record {
    json_t *json;    // owned
    int64_t due_ms;
} record_t;

struct aider_session {
    aider_fusion_t fusion;
    aider_options_t *options;         // owned
    record_t queue[QUEUE_RECORDS];    // oldest first
    size_t queued;
    size_t malformed;

    int64_t heard_ms;      // when a source last spoke
    int64_t replied_ms;    // when the reply last grew
};

// ---- lines and time ----

static void
take_record(aider_session_t *self)
{
    json_t *record = self->queue[0].json;
    self->queued--;
    memmove(self->queue, self->queue + 1, self->queued * sizeof self->queue[0]);
    aider_facts_record(self->fusion.sources[AIDER_SOURCE_ANALYTICS].facts, record);
    json_decref(record);
}

static void
analytics_line(aider_session_t *self, const char *line)
{
    json_t *record = json_loads(line, 0, NULL);
    if (!json_is_object(record)) {
        self->malformed++;
        json_decref(record);
        return;
    }
    if (self->queued == QUEUE_RECORDS)
        take_record(self);
    self->queue[self->queued++] =
        (record_t){.json = record,
                   .due_ms = self->fusion.account.now.mono_ms + AIDER_SESSION_ANALYTICS_MS};
}

void
aider_session_line(aider_session_t *self, aider_source_t source, const char *line,
                   aider_time_t now)
{
    assert(self && source < AIDER_SOURCE_COUNT && line);
    self->fusion.account.now = now;
    self->heard_ms = now.mono_ms;
    if (source == AIDER_SOURCE_ANALYTICS) {
        analytics_line(self, line);
        return;
    }
    if (source == AIDER_SOURCE_CONSOLE && line[0] != '\0')
        self->replied_ms = now.mono_ms;
    aider_facts_line(self->fusion.sources[source].facts, line, now.mono_ms);
}

void
aider_session_partial(aider_session_t *self, const char *partial, aider_time_t now)
{
    assert(self && partial);
    self->fusion.account.now = now;
    if (partial[0] == '\0')
        return;
    self->heard_ms = now.mono_ms;
    if (!strstr(partial, "Waiting for "))
        self->replied_ms = now.mono_ms;
    aider_facts_partial(self->fusion.sources[AIDER_SOURCE_CONSOLE].facts, partial, now.mono_ms);
}

static int64_t
level_due_ms(const aider_session_t *self)
{
    return self->fusion.at_prompt && self->fusion.asked_ms >= 0
               ? self->heard_ms + AIDER_SESSION_LEVEL_MS
               : -1;
}

static int64_t
question_due_ms(const aider_session_t *self)
{
    return self->fusion.asked_ms >= 0 && !self->fusion.asked_told
               ? self->fusion.asked_ms + AIDER_SESSION_PROMPT_HOLD_MS
               : -1;
}

static int64_t
waiting_due_ms(const aider_session_t *self)
{
    // A question to the person has been said; that nothing happens is then not worth saying.
    return self->fusion.account.turn.open && self->fusion.asked_ms < 0
               ? self->fusion.account.said_ms + self->fusion.account.waiting_ms
               : -1;
}

static bool
is_due(int64_t due_ms, const aider_session_t *self)
{
    return due_ms >= 0 && self->fusion.account.now.mono_ms >= due_ms;
}

void
aider_session_tick(aider_session_t *self, aider_time_t now)
{
    assert(self);
    self->fusion.account.now = now;
    for (int i = 0; i < AIDER_SOURCE_COUNT; i++)
        aider_facts_tick(self->fusion.sources[i].facts, now.mono_ms);
    while (self->queued > 0 && self->queue[0].due_ms <= now.mono_ms)
        take_record(self);
    if (is_due(question_due_ms(self), self)) {
        self->fusion.asked_told = true;
        aider_account_question(&self->fusion.account, self->fusion.question,
                               self->fusion.at_prompt);
    }
    if (is_due(level_due_ms(self), self))
        aider_fusion_level(&self->fusion);
    if (is_due(waiting_due_ms(self), self)) {
        bool streaming = self->fusion.account.turn.answered &&
                         self->replied_ms > self->fusion.account.said_ms;
        aider_account_waiting(&self->fusion.account, streaming);
    }
}

static int64_t
earlier(int64_t left_ms, int64_t right_ms)
{
    if (left_ms < 0 || right_ms < 0)
        return left_ms < 0 ? right_ms : left_ms;
    return left_ms < right_ms ? left_ms : right_ms;
}

int64_t
aider_session_next_tick_ms(const aider_session_t *self)
{
    assert(self);
    int64_t next_ms = self->queued > 0 ? self->queue[0].due_ms : -1;
    for (int i = 0; i < AIDER_SOURCE_COUNT; i++)
        next_ms = earlier(next_ms, aider_facts_next_tick_ms(self->fusion.sources[i].facts));
    next_ms = earlier(next_ms, question_due_ms(self));
    next_ms = earlier(next_ms, level_due_ms(self));
    return earlier(next_ms, waiting_due_ms(self));
}

// ---- beginning and end ----

aider_session_t *
aider_session_new(const aider_session_start_t *start, aider_time_t now,
                  aider_session_report_fn *handler, void *arg)
{
    assert(start && start->argv && handler);
    aider_session_t *self = zmalloc(sizeof *self);
    self->fusion.account.handler = handler;
    self->fusion.account.arg = arg;
    self->heard_ms = now.mono_ms;
    self->options = aider_options_new(start->argv);
    aider_account_begin(&self->fusion.account, start, self->options, now);
    self->fusion.interactive =
        !self->fusion.account.message && !aider_options_value(self->options, "--message-file");
    aider_facts_plan_t plan = {
        .interactive = self->fusion.interactive,
        .terminal = start->terminal,
        .columns = start->columns,
        .user = start->patterns,
    };
    aider_fusion_begin(&self->fusion, &plan);
    return self;
}

void
aider_session_destroy(aider_session_t **self_p)
{
    assert(self_p);
    aider_session_t *self = *self_p;
    if (!self)
        return;
    aider_fusion_clear(&self->fusion);
    for (size_t i = 0; i < self->queued; i++)
        json_decref(self->queue[i].json);
    aider_account_clear(&self->fusion.account);
    aider_options_destroy(&self->options);
    free(self);
    *self_p = NULL;
}

void
aider_session_exit(aider_session_t *self, int exit_code, int signal, aider_time_t now)
{
    assert(self);
    self->fusion.account.now = now;
    aider_facts_finish(self->fusion.sources[AIDER_SOURCE_HISTORY].facts);
    aider_facts_finish(self->fusion.sources[AIDER_SOURCE_CONSOLE].facts);
    aider_facts_finish(self->fusion.sources[AIDER_SOURCE_STDERR].facts);
    while (self->queued > 0)
        take_record(self);
    aider_account_close(&self->fusion.account, exit_code, signal);
    aider_account_completed(&self->fusion.account, exit_code, signal);
}

void
aider_session_lose(aider_session_t *self, aider_source_t source, bool shared, const char *why,
                   aider_time_t now)
{
    assert(self);
    self->fusion.account.now = now;
    aider_fusion_lose(&self->fusion, source, shared, why);
}

size_t
aider_session_malformed(const aider_session_t *self)
{
    assert(self);
    return self->malformed;
}
