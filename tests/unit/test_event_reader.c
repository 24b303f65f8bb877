// test_event_reader - what is taken from a payload, cut or refused
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <string.h>

#include "event_reader.h"

static event_reader_outcome_t
read(observation_t *observation, const char *type, const char *payload)
{
    return event_reader_read(observation, type, payload, strlen(payload));
}

static void
a_request_start_gives_ids_provider_and_model(void **state)
{
    (void) state;
    observation_t seen;
    assert_int_equal(read(&seen, "aider.request_started",
                          "{\"session_id\":\"s\",\"request_id\":\"r\",\"correlation_id\":\"c\","
                          "\"host\":\"h\",\"provider\":\"openai\",\"model\":\"gpt\","
                          "\"seq\":1,\"prompt\":\"x\"}"),
                     EVENT_READER_READ);
    assert_int_equal(seen.what, OBSERVED_REQUEST_STARTED);
    assert_string_equal(seen.session, "s");
    assert_string_equal(seen.request, "r");
    assert_string_equal(seen.correlation, "c");
    assert_string_equal(seen.host, "h");
    assert_string_equal(seen.provider, "openai");
    assert_string_equal(seen.model, "gpt");
}

static void
the_stage_waiting_is_told_from_progress(void **state)
{
    (void) state;
    observation_t seen;
    assert_int_equal(
        read(&seen, "aider.session_progress", "{\"session_id\":\"s\",\"stage\":\"waiting\"}"),
        EVENT_READER_READ);
    assert_int_equal(seen.what, OBSERVED_STILL_WAITING);
    assert_int_equal(
        read(&seen, "aider.session_progress", "{\"session_id\":\"s\",\"stage\":\"edit\"}"),
        EVENT_READER_READ);
    assert_int_equal(seen.what, OBSERVED_PROGRESS);
    assert_false(seen.streaming);
    assert_int_equal(
        read(&seen, "aider.session_progress", "{\"session_id\":\"s\",\"stage\":\"streaming\"}"),
        EVENT_READER_READ);
    assert_true(seen.streaming);
}

static void
an_error_that_is_retried_is_told_from_one_that_is_not(void **state)
{
    (void) state;
    observation_t seen;
    assert_int_equal(read(&seen, "aider.error_occurred",
                          "{\"session_id\":\"s\",\"error_type\":\"overloaded\",\"attempt\":3,"
                          "\"will_retry\":true,\"current_model\":\"m\"}"),
                     EVENT_READER_READ);
    assert_int_equal(seen.what, OBSERVED_RETRY);
    assert_true(seen.overloaded);
    assert_int_equal(seen.attempt, 3);
    assert_string_equal(seen.model, "m");
    assert_int_equal(read(&seen, "aider.error_occurred",
                          "{\"session_id\":\"s\",\"error_type\":\"overloaded\","
                          "\"will_retry\":false}"),
                     EVENT_READER_READ);
    assert_int_equal(seen.what, OBSERVED_FAILURE);
    assert_false(seen.overloaded);
    assert_int_equal(read(&seen, "aider.rate_limit_detected", "{\"session_id\":\"s\"}"),
                     EVENT_READER_READ);
    assert_int_equal(seen.what, OBSERVED_FAILURE);
}

static void
a_monitors_words_give_the_step(void **state)
{
    (void) state;
    observation_t seen;
    assert_int_equal(
        read(&seen, "aider.throttling_detected",
             "{\"session_id\":\"s\",\"status\":\"throttled\",\"severity\":\"high\","
             "\"diagnosis\":\"retrying\"}"),
        EVENT_READER_READ);
    assert_int_equal(seen.step, THROTTLING_HIGH);
    assert_int_equal(seen.diagnosis, DIAGNOSIS_RETRYING);
    assert_int_equal(read(&seen, "aider.throttling_detected",
                          "{\"session_id\":\"s\",\"status\":\"asleep\",\"severity\":\"high\","
                          "\"diagnosis\":\"retrying\"}"),
                     EVENT_READER_REFUSED);
}

static void
a_transport_needs_no_session_but_an_id(void **state)
{
    (void) state;
    observation_t seen;
    assert_int_equal(read(&seen, "mesh.transport_lost",
                          "{\"transport_id\":\"stdio-1\",\"transport_type\":\"stdio\"}"),
                     EVENT_READER_READ);
    assert_string_equal(seen.transport_id, "stdio-1");
    assert_string_equal(seen.transport_type, "stdio");
    assert_int_equal(read(&seen, "mesh.transport_lost", "{\"transport_type\":\"stdio\"}"),
                     EVENT_READER_REFUSED);
}

static void
other_types_are_ignored_unread(void **state)
{
    (void) state;
    observation_t seen;
    assert_int_equal(read(&seen, "mesh.health", "no JSON at all"), EVENT_READER_IGNORED);
    assert_int_equal(read(&seen, "aider.session_started", "{}"), EVENT_READER_IGNORED);
}

static void
what_is_no_object_or_has_members_of_the_wrong_kind_is_refused(void **state)
{
    (void) state;
    static const char *const payloads[] = {
        "",
        "null",
        "[]",
        "{",
        "{}",
        "{\"session_id\":1}",
        "{\"session_id\":null}",
        "{\"session_id\":\"s\",\"session_id\":\"t\"}",
        "{\"session_id\":\"a\\nb\"}",
        "{\"session_id\":\"a\\u001fb\"}",
        "{\"session_id\":\"s\",\"model\":7}",
        "{\"session_id\":\"s\",\"attempt\":-1}",
        "{\"session_id\":\"s\",\"attempt\":\"1\"}",
        "{\"session_id\":\"s\",\"will_retry\":\"yes\"}",
        "{\"session_id\":\"\xff\"}",
    };
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
        observation_t seen;
        assert_int_equal(read(&seen, "aider.rate_limit_detected", payloads[i]),
                         EVENT_READER_REFUSED);
    }
}

static void
an_id_that_does_not_fit_is_refused(void **state)
{
    (void) state;
    char payload[400] = "{\"session_id\":\"";
    size_t head = strlen(payload);
    memset(payload + head, 'x', 128);
    memcpy(payload + head + 128, "\"}", 3);
    observation_t seen;
    assert_int_equal(read(&seen, "aider.request_started", payload), EVENT_READER_READ);
    assert_int_equal(strlen(seen.session), 128);
    memcpy(payload + head + 128, "x\"}", 4);
    assert_int_equal(read(&seen, "aider.request_started", payload), EVENT_READER_REFUSED);
}

static void
a_text_that_does_not_fit_is_cut_at_the_end_of_a_character(void **state)
{
    (void) state;
    // 63 bytes, then a character of two: the second byte would be the 65th.
    char payload[400] = "{\"session_id\":\"s\",\"provider\":\"";
    size_t head = strlen(payload);
    memset(payload + head, 'x', 63);
    memcpy(payload + head + 63, "\xc3\xa9\"}", 5);
    observation_t seen;
    assert_int_equal(read(&seen, "aider.request_started", payload), EVENT_READER_READ);
    assert_int_equal(strlen(seen.provider), 63);
    assert_null(strchr(seen.provider, '\xc3'));
}

static void
a_bound_payload_is_read_no_further(void **state)
{
    (void) state;
    observation_t seen;
    const char *payload = "{\"session_id\":\"s\"}garbage";
    assert_int_equal(event_reader_read(&seen, "aider.request_started", payload, 18),
                     EVENT_READER_READ);
    assert_int_equal(read(&seen, "aider.request_started", payload), EVENT_READER_REFUSED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_start_gives_ids_provider_and_model),
        cmocka_unit_test(the_stage_waiting_is_told_from_progress),
        cmocka_unit_test(an_error_that_is_retried_is_told_from_one_that_is_not),
        cmocka_unit_test(a_monitors_words_give_the_step),
        cmocka_unit_test(a_transport_needs_no_session_but_an_id),
        cmocka_unit_test(other_types_are_ignored_unread),
        cmocka_unit_test(what_is_no_object_or_has_members_of_the_wrong_kind_is_refused),
        cmocka_unit_test(an_id_that_does_not_fit_is_refused),
        cmocka_unit_test(a_text_that_does_not_fit_is_cut_at_the_end_of_a_character),
        cmocka_unit_test(a_bound_payload_is_read_no_further),
    };
    return cmocka_run_group_tests_name("event_reader", tests, NULL, NULL);
}
