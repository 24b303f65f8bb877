// test_tap_record - one entry of the tap, written and read
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <string.h>

#include "tap_record.h"

static void
a_record_reads_back_as_it_was_written(void **state)
{
    (void) state;
    _Alignas(32) uint8_t room[128];
    const uint8_t bytes[] = "some bytes";
    tap_record_t written = {
        .kind = TAP_STDERR,
        .time_ns = 123456789012345,
        .lost_bytes = 77,
        .bytes = bytes,
        .length = sizeof bytes,
    };
    tap_record_encode(&written, room);
    tap_record_t found;
    assert_int_equal(tap_record_decode(&found, room, sizeof room),
                     tap_record_room(sizeof bytes));
    assert_int_equal(found.kind, TAP_STDERR);
    assert_int_equal(found.time_ns, 123456789012345);
    assert_int_equal(found.lost_bytes, 77);
    assert_int_equal(found.length, sizeof bytes);
    assert_memory_equal(found.bytes, bytes, sizeof bytes);
}

static void
the_end_carries_the_status_of_wait(void **state)
{
    (void) state;
    uint8_t room[TAP_RECORD_HEADER_BYTES];
    tap_record_t written = {.kind = TAP_ENDED, .status = 0x0b};
    tap_record_encode(&written, room);
    tap_record_t found;
    assert_int_equal(tap_record_decode(&found, room, sizeof room), sizeof room);
    assert_int_equal(found.status, 0x0b);
    assert_int_equal(found.length, 0);
}

static void
room_is_a_multiple_of_the_alignment_and_holds_the_record(void **state)
{
    (void) state;
    for (size_t length = 0; length < 200; length++) {
        assert_int_equal(tap_record_room(length) % TAP_RECORD_ALIGNMENT, 0);
        assert_true(tap_record_room(length) >= TAP_RECORD_HEADER_BYTES + length);
        assert_true(tap_record_room(length) <
                    TAP_RECORD_HEADER_BYTES + length + TAP_RECORD_ALIGNMENT);
    }
}

static void
what_is_no_record_is_refused(void **state)
{
    (void) state;
    uint8_t sound[TAP_RECORD_HEADER_BYTES];
    tap_record_t record = {.kind = TAP_STDOUT};
    tap_record_encode(&record, sound);
    tap_record_t found;
    assert_int_equal(tap_record_decode(&found, sound, sizeof sound), sizeof sound);
    for (size_t size = 0; size < sizeof sound; size++)
        assert_int_equal(tap_record_decode(&found, sound, size), 0);

    static const struct {
        size_t at;
        uint8_t value;
    } damage[] = {{4, 9}, {5, 1}, {6, 0}, {7, 0}, {28, 1}, {0, 200}, {3, 1}};
    for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
        uint8_t damaged[sizeof sound];
        memcpy(damaged, sound, sizeof sound);
        damaged[damage[i].at] = damage[i].value;
        assert_int_equal(tap_record_decode(&found, damaged, sizeof damaged), 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_reads_back_as_it_was_written),
        cmocka_unit_test(the_end_carries_the_status_of_wait),
        cmocka_unit_test(room_is_a_multiple_of_the_alignment_and_holds_the_record),
        cmocka_unit_test(what_is_no_record_is_refused),
    };
    return cmocka_run_group_tests_name("tap_record", tests, NULL, NULL);
}
