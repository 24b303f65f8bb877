// test_order - the place of each event
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "order.h"

static const int64_t now_us = 1721217600000000;

static void
each_event_follows_the_one_before(void **state)
{
    (void) state;
    order_t order = order_after(0xe1, 41, INT64_MIN);
    mesh_header_t header = {.timestamp_us = now_us};
    order_place(&order, &header, now_us);
    assert_int_equal(header.epoch, 0xe1);
    assert_int_equal(header.previous, 41);
    assert_int_equal(header.offset, 42);
    order_place(&order, &header, now_us);
    assert_int_equal(header.previous, 42);
    assert_int_equal(header.offset, 43);
    assert_int_equal(order.head, 43);
}

static void
recorded_never_decreases_when_the_wall_clock_does(void **state)
{
    (void) state;
    order_t order = order_after(1, 0, INT64_MIN);
    mesh_header_t header = {.timestamp_us = now_us};
    order_place(&order, &header, now_us);
    assert_int_equal(header.recorded_us, now_us);
    order_place(&order, &header, now_us - 3600 * (int64_t) 1000000);
    assert_int_equal(header.recorded_us, now_us);
    order_place(&order, &header, now_us + 1);
    assert_int_equal(header.recorded_us, now_us + 1);
}

static void
an_event_recorded_more_than_60_s_after_it_happened_is_late(void **state)
{
    (void) state;
    order_t order = order_after(1, 0, INT64_MIN);
    mesh_header_t header = {.timestamp_us = now_us - ORDER_LATE_US};
    order_place(&order, &header, now_us);
    assert_int_equal(header.flags, 0);
    header.timestamp_us--;
    order_place(&order, &header, now_us);
    assert_int_equal(header.flags, MESH_WIRE_LATE);
}

static void
recorded_goes_on_where_the_journal_ended_and_nothing_is_late_for_that(void **state)
{
    (void) state;
    int64_t hour_us = 3600 * (int64_t) 1000000;
    order_t order = order_after(1, 7, now_us + hour_us);
    mesh_header_t header = {.timestamp_us = now_us};
    order_place(&order, &header, now_us);
    assert_int_equal(header.recorded_us, now_us + hour_us);
    assert_int_equal(header.flags, 0);
}

static void
what_a_publisher_said_of_the_brokers_members_is_overwritten(void **state)
{
    (void) state;
    order_t order = order_after(1, 0, INT64_MIN);
    mesh_header_t header = {.flags = MESH_WIRE_LATE | MESH_WIRE_UNCOMMITTED,
                            .timestamp_us = now_us,
                            .epoch = 9,
                            .offset = 9,
                            .previous = 9,
                            .recorded_us = INT64_MAX};
    order_place(&order, &header, now_us);
    assert_int_equal(header.flags, 0);
    assert_int_equal(header.epoch, 1);
    assert_int_equal(header.offset, 1);
    assert_int_equal(header.previous, 0);
    assert_int_equal(header.recorded_us, now_us);
}

static void
no_timestamp_is_too_strange(void **state)
{
    (void) state;
    order_t order = order_after(1, 0, INT64_MIN);
    mesh_header_t header = {.timestamp_us = INT64_MIN};
    order_place(&order, &header, now_us);
    assert_int_equal(header.flags, MESH_WIRE_LATE);
    header.timestamp_us = INT64_MAX;
    order_place(&order, &header, now_us);
    assert_int_equal(header.flags, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_follows_the_one_before),
        cmocka_unit_test(recorded_never_decreases_when_the_wall_clock_does),
        cmocka_unit_test(an_event_recorded_more_than_60_s_after_it_happened_is_late),
        cmocka_unit_test(recorded_goes_on_where_the_journal_ended_and_nothing_is_late_for_that),
        cmocka_unit_test(what_a_publisher_said_of_the_brokers_members_is_overwritten),
        cmocka_unit_test(no_timestamp_is_too_strange),
    };
    return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
