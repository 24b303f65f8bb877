// test_throttling_report - what events and the service "requests" say of a request
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "throttling_report.h"

static void
pass_over(void *arg, const request_report_t *report)
{
    (void) arg;
    (void) report;
}

static request_watch_t *
watch_new(void)
{
    request_watch_limits_t limits = {{30000, 60000}, 2000};
    request_watch_t *watch = request_watch_new(&limits, pass_over, NULL);
    request_watch_resume(watch, 0);
    return watch;
}

static void
start(request_watch_t *watch, const char *session, const char *request, int64_t at_ms)
{
    observation_t observation = {.what = OBSERVED_REQUEST_STARTED};
    (void) snprintf(observation.session, sizeof observation.session, "%s", session);
    (void) snprintf(observation.request, sizeof observation.request, "%s", request);
    (void) snprintf(observation.provider, sizeof observation.provider, "openai");
    request_watch_observe(watch, &observation, at_ms, false, at_ms);
}

static void
assert_json(json_t *got, const char *wanted)
{
    json_t *parsed = json_loads(wanted, 0, NULL);
    assert_non_null(parsed);
    if (!json_equal(got, parsed)) {
        char *text = json_dumps(got, JSON_SORT_KEYS);
        fail_msg("got %s", text);
    }
    json_decref(parsed);
    json_decref(got);
}

static void
a_detection_says_how_long_how_bad_and_why(void **state)
{
    (void) state;
    request_t request = {
        .session = "s", .request = "r", .correlation = "trace", .host = "h", .attempt = 2};
    request_report_t report = {
        .request = &request,
        .step = THROTTLING_MEDIUM,
        .diagnosis = DIAGNOSIS_RETRYING,
        .silent_ms = 60001,
        .open_ms = 75000,
        .threshold_ms = 60000,
    };
    assert_json(
        throttling_report_payload(&report),
        "{\"duration\":60.001,\"threshold\":60.0,\"status\":\"throttled\","
        "\"severity\":\"medium\",\"diagnosis\":\"retrying\",\"correlation_id\":\"trace\","
        "\"context\":{\"request_duration\":75.0,\"host\":\"h\",\"attempt\":2}}");
}

static void
a_clearance_also_says_the_reason(void **state)
{
    (void) state;
    request_t request = {.session = "s", .request = "r"};
    request_report_t report = {
        .request = &request,
        .step = THROTTLING_LONG_RUNNING,
        .diagnosis = DIAGNOSIS_NO_OUTPUT,
        .reason = "progress",
        .silent_ms = 31500,
        .open_ms = 31500,
        .threshold_ms = 30000,
    };
    assert_json(throttling_report_payload(&report),
                "{\"duration\":31.5,\"threshold\":30.0,\"status\":\"long_running\","
                "\"severity\":\"medium\",\"diagnosis\":\"no_output\",\"reason\":\"progress\","
                "\"context\":{\"request_duration\":31.5}}");
}

static void
the_list_has_age_and_state_of_each_open_request(void **state)
{
    (void) state;
    request_watch_t *watch = watch_new();
    start(watch, "s1", "r1", 0);
    start(watch, "s2", "r2", 40000);
    request_watch_advance(watch, 45000);
    assert_json(
        throttling_report_list(watch, NULL, 45000),
        "{\"open\":2,\"requests\":["
        "{\"session_id\":\"s1\",\"request_id\":\"r1\",\"state\":\"long_running\",\"age\":45.0,"
        "\"silent_for\":45.0,\"severity\":\"medium\",\"diagnosis\":\"no_output\","
        "\"provider\":\"openai\"},"
        "{\"session_id\":\"s2\",\"request_id\":\"r2\",\"state\":\"working\",\"age\":5.0,"
        "\"silent_for\":5.0,\"provider\":\"openai\"}]}");
    request_watch_destroy(&watch);
}

static void
the_list_is_of_one_session_when_asked(void **state)
{
    (void) state;
    request_watch_t *watch = watch_new();
    start(watch, "s1", "r1", 0);
    start(watch, "s2", "r2", 0);
    json_t *query = json_pack("{s:s}", "session_id", "s2");
    assert_json(
        throttling_report_list(watch, query, 0),
        "{\"open\":2,\"requests\":[{\"session_id\":\"s2\",\"request_id\":\"r2\","
        "\"state\":\"working\",\"age\":0.0,\"silent_for\":0.0,\"provider\":\"openai\"}]}");
    json_decref(query);
    request_watch_destroy(&watch);
}

static void
the_list_ends_at_its_limit(void **state)
{
    (void) state;
    request_watch_t *watch = watch_new();
    for (int i = 0; i < 1500; i++) {
        char id[OBSERVATION_ID_SIZE];
        (void) snprintf(id, sizeof id, "%0128d", i);
        start(watch, id, id, 0);
    }
    json_t *list = throttling_report_list(watch, NULL, 0);
    assert_int_equal(json_array_size(json_object_get(list, "requests")),
                     THROTTLING_REPORT_LIST_DEFAULT);
    assert_int_equal(json_integer_value(json_object_get(list, "open")), 1500);
    json_decref(list);

    json_t *query = json_pack("{s:i}", "limit", 1000);
    list = throttling_report_list(watch, query, 0);
    assert_int_equal(json_array_size(json_object_get(list, "requests")), 1000);
    assert_true(json_dumpb(list, NULL, 0, JSON_COMPACT) < THROTTLING_REPORT_LIST_BYTES + 100);
    json_decref(list);
    json_decref(query);
    request_watch_destroy(&watch);
}

static void
the_list_fits_a_message_however_long_the_names(void **state)
{
    (void) state;
    request_watch_t *watch = watch_new();
    for (int i = 0; i < 1000; i++) {
        observation_t observation = {.what = OBSERVED_REQUEST_STARTED};
        (void) snprintf(observation.session, sizeof observation.session, "%0128d", i);
        memset(observation.host, 'h', sizeof observation.host - 1);
        memset(observation.model, 'm', sizeof observation.model - 1);
        memset(observation.provider, '"', sizeof observation.provider - 1);
        request_watch_observe(watch, &observation, 0, false, 0);
    }
    json_t *query = json_pack("{s:i}", "limit", 1000);
    json_t *list = throttling_report_list(watch, query, 0);
    assert_in_range(json_array_size(json_object_get(list, "requests")), 100, 999);
    assert_true(json_dumpb(list, NULL, 0, JSON_COMPACT) < 768 * (size_t) 1024);
    json_decref(list);
    json_decref(query);
    request_watch_destroy(&watch);
}

static void
a_wrong_query_is_refused(void **state)
{
    (void) state;
    request_watch_t *watch = watch_new();
    static const char *const queries[] = {"{\"limit\":0}", "{\"limit\":1001}",
                                          "{\"limit\":\"5\"}", "{\"session_id\":5}"};
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        json_t *query = json_loads(queries[i], 0, NULL);
        assert_null(throttling_report_list(watch, query, 0));
        json_decref(query);
    }
    request_watch_destroy(&watch);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_detection_says_how_long_how_bad_and_why),
        cmocka_unit_test(a_clearance_also_says_the_reason),
        cmocka_unit_test(the_list_has_age_and_state_of_each_open_request),
        cmocka_unit_test(the_list_is_of_one_session_when_asked),
        cmocka_unit_test(the_list_ends_at_its_limit),
        cmocka_unit_test(the_list_fits_a_message_however_long_the_names),
        cmocka_unit_test(a_wrong_query_is_refused),
    };
    return cmocka_run_group_tests_name("throttling_report", tests, NULL, NULL);
}
