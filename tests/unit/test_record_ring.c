// test_record_ring - the newest records, up to two limits
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <czmq.h>

#include "record_ring.h"

enum { PLENTY = 1024 * 1024, MANY = 5000 };

static void
append(record_ring_t *ring, uint64_t offset)
{
    record_t *record = record_new(offset, "a/h/s", 5, "body", 4);
    record_ring_append(ring, record);
    record_release(&record);
}

typedef struct reading {
    uint64_t last;
    size_t count, most;
} reading_t;

static bool
on_record(void *arg, record_t *record)
{
    reading_t *self = arg;
    assert_true(record->offset > self->last);
    self->last = record->offset;
    return ++self->count < self->most;
}

static reading_t
read_after(const record_ring_t *ring, uint64_t after, size_t most)
{
    reading_t reading = {.last = after, .most = most};
    record_ring_read(ring, after, on_record, &reading);
    return reading;
}

static void
an_empty_ring_has_lost_nothing(void **state)
{
    (void) state;
    record_ring_t *ring = record_ring_new(10, PLENTY);
    assert_int_equal(record_ring_floor(ring), 0);
    assert_int_equal(record_ring_count(ring), 0);
    assert_int_equal(record_ring_bytes(ring), 0);
    assert_int_equal(read_after(ring, 0, MANY).count, 0);
    record_ring_destroy(&ring);
    assert_null(ring);
}

static void
what_begins_anew_holds_nothing_and_goes_on_after_its_floor(void **state)
{
    (void) state;
    record_ring_t *ring = record_ring_new(10, PLENTY);
    append(ring, 5);
    record_ring_begin(ring, 3);
    assert_int_equal(record_ring_count(ring), 0);
    assert_int_equal(record_ring_bytes(ring), 0);
    assert_int_equal(record_ring_floor(ring), 3);
    append(ring, 4);
    assert_int_equal(read_after(ring, 3, MANY).last, 4);
    record_ring_destroy(&ring);
}

static void
what_comes_after_an_offset_is_read_in_order_across_holes(void **state)
{
    (void) state;
    record_ring_t *ring = record_ring_new(MANY, PLENTY);
    for (uint64_t i = 1; i <= MANY; i++)
        append(ring, i * 3);
    assert_int_equal(read_after(ring, 0, MANY).count, MANY);
    for (uint64_t after = 0; after < 3 * (uint64_t) MANY; after += 7)
        assert_int_equal(read_after(ring, after, 1).last, after - after % 3 + 3);
    assert_int_equal(read_after(ring, 3 * (uint64_t) MANY, MANY).count, 0);
    assert_int_equal(read_after(ring, UINT64_MAX, MANY).count, 0);
    record_ring_destroy(&ring);
}

static void
a_reader_may_stop(void **state)
{
    (void) state;
    record_ring_t *ring = record_ring_new(10, PLENTY);
    for (uint64_t i = 1; i <= 5; i++)
        append(ring, i);
    reading_t reading = read_after(ring, 1, 2);
    assert_int_equal(reading.count, 2);
    assert_int_equal(reading.last, 3);
    record_ring_destroy(&ring);
}

static void
past_the_limit_of_events_the_oldest_go(void **state)
{
    (void) state;
    record_ring_t *ring = record_ring_new(3, PLENTY);
    for (uint64_t i = 1; i <= MANY; i++)
        append(ring, i * 2);
    assert_int_equal(record_ring_count(ring), 3);
    // The highest removed is 2 * (MANY - 3); nothing that comes after it is gone.
    assert_int_equal(record_ring_floor(ring), 2 * (MANY - 3));
    assert_int_equal(read_after(ring, 0, MANY).count, 3);
    record_ring_destroy(&ring);
}

static void
past_the_limit_of_bytes_the_oldest_go_but_never_the_newest(void **state)
{
    (void) state;
    record_t *sample = record_new(1, "a/h/s", 5, "body", 4);
    size_t cost = record_cost(sample);
    record_release(&sample);
    record_ring_t *ring = record_ring_new(MANY, 2 * cost);
    for (uint64_t i = 1; i <= 5; i++)
        append(ring, i);
    assert_int_equal(record_ring_count(ring), 2);
    assert_int_equal(record_ring_bytes(ring), 2 * cost);
    record_ring_destroy(&ring);
    ring = record_ring_new(MANY, 1);
    append(ring, 1);
    append(ring, 2);
    assert_int_equal(record_ring_count(ring), 1);
    assert_int_equal(record_ring_floor(ring), 1);
    assert_int_equal(read_after(ring, 0, MANY).last, 2);
    record_ring_destroy(&ring);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_ring_has_lost_nothing),
        cmocka_unit_test(what_begins_anew_holds_nothing_and_goes_on_after_its_floor),
        cmocka_unit_test(what_comes_after_an_offset_is_read_in_order_across_holes),
        cmocka_unit_test(a_reader_may_stop),
        cmocka_unit_test(past_the_limit_of_events_the_oldest_go),
        cmocka_unit_test(past_the_limit_of_bytes_the_oldest_go_but_never_the_newest),
    };
    return cmocka_run_group_tests_name("record_ring", tests, NULL, NULL);
}
