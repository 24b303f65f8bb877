// test_request_rate - how many requests a caller may make
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>

#include "request_rate.h"

static void
a_bucket_is_emptied_at_once_and_fills_evenly(void **state)
{
    (void) state;
    request_rate_t *rate = request_rate_new(4, 8000);
    for (uint64_t left = 3;; left--) {
        request_rate_left_t now = request_rate_take(rate, "a", 1000);
        assert_int_equal(now.requests, 4);
        assert_int_equal(now.left, left);
        assert_int_equal(now.retry_in_s, 0);
        assert_int_equal(now.full_in_s, 2 * (4 - left));
        if (left == 0)
            break;
    }
    request_rate_left_t now = request_rate_take(rate, "a", 1000);
    assert_int_equal(now.left, 0);
    assert_int_equal(now.retry_in_s, 2);
    assert_int_equal(now.full_in_s, 8);
    // What is refused does not count, and others have buckets of their own.
    assert_int_equal(request_rate_take(rate, "a", 2999).retry_in_s, 1);
    assert_int_equal(request_rate_take(rate, "b", 2999).left, 3);
    assert_int_equal(request_rate_take(rate, "a", 3000).retry_in_s, 0);
    assert_int_equal(request_rate_take(rate, "a", 3000).retry_in_s, 2);
    assert_int_equal(request_rate_take(rate, "a", 100000).left, 3);
    request_rate_destroy(&rate);
}

static void
a_look_counts_nothing_and_says_what_is_left_by_then(void **state)
{
    (void) state;
    request_rate_t *rate = request_rate_new(4, 8000);
    assert_int_equal(request_rate_look(rate, "a", 1000).left, 4);
    assert_int_equal(request_rate_callers(rate), 0);
    for (int at = 0; at < 3; at++)
        (void) request_rate_take(rate, "a", 1000);
    for (int at = 0; at < 2; at++) {
        request_rate_left_t now = request_rate_look(rate, "a", 1000);
        assert_int_equal(now.requests, 4);
        assert_int_equal(now.left, 1);
        assert_int_equal(now.full_in_s, 6);
        assert_int_equal(now.retry_in_s, 0);
    }
    assert_int_equal(request_rate_look(rate, "a", 3000).left, 2);
    assert_int_equal(request_rate_look(rate, "a", 6999).full_in_s, 1);
    assert_int_equal(request_rate_look(rate, "a", 7000).left, 4);
    assert_int_equal(request_rate_look(rate, "a", 90000).full_in_s, 0);
    request_rate_destroy(&rate);
}

static void
the_table_is_bounded_and_nothing_is_limited_by_0(void **state)
{
    (void) state;
    request_rate_t *rate = request_rate_new(1, 1000);
    char name[32];
    for (int at = 0; at <= REQUEST_RATE_CALLERS; at++) {
        (void) snprintf(name, sizeof name, "%d", at);
        assert_int_equal(request_rate_take(rate, name, 0).retry_in_s, 0);
    }
    assert_int_equal(request_rate_callers(rate), REQUEST_RATE_CALLERS);
    assert_int_equal(request_rate_take(rate, "1", 0).retry_in_s, 1);
    assert_int_equal(request_rate_take(rate, "0", 0).retry_in_s, 0);    // pushed out
    request_rate_destroy(&rate);
    rate = request_rate_new(0, 1000);
    for (int at = 0; at < 100; at++)
        assert_int_equal(request_rate_take(rate, "a", 0).retry_in_s, 0);
    assert_int_equal(request_rate_callers(rate), 0);
    request_rate_destroy(&rate);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_is_emptied_at_once_and_fills_evenly),
        cmocka_unit_test(a_look_counts_nothing_and_says_what_is_left_by_then),
        cmocka_unit_test(the_table_is_bounded_and_nothing_is_limited_by_0),
    };
    return cmocka_run_group_tests_name("request_rate", tests, NULL, NULL);
}
