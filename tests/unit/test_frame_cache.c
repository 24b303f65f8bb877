// test_frame_cache - what is kept, for how long, and what is never written over
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <string.h>

#include "frame_cache.h"

enum { CACHE_BYTES = 8192, LONGEST_BYTES = 7168, FRAME_BYTES = 1000 };

static char *
add(frame_cache_t *cache, uint64_t number, frame_cache_hold_t *hold)
{
    char *frame = frame_cache_add(cache, number, FRAME_BYTES, hold);
    if (frame)
        memset(frame, (int) ('a' + number % 26), FRAME_BYTES);
    return frame;
}

// Add what no other is held with.
static void
add_alone(frame_cache_t *cache, uint64_t number)
{
    frame_cache_hold_t hold = FRAME_CACHE_NONE;
    assert_non_null(add(cache, number, &hold));
}

static const char *
find(const frame_cache_t *cache, uint64_t number)
{
    frame_cache_hold_t hold = FRAME_CACHE_NONE;
    size_t bytes;
    const char *frame = frame_cache_find(cache, number, &bytes, &hold);
    if (frame) {
        assert_int_equal(bytes, FRAME_BYTES);
        for (size_t at = 0; at < bytes; at++)
            assert_int_equal(frame[at], 'a' + number % 26);
    }
    return frame;
}

static void
what_was_made_is_found_until_newer_ones_need_its_room(void **state)
{
    (void) state;
    frame_cache_t *cache = frame_cache_new(CACHE_BYTES);
    assert_null(find(cache, 0));
    assert_int_equal(frame_cache_bytes(cache), 0);
    for (uint64_t number = 0; number < 100; number++) {
        add_alone(cache, number);
        assert_non_null(find(cache, number));
        assert_true(frame_cache_bytes(cache) <= CACHE_BYTES);
    }
    assert_int_equal(frame_cache_made(cache), 100);
    uint64_t oldest = 99;
    while (find(cache, oldest - 1))
        oldest--;
    assert_in_range(oldest, 100 - CACHE_BYTES / FRAME_BYTES, 95);
    for (uint64_t number = 0; number < oldest; number++)
        assert_null(find(cache, number));
    frame_cache_destroy(&cache);
}

static void
those_that_are_held_together_are_not_written_over(void **state)
{
    (void) state;
    frame_cache_t *cache = frame_cache_new(CACHE_BYTES);
    for (uint64_t number = 0; number < 10; number++)
        add_alone(cache, number);
    // One that is there already, and as many new ones as there is room for.
    frame_cache_hold_t hold = FRAME_CACHE_NONE;
    size_t bytes;
    const char *held[10] = {frame_cache_find(cache, 8, &bytes, &hold)};
    assert_non_null(held[0]);
    size_t count = 1;
    while ((held[count] = add(cache, 99 + count, &hold)))
        count++;
    assert_in_range(count, 3, CACHE_BYTES / FRAME_BYTES);
    assert_ptr_equal(find(cache, 8), held[0]);
    for (size_t at = 1; at < count; at++)
        assert_ptr_equal(find(cache, 99 + at), held[at]);
    // Once they are not used any more, there is room.
    add_alone(cache, 200);
    assert_non_null(find(cache, 200));
    frame_cache_destroy(&cache);
}

static void
the_longest_has_room_and_takes_that_of_all_others(void **state)
{
    (void) state;
    frame_cache_t *cache = frame_cache_new(CACHE_BYTES);
    add_alone(cache, 1);
    frame_cache_hold_t hold = FRAME_CACHE_NONE;
    char *frame = frame_cache_add(cache, 2, LONGEST_BYTES, &hold);
    assert_non_null(frame);
    memset(frame, 'x', LONGEST_BYTES);
    assert_null(find(cache, 1));
    assert_null(frame_cache_add(cache, 3, 100, &hold));
    frame_cache_destroy(&cache);
}

static void
of_two_numbers_with_one_place_in_the_table_the_newer_is_there(void **state)
{
    (void) state;
    frame_cache_t *cache = frame_cache_new(CACHE_BYTES);
    add_alone(cache, 3);
    // Some multiple of the table's size.
    uint64_t other = 3 + 26 * 1000000007ULL;
    for (uint64_t number = other; find(cache, 3); number++) {
        frame_cache_hold_t hold = FRAME_CACHE_NONE;
        char *frame = frame_cache_add(cache, number, 1, &hold);
        assert_non_null(frame);
        *frame = 'x';
        assert_in_range(number - other, 0, CACHE_BYTES);
    }
    assert_true(frame_cache_bytes(cache) < CACHE_BYTES / 2);
    frame_cache_destroy(&cache);
}

static void
what_is_cleared_is_written_over(void **state)
{
    (void) state;
    frame_cache_t *cache = frame_cache_new(CACHE_BYTES);
    frame_cache_clear(cache);
    for (uint64_t number = 0; number < 20; number++)
        add_alone(cache, number);
    const char *frame = find(cache, 19);
    assert_non_null(frame);
    frame_cache_clear(cache);
    for (size_t at = 0; at < FRAME_BYTES; at++)
        assert_int_equal(frame[at], 0);
    assert_int_equal(frame_cache_bytes(cache), 0);
    for (uint64_t number = 0; number < 20; number++)
        assert_null(find(cache, number));
    add_alone(cache, 19);
    assert_non_null(find(cache, 19));
    frame_cache_destroy(&cache);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_made_is_found_until_newer_ones_need_its_room),
        cmocka_unit_test(those_that_are_held_together_are_not_written_over),
        cmocka_unit_test(the_longest_has_room_and_takes_that_of_all_others),
        cmocka_unit_test(of_two_numbers_with_one_place_in_the_table_the_newer_is_there),
        cmocka_unit_test(what_is_cleared_is_written_over),
    };
    return cmocka_run_group_tests_name("frame_cache", tests, NULL, NULL);
}
