// test_past - each page is asked for once, kept while there is room, and never when it is stale
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdlib.h>
#include <string.h>

#include "past.h"
#include "past_answer.h"
#include "ring_event.h"

typedef struct world {
    past_t *past;
    mesh_cursor_t asked;    // epoch 0 for nothing
    int asked_count;
    int news;
} world_t;

static void
on_ask(void *arg, const mesh_cursor_t *after)
{
    world_t *world = arg;
    assert_int_equal(world->asked.epoch, 0);    // one at a time
    world->asked = *after;
    world->asked_count++;
}

static void
on_news(void *arg)
{
    ((world_t *) arg)->news++;
}

static const past_owner_t owner = {.ask = on_ask, .news = on_news};

static int
setup(void **state)
{
    world_t *world = calloc(1, sizeof *world);
    world->past = past_new(&owner, world);
    *state = world;
    return 0;
}

static int
teardown(void **state)
{
    world_t *world = *state;
    past_destroy(&world->past);
    free(world);
    return 0;
}

static const past_page_t *
look(world_t *world, uint64_t after)
{
    return past_read(world->past, &(mesh_cursor_t){RING_EVENT_EPOCH, after}, 0);
}

// Answer what is asked with the next ten events.
static void
give(world_t *world)
{
    uint64_t after = world->asked.offset;
    assert_int_not_equal(world->asked.epoch, 0);
    world->asked.epoch = 0;
    past_answer_t answer = past_answer(after, after + 10, 0, true);
    assert_int_equal(past_take(world->past, answer.body, answer.frames, 0), 0);
    past_answer_clear(&answer);
}

static void
who_wants_the_same_is_given_the_same_page_that_was_asked_for_once(void **state)
{
    world_t *world = *state;
    assert_null(look(world, 100));
    assert_null(look(world, 100));
    assert_int_equal(world->asked_count, 1);
    give(world);
    assert_int_equal(world->news, 1);
    const past_page_t *page = look(world, 100);
    assert_non_null(page);
    assert_int_equal(page->to, 110);
    assert_int_equal(event_ring_next(page->ring), 10);
    assert_int_equal(event_ring_entry(page->ring, 0)->offset, 101);
    // Also from within it, but not from its end.
    assert_ptr_equal(look(world, 109), page);
    assert_null(look(world, 110));
    assert_int_equal(world->asked_count, 2);
}

static void
pages_are_asked_for_one_at_a_time_in_the_order_they_were_wanted(void **state)
{
    world_t *world = *state;
    for (uint64_t at = 5; at > 0; at--)
        assert_null(look(world, at * 100));
    for (uint64_t at = 5; at > 0; at--) {
        assert_int_equal(world->asked.offset, at * 100);
        give(world);
    }
    assert_int_equal(world->asked_count, 5);
}

static void
the_page_not_read_for_the_longest_makes_room(void **state)
{
    world_t *world = *state;
    for (uint64_t at = 0; at < PAST_PAGES; at++) {
        assert_null(look(world, at * 100));
        give(world);
    }
    assert_non_null(look(world, 0));
    assert_null(look(world, 9000));
    give(world);
    assert_int_equal(past_pages(world->past), PAST_PAGES);
    assert_non_null(look(world, 0));
    assert_non_null(look(world, 9000));
    assert_null(look(world, 100));
}

static void
what_waits_to_be_asked_for_is_bounded(void **state)
{
    world_t *world = *state;
    for (uint64_t at = 0; at < 3 * (uint64_t) PAST_WANTED; at++)
        assert_null(look(world, at * 100));
    int rounds = 0;
    for (; world->asked.epoch != 0; rounds++)
        give(world);
    assert_int_equal(rounds, PAST_WANTED);
}

static void
a_refused_page_is_asked_for_again_after_a_pause_by_who_wants_it_still(void **state)
{
    world_t *world = *state;
    assert_null(look(world, 100));
    world->asked.epoch = 0;
    past_fail(world->past, 0);
    assert_null(look(world, 100));
    assert_int_equal(world->asked_count, 1);
    past_tick(world->past, PAST_PAUSE_MS - 1);
    assert_int_equal(world->asked_count, 1);
    past_tick(world->past, PAST_PAUSE_MS);
    assert_int_equal(world->asked_count, 2);
    give(world);
    assert_non_null(look(world, 100));
}

static void
what_was_cleared_is_asked_for_anew_also_when_it_was_under_way(void **state)
{
    world_t *world = *state;
    assert_null(look(world, 0));
    give(world);
    assert_null(look(world, 100));
    past_clear(world->past);
    assert_int_equal(past_pages(world->past), 0);
    give(world);
    assert_int_equal(past_pages(world->past), 0);
    assert_null(look(world, 100));
    give(world);
    assert_non_null(look(world, 100));
}

static void
an_answer_that_is_none_is_refused(void **state)
{
    world_t *world = *state;
    static const char *const bodies[] = {
        "{}",
        "{\"epoch\":\"00000000000000ea\",\"to\":9,\"more\":false,\"removed\":{}}",
        "{\"epoch\":\"00000000000000e9\",\"to\":1,\"more\":false,\"removed\":{}}",
        "{\"epoch\":\"00000000000000e9\",\"to\":9,\"more\":1,\"removed\":{}}",
        "{\"epoch\":\"00000000000000e9\",\"to\":9,\"more\":false}",
    };
    int64_t now_ms = 0;
    for (size_t at = 0; at < sizeof bodies / sizeof bodies[0]; at++) {
        assert_null(past_read(world->past, &(mesh_cursor_t){RING_EVENT_EPOCH, 5}, now_ms));
        assert_int_not_equal(world->asked.epoch, 0);
        world->asked.epoch = 0;
        json_t *body = json_loads(bodies[at], 0, NULL);
        assert_int_equal(past_take(world->past, body, NULL, now_ms), -1);
        json_decref(body);
        now_ms += PAST_PAUSE_MS;
    }
    // Half an event, and one that is none.
    for (int both = 0; both < 2; both++) {
        assert_null(past_read(world->past, &(mesh_cursor_t){RING_EVENT_EPOCH, 5}, now_ms));
        world->asked.epoch = 0;
        past_answer_t answer = past_answer(5, 6, 0, false);
        zframe_t *frame = zmsg_last(answer.frames);
        zmsg_remove(answer.frames, frame);
        zframe_destroy(&frame);
        if (both)
            zmsg_addstr(answer.frames, "nonsense");
        assert_int_equal(past_take(world->past, answer.body, answer.frames, now_ms), -1);
        past_answer_clear(&answer);
        now_ms += PAST_PAUSE_MS;
    }
    assert_int_equal(past_pages(world->past), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(who_wants_the_same_is_given_the_same_page_that_was_asked_for_once),
        TEST(pages_are_asked_for_one_at_a_time_in_the_order_they_were_wanted),
        TEST(the_page_not_read_for_the_longest_makes_room),
        TEST(what_waits_to_be_asked_for_is_bounded),
        TEST(a_refused_page_is_asked_for_again_after_a_pause_by_who_wants_it_still),
        TEST(what_was_cleared_is_asked_for_anew_also_when_it_was_under_way),
        TEST(an_answer_that_is_none_is_refused),
    };
    return cmocka_run_group_tests_name("past", tests, NULL, NULL);
}
