// test_sight - when silence is silence, and when it is blindness
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "sight.h"

static sight_t
begin(void)
{
    sight_t sight;
    sight_begin(&sight, 0);
    return sight;
}

// Tick twice a second, as the program does.
static void
run(sight_t *sight, int64_t from_ms, int64_t until_ms)
{
    for (int64_t ms = from_ms; ms <= until_ms; ms += 500)
        sight_tick(sight, ms);
}

static void
nothing_is_clear_before_the_mesh_is_seen(void **state)
{
    (void) state;
    sight_t sight = begin();
    run(&sight, 0, 100000);
    assert_false(sight_is_live(&sight));
    assert_false(sight_is_clear(&sight, 100000));
}

static void
after_an_absence_sources_have_two_seconds_to_speak(void **state)
{
    (void) state;
    sight_t sight = begin();
    sight_behind(&sight);
    sight_live(&sight, 1000);
    assert_true(sight_is_live(&sight));
    run(&sight, 0, 3000);
    assert_false(sight_is_clear(&sight, 2999));
    assert_true(sight_is_clear(&sight, 3000));

    sight_lost(&sight);
    run(&sight, 3500, 10000);
    assert_false(sight_is_clear(&sight, 10000));
    sight_live(&sight, 10000);
    assert_false(sight_is_clear(&sight, 11999));
    assert_true(sight_is_clear(&sight, 12000));
}

static void
a_gap_that_is_filled_at_once_needs_no_grace(void **state)
{
    (void) state;
    sight_t sight = begin();
    sight_live(&sight, 0);
    run(&sight, 0, 5000);
    sight_behind(&sight);
    assert_false(sight_is_clear(&sight, 5001));
    sight_live(&sight, 5001);
    assert_true(sight_is_clear(&sight, 5001));
}

static void
being_told_live_twice_changes_nothing(void **state)
{
    (void) state;
    sight_t sight = begin();
    sight_live(&sight, 0);
    run(&sight, 0, 5000);
    sight_live(&sight, 5000);
    assert_true(sight_is_clear(&sight, 5000));
}

static void
a_process_that_did_not_run_reads_what_waits_first(void **state)
{
    (void) state;
    sight_t sight = begin();
    sight_live(&sight, 0);
    run(&sight, 0, 5000);
    sight_tick(&sight, 6999);    // a second and 999 ms: late, but no stall
    assert_true(sight_is_clear(&sight, 6999));
    sight_tick(&sight, 8999);
    assert_false(sight_is_clear(&sight, 8999));
    run(&sight, 9499, 10999);
    assert_true(sight_is_clear(&sight, 10999));
}

static void
the_age_of_an_event_is_sane_whatever_the_clocks_say(void **state)
{
    (void) state;
    int64_t hour_us = INT64_C(3600) * 1000 * 1000;
    assert_int_equal(sight_age_ms(1000 * hour_us, 1001 * hour_us), 3600 * 1000);
    assert_int_equal(sight_age_ms(1000 * hour_us, 999 * hour_us), 0);
    assert_int_equal(sight_age_ms(0, 1000 * hour_us), SIGHT_AGE_LIMIT_MS);
    assert_int_equal(sight_age_ms(INT64_MIN, INT64_MAX), SIGHT_AGE_LIMIT_MS);
    assert_int_equal(sight_age_ms(INT64_MAX, INT64_MIN), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_clear_before_the_mesh_is_seen),
        cmocka_unit_test(after_an_absence_sources_have_two_seconds_to_speak),
        cmocka_unit_test(a_gap_that_is_filled_at_once_needs_no_grace),
        cmocka_unit_test(being_told_live_twice_changes_nothing),
        cmocka_unit_test(a_process_that_did_not_run_reads_what_waits_first),
        cmocka_unit_test(the_age_of_an_event_is_sane_whatever_the_clocks_say),
    };
    return cmocka_run_group_tests_name("sight", tests, NULL, NULL);
}
