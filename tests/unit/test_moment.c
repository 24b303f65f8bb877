// test_moment - times as users write them
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "moment.h"

static const int64_t now_us = 1800000000LL * 1000000;

static void
assert_moment(const char *text, int64_t expected_us)
{
    int64_t us = -1;
    if (moment_parse(text, now_us, &us) != 0)
        fail_msg("%s is refused", text);
    assert_int_equal(us, expected_us);
}

static void
ages_count_back_from_now(void **state)
{
    (void) state;
    assert_moment("0s", now_us);
    assert_moment("30s", now_us - 30LL * 1000000);
    assert_moment("10m", now_us - 600LL * 1000000);
    assert_moment("2h", now_us - 7200LL * 1000000);
    assert_moment("7d", now_us - 604800LL * 1000000);
    // Before the beginning of time is the beginning of time.
    assert_moment("999999999d", 0);
}

static void
rfc_3339_is_read_with_any_zone_and_fraction(void **state)
{
    (void) state;
    assert_moment("2027-01-15T08:00:00Z", now_us);
    assert_moment("2027-01-15t08:00:00z", now_us);
    assert_moment("2027-01-15T09:30:00+01:30", now_us);
    assert_moment("2027-01-15T07:00:00-01:00", now_us);
    assert_moment("2027-01-15T08:00:00.25Z", now_us + 250000);
    assert_moment("2027-01-15T08:00:00.123456789Z", now_us + 123456);
    assert_moment("2024-02-29T00:00:00Z", 1709164800LL * 1000000);
}

static void
anything_else_is_refused(void **state)
{
    (void) state;
    static const char *const wrong[] = {
        "",
        "10",
        "m",
        "10m ",
        "-10m",
        "10mm",
        "1000000000s",
        "2027-01-15",
        "2027-01-15T08:00:00",
        "2027-02-30T08:00:00Z",
        "2027-13-01T08:00:00Z",
        "2027-01-15T24:00:00Z",
        "2027-01-15T08:00:61Z",
        "2027-01-15T08:00:00.Z",
        "2027-01-15T08:00:00+1:00",
        "2027-01-15T08:00:00+24:00",
        "2027-01-15T08:00:00Zx",
    };
    for (size_t at = 0; at < sizeof wrong / sizeof wrong[0]; at++) {
        int64_t us;
        if (moment_parse(wrong[at], now_us, &us) == 0)
            fail_msg("%s is taken", wrong[at]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ages_count_back_from_now),
        cmocka_unit_test(rfc_3339_is_read_with_any_zone_and_fraction),
        cmocka_unit_test(anything_else_is_refused),
    };
    return cmocka_run_group_tests_name("moment", tests, NULL, NULL);
}
