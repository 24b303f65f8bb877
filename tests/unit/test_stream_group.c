// test_stream_group - which entries match, looked up forwards and backwards
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdlib.h>

#include "ring_event.h"
#include "stream_group.h"

static event_ring_t *
ring_with(uint64_t events)
{
    event_ring_t *ring = event_ring_new(EVENT_RING_LEAST_BYTES);
    event_ring_begin_epoch(ring, &(mesh_cursor_t){RING_EVENT_EPOCH, 0}, NULL);
    for (uint64_t offset = 1; offset <= events; offset++) {
        ring_event_t event;
        event_ring_append(ring, ring_event(&event, offset % 7 == 0 ? "a.seven" : "a.other", "s",
                                           "{}", offset));
    }
    return ring;
}

static stream_group_t *
group_of_sevens(const event_ring_t *ring)
{
    filter_t *filter = filter_new();
    filter_add(filter, FILTER_TYPES, "a.seven", false);
    filter_seal(filter);
    return stream_group_new(&filter, ring);
}

static void
looking_back_is_done_in_portions_and_only_once(void **state)
{
    (void) state;
    event_ring_t *ring = ring_with(1000);
    session_table_t *sessions = session_table_new(10);
    stream_group_t *group = group_of_sevens(ring);
    int64_t budget = 300;
    assert_false(stream_group_look_back(group, ring, sessions, 0, &budget));
    assert_int_equal(budget, 0);
    assert_int_equal(group->known_from, 700);
    budget = 10000;
    assert_true(stream_group_look_back(group, ring, sessions, 0, &budget));
    assert_int_equal(budget, 10000 - 700);
    assert_true(stream_group_look_back(group, ring, sessions, 500, &budget));
    assert_int_equal(budget, 10000 - 700);
    stream_group_destroy(&group);
    session_table_destroy(&sessions);
    event_ring_destroy(&ring);
}

static void
matches_are_found_counted_and_counted_from_the_end(void **state)
{
    (void) state;
    event_ring_t *ring = ring_with(1000);
    session_table_t *sessions = session_table_new(10);
    stream_group_t *group = group_of_sevens(ring);
    int64_t budget = 10000;
    stream_group_look_back(group, ring, sessions, 0, &budget);
    // Offset 7 is serial 6.
    for (uint64_t from = 0; from <= 1000; from++) {
        uint64_t expected = from + (13 - from % 7) % 7;
        if (expected >= 1000)
            expected = 1000;
        assert_int_equal(stream_group_match(group, from, 1000), expected);
        size_t count = 0;
        for (uint64_t at = from; at < 1000; at++)
            count += at % 7 == 6;
        assert_int_equal(stream_group_count(group, from, 1000), count);
    }
    assert_int_equal(stream_group_match(group, 0, 6), 6);
    assert_int_equal(stream_group_match(group, 0, 3), 3);
    assert_int_equal(stream_group_count(group, 0, 7), 1);
    assert_int_equal(stream_group_count(group, 6, 6), 0);
    assert_int_equal(stream_group_nth_last(group, 0, 1000, 1), 993);
    assert_int_equal(stream_group_nth_last(group, 0, 1000, 3), 979);
    assert_int_equal(stream_group_nth_last(group, 0, 1000, 142), 6);
    assert_int_equal(stream_group_nth_last(group, 0, 1000, 143), 0);
    stream_group_destroy(&group);
    session_table_destroy(&sessions);
    event_ring_destroy(&ring);
}

static void
bits_of_entries_long_gone_are_not_mistaken_for_new_ones(void **state)
{
    (void) state;
    event_ring_t *ring = ring_with(0);
    stream_group_t *group = group_of_sevens(ring);
    uint64_t laps = 3 * event_ring_capacity(ring) + 17;
    for (uint64_t offset = 1; offset <= laps; offset++) {
        ring_event_t memory;
        event_ring_append(ring, ring_event(&memory, offset % 7 == 0 ? "a.seven" : "a.other",
                                           "s", "{}", offset));
        const event_ring_entry_t *entry = event_ring_entry(ring, event_ring_next(ring) - 1);
        filter_event_t event = {
            .type = event_ring_type(ring, entry), .host = "here", .session = "s"};
        bool matches = stream_group_add(group, event_ring_next(ring) - 1, false, &event);
        assert_int_equal(matches, offset % 7 == 0);
    }
    size_t expected = 0;
    for (uint64_t serial = event_ring_first(ring); serial < event_ring_next(ring); serial++)
        expected += (serial + 1) % 7 == 0;
    assert_int_equal(stream_group_count(group, event_ring_first(ring), event_ring_next(ring)),
                     expected);
    stream_group_destroy(&group);
    event_ring_destroy(&ring);
}

static void
what_was_passed_over_matches_no_more_than_what_was_looked_at_in_vain(void **state)
{
    (void) state;
    // Passed over for a few, for a word's length, for the whole ring and more.
    static const uint64_t gaps[] = {1, 3, 63, 64, 65, 200, 5000, 20000};
    for (size_t at = 0; at < sizeof gaps / sizeof gaps[0]; at++) {
        event_ring_t *ring = ring_with(0);
        stream_group_t *group = group_of_sevens(ring);
        ring_event_t event;
        filter_event_t seven = {.type = "a.seven",
                                .host = "h",
                                .session = "s",
                                .payload = "{}",
                                .payload_bytes = 2};
        uint64_t offset = 0, last = 0;
        // Round after round, so that every bit has been set.
        for (int round = 0; round < 3; round++) {
            for (uint64_t more = 0; more < event_ring_capacity(ring); more++) {
                event_ring_append(ring, ring_event(&event, "a.seven", "s", "{}", ++offset));
                assert_true(
                    stream_group_add(group, last = event_ring_next(ring) - 1, false, &seven));
            }
            for (uint64_t more = 0; more < gaps[at]; more++)
                event_ring_append(ring, ring_event(&event, "a.other", "s", "{}", ++offset));
            uint64_t next = event_ring_next(ring);
            uint64_t from =
                last + 1 > event_ring_first(ring) ? last + 1 : event_ring_first(ring);
            assert_int_equal(stream_group_match(group, from, next), next);
            assert_int_equal(stream_group_count(group, from, next), 0);
            event_ring_append(ring, ring_event(&event, "a.seven", "s", "{}", ++offset));
            assert_true(stream_group_add(group, next, false, &seven));
            if (from < event_ring_first(ring))
                from = event_ring_first(ring);
            assert_int_equal(stream_group_match(group, from, next + 1), next);
            assert_int_equal(stream_group_count(group, from, next + 1), 1);
        }
        stream_group_destroy(&group);
        event_ring_destroy(&ring);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(looking_back_is_done_in_portions_and_only_once),
        cmocka_unit_test(matches_are_found_counted_and_counted_from_the_end),
        cmocka_unit_test(bits_of_entries_long_gone_are_not_mistaken_for_new_ones),
        cmocka_unit_test(what_was_passed_over_matches_no_more_than_what_was_looked_at_in_vain),
    };
    return cmocka_run_group_tests_name("stream_group", tests, NULL, NULL);
}
