// test_sequencer - of each source the next number, and with an outbox on a bad wire each event
// once
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "sequencer.h"
#include "source_model.h"

enum { SEEDS = 300, STEPS = 3000 };

typedef struct bench {
    sequencer_t *sequencer;
    mesh_uuid_t source;
    const void *holder;
    uint64_t from;
} bench_t;

static int someone, another;

static int
setup(void **state)
{
    bench_t *self = test_calloc(1, sizeof *self);
    self->sequencer = sequencer_new(3);
    self->source = mesh_uuid_new();
    *state = self;
    return 0;
}

static int
teardown(void **state)
{
    bench_t *self = *state;
    sequencer_destroy(&self->sequencer);
    test_free(self);
    return 0;
}

static sequencer_outcome_t
offer(bench_t *self, uint64_t seq, uint32_t covers, int64_t now_ms)
{
    mesh_header_t header = {.source = self->source, .seq = seq, .covers = covers};
    return sequencer_offer(self->sequencer, &header, now_ms, &self->holder, &self->from);
}

static uint64_t
claim(bench_t *self, const void *holder, uint64_t first)
{
    uint64_t next;
    assert_int_equal(sequencer_claim(self->sequencer, &self->source, holder, first, 0, &next),
                     SEQUENCER_CLAIMED);
    return next;
}

static const void *
commit(bench_t *self, uint64_t seq)
{
    return sequencer_commit(self->sequencer, &self->source, seq);
}

static void
the_next_number_is_taken_and_one_seen_is_ignored(void **state)
{
    bench_t *self = *state;
    assert_int_equal(claim(self, &someone, 1), 1);
    assert_int_equal(offer(self, 1, 1, 10), SEQUENCER_TAKE);
    assert_ptr_equal(self->holder, &someone);
    assert_int_equal(offer(self, 1, 1, 10), SEQUENCER_IGNORE);
    assert_int_equal(offer(self, 4, 3, 10), SEQUENCER_TAKE);
    assert_int_equal(offer(self, 3, 1, 10), SEQUENCER_IGNORE);
    assert_int_equal(sequencer_taken(self->sequencer, &self->source), 4);
}

static void
an_unknown_source_begins_at_its_first_number(void **state)
{
    bench_t *self = *state;
    assert_int_equal(claim(self, &someone, 41), 41);
    assert_int_equal(offer(self, 41, 1, 10), SEQUENCER_TAKE);
    assert_int_equal(sequencer_gaps(self->sequencer), 0);
}

static void
a_hole_is_asked_for_once_until_100_ms_have_passed(void **state)
{
    bench_t *self = *state;
    claim(self, &someone, 1);
    assert_int_equal(offer(self, 3, 1, 1000), SEQUENCER_RESEND);
    assert_int_equal(self->from, 1);
    assert_int_equal(offer(self, 4, 1, 1099), SEQUENCER_IGNORE);
    assert_int_equal(offer(self, 5, 1, 1100), SEQUENCER_RESEND);
    assert_int_equal(offer(self, 1, 1, 1101), SEQUENCER_TAKE);
    assert_int_equal(offer(self, 3, 1, 1102), SEQUENCER_RESEND);
    assert_int_equal(self->from, 2);
}

static void
a_heartbeat_reveals_a_lost_last_event_after_20_quiet_ms(void **state)
{
    bench_t *self = *state;
    claim(self, &someone, 1);
    assert_int_equal(offer(self, 1, 1, 1000), SEQUENCER_TAKE);
    assert_int_equal(sequencer_missing(self->sequencer, &self->source, 2, 1019), 0);
    assert_int_equal(sequencer_missing(self->sequencer, &self->source, 2, 1020), 2);
    assert_int_equal(sequencer_missing(self->sequencer, &self->source, 2, 1021), 0);
    assert_int_equal(sequencer_missing(self->sequencer, &self->source, 1, 2000), 0);
    mesh_uuid_t unknown = mesh_uuid_new();
    assert_int_equal(sequencer_missing(self->sequencer, &unknown, 5, 2000), 0);
}

static void
the_holder_is_told_at_every_hundredth_event_that_is_committed(void **state)
{
    bench_t *self = *state;
    claim(self, &someone, 1);
    for (uint64_t seq = 1; seq <= 250; seq++) {
        assert_int_equal(offer(self, seq, 1, 10), SEQUENCER_TAKE);
        assert_ptr_equal(commit(self, seq), seq % SEQUENCER_ACK_EVERY ? NULL : &someone);
    }
}

static void
a_holder_that_asked_is_told_when_all_that_was_taken_is_committed(void **state)
{
    bench_t *self = *state;
    claim(self, &someone, 1);
    assert_int_equal(offer(self, 1, 1, 10), SEQUENCER_TAKE);
    assert_int_equal(offer(self, 2, 1, 10), SEQUENCER_TAKE);
    sequencer_ask_ack(self->sequencer, &self->source);
    assert_null(commit(self, 1));
    assert_ptr_equal(commit(self, 2), &someone);
    assert_int_equal(offer(self, 3, 1, 10), SEQUENCER_TAKE);
    assert_null(commit(self, 3));
}

static void
what_is_taken_and_not_committed_is_what_a_hello_is_asked_for(void **state)
{
    bench_t *self = *state;
    claim(self, &someone, 1);
    assert_int_equal(offer(self, 1, 1, 10), SEQUENCER_TAKE);
    assert_int_equal(offer(self, 2, 1, 10), SEQUENCER_TAKE);
    commit(self, 1);
    assert_int_equal(sequencer_committed(self->sequencer, &self->source), 1);
    assert_int_equal(sequencer_taken(self->sequencer, &self->source), 2);
    assert_int_equal(claim(self, &someone, 1), 2);
    assert_int_equal(offer(self, 2, 1, 10), SEQUENCER_IGNORE);
}

static void
on_ask(void *arg, const void *holder, const mesh_uuid_t *source, uint64_t from)
{
    bench_t *self = arg;
    assert_true(mesh_uuid_equal(source, &self->source));
    self->holder = holder;
    self->from = from;
}

static void
what_was_not_committed_when_the_journal_came_back_is_asked_for(void **state)
{
    bench_t *self = *state;
    claim(self, &someone, 1);
    assert_int_equal(offer(self, 3, 3, 10), SEQUENCER_TAKE);
    commit(self, 3);
    self->holder = NULL;
    sequencer_take_back(self->sequencer, on_ask, self);
    assert_null(self->holder);
    assert_int_equal(offer(self, 5, 2, 10), SEQUENCER_TAKE);
    sequencer_take_back(self->sequencer, on_ask, self);
    assert_ptr_equal(self->holder, &someone);
    assert_int_equal(self->from, 4);
    assert_int_equal(offer(self, 5, 2, 10), SEQUENCER_TAKE);
}

static void
a_source_of_the_journal_goes_on_and_takes_nothing_twice(void **state)
{
    bench_t *self = *state;
    sequencer_restore(self->sequencer, &self->source, 7, false);
    assert_int_equal(offer(self, 7, 1, 10), SEQUENCER_IGNORE);
    assert_int_equal(offer(self, 9, 1, 10), SEQUENCER_IGNORE);
    assert_int_equal(claim(self, &someone, 5), 8);
    assert_int_equal(offer(self, 9, 1, 11), SEQUENCER_RESEND);
    assert_int_equal(self->from, 8);
}

// A hello that is late must not cost what it would have asked for.
static void
of_a_source_that_said_hello_before_the_start_nothing_is_left_out(void **state)
{
    bench_t *self = *state;
    int64_t later_ms = 1000 + 100 * SEQUENCER_STRANGER_MS;
    sequencer_restore(self->sequencer, &self->source, 7, true);
    assert_true(sequencer_is_registered(self->sequencer, &self->source));
    assert_int_not_equal(offer(self, 9, 1, 1000), SEQUENCER_TAKE);
    assert_int_not_equal(offer(self, 9, 1, later_ms), SEQUENCER_TAKE);
    assert_null(self->holder);
    assert_int_equal(sequencer_gaps(self->sequencer), 0);
    assert_int_equal(claim(self, &someone, 8), 8);
    assert_int_equal(offer(self, 8, 1, later_ms), SEQUENCER_TAKE);
}

static void
a_restored_source_that_said_no_hello_is_a_stranger(void **state)
{
    bench_t *self = *state;
    sequencer_restore(self->sequencer, &self->source, 7, false);
    assert_false(sequencer_is_registered(self->sequencer, &self->source));
    assert_int_equal(offer(self, 9, 1, 1000), SEQUENCER_IGNORE);
    assert_int_equal(offer(self, 9, 1, 999 + SEQUENCER_STRANGER_MS), SEQUENCER_IGNORE);
    assert_int_equal(offer(self, 9, 1, 1000 + SEQUENCER_STRANGER_MS), SEQUENCER_TAKE);
    assert_int_equal(sequencer_gaps(self->sequencer), 1);
}

static void
knowing_less_than_was_acknowledged_is_told(void **state)
{
    bench_t *self = *state;
    uint64_t next;
    sequencer_restore(self->sequencer, &self->source, 7, false);
    assert_int_equal(sequencer_claim(self->sequencer, &self->source, &someone, 10, 9, &next),
                     SEQUENCER_FORGOTTEN);
    assert_int_equal(next, 10);
    // It is known now; and of a source that was never heard of, nothing was forgotten.
    assert_int_equal(sequencer_claim(self->sequencer, &self->source, &someone, 10, 9, &next),
                     SEQUENCER_CLAIMED);
    self->source = mesh_uuid_new();
    assert_int_equal(sequencer_claim(self->sequencer, &self->source, &someone, 10, 9, &next),
                     SEQUENCER_CLAIMED);
}

static void
what_no_hello_has_named_since_the_start_can_be_forgotten(void **state)
{
    bench_t *self = *state;
    mesh_uuid_t restored = mesh_uuid_new();
    sequencer_restore(self->sequencer, &restored, 7, true);
    claim(self, &someone, 1);
    sequencer_forget_restored(self->sequencer);
    assert_int_equal(sequencer_size(self->sequencer), 1);
    assert_int_equal(sequencer_taken(self->sequencer, &restored), 0);
}

static void
a_source_has_one_holder_until_it_is_released(void **state)
{
    bench_t *self = *state;
    uint64_t next;
    claim(self, &someone, 1);
    assert_int_equal(offer(self, 1, 1, 10), SEQUENCER_TAKE);
    commit(self, 1);
    assert_int_equal(sequencer_claim(self->sequencer, &self->source, &another, 1, 0, &next),
                     SEQUENCER_HELD);
    assert_int_equal(claim(self, &someone, 1), 2);
    sequencer_release(self->sequencer, &someone);
    assert_int_equal(claim(self, &another, 1), 2);
    assert_int_equal(offer(self, 2, 1, 10), SEQUENCER_TAKE);
    assert_ptr_equal(self->holder, &another);
}

static void
numbers_that_a_publisher_no_longer_has_are_counted(void **state)
{
    bench_t *self = *state;
    claim(self, &someone, 1);
    assert_int_equal(offer(self, 2, 2, 10), SEQUENCER_TAKE);
    assert_int_equal(claim(self, &someone, 6), 6);
    assert_int_equal(sequencer_gaps(self->sequencer), 3);
}

static void
one_that_never_says_hello_is_taken_from_its_first_number_on(void **state)
{
    bench_t *self = *state;
    assert_int_equal(offer(self, 1, 1, 10), SEQUENCER_TAKE);
    assert_null(self->holder);
    assert_int_equal(offer(self, 2, 1, 10), SEQUENCER_TAKE);
}

static void
the_holes_of_a_stranger_are_left_for_it_to_fill_and_then_counted(void **state)
{
    bench_t *self = *state;
    assert_int_equal(offer(self, 5, 1, 1000), SEQUENCER_IGNORE);
    int64_t due_ms = 1000 + SEQUENCER_STRANGER_MS;
    assert_int_equal(offer(self, 6, 1, due_ms - 1), SEQUENCER_IGNORE);
    assert_int_equal(offer(self, 7, 1, due_ms), SEQUENCER_TAKE);
    assert_int_equal(sequencer_gaps(self->sequencer), 6);
    assert_int_equal(offer(self, 9, 1, due_ms), SEQUENCER_TAKE);
    assert_int_equal(sequencer_gaps(self->sequencer), 7);
}

// A broker was killed and started again: what was on the wire arrives before the hello.
static void
what_overtakes_the_hello_to_a_new_broker_loses_nothing_before_it(void **state)
{
    bench_t *self = *state;
    assert_int_equal(offer(self, 8, 1, 1000), SEQUENCER_IGNORE);
    assert_int_equal(claim(self, &someone, 5), 5);
    assert_int_equal(offer(self, 9, 1, 1001), SEQUENCER_RESEND);
    assert_int_equal(self->from, 5);
}

static void
past_the_limit_the_source_unheard_for_the_longest_is_forgotten(void **state)
{
    bench_t *self = *state;
    claim(self, &someone, 1);
    assert_int_equal(offer(self, 1, 1, 1), SEQUENCER_TAKE);
    mesh_uuid_t held = self->source;
    mesh_uuid_t free_ones[3];
    for (int i = 0; i < 3; i++) {
        self->source = free_ones[i] = mesh_uuid_new();
        assert_int_equal(offer(self, 1, 1, 10 + i), SEQUENCER_TAKE);
    }
    assert_int_equal(sequencer_size(self->sequencer), 3);
    assert_int_equal(sequencer_taken(self->sequencer, &held), 1);
    assert_int_equal(sequencer_taken(self->sequencer, &free_ones[0]), 0);
    assert_int_equal(sequencer_taken(self->sequencer, &free_ones[1]), 1);
    assert_int_equal(sequencer_taken(self->sequencer, &free_ones[2]), 1);
}

// Were each looked for among all, this would take longer than a test may.
static void
room_for_each_of_many_is_made_without_a_search(void **state)
{
    enum { MANY = 30000 };
    bench_t *self = *state;
    sequencer_destroy(&self->sequencer);
    self->sequencer = sequencer_new(MANY);
    claim(self, &someone, 1);
    mesh_uuid_t held = self->source, again = mesh_uuid_new();
    for (int i = 0; i < 2 * MANY; i++) {
        self->source = i == MANY / 2 ? again : mesh_uuid_new();
        assert_int_equal(offer(self, 1, 1, 10 + i), SEQUENCER_TAKE);
        if (i == MANY + MANY / 4) {
            // Heard again, it is among the newest.
            self->source = again;
            assert_int_equal(offer(self, 2, 1, 10 + i), SEQUENCER_TAKE);
        }
    }
    assert_int_equal(sequencer_size(self->sequencer), MANY);
    assert_int_equal(sequencer_taken(self->sequencer, &again), 2);
    assert_ptr_equal(sequencer_holder(self->sequencer, &held), &someone);
    sequencer_release(self->sequencer, &someone);
    for (int i = 0; i < MANY; i++) {
        self->source = mesh_uuid_new();
        (void) offer(self, 1, 1, 10 + 3 * MANY);
    }
    assert_int_equal(sequencer_taken(self->sequencer, &again), 0);
    assert_null(sequencer_holder(self->sequencer, &held));
}

static void
the_largest_numbers_overflow_nothing(void **state)
{
    bench_t *self = *state;
    assert_int_equal(offer(self, UINT32_MAX, UINT32_MAX, 10), SEQUENCER_TAKE);
    assert_int_equal(offer(self, UINT64_MAX, 1, 10 + SEQUENCER_STRANGER_MS), SEQUENCER_TAKE);
    assert_int_equal(offer(self, UINT64_MAX, 1, 10 + SEQUENCER_STRANGER_MS), SEQUENCER_IGNORE);
    claim(self, &someone, 7);
    assert_int_equal(sequencer_taken(self->sequencer, &self->source), UINT64_MAX);
}

// Several hundred wires that lose, and brokers that are started anew and know nothing.
static void
each_event_of_an_outbox_arrives_once_and_in_order_over_a_bad_wire(void **state)
{
    (void) state;
    source_model_counts_t sum = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        // The last line before an assertion names the seed to run again.
        print_message("seed %llu\n", (unsigned long long) seed);
        choice_t choice = choice_of_seed(seed, STEPS);
        source_model_counts_t counts = source_model_run(&choice);
        sum.pushed += counts.pushed;
        sum.taken += counts.taken;
        sum.dropped += counts.dropped;
        sum.resends += counts.resends;
        sum.restarts += counts.restarts;
    }
    print_message("%zu pushed, %zu taken, %zu dropped, %zu resends, %zu restarts\n", sum.pushed,
                  sum.taken, sum.dropped, sum.resends, sum.restarts);
    assert_true(sum.taken > sum.pushed / 10 && sum.dropped > SEEDS && sum.resends > SEEDS &&
                sum.restarts > SEEDS);
}

static void
what_another_broker_gives_takes_no_source_from_its_holder(void **state)
{
    bench_t *self = *state;
    uint64_t next = 0;
    sequencer_adopt(self->sequencer, &self->source, 5, &next);
    assert_int_equal(next, 5);
    assert_int_equal(sequencer_claim(self->sequencer, &self->source, &someone, 5, 0, &next),
                     SEQUENCER_CLAIMED);
    // The program is here by now, and knows best what it has.
    sequencer_adopt(self->sequencer, &self->source, 90, &next);
    assert_int_equal(next, 5);
    assert_int_equal(sequencer_claim(self->sequencer, &self->source, &another, 5, 0, &next),
                     SEQUENCER_HELD);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_next_number_is_taken_and_one_seen_is_ignored, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_unknown_source_begins_at_its_first_number, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_hole_is_asked_for_once_until_100_ms_have_passed,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_heartbeat_reveals_a_lost_last_event_after_20_quiet_ms,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            the_holder_is_told_at_every_hundredth_event_that_is_committed, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_holder_that_asked_is_told_when_all_that_was_taken_is_committed, setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_is_taken_and_not_committed_is_what_a_hello_is_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_was_not_committed_when_the_journal_came_back_is_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(a_source_of_the_journal_goes_on_and_takes_nothing_twice,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            of_a_source_that_said_hello_before_the_start_nothing_is_left_out, setup, teardown),
        cmocka_unit_test_setup_teardown(a_restored_source_that_said_no_hello_is_a_stranger,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(knowing_less_than_was_acknowledged_is_told, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            what_no_hello_has_named_since_the_start_can_be_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(a_source_has_one_holder_until_it_is_released, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(numbers_that_a_publisher_no_longer_has_are_counted,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            one_that_never_says_hello_is_taken_from_its_first_number_on, setup, teardown),
        cmocka_unit_test_setup_teardown(
            the_holes_of_a_stranger_are_left_for_it_to_fill_and_then_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_overtakes_the_hello_to_a_new_broker_loses_nothing_before_it, setup, teardown),
        cmocka_unit_test_setup_teardown(room_for_each_of_many_is_made_without_a_search, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            past_the_limit_the_source_unheard_for_the_longest_is_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_another_broker_gives_takes_no_source_from_its_holder, setup, teardown),
        cmocka_unit_test_setup_teardown(the_largest_numbers_overflow_nothing, setup, teardown),
        cmocka_unit_test(each_event_of_an_outbox_arrives_once_and_in_order_over_a_bad_wire),
    };
    return cmocka_run_group_tests_name("sequencer", tests, NULL, NULL);
}
