// test_resume - the verdicts, one by one
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "resume.h"

enum { EPOCH = 5, NOW_MS = 100000 };

static const resume_world_t healthy = {
    .live = true, .heard_ms = NOW_MS, .position = {EPOCH, 100}};

static resume_ask_t
ask_id(uint64_t epoch, uint64_t offset)
{
    return (resume_ask_t){.id = RESUME_ID, .cursor = {epoch, offset}, .asked_ms = NOW_MS};
}

static resume_world_t
with_removed(uint64_t count, uint64_t offset, int64_t recorded_us)
{
    resume_world_t world = healthy;
    world.removed = (type_removal_t){count, offset, recorded_us};
    return world;
}

static void
no_cursor_is_live_from_now(void **state)
{
    (void) state;
    resume_ask_t ask = {.asked_ms = NOW_MS};
    resume_answer_t answer = resume_decide(&ask, &healthy, NOW_MS);
    assert_int_equal(answer.verdict, RESUME_LIVE);
    assert_int_equal(answer.start, RESUME_START_NOW);
}

static void
no_cursor_is_held_until_the_past_has_been_fetched(void **state)
{
    (void) state;
    resume_ask_t ask = {.asked_ms = NOW_MS};
    resume_world_t world = healthy;
    world.live = false;
    assert_int_equal(resume_decide(&ask, &world, NOW_MS).verdict, RESUME_HOLD);
}

static void
a_cursor_after_which_nothing_that_matches_went_is_exact(void **state)
{
    (void) state;
    resume_ask_t ask = ask_id(EPOCH, 40);
    resume_world_t world = with_removed(7, 40, 1);
    resume_answer_t answer = resume_decide(&ask, &world, NOW_MS);
    assert_int_equal(answer.verdict, RESUME_EXACT);
    assert_int_equal(answer.start, RESUME_START_AFTER);
    assert_int_equal(answer.after, 40);
}

static void
a_cursor_before_something_that_matches_and_went_is_a_gap_with_its_range(void **state)
{
    (void) state;
    resume_ask_t ask = ask_id(EPOCH, 39);
    resume_world_t world = with_removed(7, 40, 1);
    resume_answer_t answer = resume_decide(&ask, &world, NOW_MS);
    assert_int_equal(answer.verdict, RESUME_GAP);
    assert_true(answer.from_known);
    assert_int_equal(answer.from, 39);
    assert_int_equal(answer.to, 40);
    // Seven went in all, but only one of them can have been after 39.
    assert_int_equal(answer.at_most, 1);
    ask = ask_id(EPOCH, 2);
    assert_int_equal(resume_decide(&ask, &world, NOW_MS).at_most, 7);
}

static void
a_cursor_the_ring_knows_is_answered_also_while_the_broker_is_away(void **state)
{
    (void) state;
    resume_ask_t ask = ask_id(EPOCH, 100);
    resume_world_t world = healthy;
    world.live = false;
    assert_int_equal(resume_decide(&ask, &world, NOW_MS).verdict, RESUME_EXACT);
    ask = ask_id(EPOCH, 101);
    assert_int_equal(resume_decide(&ask, &world, NOW_MS + 60000).verdict, RESUME_HOLD);
    ask = ask_id(EPOCH + 1, 1);
    assert_int_equal(resume_decide(&ask, &world, NOW_MS + 60000).verdict, RESUME_HOLD);
}

static void
a_cursor_of_another_epoch_is_reset(void **state)
{
    (void) state;
    resume_ask_t ask = ask_id(EPOCH + 1, 40);
    resume_answer_t answer = resume_decide(&ask, &healthy, NOW_MS);
    assert_int_equal(answer.verdict, RESUME_RESET);
    assert_int_equal(answer.start, RESUME_START_NOW);
}

static void
a_cursor_beyond_the_head_is_reset_only_when_a_later_head_says_so(void **state)
{
    (void) state;
    resume_ask_t ask = ask_id(EPOCH, 101);
    resume_world_t world = healthy;
    assert_int_equal(resume_decide(&ask, &world, NOW_MS).verdict, RESUME_HOLD);
    // Time alone proves nothing: the broker must have spoken.
    int64_t later_ms = NOW_MS + RESUME_HEAD_WAIT_MS;
    assert_int_equal(resume_decide(&ask, &world, later_ms).verdict, RESUME_HOLD);
    world.heard_ms = later_ms;
    assert_int_equal(resume_decide(&ask, &world, later_ms).verdict, RESUME_RESET);
    // It was another bridge's cursor, and here is its event.
    world.position.offset = 101;
    assert_int_equal(resume_decide(&ask, &world, later_ms).verdict, RESUME_EXACT);
}

static void
what_is_no_cursor_is_unknown_and_goes_on_live(void **state)
{
    (void) state;
    resume_ask_t ask = {.id = RESUME_ID_UNREADABLE, .asked_ms = NOW_MS};
    resume_answer_t answer = resume_decide(&ask, &healthy, NOW_MS);
    assert_int_equal(answer.verdict, RESUME_UNKNOWN);
    assert_int_equal(answer.start, RESUME_START_NOW);
}

static void
reset_and_unknown_go_on_from_since_where_it_is_given(void **state)
{
    (void) state;
    resume_ask_t ask = ask_id(EPOCH + 1, 40);
    ask.since = RESUME_SINCE_TIME;
    ask.since_us = 77;
    resume_answer_t answer = resume_decide(&ask, &healthy, NOW_MS);
    assert_int_equal(answer.verdict, RESUME_RESET);
    assert_int_equal(answer.start, RESUME_START_TIME);
    ask.id = RESUME_ID_UNREADABLE;
    ask.since = RESUME_SINCE_EARLIEST;
    answer = resume_decide(&ask, &healthy, NOW_MS);
    assert_int_equal(answer.verdict, RESUME_UNKNOWN);
    assert_int_equal(answer.start, RESUME_START_EARLIEST);
}

static void
last_event_id_beats_since(void **state)
{
    (void) state;
    resume_ask_t ask = ask_id(EPOCH, 40);
    ask.since = RESUME_SINCE_EARLIEST;
    resume_answer_t answer = resume_decide(&ask, &healthy, NOW_MS);
    assert_int_equal(answer.start, RESUME_START_AFTER);
    assert_int_equal(answer.after, 40);
}

static void
since_a_cursor_is_judged_as_last_event_id(void **state)
{
    (void) state;
    resume_ask_t ask = {
        .since = RESUME_SINCE_CURSOR, .since_cursor = {EPOCH, 39}, .asked_ms = NOW_MS};
    resume_world_t world = with_removed(1, 40, 1);
    assert_int_equal(resume_decide(&ask, &world, NOW_MS).verdict, RESUME_GAP);
    ask.since_cursor.epoch = 1;
    assert_int_equal(resume_decide(&ask, &world, NOW_MS).verdict, RESUME_RESET);
}

static void
since_a_time_is_a_gap_when_something_as_young_went(void **state)
{
    (void) state;
    resume_ask_t ask = {.since = RESUME_SINCE_TIME, .since_us = 1000, .asked_ms = NOW_MS};
    resume_world_t world = with_removed(3, 40, 999);
    resume_answer_t answer = resume_decide(&ask, &world, NOW_MS);
    assert_int_equal(answer.verdict, RESUME_EXACT);
    assert_int_equal(answer.start, RESUME_START_TIME);
    world = with_removed(3, 40, 1000);
    answer = resume_decide(&ask, &world, NOW_MS);
    assert_int_equal(answer.verdict, RESUME_GAP);
    assert_false(answer.from_known);
    assert_int_equal(answer.to, 40);
    assert_int_equal(answer.at_most, 3);
}

static void
the_earliest_kept_is_exact_by_its_own_words(void **state)
{
    (void) state;
    resume_ask_t ask = {.since = RESUME_SINCE_EARLIEST, .asked_ms = NOW_MS};
    resume_world_t world = with_removed(3, 40, 1000);
    resume_answer_t answer = resume_decide(&ask, &world, NOW_MS);
    assert_int_equal(answer.verdict, RESUME_EXACT);
    assert_int_equal(answer.start, RESUME_START_EARLIEST);
}

static void
the_last_n_are_a_gap_only_when_some_went_and_fewer_are_kept(void **state)
{
    (void) state;
    resume_ask_t ask = {.since = RESUME_SINCE_LAST, .last = 10, .asked_ms = NOW_MS};
    resume_world_t world = with_removed(3, 40, 1000);
    resume_answer_t answer = resume_decide(&ask, &world, NOW_MS);
    assert_int_equal(answer.start, RESUME_START_LAST);
    resume_last(&answer, &world, 10, 10);
    assert_int_equal(answer.verdict, RESUME_EXACT);
    resume_last(&answer, &healthy, 10, 4);
    assert_int_equal(answer.verdict, RESUME_EXACT);
    resume_last(&answer, &world, 10, 9);
    assert_int_equal(answer.verdict, RESUME_GAP);
    assert_int_equal(answer.at_most, 1);
}

static void
before_any_epoch_is_known_no_cursor_is_judged(void **state)
{
    (void) state;
    resume_ask_t ask = {.id = RESUME_ID, .cursor = {0, 0}, .asked_ms = NOW_MS};
    resume_world_t world = {.live = false};
    assert_int_equal(resume_decide(&ask, &world, NOW_MS).verdict, RESUME_HOLD);
}

static void
the_sessions_are_told_who_asks_or_has_lost_them_and_nobody_else(void **state)
{
    (void) state;
    const struct {
        resume_id_t id;
        resume_verdict_t verdict;
        bool asked, unasked;
    } cases[] = {
        {RESUME_NO_ID, RESUME_LIVE, true, false},
        {RESUME_NO_ID, RESUME_EXACT, true, false},
        {RESUME_NO_ID, RESUME_GAP, true, false},
        {RESUME_NO_ID, RESUME_RESET, true, true},
        {RESUME_ID, RESUME_EXACT, false, false},
        {RESUME_ID, RESUME_GAP, true, false},
        {RESUME_ID, RESUME_RESET, true, true},
        {RESUME_ID_UNREADABLE, RESUME_UNKNOWN, true, true},
    };
    for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
        resume_ask_t ask = {.id = cases[at].id, .snapshot = true};
        const resume_answer_t answer = {.verdict = cases[at].verdict};
        assert_int_equal(resume_tells_sessions(&ask, &answer), cases[at].asked);
        ask.snapshot = false;
        assert_int_equal(resume_tells_sessions(&ask, &answer), cases[at].unasked);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_cursor_is_live_from_now),
        cmocka_unit_test(no_cursor_is_held_until_the_past_has_been_fetched),
        cmocka_unit_test(a_cursor_after_which_nothing_that_matches_went_is_exact),
        cmocka_unit_test(
            a_cursor_before_something_that_matches_and_went_is_a_gap_with_its_range),
        cmocka_unit_test(a_cursor_the_ring_knows_is_answered_also_while_the_broker_is_away),
        cmocka_unit_test(a_cursor_of_another_epoch_is_reset),
        cmocka_unit_test(a_cursor_beyond_the_head_is_reset_only_when_a_later_head_says_so),
        cmocka_unit_test(what_is_no_cursor_is_unknown_and_goes_on_live),
        cmocka_unit_test(reset_and_unknown_go_on_from_since_where_it_is_given),
        cmocka_unit_test(last_event_id_beats_since),
        cmocka_unit_test(since_a_cursor_is_judged_as_last_event_id),
        cmocka_unit_test(since_a_time_is_a_gap_when_something_as_young_went),
        cmocka_unit_test(the_earliest_kept_is_exact_by_its_own_words),
        cmocka_unit_test(the_last_n_are_a_gap_only_when_some_went_and_fewer_are_kept),
        cmocka_unit_test(before_any_epoch_is_known_no_cursor_is_judged),
        cmocka_unit_test(the_sessions_are_told_who_asks_or_has_lost_them_and_nobody_else),
    };
    return cmocka_run_group_tests_name("resume", tests, NULL, NULL);
}
