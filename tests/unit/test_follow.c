// test_follow - one order without a hole, whatever happens on the way
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "follow_model.h"
#include "mesh/follow.h"

enum { LOG_SIZE = 1024, SEEDS = 300, STEPS = 3000 };

static const uint64_t epoch = 0xe1, other_epoch = 0xe2;

// What the handler was told, as words: "1" an event, "trimmed:2-5" a gap, "?3" a replay asked
// for after 3, "away", "catching", "live".
typedef struct heard {
    char log[LOG_SIZE];
    mesh_follow_t *follow;
} heard_t;

__attribute__((format(printf, 2, 3))) static void
note(heard_t *self, const char *format, ...)
{
    size_t used = strlen(self->log);
    va_list arguments;
    va_start(arguments, format);
    int rc = vsnprintf(self->log + used, LOG_SIZE - used, format, arguments);
    va_end(arguments);
    assert_in_range(rc, 1, LOG_SIZE - used - 1);
}

static void
on_deliver(void *arg, const mesh_event_t *event)
{
    note(arg, "%u ", (unsigned) event->header.offset);
}

static void
on_gap(void *arg, const mesh_gap_t *gap)
{
    static const char *const names[] = {"trimmed", "epoch", "down", "up"};
    note(arg, "%s:%u-%u ", names[gap->reason], (unsigned) gap->from.offset,
         (unsigned) gap->to.offset);
}

static void
on_ask(void *arg, const mesh_cursor_t *after)
{
    note(arg, "?%u ", (unsigned) after->offset);
}

static void
on_state(void *arg, mesh_subscriber_state_t state)
{
    static const char *const names[] = {"away", "catching", "live"};
    note(arg, "%s ", names[state]);
}

static const mesh_follow_actions_t actions = {on_deliver, on_gap, on_ask, on_state};

static void
begin(heard_t *self, mesh_from_t from, uint64_t offset)
{
    mesh_cursor_t cursor = {epoch, offset};
    *self = (heard_t){.follow = mesh_follow_new(from, &cursor, &actions, self)};
}

static void
assert_heard(heard_t *self, const char *words)
{
    assert_string_equal(self->log, words);
    self->log[0] = '\0';
}

static mesh_event_t
event_at(uint64_t in_epoch, uint64_t previous, uint64_t offset)
{
    return (mesh_event_t){
        .header =
            {.covers = 1, .seq = 1, .epoch = in_epoch, .offset = offset, .previous = previous},
        .topic = "a/h/",
        .topic_bytes = 4,
        .payload = "{}",
        .payload_bytes = 2,
    };
}

static void
live(heard_t *self, uint64_t in_epoch, uint64_t previous, uint64_t offset)
{
    mesh_event_t event = event_at(in_epoch, previous, offset);
    mesh_follow_live(self->follow, &event);
}

static void
uncommitted(heard_t *self)
{
    mesh_event_t event = event_at(0, 0, 0);
    event.header.flags = MESH_WIRE_UNCOMMITTED;
    mesh_follow_live(self->follow, &event);
}

static void
head(heard_t *self, uint64_t in_epoch, uint64_t offset)
{
    mesh_follow_head(self->follow, &(mesh_cursor_t){in_epoch, offset});
}

// A page of the events from `from` to `to`.
static void
page(heard_t *self, uint64_t first, uint64_t from, uint64_t to, bool more)
{
    mesh_follow_page_begins(self->follow, epoch, first);
    for (uint64_t offset = from; offset <= to; offset++) {
        mesh_event_t event = event_at(epoch, offset - 1, offset);
        mesh_follow_page_event(self->follow, &event);
    }
    mesh_follow_page_ends(self->follow, to, more);
}

static void
events_that_follow_each_other_are_delivered_as_they_come(void **state)
{
    (void) state;
    heard_t heard;
    begin(&heard, MESH_FROM_EARLIEST, 0);
    mesh_follow_welcome(heard.follow, epoch, 1, 0);
    live(&heard, epoch, 0, 1);
    live(&heard, epoch, 1, 5);
    assert_heard(&heard, "live 1 5 ");
    assert_int_equal(mesh_follow_position(heard.follow).offset, 5);
    mesh_follow_destroy(&heard.follow);
}

static void
nothing_is_delivered_before_the_welcome(void **state)
{
    (void) state;
    heard_t heard;
    begin(&heard, MESH_FROM_EARLIEST, 0);
    live(&heard, epoch, 0, 1);
    head(&heard, epoch, 1);
    assert_heard(&heard, "");
    assert_int_equal(mesh_follow_state(heard.follow), MESH_SUBSCRIBER_AWAY);
    mesh_follow_destroy(&heard.follow);
}

static void
a_hole_is_filled_by_replay_before_what_came_after_it(void **state)
{
    (void) state;
    heard_t heard;
    begin(&heard, MESH_FROM_NOW, 0);
    mesh_follow_welcome(heard.follow, epoch, 1, 3);
    live(&heard, epoch, 3, 4);
    live(&heard, epoch, 6, 7);
    live(&heard, epoch, 7, 8);
    assert_heard(&heard, "live 4 catching ?4 ");
    page(&heard, 1, 5, 6, false);
    assert_heard(&heard, "5 6 7 8 live ");
    mesh_follow_destroy(&heard.follow);
}

static void
what_the_replay_and_the_wire_both_bring_is_delivered_once(void **state)
{
    (void) state;
    heard_t heard;
    begin(&heard, MESH_FROM_NOW, 0);
    mesh_follow_welcome(heard.follow, epoch, 1, 1);
    live(&heard, epoch, 2, 3);
    live(&heard, epoch, 3, 4);
    live(&heard, epoch, 4, 5);
    page(&heard, 1, 2, 4, false);
    live(&heard, epoch, 4, 5);
    live(&heard, epoch, 5, 6);
    assert_heard(&heard, "live catching ?1 2 3 4 5 live 6 ");
    mesh_follow_destroy(&heard.follow);
}

static void
a_head_reveals_that_the_last_event_was_lost(void **state)
{
    (void) state;
    heard_t heard;
    begin(&heard, MESH_FROM_NOW, 0);
    mesh_follow_welcome(heard.follow, epoch, 1, 1);
    head(&heard, epoch, 1);
    head(&heard, epoch, 2);
    assert_heard(&heard, "live catching ?1 ");
    page(&heard, 1, 2, 2, false);
    assert_heard(&heard, "2 live ");
    mesh_follow_destroy(&heard.follow);
}

static void
a_replay_goes_on_page_by_page(void **state)
{
    (void) state;
    heard_t heard;
    begin(&heard, MESH_FROM_EARLIEST, 0);
    mesh_follow_welcome(heard.follow, epoch, 1, 5);
    page(&heard, 1, 1, 2, true);
    page(&heard, 1, 3, 5, false);
    assert_heard(&heard, "catching ?0 1 2 ?2 3 4 5 live ");
    mesh_follow_destroy(&heard.follow);
}

static void
one_who_begins_at_the_earliest_is_told_of_no_gap_before_it(void **state)
{
    (void) state;
    heard_t heard;
    begin(&heard, MESH_FROM_EARLIEST, 0);
    mesh_follow_welcome(heard.follow, epoch, 4, 5);
    page(&heard, 4, 4, 5, false);
    assert_heard(&heard, "catching ?0 4 5 live ");
    mesh_follow_destroy(&heard.follow);
}

static void
what_retention_removed_is_told_as_a_gap(void **state)
{
    (void) state;
    heard_t heard;
    begin(&heard, MESH_FROM_CURSOR, 2);
    mesh_follow_welcome(heard.follow, epoch, 6, 7);
    page(&heard, 6, 6, 7, false);
    assert_heard(&heard, "catching ?2 trimmed:2-5 6 7 live ");
    mesh_follow_destroy(&heard.follow);
    begin(&heard, MESH_FROM_CURSOR, 0);
    mesh_follow_welcome(heard.follow, epoch, 6, 7);
    page(&heard, 6, 6, 7, false);
    assert_heard(&heard, "catching ?0 trimmed:0-5 6 7 live ");
    mesh_follow_destroy(&heard.follow);
}

static void
a_new_epoch_is_told_and_begun_at_its_start(void **state)
{
    (void) state;
    heard_t heard;
    begin(&heard, MESH_FROM_NOW, 0);
    mesh_follow_welcome(heard.follow, epoch, 1, 9);
    live(&heard, other_epoch, 0, 1);
    assert_heard(&heard, "live epoch:9-0 1 ");
    assert_true(mesh_follow_position(heard.follow).epoch == other_epoch);
    mesh_follow_destroy(&heard.follow);
}

static void
what_a_new_epoch_has_lost_already_is_told_too(void **state)
{
    (void) state;
    heard_t heard;
    begin(&heard, MESH_FROM_NOW, 0);
    mesh_follow_welcome(heard.follow, other_epoch, 1, 9);
    mesh_follow_welcome(heard.follow, epoch, 3, 3);
    page(&heard, 3, 3, 3, false);
    assert_heard(&heard, "live epoch:9-0 catching ?0 trimmed:0-2 3 live ");
    mesh_follow_destroy(&heard.follow);
}

static void
what_a_dead_broker_had_sent_does_not_lead_back_to_its_epoch(void **state)
{
    (void) state;
    heard_t heard;
    begin(&heard, MESH_FROM_NOW, 0);
    mesh_follow_welcome(heard.follow, epoch, 1, 9);
    mesh_follow_away(heard.follow);
    mesh_follow_welcome(heard.follow, other_epoch, 1, 0);
    live(&heard, other_epoch, 0, 1);
    live(&heard, epoch, 9, 10);
    head(&heard, epoch, 10);
    live(&heard, other_epoch, 1, 2);
    assert_heard(&heard, "live away epoch:9-0 live 1 2 ");
    mesh_follow_destroy(&heard.follow);
}

static void
a_welcome_to_an_epoch_that_was_left_goes_on_where_it_was(void **state)
{
    (void) state;
    heard_t heard;
    begin(&heard, MESH_FROM_NOW, 0);
    mesh_follow_welcome(heard.follow, epoch, 1, 9);
    mesh_follow_welcome(heard.follow, other_epoch, 1, 0);
    mesh_follow_welcome(heard.follow, epoch, 1, 10);
    page(&heard, 1, 10, 10, false);
    assert_heard(&heard, "live epoch:9-0 epoch:0-9 catching ?9 10 live ");
    mesh_follow_destroy(&heard.follow);
}

static void
a_place_that_the_epoch_has_not_given_is_told_and_begun_anew(void **state)
{
    (void) state;
    heard_t heard;
    begin(&heard, MESH_FROM_CURSOR, 100);
    mesh_follow_welcome(heard.follow, epoch, 1, 2);
    page(&heard, 1, 1, 2, false);
    assert_heard(&heard, "epoch:100-0 catching ?0 1 2 live ");
    mesh_follow_destroy(&heard.follow);
}

static void
a_failed_replay_is_asked_for_again_only_when_it_is_due(void **state)
{
    (void) state;
    heard_t heard;
    begin(&heard, MESH_FROM_NOW, 0);
    mesh_follow_welcome(heard.follow, epoch, 1, 1);
    head(&heard, epoch, 2);
    mesh_follow_replay_failed(heard.follow);
    live(&heard, epoch, 2, 3);
    head(&heard, epoch, 3);
    assert_heard(&heard, "live catching ?1 ");
    mesh_follow_retry(heard.follow);
    assert_heard(&heard, "?1 ");
    page(&heard, 1, 2, 2, false);
    assert_heard(&heard, "2 3 live ");
    mesh_follow_retry(heard.follow);
    assert_heard(&heard, "");
    mesh_follow_destroy(&heard.follow);
}

static void
a_welcome_that_live_events_have_overtaken_changes_nothing(void **state)
{
    (void) state;
    heard_t heard;
    begin(&heard, MESH_FROM_NOW, 0);
    mesh_follow_welcome(heard.follow, epoch, 1, 1);
    live(&heard, epoch, 1, 2);
    mesh_follow_welcome(heard.follow, epoch, 1, 1);
    live(&heard, epoch, 2, 3);
    assert_heard(&heard, "live 2 3 ");
    assert_int_equal(mesh_follow_known_head(heard.follow).offset, 3);
    mesh_follow_destroy(&heard.follow);
}

static void
events_without_a_place_are_delivered_between_two_gaps(void **state)
{
    (void) state;
    heard_t heard;
    begin(&heard, MESH_FROM_NOW, 0);
    mesh_follow_welcome(heard.follow, epoch, 1, 1);
    uncommitted(&heard);
    uncommitted(&heard);
    live(&heard, epoch, 1, 2);
    assert_heard(&heard, "live down:1-1 0 0 up:1-1 2 ");
    mesh_follow_destroy(&heard.follow);
}

static void
more_live_events_than_are_held_are_fetched_by_the_replay(void **state)
{
    (void) state;
    heard_t heard;
    begin(&heard, MESH_FROM_NOW, 0);
    mesh_follow_welcome(heard.follow, epoch, 1, 1);
    uint64_t last = 2 + MESH_FOLLOW_HELD_EVENTS + 5;
    for (uint64_t offset = 3; offset <= last; offset++)
        live(&heard, epoch, offset - 1, offset);
    assert_heard(&heard, "live catching ?1 ");
    // Only the newest are held, so the replay must come that far.
    page(&heard, 1, 2, 4, false);
    assert_heard(&heard, "2 3 4 ?4 ");
    mesh_follow_destroy(&heard.follow);
}

// Several hundred brokers that lose, trim, restart, go away and come back.
static void
a_broken_order_is_seen_whole_or_with_every_gap_told(void **state)
{
    (void) state;
    follow_model_counts_t sum = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        choice_t choice = choice_of_seed(seed, STEPS);
        // The last line before an assertion names the seed to run again.
        print_message("seed %llu\n", (unsigned long long) seed);
        follow_model_counts_t counts = follow_model_run(&choice);
        sum.made += counts.made;
        sum.delivered += counts.delivered;
        sum.gaps += counts.gaps;
        sum.replays += counts.replays;
        sum.epochs += counts.epochs;
    }
    print_message("%zu made, %zu delivered, %zu gaps, %zu replays, %zu epochs\n", sum.made,
                  sum.delivered, sum.gaps, sum.replays, sum.epochs);
    // The model is worth something only when all of it happened, and most came through.
    assert_true(sum.delivered > sum.made / 4 && sum.gaps > SEEDS && sum.replays > SEEDS &&
                sum.epochs > SEEDS);
}

// Errors may be kept longer than progress: then what is kept is not all behind what was
// removed.
static void
what_retention_removed_among_what_it_kept_is_told_once(void **state)
{
    (void) state;
    heard_t heard;
    begin(&heard, MESH_FROM_CURSOR, 2);
    mesh_follow_welcome(heard.follow, epoch, 1, 9);
    mesh_follow_page_begins(heard.follow, epoch, 1);
    mesh_follow_page_removed(heard.follow, 7);
    mesh_event_t kept = event_at(epoch, 2, 4);
    mesh_follow_page_event(heard.follow, &kept);
    mesh_follow_page_ends(heard.follow, 4, true);
    mesh_follow_page_begins(heard.follow, epoch, 1);
    mesh_follow_page_removed(heard.follow, 7);
    kept = event_at(epoch, 8, 9);
    mesh_follow_page_event(heard.follow, &kept);
    mesh_follow_page_ends(heard.follow, 9, false);
    assert_heard(&heard, "catching ?2 trimmed:2-2 4 ?4 9 live ");
    mesh_follow_destroy(&heard.follow);
    // Before a place nothing that was removed is missed.
    begin(&heard, MESH_FROM_CURSOR, 7);
    mesh_follow_welcome(heard.follow, epoch, 1, 9);
    mesh_follow_page_begins(heard.follow, epoch, 1);
    mesh_follow_page_removed(heard.follow, 7);
    mesh_follow_page_ends(heard.follow, 9, false);
    assert_heard(&heard, "catching ?7 live ");
    mesh_follow_destroy(&heard.follow);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_that_follow_each_other_are_delivered_as_they_come),
        cmocka_unit_test(nothing_is_delivered_before_the_welcome),
        cmocka_unit_test(a_hole_is_filled_by_replay_before_what_came_after_it),
        cmocka_unit_test(what_the_replay_and_the_wire_both_bring_is_delivered_once),
        cmocka_unit_test(a_head_reveals_that_the_last_event_was_lost),
        cmocka_unit_test(a_replay_goes_on_page_by_page),
        cmocka_unit_test(one_who_begins_at_the_earliest_is_told_of_no_gap_before_it),
        cmocka_unit_test(what_retention_removed_is_told_as_a_gap),
        cmocka_unit_test(what_retention_removed_among_what_it_kept_is_told_once),
        cmocka_unit_test(a_new_epoch_is_told_and_begun_at_its_start),
        cmocka_unit_test(what_a_new_epoch_has_lost_already_is_told_too),
        cmocka_unit_test(what_a_dead_broker_had_sent_does_not_lead_back_to_its_epoch),
        cmocka_unit_test(a_welcome_to_an_epoch_that_was_left_goes_on_where_it_was),
        cmocka_unit_test(a_place_that_the_epoch_has_not_given_is_told_and_begun_anew),
        cmocka_unit_test(a_failed_replay_is_asked_for_again_only_when_it_is_due),
        cmocka_unit_test(a_welcome_that_live_events_have_overtaken_changes_nothing),
        cmocka_unit_test(events_without_a_place_are_delivered_between_two_gaps),
        cmocka_unit_test(more_live_events_than_are_held_are_fetched_by_the_replay),
        cmocka_unit_test(a_broken_order_is_seen_whole_or_with_every_gap_told),
    };
    return cmocka_run_group_tests_name("follow", tests, NULL, NULL);
}
