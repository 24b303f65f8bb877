// test_request_watch - what is said of requests, when, and what is not
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "request_watch.h"

enum { TEXT_SIZE = 4096, BEGIN_MS = 1000000 };

// A watch, a clock that the test moves, and all that was reported, one line each.
typedef struct fixture {
    request_watch_t *watch;
    int64_t now_ms;
    char told[TEXT_SIZE];
} fixture_t;

static void
note(void *arg, const request_report_t *report)
{
    fixture_t *self = arg;
    size_t used = strlen(self->told);
    (void) snprintf(self->told + used, TEXT_SIZE - used, "%lld %s %s/%s %s%s%s\n",
                    (long long) (self->now_ms - BEGIN_MS), report->request->request,
                    throttling_status(report->step), throttling_severity(report->step),
                    diagnosis_name(report->diagnosis), report->reason ? " over: " : "",
                    report->reason ? report->reason : "");
}

static fixture_t *
begin_with(size_t requests)
{
    fixture_t *self = calloc(1, sizeof *self);
    assert_non_null(self);
    request_watch_limits_t limits = {{30000, 60000}, requests};
    self->watch = request_watch_new(&limits, note, self);
    self->now_ms = BEGIN_MS;
    return self;
}

// A watch that has nothing to catch up.
static fixture_t *
begin(void)
{
    fixture_t *self = begin_with(100);
    request_watch_resume(self->watch, self->now_ms);
    return self;
}

static void
end(fixture_t *self)
{
    request_watch_destroy(&self->watch);
    assert_null(self->watch);
    free(self);
}

// Let time pass as the program does: from deadline to deadline.
static void
pass(fixture_t *self, int64_t until_ms)
{
    until_ms += BEGIN_MS;
    for (;;) {
        int64_t next_ms = request_watch_next_ms(self->watch);
        if (next_ms < 0 || next_ms > until_ms)
            break;
        assert_true(next_ms > self->now_ms);    // else this would not end
        self->now_ms = next_ms;
        request_watch_advance(self->watch, self->now_ms);
    }
    self->now_ms = until_ms;
}

static observation_t
observation_of(observed_t what, const char *session, const char *request)
{
    observation_t observation = {.what = what};
    (void) snprintf(observation.session, sizeof observation.session, "%s", session);
    (void) snprintf(observation.request, sizeof observation.request, "%s", request);
    return observation;
}

static void
see(fixture_t *self, observed_t what, const char *request)
{
    observation_t observation = observation_of(what, "s", request);
    request_watch_observe(self->watch, &observation, self->now_ms, false, self->now_ms);
}

// As see, of an event that reached the mesh age_ms ago.
static void
see_replayed(fixture_t *self, observed_t what, const char *request, int64_t age_ms)
{
    observation_t observation = observation_of(what, "s", request);
    request_watch_observe(self->watch, &observation, self->now_ms - age_ms, false,
                          self->now_ms);
}

static void
see_late(fixture_t *self, observed_t what, const char *request)
{
    observation_t observation = observation_of(what, "s", request);
    request_watch_observe(self->watch, &observation, self->now_ms, true, self->now_ms);
}

static void
assert_told(fixture_t *self, const char *lines)
{
    assert_string_equal(self->told, lines);
    self->told[0] = '\0';
}

static void
a_request_held_for_65_s_is_long_running_at_30_and_throttled_at_60(void **state)
{
    (void) state;
    fixture_t *self = begin();
    see(self, OBSERVED_REQUEST_STARTED, "r");
    for (int64_t ms = 10000; ms <= 60000; ms += 10000) {
        pass(self, ms);
        see(self, OBSERVED_STILL_WAITING, "r");
    }
    pass(self, 65000);
    see(self, OBSERVED_PROGRESS, "r");
    see(self, OBSERVED_REQUEST_COMPLETED, "r");
    pass(self, 1000000);
    assert_told(self, "30000 r long_running/medium no_output\n"
                      "60000 r throttled/medium no_output\n"
                      "65000 r throttled/medium no_output over: progress\n");
    end(self);
}

static void
each_step_is_told_once(void **state)
{
    (void) state;
    fixture_t *self = begin();
    see(self, OBSERVED_REQUEST_STARTED, "r");
    pass(self, 10000000);
    assert_told(self, "30000 r long_running/medium no_output\n"
                      "60000 r throttled/medium no_output\n"
                      "120001 r throttled/high no_output\n"
                      "180001 r severely_throttled/high no_output\n"
                      "300001 r severely_throttled/critical no_output\n");
    see(self, OBSERVED_REQUEST_COMPLETED, "r");
    assert_told(self, "10000000 r severely_throttled/critical no_output over: completed\n");
    end(self);
}

static void
progress_begins_the_silence_anew(void **state)
{
    (void) state;
    fixture_t *self = begin();
    see(self, OBSERVED_REQUEST_STARTED, "r");
    pass(self, 29999);
    see(self, OBSERVED_PROGRESS, "r");
    pass(self, 59998);
    assert_told(self, "");
    pass(self, 59999);
    assert_told(self, "59999 r long_running/medium no_output\n");
    end(self);
}

static void
still_waiting_is_not_progress(void **state)
{
    (void) state;
    fixture_t *self = begin();
    see(self, OBSERVED_REQUEST_STARTED, "r");
    pass(self, 29999);
    see(self, OBSERVED_STILL_WAITING, "r");
    pass(self, 30000);
    assert_told(self, "30000 r long_running/medium no_output\n");
    end(self);
}

static void
a_retry_is_not_progress_and_is_the_diagnosis(void **state)
{
    (void) state;
    fixture_t *self = begin();
    see(self, OBSERVED_REQUEST_STARTED, "r");
    pass(self, 20000);
    observation_t retry = observation_of(OBSERVED_RETRY, "s", "r");
    retry.attempt = 2;
    request_watch_observe(self->watch, &retry, self->now_ms, false, self->now_ms);
    pass(self, 60000);
    const request_table_t *table = request_watch_table(self->watch);
    assert_int_equal(request_table_find(table, "s", "r")->attempt, 2);
    see(self, OBSERVED_PROGRESS, "r");
    assert_int_equal(request_table_find(table, "s", "r")->attempt, 0);
    pass(self, 90000);
    assert_told(self, "30000 r long_running/medium retrying\n"
                      "60000 r throttled/medium retrying\n"
                      "60000 r throttled/medium retrying over: progress\n"
                      "90000 r long_running/medium no_output\n");
    end(self);
}

static void
a_diagnosis_that_changes_is_told(void **state)
{
    (void) state;
    fixture_t *self = begin();
    see(self, OBSERVED_REQUEST_STARTED, "r");
    pass(self, 40000);
    see(self, OBSERVED_RETRY, "r");
    see(self, OBSERVED_RETRY, "r");
    assert_told(self, "30000 r long_running/medium no_output\n"
                      "40000 r long_running/medium retrying\n");
    end(self);
}

static void
a_stream_that_stops_is_slow_stream(void **state)
{
    (void) state;
    fixture_t *self = begin();
    see(self, OBSERVED_REQUEST_STARTED, "r");
    observation_t streaming = observation_of(OBSERVED_PROGRESS, "s", "r");
    streaming.streaming = true;
    request_watch_observe(self->watch, &streaming, self->now_ms, false, self->now_ms);
    pass(self, 30000);
    assert_told(self, "30000 r long_running/medium slow_stream\n");
    end(self);
}

static void
an_overloaded_provider_throttles_at_once(void **state)
{
    (void) state;
    fixture_t *self = begin();
    see(self, OBSERVED_REQUEST_STARTED, "r");
    pass(self, 100);
    observation_t retry = observation_of(OBSERVED_RETRY, "s", "r");
    retry.overloaded = true;
    request_watch_observe(self->watch, &retry, self->now_ms, false, self->now_ms);
    request_watch_observe(self->watch, &retry, self->now_ms, false, self->now_ms);
    assert_told(self, "100 r throttled/medium provider_overloaded\n");
    pass(self, 120000);
    assert_told(self, "");    // neither 30 s nor 60 s are news
    pass(self, 120001);
    assert_told(self, "120001 r throttled/high provider_overloaded\n");
    see(self, OBSERVED_PROGRESS, "r");
    assert_told(self, "120001 r throttled/high provider_overloaded over: progress\n");
    end(self);
}

static void
waiting_for_a_person_is_never_throttling(void **state)
{
    (void) state;
    fixture_t *self = begin();
    see(self, OBSERVED_REQUEST_STARTED, "r");
    pass(self, 5000);
    see(self, OBSERVED_WAITING_FOR_INPUT, "r");
    pass(self, 500000);
    see(self, OBSERVED_STILL_WAITING, "r");
    pass(self, 1000000);
    assert_told(self, "");
    assert_int_equal(request_watch_count(self->watch).waiting_for_input, 1);

    see(self, OBSERVED_PROGRESS, "r");
    pass(self, 1030000);
    assert_told(self, "1030000 r long_running/medium no_output\n");
    see(self, OBSERVED_WAITING_FOR_INPUT, "r");
    assert_told(self, "1030000 r long_running/medium no_output over: waiting_for_input\n");
    end(self);
}

static void
what_follows_a_persons_answer_counts_from_it(void **state)
{
    (void) state;
    fixture_t *self = begin();
    see(self, OBSERVED_REQUEST_STARTED, "r");
    see(self, OBSERVED_WAITING_FOR_INPUT, "r");
    pass(self, 100000);
    see(self, OBSERVED_RETRY, "r");
    pass(self, 129999);
    assert_told(self, "");
    pass(self, 130000);
    assert_told(self, "130000 r long_running/medium retrying\n");
    end(self);
}

static void
a_question_without_a_request_holds_for_all_of_its_session(void **state)
{
    (void) state;
    fixture_t *self = begin();
    see(self, OBSERVED_REQUEST_STARTED, "1");
    see(self, OBSERVED_REQUEST_STARTED, "2");
    observation_t other = observation_of(OBSERVED_REQUEST_STARTED, "other", "3");
    request_watch_observe(self->watch, &other, self->now_ms, false, self->now_ms);
    see(self, OBSERVED_WAITING_FOR_INPUT, "");
    pass(self, 30000);
    assert_told(self, "30000 3 long_running/medium no_output\n");
    end(self);
}

static void
a_session_that_ends_clears_its_requests(void **state)
{
    (void) state;
    fixture_t *self = begin();
    see(self, OBSERVED_REQUEST_STARTED, "1");
    see(self, OBSERVED_REQUEST_STARTED, "2");
    pass(self, 30000);
    assert_told(self, "30000 1 long_running/medium no_output\n"
                      "30000 2 long_running/medium no_output\n");
    see(self, OBSERVED_SESSION_COMPLETED, "");
    assert_told(self, "30000 2 long_running/medium no_output over: session_ended\n"
                      "30000 1 long_running/medium no_output over: session_ended\n");
    pass(self, 100000);
    assert_told(self, "");
    assert_int_equal(request_watch_count(self->watch).open, 0);
    end(self);
}

static void
a_completed_request_that_was_never_throttled_says_nothing(void **state)
{
    (void) state;
    fixture_t *self = begin();
    see(self, OBSERVED_REQUEST_STARTED, "r");
    see(self, OBSERVED_REQUEST_COMPLETED, "r");
    see(self, OBSERVED_PROGRESS, "r");    // comes again
    pass(self, 1000000);
    assert_told(self, "");
    assert_int_equal(request_watch_next_ms(self->watch), -1);
    end(self);
}

static void
a_name_used_again_is_a_new_request(void **state)
{
    (void) state;
    fixture_t *self = begin();
    see(self, OBSERVED_REQUEST_STARTED, "");
    see(self, OBSERVED_REQUEST_COMPLETED, "");
    pass(self, 100000);
    see(self, OBSERVED_REQUEST_STARTED, "");
    pass(self, 130000);
    assert_told(self, "130000  long_running/medium no_output\n");
    end(self);
}

static void
a_request_whose_start_was_missed_counts_from_what_is_first_seen(void **state)
{
    (void) state;
    fixture_t *self = begin();
    see(self, OBSERVED_STILL_WAITING, "r");
    see(self, OBSERVED_WAITING_FOR_INPUT, "unknown");
    see(self, OBSERVED_REQUEST_COMPLETED, "unknown");
    see(self, OBSERVED_SESSION_COMPLETED, "unknown");
    assert_int_equal(request_table_size(request_watch_table(self->watch)), 1);
    end(self);
}

static void
a_late_event_never_throttles(void **state)
{
    (void) state;
    fixture_t *self = begin();
    see_late(self, OBSERVED_REQUEST_STARTED, "r");
    observation_t retry = observation_of(OBSERVED_RETRY, "s", "r");
    retry.overloaded = true;
    request_watch_observe(self->watch, &retry, self->now_ms, true, self->now_ms);
    pass(self, 1000000);
    assert_told(self, "");
    assert_int_equal(request_watch_count(self->watch).silent, 1);
    end(self);
}

static void
a_live_event_after_a_late_one_is_news_of_now(void **state)
{
    (void) state;
    fixture_t *self = begin();
    see_late(self, OBSERVED_REQUEST_STARTED, "r");
    observation_t retry = observation_of(OBSERVED_RETRY, "s", "r");
    retry.overloaded = true;
    request_watch_observe(self->watch, &retry, self->now_ms, true, self->now_ms);
    pass(self, 10000);
    see(self, OBSERVED_STILL_WAITING, "r");
    assert_told(self, "");    // that it was overloaded then says nothing of now
    pass(self, 30000);
    assert_told(self, "30000 r long_running/medium retrying\n");
    end(self);
}

static void
a_late_completion_still_clears(void **state)
{
    (void) state;
    fixture_t *self = begin();
    see(self, OBSERVED_REQUEST_STARTED, "r");
    pass(self, 30000);
    see_late(self, OBSERVED_REQUEST_COMPLETED, "r");
    assert_told(self, "30000 r long_running/medium no_output\n"
                      "30000 r long_running/medium no_output over: completed\n");
    end(self);
}

static void
replayed_history_raises_no_old_alarm(void **state)
{
    (void) state;
    fixture_t *self = begin_with(100);
    // Finished long ago; and left open by a bridge that died yesterday.
    see_replayed(self, OBSERVED_REQUEST_STARTED, "finished", 7200000);
    see_replayed(self, OBSERVED_REQUEST_COMPLETED, "finished", 3600000);
    see_replayed(self, OBSERVED_REQUEST_STARTED, "abandoned", 86400000);
    request_watch_resume(self->watch, self->now_ms);
    pass(self, 10000000);
    assert_told(self, "");
    end(self);
}

static void
a_request_open_at_the_start_counts_from_its_own_age(void **state)
{
    (void) state;
    fixture_t *self = begin_with(100);
    see_replayed(self, OBSERVED_REQUEST_STARTED, "r", 45000);
    see_replayed(self, OBSERVED_STILL_WAITING, "r", 5000);
    assert_told(self, "");
    request_watch_resume(self->watch, self->now_ms);
    assert_told(self, "0 r long_running/medium no_output\n");
    pass(self, 15000);
    assert_told(self, "15000 r throttled/medium no_output\n");
    end(self);
}

static void
what_a_monitor_before_has_said_is_not_said_again(void **state)
{
    (void) state;
    fixture_t *self = begin_with(100);
    see_replayed(self, OBSERVED_REQUEST_STARTED, "r", 45000);
    observation_t detected = observation_of(OBSERVED_THROTTLING_DETECTED, "s", "r");
    detected.step = THROTTLING_LONG_RUNNING;
    request_watch_observe(self->watch, &detected, self->now_ms - 15000, false, self->now_ms);
    see_replayed(self, OBSERVED_STILL_WAITING, "r", 5000);
    request_watch_resume(self->watch, self->now_ms);
    assert_told(self, "");
    pass(self, 15000);
    assert_told(self, "15000 r throttled/medium no_output\n");
    end(self);
}

static void
what_a_monitor_before_left_unsaid_is_cleared_once(void **state)
{
    (void) state;
    fixture_t *self = begin_with(100);
    observation_t detected = observation_of(OBSERVED_THROTTLING_DETECTED, "s", "told");
    detected.step = THROTTLING_MEDIUM;
    observation_t cleared = observation_of(OBSERVED_THROTTLING_CLEARED, "s", "told");

    see_replayed(self, OBSERVED_REQUEST_STARTED, "told", 500000);
    request_watch_observe(self->watch, &detected, self->now_ms - 400000, false, self->now_ms);
    see_replayed(self, OBSERVED_REQUEST_COMPLETED, "told", 300000);
    request_watch_observe(self->watch, &cleared, self->now_ms - 300000, false, self->now_ms);

    (void) snprintf(detected.request, sizeof detected.request, "untold");
    see_replayed(self, OBSERVED_REQUEST_STARTED, "untold", 500000);
    request_watch_observe(self->watch, &detected, self->now_ms - 400000, false, self->now_ms);
    see_replayed(self, OBSERVED_REQUEST_COMPLETED, "untold", 300000);

    request_watch_resume(self->watch, self->now_ms);
    assert_told(self, "0 untold throttled/medium no_output over: completed\n");
    end(self);
}

static void
a_hold_reports_nothing_and_its_end_reports_what_then_holds(void **state)
{
    (void) state;
    fixture_t *self = begin();
    see(self, OBSERVED_REQUEST_STARTED, "stuck");
    see(self, OBSERVED_REQUEST_STARTED, "moved");
    pass(self, 10000);
    request_watch_hold(self->watch);
    assert_int_equal(request_watch_next_ms(self->watch), -1);
    pass(self, 35000);
    request_watch_advance(self->watch, self->now_ms);
    assert_told(self, "");
    see(self, OBSERVED_PROGRESS, "moved");
    request_watch_resume(self->watch, self->now_ms);
    assert_told(self, "35000 stuck long_running/medium no_output\n");
    end(self);
}

static void
progress_during_a_hold_clears_and_a_new_silence_counts_from_it(void **state)
{
    (void) state;
    fixture_t *self = begin();
    see(self, OBSERVED_REQUEST_STARTED, "r");
    pass(self, 60000);
    request_watch_hold(self->watch);
    see(self, OBSERVED_PROGRESS, "r");
    pass(self, 95000);
    request_watch_resume(self->watch, self->now_ms);
    assert_told(self, "30000 r long_running/medium no_output\n"
                      "60000 r throttled/medium no_output\n"
                      "95000 r throttled/medium no_output over: progress\n"
                      "95000 r long_running/medium no_output\n");
    end(self);
}

static void
of_several_ends_during_a_hold_the_first_is_the_reason(void **state)
{
    (void) state;
    fixture_t *self = begin();
    see(self, OBSERVED_REQUEST_STARTED, "r");
    pass(self, 30000);
    assert_told(self, "30000 r long_running/medium no_output\n");
    request_watch_hold(self->watch);
    see(self, OBSERVED_PROGRESS, "r");
    see(self, OBSERVED_REQUEST_COMPLETED, "r");
    see(self, OBSERVED_PROGRESS, "r");
    request_watch_resume(self->watch, self->now_ms);
    assert_told(self, "30000 r long_running/medium no_output over: progress\n");
    end(self);
}

static void
other_thresholds_hold_for_requests_that_are_open(void **state)
{
    (void) state;
    fixture_t *self = begin();
    see(self, OBSERVED_REQUEST_STARTED, "r");
    pass(self, 10000);
    throttling_limits_t shorter = {.long_running_ms = 5000, .throttled_ms = 20000};
    request_watch_set_thresholds(self->watch, &shorter);
    request_watch_advance(self->watch, self->now_ms);
    assert_told(self, "10000 r long_running/medium no_output\n");
    throttling_limits_t longer = {.long_running_ms = 50000, .throttled_ms = 70000};
    request_watch_set_thresholds(self->watch, &longer);
    request_watch_advance(self->watch, self->now_ms);
    pass(self, 69999);
    assert_told(self, "");
    pass(self, 70000);
    assert_told(self, "70000 r throttled/medium no_output\n");
    end(self);
}

static void
past_the_limit_the_oldest_finished_goes_first(void **state)
{
    (void) state;
    fixture_t *self = begin_with(2);
    request_watch_resume(self->watch, self->now_ms);
    see(self, OBSERVED_REQUEST_STARTED, "open");
    see(self, OBSERVED_REQUEST_STARTED, "done");
    see(self, OBSERVED_REQUEST_COMPLETED, "done");
    see(self, OBSERVED_REQUEST_STARTED, "new");
    pass(self, 30000);
    assert_told(self, "30000 open long_running/medium no_output\n"
                      "30000 new long_running/medium no_output\n");
    see(self, OBSERVED_REQUEST_STARTED, "newer");
    assert_told(self, "30000 open long_running/medium no_output over: forgotten\n");
    assert_int_equal(request_watch_count(self->watch).open, 2);
    end(self);
}

static void
ten_thousand_open_requests_are_each_told_at_their_own_time(void **state)
{
    (void) state;
    fixture_t *self = begin_with(10000);
    request_watch_resume(self->watch, self->now_ms);
    for (int i = 0; i < 10000; i++) {
        char name[16];
        (void) snprintf(name, sizeof name, "%d", i);
        self->now_ms = BEGIN_MS + i % 100;
        see(self, OBSERVED_REQUEST_STARTED, name);
    }
    for (int64_t ms = 30000; ms < 30100; ms++) {
        size_t before = request_watch_count(self->watch).throttled;
        request_watch_advance(self->watch, BEGIN_MS + ms);
        assert_int_equal(request_watch_count(self->watch).throttled, before + 100);
    }
    end(self);
}

// request_watch_room_fn
static bool
has_room(void *arg)
{
    size_t *room = arg;
    if (*room == 0)
        return false;
    (*room)--;
    return true;
}

static void
what_there_is_no_room_for_is_said_once_there_is(void **state)
{
    (void) state;
    fixture_t *self = begin();
    size_t room = 1;
    request_watch_on_room(self->watch, has_room, &room);
    see(self, OBSERVED_REQUEST_STARTED, "one");
    self->now_ms += 100;
    see(self, OBSERVED_REQUEST_STARTED, "two");
    self->now_ms += 100;
    see(self, OBSERVED_REQUEST_STARTED, "three");
    self->now_ms += 30000;
    request_watch_advance(self->watch, self->now_ms);
    assert_told(self, "30200 one long_running/medium no_output\n");
    // Also after a hold, when all is due at once; what is heard is said in any case.
    request_watch_hold(self->watch);
    request_watch_resume(self->watch, self->now_ms);
    see(self, OBSERVED_REQUEST_COMPLETED, "one");
    assert_told(self, "30200 one long_running/medium no_output over: completed\n");
    room = 10;
    self->now_ms += 500;
    request_watch_advance(self->watch, self->now_ms);
    assert_told(self, "30700 two long_running/medium no_output\n"
                      "30700 three long_running/medium no_output\n");
    request_watch_advance(self->watch, self->now_ms);
    assert_told(self, "");
    end(self);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_held_for_65_s_is_long_running_at_30_and_throttled_at_60),
        cmocka_unit_test(each_step_is_told_once),
        cmocka_unit_test(progress_begins_the_silence_anew),
        cmocka_unit_test(still_waiting_is_not_progress),
        cmocka_unit_test(a_retry_is_not_progress_and_is_the_diagnosis),
        cmocka_unit_test(a_diagnosis_that_changes_is_told),
        cmocka_unit_test(a_stream_that_stops_is_slow_stream),
        cmocka_unit_test(an_overloaded_provider_throttles_at_once),
        cmocka_unit_test(waiting_for_a_person_is_never_throttling),
        cmocka_unit_test(what_follows_a_persons_answer_counts_from_it),
        cmocka_unit_test(a_question_without_a_request_holds_for_all_of_its_session),
        cmocka_unit_test(a_session_that_ends_clears_its_requests),
        cmocka_unit_test(a_completed_request_that_was_never_throttled_says_nothing),
        cmocka_unit_test(a_name_used_again_is_a_new_request),
        cmocka_unit_test(a_request_whose_start_was_missed_counts_from_what_is_first_seen),
        cmocka_unit_test(a_late_event_never_throttles),
        cmocka_unit_test(a_live_event_after_a_late_one_is_news_of_now),
        cmocka_unit_test(a_late_completion_still_clears),
        cmocka_unit_test(replayed_history_raises_no_old_alarm),
        cmocka_unit_test(a_request_open_at_the_start_counts_from_its_own_age),
        cmocka_unit_test(what_a_monitor_before_has_said_is_not_said_again),
        cmocka_unit_test(what_a_monitor_before_left_unsaid_is_cleared_once),
        cmocka_unit_test(a_hold_reports_nothing_and_its_end_reports_what_then_holds),
        cmocka_unit_test(progress_during_a_hold_clears_and_a_new_silence_counts_from_it),
        cmocka_unit_test(of_several_ends_during_a_hold_the_first_is_the_reason),
        cmocka_unit_test(what_there_is_no_room_for_is_said_once_there_is),
        cmocka_unit_test(other_thresholds_hold_for_requests_that_are_open),
        cmocka_unit_test(past_the_limit_the_oldest_finished_goes_first),
        cmocka_unit_test(ten_thousand_open_requests_are_each_told_at_their_own_time),
    };
    return cmocka_run_group_tests_name("request_watch", tests, NULL, NULL);
}
