// request_watch - which requests are long without progress, and what to say about them
// SPDX-License-Identifier: MPL-2.0
#include "request_watch.h"

#include <assert.h>
#include <czmq.h>

static const char progress_reason[] = "progress";
static const char completed_reason[] = "completed";
static const char session_ended_reason[] = "session_ended";
static const char waiting_reason[] = "waiting_for_input";
static const char forgotten_reason[] = "forgotten";

struct request_watch {
    request_watch_limits_t limits;
    request_table_t *table;
    deadline_queue_t *deadlines;    // of requests that are to be looked at
    request_watch_report_fn *report;
    void *report_arg;
    request_watch_room_fn *room;    // NULL: there always is
    void *room_arg;
    bool held;
};

request_watch_t *
request_watch_new(const request_watch_limits_t *limits, request_watch_report_fn *report,
                  void *arg)
{
    assert(limits && report);
    request_watch_t *self = zmalloc(sizeof *self);
    self->limits = *limits;
    self->table = request_table_new(limits->requests);
    self->deadlines = deadline_queue_new();
    self->report = report;
    self->report_arg = arg;
    self->held = true;
    return self;
}

void
request_watch_destroy(request_watch_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        deadline_queue_destroy(&(*self_p)->deadlines);
        request_table_destroy(&(*self_p)->table);
        free(*self_p);
        *self_p = NULL;
    }
}

void
request_watch_set_thresholds(request_watch_t *self, const throttling_limits_t *thresholds)
{
    self->limits.throttling = *thresholds;
    // The deadlines in the queue are of the thresholds before; looking at each request once
    // sets them anew.
    request_t *request = request_table_first_open(self->table);
    for (; request; request = request->newer)
        if (request->deadline.place > 0)
            deadline_queue_set(self->deadlines, &request->deadline, request->progress_ms);
}

const char *
request_watch_reason(const char *text)
{
    static const char *const reasons[] = {progress_reason, completed_reason,
                                          session_ended_reason, waiting_reason,
                                          forgotten_reason};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (streq(reasons[i], text))
            return reasons[i];
    return NULL;
}

static void
tell(request_watch_t *self, const request_t *request, throttling_step_t step,
     diagnosis_t diagnosis, const char *reason, int64_t silent_ms, int64_t now_ms)
{
    request_report_t report = {
        .request = request,
        .step = step,
        .diagnosis = diagnosis,
        .reason = reason,
        .silent_ms = silent_ms,
        .open_ms = now_ms - request->started_ms,
        .threshold_ms = throttling_threshold_ms(&self->limits.throttling, step),
    };
    self->report(self->report_arg, &report);
}

// Say that what was reported is over.
static void
clear(request_watch_t *self, request_t *request, int64_t now_ms)
{
    if (request->reported != THROTTLING_NONE)
        tell(self, request, request->reported, request->reported_diagnosis, request->why_clear,
             request->silent_until_clear_ms, now_ms);
    request->reported = THROTTLING_NONE;
    request->owes_clear = false;
    request_table_touch(self->table, request);
}

// The step that holds now.
static throttling_step_t
step_of(const request_watch_t *self, const request_t *request, int64_t now_ms)
{
    if (request->finished || request->waiting_for_input || request->muted)
        return THROTTLING_NONE;
    throttling_step_t step =
        throttling_step_of(&self->limits.throttling, now_ms - request->progress_ms);
    // A provider that says it is overloaded throttles at once.
    if (request->overloaded && step < THROTTLING_MEDIUM)
        step = THROTTLING_MEDIUM;
    return step;
}

// Set when the request's next step begins, if it can have one.
static void
schedule(request_watch_t *self, request_t *request, throttling_step_t step)
{
    if (request->finished || request->waiting_for_input || request->muted ||
        step == THROTTLING_CRITICAL) {
        deadline_queue_remove(self->deadlines, &request->deadline);
        return;
    }
    deadline_queue_set(self->deadlines, &request->deadline,
                       request->progress_ms +
                           throttling_begin_ms(&self->limits.throttling, step + 1));
}

// Report what has changed about a request, and set when to look again.
static void
review(request_watch_t *self, request_t *request, int64_t now_ms)
{
    if (self->held)
        return;
    if (request->owes_clear)
        clear(self, request, now_ms);

    throttling_step_t step = step_of(self, request, now_ms);
    bool is_news =
        step > request->reported ||
        (step != THROTTLING_NONE && request->diagnosis > request->reported_diagnosis);
    if (is_news) {
        // What another monitor has said stays said, also where its thresholds are shorter.
        if (step > request->reported)
            request->reported = step;
        request->reported_diagnosis = request->diagnosis;
        request_table_touch(self->table, request);
        tell(self, request, request->reported, request->diagnosis, NULL,
             now_ms - request->progress_ms, now_ms);
    }
    schedule(self, request, step > request->reported ? step : request->reported);
}

// The silence ends here, for the reason given.
static void
end_silence(request_t *request, const char *why, int64_t at_ms)
{
    // Of several reasons while nothing could be reported, the first ended it.
    if (request->reported != THROTTLING_NONE && !request->owes_clear) {
        request->owes_clear = true;
        request->why_clear = why;
        request->silent_until_clear_ms = at_ms - request->progress_ms;
    }
    request->progress_ms = at_ms;
    request->overloaded = false;
    request->attempt = 0;
    request->diagnosis = DIAGNOSIS_NO_OUTPUT;
}

static void
learn(char *known, size_t size, const char *said)
{
    if (said[0] != '\0')
        (void) snprintf(known, size, "%s", said);
}

// Make room for a request.
static void
forget_oldest(request_watch_t *self, int64_t at_ms, int64_t now_ms)
{
    request_t *oldest = request_table_oldest(self->table);
    if (!oldest->owes_clear)
        end_silence(oldest, forgotten_reason, at_ms);
    clear(self, oldest, now_ms);
    deadline_queue_remove(self->deadlines, &oldest->deadline);
    request_table_forget(self->table, oldest);
}

static request_t *
open_request(request_watch_t *self, const observation_t *observation, int64_t at_ms,
             int64_t now_ms)
{
    if (request_table_is_full(self->table))
        forget_oldest(self, at_ms, now_ms);
    request_t *request =
        request_table_add(self->table, observation->session, observation->request);
    request->started_ms = at_ms;
    request->progress_ms = at_ms;
    return request;
}

// A request that starts again under its name (a source that counts its requests anew) is a new
// one; one that is open is heard of twice.
static void
start(request_watch_t *self, request_t *request, int64_t at_ms)
{
    if (!request->finished)
        return;
    request_table_reopen(self->table, request);
    end_silence(request, completed_reason, at_ms);
    request->started_ms = at_ms;
    request->waiting_for_input = false;
    request->stage[0] = '\0';
}

static void
finish(request_watch_t *self, request_t *request, const char *why, int64_t at_ms)
{
    if (request->finished)
        return;
    end_silence(request, why, at_ms);
    request_table_finish(self->table, request);
}

static void
answered(request_t *request, int64_t at_ms)
{
    if (request->waiting_for_input) {
        request->waiting_for_input = false;
        request->progress_ms = at_ms;
    }
}

static void
worsen(request_t *request, diagnosis_t diagnosis)
{
    if (request->diagnosis < diagnosis)
        request->diagnosis = diagnosis;
}

static void
progress(request_t *request, const observation_t *observation, int64_t at_ms)
{
    answered(request, at_ms);
    end_silence(request, progress_reason, at_ms);
    learn(request->stage, sizeof request->stage, observation->stage);
    if (observation->streaming)
        request->diagnosis = DIAGNOSIS_SLOW_STREAM;
}

static void
retry(request_t *request, const observation_t *observation, int64_t at_ms, bool late)
{
    answered(request, at_ms);
    request->attempt = observation->attempt;
    worsen(request, DIAGNOSIS_RETRYING);
    if (observation->overloaded && !late) {
        request->overloaded = true;
        worsen(request, DIAGNOSIS_PROVIDER_OVERLOADED);
    }
}

static void
waits_for_input(request_t *request, int64_t at_ms)
{
    end_silence(request, waiting_reason, at_ms);
    request->waiting_for_input = true;
}

// A monitor's own words, before this one started or from beside it: what has been said is not
// said again.
static void
hear_monitor(request_t *request, const observation_t *observation)
{
    if (observation->what == OBSERVED_THROTTLING_CLEARED) {
        request->reported = THROTTLING_NONE;
        request->owes_clear = false;
        return;
    }
    if (request->reported < observation->step)
        request->reported = observation->step;
    request->reported_diagnosis = observation->diagnosis;
}

static void
apply(request_watch_t *self, request_t *request, const observation_t *observation,
      int64_t at_ms, bool late)
{
    learn(request->correlation, sizeof request->correlation, observation->correlation);
    learn(request->host, sizeof request->host, observation->host);
    learn(request->provider, sizeof request->provider, observation->provider);
    learn(request->model, sizeof request->model, observation->model);
    switch (observation->what) {
    case OBSERVED_REQUEST_STARTED:
        start(self, request, at_ms);
        break;
    case OBSERVED_REQUEST_COMPLETED:
        finish(self, request, completed_reason, at_ms);
        break;
    case OBSERVED_SESSION_COMPLETED:
        finish(self, request, session_ended_reason, at_ms);
        break;
    case OBSERVED_PROGRESS:
        progress(request, observation, at_ms);
        break;
    case OBSERVED_RETRY:
        retry(request, observation, at_ms, late);
        break;
    case OBSERVED_FAILURE:
        answered(request, at_ms);
        break;
    case OBSERVED_WAITING_FOR_INPUT:
        waits_for_input(request, at_ms);
        break;
    case OBSERVED_STILL_WAITING:
    case OBSERVED_SESSION_FORGOTTEN:
    case OBSERVED_THROTTLING_DETECTED:
    case OBSERVED_THROTTLING_CLEARED:
    case OBSERVED_TRANSPORT_JOINED:
    case OBSERVED_TRANSPORT_LEFT:
    case OBSERVED_TRANSPORT_LOST:
        break;
    }
}

// Whether an observation of a request never heard of shows that it runs.
static bool
shows_an_open_request(observed_t what)
{
    return what == OBSERVED_REQUEST_STARTED || what == OBSERVED_PROGRESS ||
           what == OBSERVED_STILL_WAITING || what == OBSERVED_RETRY;
}

static void
observe_request(request_watch_t *self, request_t *request, const observation_t *observation,
                int64_t at_ms, bool late, int64_t now_ms)
{
    // What comes after the end, other than a new start, belongs to nothing.
    if (request->finished && observation->what != OBSERVED_REQUEST_STARTED)
        return;
    request_table_touch(self->table, request);
    request->heard_ms = at_ms;
    request->muted = late || now_ms - at_ms >= REQUEST_WATCH_ALIVE_MS;
    apply(self, request, observation, at_ms, late);
    review(self, request, now_ms);
}

// A session is no more: know nothing of its requests, and say nothing of them.
static void
forget_session(request_watch_t *self, const char *session)
{
    request_t *lists[] = {request_table_first_open(self->table),
                          request_table_first_finished(self->table)};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        for (request_t *request = lists[i], *next; request; request = next) {
            next = request->newer;
            if (!streq(request->session, session))
                continue;
            deadline_queue_remove(self->deadlines, &request->deadline);
            request_table_forget(self->table, request);
        }
    }
}

void
request_watch_observe(request_watch_t *self, const observation_t *observation, int64_t at_ms,
                      bool late, int64_t now_ms)
{
    assert(at_ms <= now_ms);
    if (observation->session[0] == '\0')
        return;

    if (observation->what == OBSERVED_SESSION_FORGOTTEN) {
        forget_session(self, observation->session);
        return;
    }
    request_t *request =
        request_table_find(self->table, observation->session, observation->request);
    if (observation->what == OBSERVED_THROTTLING_DETECTED ||
        observation->what == OBSERVED_THROTTLING_CLEARED) {
        if (request) {
            hear_monitor(request, observation);
            request_table_touch(self->table, request);
        }
        return;
    }
    bool of_session =
        observation->what == OBSERVED_SESSION_COMPLETED ||
        (observation->request[0] == '\0' && observation->what != OBSERVED_REQUEST_STARTED &&
         observation->what != OBSERVED_REQUEST_COMPLETED);
    if (of_session) {
        request_t *each = request_table_of_session(self->table, observation->session);
        while (each) {
            request_t *next = each->next_of_session;    // this one may leave the session
            observe_request(self, each, observation, at_ms, late, now_ms);
            each = next;
        }
        return;
    }
    if (!request && shows_an_open_request(observation->what))
        request = open_request(self, observation, at_ms, now_ms);
    if (request)
        observe_request(self, request, observation, at_ms, late, now_ms);
}

int
request_watch_restore(request_watch_t *self, const request_t *kept, int64_t now_ms)
{
    assert(self->held);
    if (request_table_find(self->table, kept->session, kept->request))
        return -1;
    if (request_table_is_full(self->table))
        forget_oldest(self, now_ms, now_ms);
    request_t *request = request_table_restore(self->table, kept);
    assert(request);
    request->muted = request->muted || now_ms - request->heard_ms >= REQUEST_WATCH_ALIVE_MS;
    return 0;
}

void
request_watch_on_room(request_watch_t *self, request_watch_room_fn *room, void *arg)
{
    self->room = room;
    self->room_arg = arg;
}

void
request_watch_hold(request_watch_t *self)
{
    self->held = true;
}

void
request_watch_resume(request_watch_t *self, int64_t now_ms)
{
    if (!self->held)
        return;
    self->held = false;
    request_t *lists[] = {request_table_first_finished(self->table),
                          request_table_first_open(self->table)};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (request_t *request = lists[i]; request; request = request->newer)
            if (!request->finished || request->owes_clear)
                deadline_queue_set(self->deadlines, &request->deadline, request->progress_ms);
    request_watch_advance(self, now_ms);
}

bool
request_watch_is_held(const request_watch_t *self)
{
    return self->held;
}

int64_t
request_watch_next_ms(const request_watch_t *self)
{
    const deadline_t *first = deadline_queue_first(self->deadlines);
    return first && !self->held ? first->due_ms : -1;
}

void
request_watch_advance(request_watch_t *self, int64_t now_ms)
{
    if (self->held)
        return;
    for (;;) {
        deadline_t *first = deadline_queue_first(self->deadlines);
        if (!first || first->due_ms > now_ms || (self->room && !self->room(self->room_arg)))
            break;
        review(self, first->item, now_ms);
    }
}

request_watch_counts_t
request_watch_count(const request_watch_t *self)
{
    request_watch_counts_t counts = {.open = request_table_open_count(self->table)};
    const request_t *request = request_table_first_open(self->table);
    for (; request; request = request->newer) {
        if (request->reported != THROTTLING_NONE && !request->owes_clear)
            counts.throttled++;
        if (request->waiting_for_input)
            counts.waiting_for_input++;
        if (request->muted)
            counts.silent++;
    }
    return counts;
}

request_table_t *
request_watch_own_table(request_watch_t *self)
{
    return self->table;
}

const request_table_t *
request_watch_table(const request_watch_t *self)
{
    return self->table;
}
