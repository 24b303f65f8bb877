// test_throttling - the steps of a silence, to the millisecond
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "throttling.h"

static const throttling_limits_t LIMITS = {.long_running_ms = 30000, .throttled_ms = 60000};

static void
assert_step(int64_t silent_ms, const char *status, const char *severity)
{
    throttling_step_t step = throttling_step_of(&LIMITS, silent_ms);
    assert_int_not_equal(step, THROTTLING_NONE);
    assert_string_equal(throttling_status(step), status);
    assert_string_equal(throttling_severity(step), severity);
}

static void
a_silence_below_the_first_threshold_is_no_throttling(void **state)
{
    (void) state;
    assert_int_equal(throttling_step_of(&LIMITS, 0), THROTTLING_NONE);
    assert_int_equal(throttling_step_of(&LIMITS, 29999), THROTTLING_NONE);
}

static void
the_first_two_steps_begin_at_their_threshold(void **state)
{
    (void) state;
    assert_step(30000, "long_running", "medium");
    assert_step(59999, "long_running", "medium");
    assert_step(60000, "throttled", "medium");
}

static void
the_others_begin_just_beyond_two_three_and_five_times_the_threshold(void **state)
{
    (void) state;
    assert_step(120000, "throttled", "medium");
    assert_step(120001, "throttled", "high");
    assert_step(180000, "throttled", "high");
    assert_step(180001, "severely_throttled", "high");
    assert_step(300000, "severely_throttled", "high");
    assert_step(300001, "severely_throttled", "critical");
    assert_step(INT64_MAX, "severely_throttled", "critical");
}

static void
each_step_begins_where_it_says(void **state)
{
    (void) state;
    for (throttling_step_t step = THROTTLING_LONG_RUNNING; step <= THROTTLING_CRITICAL;
         step++) {
        int64_t begin_ms = throttling_begin_ms(&LIMITS, step);
        assert_int_equal(throttling_step_of(&LIMITS, begin_ms), step);
        assert_int_equal(throttling_step_of(&LIMITS, begin_ms - 1), step - 1);
        assert_true(begin_ms >= throttling_threshold_ms(&LIMITS, step));
    }
}

static void
a_step_is_found_by_its_words(void **state)
{
    (void) state;
    for (throttling_step_t step = THROTTLING_LONG_RUNNING; step <= THROTTLING_CRITICAL; step++)
        assert_int_equal(
            throttling_step_named(throttling_status(step), throttling_severity(step)), step);
    assert_int_equal(throttling_step_named("long_running", "critical"), THROTTLING_NONE);
    assert_int_equal(throttling_step_named("", ""), THROTTLING_NONE);
}

static void
a_diagnosis_is_found_by_its_word(void **state)
{
    (void) state;
    for (diagnosis_t each = DIAGNOSIS_NO_OUTPUT; each <= DIAGNOSIS_PROVIDER_OVERLOADED;
         each++) {
        diagnosis_t found = DIAGNOSIS_NO_OUTPUT;
        assert_int_equal(diagnosis_named(&found, diagnosis_name(each)), 0);
        assert_int_equal(found, each);
    }
    diagnosis_t untouched = DIAGNOSIS_RETRYING;
    assert_int_equal(diagnosis_named(&untouched, "asleep"), -1);
    assert_int_equal(untouched, DIAGNOSIS_RETRYING);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_silence_below_the_first_threshold_is_no_throttling),
        cmocka_unit_test(the_first_two_steps_begin_at_their_threshold),
        cmocka_unit_test(the_others_begin_just_beyond_two_three_and_five_times_the_threshold),
        cmocka_unit_test(each_step_begins_where_it_says),
        cmocka_unit_test(a_step_is_found_by_its_words),
        cmocka_unit_test(a_diagnosis_is_found_by_its_word),
    };
    return cmocka_run_group_tests_name("throttling", tests, NULL, NULL);
}
