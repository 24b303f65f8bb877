// test_renumber - what waits under one source goes on under another, and nothing is lost
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "mesh/topic.h"
#include "mesh/wire.h"
#include "renumber.h"

enum { PLENTY = 1024 * 1024 };

typedef struct world {
    mesh_outbox_t *from, *to;
    char topic[MESH_TOPIC_SIZE];
    size_t topic_bytes;
} world_t;

static int
setup(void **state)
{
    static world_t world;
    world = (world_t){.from = mesh_outbox_new(PLENTY), .to = mesh_outbox_new(PLENTY)};
    mesh_outbox_set_window(world.from, 2, PLENTY);
    mesh_outbox_set_window(world.to, PLENTY, PLENTY);
    world.topic_bytes = mesh_topic_format(world.topic, "aider.error_occurred", "h", "s");
    assert_true(world.topic_bytes > 0);
    *state = &world;
    return 0;
}

static int
teardown(void **state)
{
    world_t *world = *state;
    mesh_outbox_destroy(&world->from);
    mesh_outbox_destroy(&world->to);
    return 0;
}

// An event as the publisher makes it.
static void
push(world_t *world, const char *message)
{
    char body[256];
    char source[MESH_UUID_TEXT_SIZE];
    mesh_uuid_format(mesh_outbox_source(world->from), source);
    uint64_t seq = mesh_outbox_next_seq(world->from);
    int bytes =
        snprintf(body, sizeof body, "{\"message\":\"%s\",\"source\":\"%s\",\"seq\":%llu}",
                 message, source, (unsigned long long) seq);
    mesh_outbox_push(world->from, world->topic, world->topic_bytes, body, (size_t) bytes,
                     1000 + (int64_t) seq, MESH_RANK_MIDDLE);
}

// The next event of the new source: this one, with its number in header and payload.
static void
assert_next(world_t *world, const char *message, uint64_t seq, uint32_t covers)
{
    char source[MESH_UUID_TEXT_SIZE];
    mesh_uuid_format(mesh_outbox_source(world->to), source);
    const mesh_outbox_event_t *event = mesh_outbox_send_next(world->to);
    assert_non_null(event);
    assert_int_equal(event->seq, seq);
    assert_int_equal(event->covers, covers);
    assert_int_equal(event->topic_bytes, world->topic_bytes);
    assert_memory_equal(event->topic, world->topic, world->topic_bytes);
    json_t *body = json_loadb(event->body, event->body_bytes, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(body, "message")), message);
    assert_string_equal(json_string_value(json_object_get(body, "source")), source);
    assert_int_equal(json_integer_value(json_object_get(body, "seq")), seq);
    json_decref(body);
}

static void
all_that_waits_goes_in_its_order_sent_or_not(void **state)
{
    world_t *world = *state;
    push(world, "a");
    push(world, "b");
    push(world, "c");
    push(world, "d");
    assert_non_null(mesh_outbox_send_next(world->from));
    assert_non_null(mesh_outbox_send_next(world->from));
    mesh_outbox_acknowledge(world->from, 1);
    assert_int_equal(mesh_renumber(world->from, world->to), 3);
    assert_int_equal(mesh_outbox_count(world->from), 0);
    assert_next(world, "b", 1, 1);
    assert_next(world, "c", 2, 1);
    assert_next(world, "d", 3, 1);
    assert_null(mesh_outbox_send_next(world->to));
}

static void
it_goes_behind_what_waits_there(void **state)
{
    world_t *world = *state;
    mesh_outbox_skip(world->to, 6);
    push(world, "a");
    assert_int_equal(mesh_renumber(world->from, world->to), 1);
    assert_next(world, "a", 7, 7);
}

static void
numbers_of_lost_events_stay_lost_events(void **state)
{
    world_t *world = *state;
    push(world, "a");
    mesh_outbox_skip(world->from, 2);
    push(world, "b");
    mesh_outbox_push(world->from, "?", 1, "no payload", 10, 0, MESH_RANK_MIDDLE);
    push(world, "c");
    mesh_outbox_skip(world->from, 5);
    assert_int_equal(mesh_renumber(world->from, world->to), 4);
    assert_next(world, "a", 1, 1);
    assert_next(world, "b", 4, 3);
    assert_next(world, "c", 6, 2);
    assert_null(mesh_outbox_send_next(world->to));
    assert_int_equal(mesh_outbox_next_seq(world->to), 12);
}

static void
nothing_stays_nothing(void **state)
{
    world_t *world = *state;
    assert_int_equal(mesh_renumber(world->from, world->to), 0);
    assert_int_equal(mesh_outbox_next_seq(world->to), 1);
}

static void
progress_makes_room_first_and_errors_last(void **state)
{
    (void) state;
    assert_int_equal(mesh_renumber_rank("aider.session_progress"), MESH_RANK_FIRST);
    assert_int_equal(mesh_renumber_rank("aider.request_started"), MESH_RANK_MIDDLE);
    assert_int_equal(mesh_renumber_rank("aider.rate_limit_detected"), MESH_RANK_LAST);
    assert_int_equal(mesh_renumber_rank("aider.error_occurred"), MESH_RANK_LAST);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_that_waits_goes_in_its_order_sent_or_not, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(it_goes_behind_what_waits_there, setup, teardown),
        cmocka_unit_test_setup_teardown(numbers_of_lost_events_stay_lost_events, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(nothing_stays_nothing, setup, teardown),
        cmocka_unit_test(progress_makes_room_first_and_errors_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
