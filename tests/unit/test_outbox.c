// test_outbox - what waits, what goes, and what makes room
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <string.h>

#include "mesh/outbox.h"
#include "mesh/wire.h"

enum { PLENTY = 1024 * 1024, BODY_BYTES = 1000 };

static int
setup(void **state)
{
    mesh_outbox_t *outbox = mesh_outbox_new(PLENTY);
    mesh_outbox_set_window(outbox, 3, PLENTY);
    *state = outbox;
    return 0;
}

static int
teardown(void **state)
{
    mesh_outbox_t *outbox = *state;
    mesh_outbox_destroy(&outbox);
    assert_null(outbox);
    mesh_outbox_destroy(&outbox);
    return 0;
}

static void
push_of(mesh_outbox_t *outbox, size_t body_bytes, mesh_rank_t rank)
{
    char body[PLENTY / 8] = {0};
    memset(body, 'b', body_bytes);
    mesh_outbox_push(outbox, "a/h/s", strlen("a/h/s"), body, body_bytes, 77, rank);
}

static void
push(mesh_outbox_t *outbox, size_t count)
{
    for (size_t i = 0; i < count; i++)
        push_of(outbox, 10, MESH_RANK_MIDDLE);
}

// Send all that may go; the numbers must be these, and no more.
static void
assert_sends(mesh_outbox_t *outbox, uint64_t from, uint64_t to)
{
    for (uint64_t seq = from; seq <= to; seq++) {
        const mesh_outbox_event_t *event = mesh_outbox_send_next(outbox);
        assert_non_null(event);
        assert_int_equal(event->seq, seq);
    }
    assert_null(mesh_outbox_send_next(outbox));
}

static void
events_are_numbered_from_one_and_keep_what_they_were(void **state)
{
    mesh_outbox_t *outbox = *state;
    char body[] = "{\"n\":1}";
    assert_int_equal(mesh_outbox_next_seq(outbox), 1);
    mesh_outbox_push(outbox, "a/h/s", 5, body, strlen(body), -5, MESH_RANK_MIDDLE);
    memset(body, 'x', strlen(body));
    assert_int_equal(mesh_outbox_next_seq(outbox), 2);
    const mesh_outbox_event_t *event = mesh_outbox_send_next(outbox);
    assert_int_equal(event->seq, 1);
    assert_int_equal(event->covers, 1);
    assert_int_equal(event->timestamp_us, -5);
    assert_int_equal(event->topic_bytes, 5);
    assert_memory_equal(event->topic, "a/h/s", 5);
    assert_int_equal(event->body_bytes, strlen(body));
    assert_memory_equal(event->body, "{\"n\":1}", event->body_bytes);
}

static void
an_empty_outbox_holds_nothing_from_the_next_number_on(void **state)
{
    mesh_outbox_t *outbox = *state;
    assert_int_equal(mesh_outbox_first(outbox), 1);
    assert_int_equal(mesh_outbox_last(outbox), 0);
    push(outbox, 2);
    assert_sends(outbox, 1, 2);
    mesh_outbox_acknowledge(outbox, 2);
    assert_int_equal(mesh_outbox_count(outbox), 0);
    assert_int_equal(mesh_outbox_first(outbox), 3);
    assert_int_equal(mesh_outbox_last(outbox), 2);
}

static void
nothing_goes_before_a_window_is_given(void **state)
{
    (void) state;
    mesh_outbox_t *outbox = mesh_outbox_new(PLENTY);
    push(outbox, 1);
    assert_null(mesh_outbox_send_next(outbox));
    mesh_outbox_set_window(outbox, 1, PLENTY);
    assert_sends(outbox, 1, 1);
    mesh_outbox_destroy(&outbox);
}

static void
as_many_as_the_window_allows_are_unacknowledged(void **state)
{
    mesh_outbox_t *outbox = *state;
    push(outbox, 10);
    assert_sends(outbox, 1, 3);
    assert_int_equal(mesh_outbox_unacknowledged(outbox), 3);
    mesh_outbox_acknowledge(outbox, 2);
    assert_int_equal(mesh_outbox_unacknowledged(outbox), 1);
    assert_sends(outbox, 4, 5);
}

static void
the_window_counts_bytes_of_body_frames(void **state)
{
    mesh_outbox_t *outbox = *state;
    mesh_outbox_set_window(outbox, 100, 2 * (uint64_t) (MESH_WIRE_HEADER_BYTES + BODY_BYTES));
    for (int i = 0; i < 5; i++)
        push_of(outbox, BODY_BYTES, MESH_RANK_MIDDLE);
    assert_sends(outbox, 1, 2);
    mesh_outbox_acknowledge(outbox, 1);
    assert_sends(outbox, 3, 3);
}

static void
an_event_larger_than_the_window_goes_alone(void **state)
{
    mesh_outbox_t *outbox = *state;
    mesh_outbox_set_window(outbox, 100, 500);
    push(outbox, 1);
    push_of(outbox, BODY_BYTES, MESH_RANK_MIDDLE);
    push(outbox, 1);
    assert_sends(outbox, 1, 1);
    mesh_outbox_acknowledge(outbox, 1);
    assert_sends(outbox, 2, 2);
    mesh_outbox_acknowledge(outbox, 2);
    assert_sends(outbox, 3, 3);
}

static void
acknowledgements_are_cumulative_and_never_go_back(void **state)
{
    mesh_outbox_t *outbox = *state;
    push(outbox, 3);
    assert_sends(outbox, 1, 3);
    mesh_outbox_acknowledge(outbox, 2);
    mesh_outbox_acknowledge(outbox, 1);
    assert_int_equal(mesh_outbox_acknowledged(outbox), 2);
    assert_int_equal(mesh_outbox_first(outbox), 3);
    assert_int_equal(mesh_outbox_count(outbox), 1);
}

static void
numbers_never_sent_are_not_acknowledged(void **state)
{
    mesh_outbox_t *outbox = *state;
    push(outbox, 5);
    mesh_outbox_acknowledge(outbox, 5);
    assert_int_equal(mesh_outbox_acknowledged(outbox), 0);
    assert_int_equal(mesh_outbox_count(outbox), 5);
    assert_sends(outbox, 1, 3);
    mesh_outbox_acknowledge(outbox, UINT64_MAX);
    assert_int_equal(mesh_outbox_acknowledged(outbox), 3);
    assert_int_equal(mesh_outbox_count(outbox), 2);
}

static void
a_rewind_sends_again_from_a_number_on(void **state)
{
    mesh_outbox_t *outbox = *state;
    push(outbox, 3);
    assert_sends(outbox, 1, 3);
    mesh_outbox_rewind(outbox, 2);
    assert_int_equal(mesh_outbox_unacknowledged(outbox), 1);
    assert_sends(outbox, 2, 3);
    mesh_outbox_rewind(outbox, 0);
    assert_int_equal(mesh_outbox_unacknowledged(outbox), 0);
    assert_sends(outbox, 1, 3);
}

static void
a_rewind_never_skips_what_was_not_sent(void **state)
{
    mesh_outbox_t *outbox = *state;
    push(outbox, 6);
    assert_sends(outbox, 1, 3);
    mesh_outbox_rewind(outbox, 6);
    assert_int_equal(mesh_outbox_unacknowledged(outbox), 3);
    mesh_outbox_acknowledge(outbox, 3);
    assert_sends(outbox, 4, 6);
}

static void
what_was_rewound_may_be_acknowledged_before_it_goes_again(void **state)
{
    mesh_outbox_t *outbox = *state;
    push(outbox, 4);
    assert_sends(outbox, 1, 3);
    mesh_outbox_rewind(outbox, 1);
    mesh_outbox_acknowledge(outbox, 2);
    assert_int_equal(mesh_outbox_unacknowledged(outbox), 0);
    assert_sends(outbox, 3, 4);
    assert_int_equal(mesh_outbox_unacknowledged(outbox), 2);
}

// Room for about four bodies.
static mesh_outbox_t *
small_outbox(uint64_t window_events)
{
    mesh_outbox_t *outbox = mesh_outbox_new(4 * BODY_BYTES + 4 * 200);
    mesh_outbox_set_window(outbox, window_events, PLENTY);
    return outbox;
}

static void
past_the_limit_the_oldest_expendable_goes_first_and_the_next_covers_it(void **state)
{
    (void) state;
    mesh_outbox_t *outbox = small_outbox(100);
    push_of(outbox, BODY_BYTES, MESH_RANK_MIDDLE);
    push_of(outbox, BODY_BYTES, MESH_RANK_FIRST);
    push_of(outbox, BODY_BYTES, MESH_RANK_FIRST);
    push_of(outbox, BODY_BYTES, MESH_RANK_MIDDLE);
    push_of(outbox, BODY_BYTES, MESH_RANK_MIDDLE);
    assert_int_equal(mesh_outbox_dropped(outbox), 1);
    static const uint64_t seqs[] = {1, 3, 4, 5};
    static const uint32_t covers[] = {1, 2, 1, 1};
    for (size_t i = 0; i < 4; i++) {
        const mesh_outbox_event_t *event = mesh_outbox_send_next(outbox);
        assert_int_equal(event->seq, seqs[i]);
        assert_int_equal(event->covers, covers[i]);
    }
    assert_null(mesh_outbox_send_next(outbox));
    mesh_outbox_destroy(&outbox);
}

static void
without_expendables_the_oldest_of_all_goes(void **state)
{
    (void) state;
    mesh_outbox_t *outbox = small_outbox(100);
    for (int i = 0; i < 6; i++)
        push_of(outbox, BODY_BYTES, MESH_RANK_MIDDLE);
    assert_int_equal(mesh_outbox_dropped(outbox), 2);
    assert_int_equal(mesh_outbox_first(outbox), 1);
    const mesh_outbox_event_t *event = mesh_outbox_send_next(outbox);
    assert_int_equal(event->seq, 3);
    assert_int_equal(event->covers, 3);
    mesh_outbox_destroy(&outbox);
}

static void
the_newest_that_goes_is_covered_by_the_one_that_comes(void **state)
{
    (void) state;
    mesh_outbox_t *outbox = small_outbox(3);
    for (int i = 0; i < 3; i++)
        push_of(outbox, BODY_BYTES, MESH_RANK_MIDDLE);
    assert_sends(outbox, 1, 3);
    push_of(outbox, BODY_BYTES, MESH_RANK_FIRST);
    push_of(outbox, BODY_BYTES, MESH_RANK_MIDDLE);
    mesh_outbox_acknowledge(outbox, 3);
    const mesh_outbox_event_t *event = mesh_outbox_send_next(outbox);
    assert_int_equal(event->seq, 5);
    assert_int_equal(event->covers, 2);
    mesh_outbox_destroy(&outbox);
}

static void
what_was_sent_is_never_dropped_nor_covered_differently(void **state)
{
    (void) state;
    mesh_outbox_t *outbox = small_outbox(2);
    push_of(outbox, BODY_BYTES, MESH_RANK_FIRST);
    push_of(outbox, BODY_BYTES, MESH_RANK_FIRST);
    assert_sends(outbox, 1, 2);
    mesh_outbox_rewind(outbox, 1);
    for (int i = 0; i < 5; i++)
        push_of(outbox, BODY_BYTES, MESH_RANK_MIDDLE);
    for (uint64_t seq = 1; seq <= 2; seq++) {
        const mesh_outbox_event_t *event = mesh_outbox_send_next(outbox);
        assert_int_equal(event->seq, seq);
        assert_int_equal(event->covers, 1);
    }
    mesh_outbox_acknowledge(outbox, 2);
    const mesh_outbox_event_t *event = mesh_outbox_send_next(outbox);
    assert_int_equal(event->seq - event->covers, 2);
    mesh_outbox_destroy(&outbox);
}

static void
many_small_events_are_bounded_too(void **state)
{
    (void) state;
    mesh_outbox_t *outbox = mesh_outbox_new((size_t) 64 * 1024);
    for (int i = 0; i < 5000; i++)
        push_of(outbox, 0, i % 2 ? MESH_RANK_FIRST : MESH_RANK_MIDDLE);
    assert_in_range(mesh_outbox_count(outbox), 1, 64 * 1024 / 64);
    assert_int_equal(mesh_outbox_count(outbox) + mesh_outbox_dropped(outbox), 5000);
    assert_int_equal(mesh_outbox_first(outbox), 1);
    mesh_outbox_destroy(&outbox);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

// What an outbox as this source gives back, kept elsewhere: number and body.
static mesh_spool_record_t
kept(uint64_t seq, uint32_t covers)
{
    mesh_spool_record_t record = {.seq = seq,
                                  .covers = covers,
                                  .rank = MESH_RANK_MIDDLE,
                                  .timestamp_us = 77,
                                  .topic = "a/h/s",
                                  .topic_bytes = 5,
                                  .body = "b",
                                  .body_bytes = 1};
    return record;
}

static void
a_source_that_was_used_before_goes_on_with_its_next_number(void **state)
{
    (void) state;
    mesh_uuid_t source = mesh_uuid_new();
    mesh_outbox_t *outbox = mesh_outbox_new_as(&source, 3, 7, PLENTY);
    mesh_outbox_set_window(outbox, 10, PLENTY);
    mesh_spool_record_t third = kept(3, 1), fifth = kept(5, 1), sixth = kept(6, 1),
                        eighth = kept(8, 1);
    assert_int_equal(mesh_outbox_restore(outbox, &third), -1);    // acknowledged
    assert_int_equal(mesh_outbox_restore(outbox, &fifth), 0);
    assert_int_equal(mesh_outbox_restore(outbox, &fifth), -1);
    assert_int_equal(mesh_outbox_restore(outbox, &sixth), 0);
    assert_int_equal(mesh_outbox_restore(outbox, &eighth), -1);    // never given
    assert_true(mesh_uuid_equal(mesh_outbox_source(outbox), &source));
    assert_int_equal(mesh_outbox_first(outbox), 4);
    assert_int_equal(mesh_outbox_last(outbox), 6);
    assert_int_equal(mesh_outbox_ever_sent(outbox), 7);
    push(outbox, 1);
    const uint32_t covers[] = {2, 1, 2};
    const uint64_t numbers[] = {5, 6, 8};
    for (size_t i = 0; i < sizeof covers / sizeof *covers; i++) {
        const mesh_outbox_event_t *event = mesh_outbox_send_next(outbox);
        assert_non_null(event);
        assert_int_equal(event->seq, numbers[i]);
        assert_int_equal(event->covers, covers[i]);
    }
    assert_null(mesh_outbox_send_next(outbox));
    mesh_outbox_destroy(&outbox);
}

static void
what_is_held_is_not_sent_before_it_may(void **state)
{
    mesh_outbox_t *outbox = *state;
    mesh_outbox_hold_after(outbox, 1);
    push(outbox, 3);
    assert_sends(outbox, 1, 1);
    mesh_outbox_rewind(outbox, 1);
    assert_sends(outbox, 1, 1);
    mesh_outbox_hold_after(outbox, 2);
    assert_sends(outbox, 2, 2);
    mesh_outbox_hold_after(outbox, UINT64_MAX);
    assert_sends(outbox, 3, 3);
}

typedef struct walked {
    uint64_t numbers[8];
    size_t count;
    size_t most;    // until it has seen enough
} walked_t;

// mesh_outbox_walk_fn
static int
note_record(void *arg, const mesh_spool_record_t *record)
{
    walked_t *self = arg;
    assert_int_equal(record->topic_bytes, 5);
    assert_memory_equal(record->topic, "a/h/s", 5);
    self->numbers[self->count++] = record->seq;
    return self->count == self->most ? 9 : 0;
}

static void
what_waits_is_walked_from_a_number_on(void **state)
{
    mesh_outbox_t *outbox = *state;
    walked_t walked = {.most = 7};
    assert_int_equal(mesh_outbox_walk(outbox, 0, note_record, &walked), 0);
    push(outbox, 5);
    assert_sends(outbox, 1, 3);
    mesh_outbox_acknowledge(outbox, 1);
    assert_int_equal(mesh_outbox_walk(outbox, 3, note_record, &walked), 0);
    assert_int_equal(walked.count, 2);
    assert_int_equal(walked.numbers[0], 4);
    assert_int_equal(walked.numbers[1], 5);
    assert_int_equal(mesh_outbox_walk(outbox, 5, note_record, &walked), 0);
    assert_int_equal(walked.count, 2);
    walked = (walked_t){.most = 3};
    assert_int_equal(mesh_outbox_walk(outbox, 0, note_record, &walked), 9);
    assert_int_equal(walked.count, 3);
    assert_int_equal(walked.numbers[0], 2);
}

static void
what_will_not_be_delivered_is_counted_whatever_the_reason(void **state)
{
    mesh_outbox_t *outbox = *state;
    push(outbox, 4);
    assert_int_equal(mesh_outbox_withdrawn(outbox), 0);
    assert_sends(outbox, 1, 3);
    mesh_outbox_acknowledge(outbox, 1);
    assert_int_equal(mesh_outbox_withdrawn(outbox), 0);
    assert_int_equal(mesh_outbox_reduce(outbox, 2), 1);
    assert_int_equal(mesh_outbox_withdrawn(outbox), 1);
    assert_int_equal(mesh_outbox_forget(outbox, "s"), 2);
    assert_int_equal(mesh_outbox_withdrawn(outbox), 3);
    assert_int_equal(mesh_outbox_dropped(outbox), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(events_are_numbered_from_one_and_keep_what_they_were),
        TEST(an_empty_outbox_holds_nothing_from_the_next_number_on),
        TEST(nothing_goes_before_a_window_is_given),
        TEST(as_many_as_the_window_allows_are_unacknowledged),
        TEST(the_window_counts_bytes_of_body_frames),
        TEST(an_event_larger_than_the_window_goes_alone),
        TEST(acknowledgements_are_cumulative_and_never_go_back),
        TEST(numbers_never_sent_are_not_acknowledged),
        TEST(a_rewind_sends_again_from_a_number_on),
        TEST(a_rewind_never_skips_what_was_not_sent),
        TEST(what_was_rewound_may_be_acknowledged_before_it_goes_again),
        TEST(past_the_limit_the_oldest_expendable_goes_first_and_the_next_covers_it),
        TEST(without_expendables_the_oldest_of_all_goes),
        TEST(the_newest_that_goes_is_covered_by_the_one_that_comes),
        TEST(what_was_sent_is_never_dropped_nor_covered_differently),
        TEST(many_small_events_are_bounded_too),
        cmocka_unit_test_setup_teardown(
            a_source_that_was_used_before_goes_on_with_its_next_number, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_held_is_not_sent_before_it_may, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_waits_is_walked_from_a_number_on, setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_will_not_be_delivered_is_counted_whatever_the_reason, setup, teardown),
    };
    return cmocka_run_group_tests_name("outbox", tests, NULL, NULL);
}
