// test_page_matches - what matches in a page is worked out once for each filter
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdlib.h>

#include "page_matches.h"
#include "ring_event.h"
#include "stream_group.h"

enum { EVENTS = 200 };

typedef struct world {
    event_ring_t *ring;
    session_table_t *sessions;
    page_matches_t *matches;
} world_t;

static int
setup(void **state)
{
    world_t *world = calloc(1, sizeof *world);
    world->ring = event_ring_new(EVENT_RING_LEAST_BYTES);
    event_ring_begin_epoch(world->ring, &(mesh_cursor_t){RING_EVENT_EPOCH, 0}, NULL);
    for (unsigned offset = 1; offset <= EVENTS; offset++) {
        ring_event_t event;
        char payload[32];
        snprintf(payload, sizeof payload, "{\"provider\":\"p%u\"}", offset % 3);
        int rc = event_ring_append(
            world->ring, ring_event(&event, "aider.error_occurred", "s-1", payload, offset));
        assert_int_equal(rc, 0);
    }
    world->sessions = session_table_new(10);
    world->matches = page_matches_new(world->ring);
    *state = world;
    return 0;
}

static int
teardown(void **state)
{
    world_t *world = *state;
    page_matches_destroy(&world->matches);
    assert_null(world->matches);
    event_ring_destroy(&world->ring);
    session_table_destroy(&world->sessions);
    free(world);
    return 0;
}

static filter_t *
filter_of(const char *provider)
{
    filter_t *filter = filter_new();
    assert_int_equal(filter_add(filter, FILTER_PROVIDER, provider, false), 0);
    filter_seal(filter);
    return filter;
}

// What it costs to look at all entries with a filter, of which so many match. Each time it is
// another filter that says the same.
static int64_t
cost(const world_t *world, const char *provider, int expected)
{
    filter_t *filter = filter_of(provider);
    page_match_t *match = page_matches_of(world->matches, filter);
    int64_t budget = 0;
    int found = 0;
    for (uint64_t serial = 0; serial < EVENTS; serial++)
        found += page_match_entry(match, serial, world->sessions, &budget);
    filter_destroy(&filter);
    assert_int_equal(found, expected);
    return -budget;
}

static void
the_second_who_asks_the_same_is_told_what_is_known(void **state)
{
    const world_t *world = *state;
    assert_int_equal(cost(world, "p1", 67), EVENTS * STREAM_GROUP_PAYLOAD_COST);
    assert_int_equal(cost(world, "p1", 67), EVENTS * STREAM_GROUP_TOPIC_COST);
    assert_int_equal(cost(world, "p0", 66), EVENTS * STREAM_GROUP_PAYLOAD_COST);
    assert_int_equal(cost(world, "p3", 0), EVENTS * STREAM_GROUP_PAYLOAD_COST);
    assert_int_equal(cost(world, "p3", 0), EVENTS * STREAM_GROUP_TOPIC_COST);
    assert_int_equal(cost(world, "p1", 67), EVENTS * STREAM_GROUP_TOPIC_COST);
}

static void
entries_are_worked_out_as_they_are_asked_for(void **state)
{
    const world_t *world = *state;
    filter_t *filter = filter_of("p1");
    page_match_t *match = page_matches_of(world->matches, filter);
    int64_t budget = 0;
    // On both sides of a word's end.
    assert_true(page_match_entry(match, 99, world->sessions, &budget));
    assert_true(page_match_entry(match, 63, world->sessions, &budget));
    assert_false(page_match_entry(match, 64, world->sessions, &budget));
    assert_int_equal(budget, -3 * STREAM_GROUP_PAYLOAD_COST);
    assert_true(page_match_entry(match, 63, world->sessions, &budget));
    assert_false(page_match_entry(match, 64, world->sessions, &budget));
    assert_int_equal(budget, -3 * STREAM_GROUP_PAYLOAD_COST - 2 * STREAM_GROUP_TOPIC_COST);
    filter_destroy(&filter);
}

static void
the_filter_not_asked_for_the_longest_makes_room(void **state)
{
    const world_t *world = *state;
    (void) cost(world, "p1", 67);
    (void) cost(world, "p2", 67);
    for (int at = 0; at < PAGE_MATCHES_FILTERS - 1; at++) {
        char provider[16];
        snprintf(provider, sizeof provider, "other-%d", at);
        (void) cost(world, provider, 0);
        if (at == 0)
            assert_int_equal(cost(world, "p1", 67), EVENTS * STREAM_GROUP_TOPIC_COST);
    }
    assert_int_equal(cost(world, "p1", 67), EVENTS * STREAM_GROUP_TOPIC_COST);
    assert_int_equal(cost(world, "p2", 67), EVENTS * STREAM_GROUP_PAYLOAD_COST);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_second_who_asks_the_same_is_told_what_is_known),
        TEST(entries_are_worked_out_as_they_are_asked_for),
        TEST(the_filter_not_asked_for_the_longest_makes_room),
    };
    return cmocka_run_group_tests_name("page_matches", tests, NULL, NULL);
}
