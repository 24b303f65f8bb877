// unit tests of tally - what the benchmarks count
// SPDX-License-Identifier: MPL-2.0
#include "tally.h"

#include "unit_test.h"

// Two publishers, two subscribers, everybody connected, nothing under way.
static tally_t *
begun_tally(void)
{
    tally_t *tally = tally_new(2, 2);
    tally_begin(tally);
    return tally;
}

static void
an_event_is_under_way_until_the_slowest_subscriber_has_it(void **state)
{
    (void) state;
    tally_t *tally = begun_tally();
    uint64_t number = tally_send(tally, 1);
    assert_int_equal(tally_under_way(tally), 1);
    tally_receive(tally, 0, 1, number);
    assert_int_equal(tally_under_way(tally), 1);
    tally_receive(tally, 1, 1, number);
    assert_int_equal(tally_under_way(tally), 0);
    assert_int_equal(tally_counts(tally).sent, 1);
    assert_int_equal(tally_counts(tally).delivered, 2);
    tally_destroy(&tally);
}

static void
a_number_left_out_is_missing(void **state)
{
    (void) state;
    tally_t *tally = begun_tally();
    for (int i = 0; i < 4; i++)
        tally_send(tally, 0);
    tally_receive(tally, 0, 0, 1);
    tally_receive(tally, 0, 0, 4);
    assert_int_equal(tally_counts(tally).missing, 2);
    assert_int_equal(tally_counts(tally).repeated, 0);
    tally_destroy(&tally);
}

static void
a_number_that_comes_again_or_too_late_is_repeated_and_not_delivered(void **state)
{
    (void) state;
    tally_t *tally = begun_tally();
    tally_send(tally, 0);
    tally_send(tally, 0);
    tally_receive(tally, 1, 0, 2);
    tally_receive(tally, 1, 0, 2);
    tally_receive(tally, 1, 0, 1);
    assert_int_equal(tally_counts(tally).repeated, 2);
    assert_int_equal(tally_counts(tally).missing, 1);
    assert_int_equal(tally_counts(tally).delivered, 1);
    tally_destroy(&tally);
}

static void
what_is_lost_before_the_beginning_is_not_missing(void **state)
{
    (void) state;
    tally_t *tally = tally_new(2, 2);
    tally_send(tally, 0);
    tally_send(tally, 0);
    tally_receive(tally, 0, 0, 2);
    assert_false(tally_all_seen(tally));
    tally_receive(tally, 1, 0, 2);
    assert_true(tally_all_seen(tally));
    tally_begin(tally);
    assert_int_equal(tally_send(tally, 0), 3);
    tally_receive(tally, 0, 0, 3);
    tally_receive(tally, 1, 0, 3);
    assert_int_equal(tally_counts(tally).missing, 0);
    assert_int_equal(tally_under_way(tally), 0);
    tally_destroy(&tally);
}

static void
a_share_of_the_latencies_lies_below_the_value_given(void **state)
{
    (void) state;
    tally_t *tally = begun_tally();
    assert_int_equal(tally_latency_us(tally, 0.5), 0);
    for (int i = 1000; i > 0; i--)
        tally_keep_latency(tally, i);
    tally_keep_latency(tally, -5);    // the clock was set back
    assert_int_equal(tally_latency_us(tally, 0), 0);
    assert_int_equal(tally_latency_us(tally, 0.5), 500);
    assert_int_equal(tally_latency_us(tally, 0.999), 999);
    assert_int_equal(tally_latency_us(tally, 1), 1000);
    tally_destroy(&tally);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_under_way_until_the_slowest_subscriber_has_it),
        cmocka_unit_test(a_number_left_out_is_missing),
        cmocka_unit_test(a_number_that_comes_again_or_too_late_is_repeated_and_not_delivered),
        cmocka_unit_test(what_is_lost_before_the_beginning_is_not_missing),
        cmocka_unit_test(a_share_of_the_latencies_lies_below_the_value_given),
    };
    return cmocka_run_group_tests_name("tally", tests, NULL, NULL);
}
