// test_past_reader - from the journal's pages to the ring: each event once, and what is said
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdlib.h>
#include <string.h>

#include "event_ring.h"
#include "past_journal.h"
#include "past_reader.h"
#include "stream_group.h"
#include "stream_query.h"

enum { PLENTY = 1000000, TAKES = 64 };

typedef struct world {
    past_journal_t journal;
    event_ring_t *ring;
    session_table_t *sessions;
    filter_t *filter;
    past_reader_t reader;
    int64_t budget;      // of each step
    uint32_t happens;    // events that happen between two steps
    int steps;
} world_t;

static int
setup(void **state)
{
    world_t *world = calloc(1, sizeof *world);
    past_journal_open(&world->journal, 700);
    world->ring = event_ring_new(EVENT_RING_LEAST_BYTES);
    world->sessions = session_table_new(10);
    world->filter = filter_new();
    filter_seal(world->filter);
    world->budget = PLENTY;
    *state = world;
    return 0;
}

static int
teardown(void **state)
{
    world_t *world = *state;
    past_destroy(&world->journal.past);
    event_ring_destroy(&world->ring);
    session_table_destroy(&world->sessions);
    filter_destroy(&world->filter);
    free(world);
    return 0;
}

static void
happen(world_t *world, uint64_t count)
{
    for (uint64_t at = 0; at < count; at++) {
        ring_event_t event;
        int rc = event_ring_append(world->ring,
                                   ring_event(&event, "aider.error_occurred", "s-1",
                                              "{\"provider\":\"p\"}", ++world->journal.head));
        assert_int_equal(rc, 0);
    }
}

// A ring that begins after an offset, as one of a program that was started late.
static void
begin_ring(world_t *world, uint64_t after)
{
    event_ring_begin_epoch(world->ring, &(mesh_cursor_t){RING_EVENT_EPOCH, after}, NULL);
    world->journal.head = after;
}

static const past_page_t *
page(void *arg, const mesh_cursor_t *after)
{
    world_t *world = arg;
    return past_read(world->journal.past, after, 0);
}

static past_reader_world_t
known_to(world_t *world)
{
    return (past_reader_world_t){.ring = world->ring,
                                 .sessions = world->sessions,
                                 .filter = world->filter,
                                 .page = page,
                                 .arg = world};
}

static past_reader_outcome_t
step(world_t *world, const past_page_t **page_p)
{
    past_reader_world_t known = known_to(world);
    int64_t budget = world->budget;
    return past_reader_step(&world->reader, &known, &budget, page_p);
}

// Step until there is a page or the ring, the journal serving what is asked of it.
static past_reader_outcome_t
go_on(world_t *world, const past_page_t **page_p)
{
    for (;;) {
        past_reader_outcome_t outcome = step(world, page_p);
        assert_in_range(++world->steps, 1, 100000);
        if (outcome == PAST_READER_WAITS)
            assert_true(past_journal_serve(&world->journal, 0));
        else if (outcome != PAST_READER_MORE)
            return outcome;
        happen(world, world->happens);
    }
}

// Take what comes next from the page. Returns the last offset taken, each checked to be the one
// after the one before.
static uint64_t
take(world_t *world, const past_page_t *from_page, uint64_t seen, size_t most)
{
    past_reader_world_t known = known_to(world);
    uint64_t serials[TAKES], to;
    int64_t budget = world->budget;
    size_t count =
        past_reader_collect(&world->reader, &known, from_page, serials, most, &budget, &to);
    for (size_t at = 0; at < count; at++)
        assert_int_equal(event_ring_entry(from_page->ring, serials[at])->offset, ++seen);
    past_reader_took(&world->reader, to);
    return seen;
}

// Read all from the place after `seen` on, through the pages and the ring.
static void
read_through(world_t *world, uint64_t seen)
{
    const past_page_t *found;
    while (go_on(world, &found) == PAST_READER_PAGE) {
        seen = take(world, found, seen, TAKES);
        happen(world, world->happens);
    }
    uint64_t serial = past_reader_serial(&world->reader, world->ring);
    for (; serial < event_ring_next(world->ring); serial++)
        assert_int_equal(event_ring_entry(world->ring, serial)->offset, ++seen);
    assert_int_equal(seen, world->journal.head);
}

static void
begin(world_t *world, resume_start_t start, uint64_t after, int64_t since_us, uint32_t last)
{
    resume_answer_t answer = {.verdict = RESUME_EXACT, .start = start, .after = after};
    resume_ask_t ask = {.since_us = since_us, .last = last};
    past_reader_begin(&world->reader, &answer, &ask, world->ring, last);
}

static void
wherever_a_page_ends_the_ring_goes_on_after_it(void **state)
{
    world_t *world = *state;
    begin_ring(world, 100);
    happen(world, 50);
    // Pages that end before, at and after the place where the ring begins.
    for (uint64_t events = 1; events <= 151; events += events < 5 || events > 90 ? 1 : 17) {
        world->journal.page_events = events;
        for (uint64_t after = 97; after <= 103; after++) {
            past_clear(world->journal.past);
            begin(world, RESUME_START_AFTER, after, 0, 0);
            read_through(world, after);
        }
    }
}

static void
the_ring_may_move_on_while_the_past_is_read(void **state)
{
    world_t *world = *state;
    begin_ring(world, 0);
    happen(world, 6000);
    assert_true(event_ring_first(world->ring) > 1000);
    world->happens = 3;
    for (uint64_t after = 0; after < 3; after++) {
        begin(world, RESUME_START_AFTER, after, 0, 0);
        read_through(world, after);
    }
    // What several read is asked for once.
    world->happens = 0;
    past_clear(world->journal.past);
    int asked = world->journal.asked_count;
    begin(world, RESUME_START_AFTER, 0, 0, 0);
    read_through(world, 0);
    int once = world->journal.asked_count - asked;
    for (uint64_t after = 1; after < 5; after++) {
        begin(world, RESUME_START_AFTER, after, 0, 0);
        read_through(world, after);
    }
    assert_int_equal(world->journal.asked_count - asked, once);
}

static void
no_page_is_asked_for_before_the_last_was_taken(void **state)
{
    world_t *world = *state;
    begin_ring(world, 2000);
    world->journal.page_events = 100;
    begin(world, RESUME_START_AFTER, 0, 0, 0);
    const past_page_t *found;
    uint64_t seen = 0;
    for (int pages = 1; pages <= 5; pages++) {
        while (seen < (uint64_t) pages * 100) {
            assert_int_equal(go_on(world, &found), PAST_READER_PAGE);
            assert_int_equal(world->journal.asked_count, pages);
            seen = take(world, found, seen, 7);
        }
    }
}

static void
a_hole_in_the_offsets_before_the_ring_is_no_gap(void **state)
{
    world_t *world = *state;
    begin_ring(world, 100);
    // As after an unclean stop of the broker.
    world->journal.head = 300;
    world->journal.removed = 300;
    begin(world, RESUME_START_AFTER, 90, 0, 0);
    const past_page_t *found;
    happen(world, 5);
    world->journal.removed = 0;
    past_answer_t hole = past_answer(90, 100, 0, false);
    assert_int_equal(step(world, &found), PAST_READER_WAITS);
    json_object_set_new(hole.body, "to", json_integer(305));
    assert_int_equal(past_take(world->journal.past, hole.body, hole.frames, 0), 0);
    past_answer_clear(&hole);
    assert_int_equal(step(world, &found), PAST_READER_PAGE);
    uint64_t from, to;
    assert_false(past_reader_missing(&world->reader, found, world->filter, &from, &to));
    assert_int_equal(take(world, found, 90, TAKES), 100);
    assert_int_equal(step(world, &found), PAST_READER_RING);
}

static void
an_event_without_a_place_does_not_make_the_ring_meet_too_early(void **state)
{
    world_t *world = *state;
    begin_ring(world, 100);
    ring_event_t event;
    (void) ring_event(&event, "aider.error_occurred", "s-1", "{}", 0);
    event.event.header.flags = MESH_WIRE_UNCOMMITTED;
    assert_int_equal(event_ring_append(world->ring, &event.event), 0);
    assert_int_equal(past_reader_ring_place(world->ring), 100);
    begin(world, RESUME_START_AFTER, 98, 0, 0);
    const past_page_t *found;
    assert_int_equal(go_on(world, &found), PAST_READER_PAGE);
    assert_int_equal(take(world, found, 98, TAKES), 100);
    assert_int_equal(go_on(world, &found), PAST_READER_RING);
    assert_int_equal(past_reader_serial(&world->reader, world->ring),
                     event_ring_next(world->ring));
}

static void
a_time_is_found_with_few_pages(void **state)
{
    world_t *world = *state;
    begin_ring(world, 90000);
    happen(world, 100);
    for (int64_t second = 1; second <= 90102; second += 17919) {
        past_clear(world->journal.past);
        int asked = world->journal.asked_count;
        begin(world, RESUME_START_TIME, 0, second * 1000000, 0);
        const past_page_t *found;
        past_reader_outcome_t outcome = go_on(world, &found);
        if (outcome == PAST_READER_PAGE)
            (void) take(world, found, (uint64_t) second - 1, TAKES);
        assert_in_range(world->journal.asked_count - asked, 1, 20);
    }
    // After all that was: the ring, and there what is not before the time.
    const past_page_t *found;
    begin(world, RESUME_START_TIME, 0, 90050 * (int64_t) 1000000, 0);
    assert_int_equal(go_on(world, &found), PAST_READER_RING);
    uint64_t serial = past_reader_serial(&world->reader, world->ring);
    assert_int_equal(event_ring_entry(world->ring, serial)->offset, 90050);
}

static void
the_last_n_are_counted_back_beyond_the_ring(void **state)
{
    world_t *world = *state;
    begin_ring(world, 20000);
    filter_destroy(&world->filter);
    world->filter = filter_new();
    assert_int_equal(filter_add(world->filter, FILTER_PROVIDER, "p1", false), 0);
    filter_seal(world->filter);
    world->budget = 20000;
    // Every second one matches: those with an odd offset.
    static const uint32_t wanted[] = {1, 2, 500, 3000, 9999, 10000};
    for (size_t at = 0; at < sizeof wanted / sizeof wanted[0]; at++) {
        begin(world, RESUME_START_LAST, 0, 0, wanted[at]);
        const past_page_t *found;
        uint64_t first = 20000 - 2 * (uint64_t) wanted[at] + 1, count = 0;
        while (go_on(world, &found) == PAST_READER_PAGE) {
            past_reader_world_t known = known_to(world);
            uint64_t serials[TAKES], to;
            int64_t budget = PLENTY;
            size_t some = past_reader_collect(&world->reader, &known, found, serials, TAKES,
                                              &budget, &to);
            for (size_t entry = 0; entry < some; entry++)
                assert_int_equal(event_ring_entry(found->ring, serials[entry])->offset,
                                 first + 2 * count++);
            past_reader_took(&world->reader, to);
        }
        assert_int_equal(count, wanted[at]);
        assert_int_equal(world->reader.wanted, 0);
    }
    // More than there are: all, and how many are missing is known.
    begin(world, RESUME_START_LAST, 0, 0, 10007);
    const past_page_t *found;
    assert_int_equal(go_on(world, &found), PAST_READER_PAGE);
    assert_int_equal(world->reader.looked.offset, 0);
    assert_int_equal(world->reader.wanted, 7);
}

static void
a_small_budget_takes_more_steps_to_the_same_place(void **state)
{
    world_t *world = *state;
    begin_ring(world, 5000);
    world->budget = 50;
    begin(world, RESUME_START_LAST, 0, 0, 3000);
    const past_page_t *found;
    assert_int_equal(go_on(world, &found), PAST_READER_PAGE);
    assert_in_range(world->steps, 100, 1000);
    assert_int_equal(take(world, found, 2000, 10), 2010);
}

static void
what_matches_in_a_page_is_worked_out_once_for_all_who_read_it(void **state)
{
    world_t *world = *state;
    begin_ring(world, 500);
    int64_t spent[2];
    for (size_t at = 0; at < 2; at++) {
        // Each has a filter of its own that says the same.
        filter_destroy(&world->filter);
        world->filter = filter_new();
        assert_int_equal(filter_add(world->filter, FILTER_PROVIDER, "p1", false), 0);
        filter_seal(world->filter);
        begin(world, RESUME_START_AFTER, 0, 0, 0);
        const past_page_t *found;
        assert_int_equal(go_on(world, &found), PAST_READER_PAGE);
        past_reader_world_t known = known_to(world);
        uint64_t serials[500], to;
        int64_t budget = PLENTY;
        size_t count =
            past_reader_collect(&world->reader, &known, found, serials, 500, &budget, &to);
        assert_int_equal(count, 250);
        spent[at] = PLENTY - budget;
    }
    assert_int_equal(spent[0], 500 * STREAM_GROUP_PAYLOAD_COST);
    assert_int_equal(spent[1], 500 * STREAM_GROUP_TOPIC_COST);
}

// What is known of a ring from which everything before its first place was removed.
static resume_world_t
ring_world(const world_t *world)
{
    uint64_t place = past_reader_ring_place(world->ring);
    return (resume_world_t){
        .live = true,
        .position = event_ring_position(world->ring),
        .removed = {.count = place, .offset = place, .recorded_us = (int64_t) place * 1000000}};
}

static resume_answer_t
verdict(world_t *world, const char *query, const past_page_t **page_p)
{
    stream_query_t parsed;
    char problem[STREAM_QUERY_PROBLEM_BYTES];
    if (stream_query_parse(&parsed, ENDPOINT_ALL, query, NULL, NULL, 0, problem) != 0)
        fail_msg("%s: %s", query, problem);
    resume_ask_t ask = parsed.ask;
    stream_query_clear(&parsed);
    resume_world_t known = ring_world(world);
    resume_answer_t before = resume_decide(&ask, &known, 10000);
    bool last = before.start == RESUME_START_LAST;
    assert_true(last || past_reader_goes_back(&before, &ask, &known));
    past_reader_begin(&world->reader, &before, &ask, world->ring, last ? ask.last : 0);
    assert_int_equal(go_on(world, page_p), PAST_READER_PAGE);
    return past_reader_answer(&world->reader, &before, &ask, &known, *page_p, world->filter);
}

static void
the_verdict_is_of_the_journal_and_not_of_the_ring(void **state)
{
    world_t *world = *state;
    begin_ring(world, 1000);
    happen(world, 10);
    const past_page_t *found;
    assert_int_equal(verdict(world, "since=00000000000000e9-40", &found).verdict, RESUME_EXACT);
    assert_int_equal(verdict(world, "since=1970-01-01T00:00:50Z", &found).verdict,
                     RESUME_EXACT);
    assert_int_equal(verdict(world, "last=100", &found).verdict, RESUME_EXACT);
    past_clear(world->journal.past);
    world->journal.removed = 100;
    resume_answer_t answer = verdict(world, "since=00000000000000e9-40", &found);
    assert_int_equal(answer.verdict, RESUME_GAP);
    assert_int_equal(answer.from, 40);
    assert_int_equal(answer.to, 100);
    assert_int_equal(answer.at_most, 60);
    uint64_t from, to;
    // It is said already.
    assert_false(past_reader_missing(&world->reader, found, world->filter, &from, &to));
    assert_int_equal(take(world, found, 100, 5), 105);
    assert_int_equal(verdict(world, "since=00000000000000e9-100", &found).verdict,
                     RESUME_EXACT);
    answer = verdict(world, "since=1970-01-01T00:00:50Z", &found);
    assert_int_equal(answer.verdict, RESUME_GAP);
    assert_false(answer.from_known);
    assert_int_equal(answer.to, 100);
    assert_int_equal(verdict(world, "since=1970-01-01T00:02:00Z", &found).verdict,
                     RESUME_EXACT);
    answer = verdict(world, "last=2000", &found);
    assert_int_equal(answer.verdict, RESUME_GAP);
    assert_int_equal(answer.at_most, 100);
    assert_int_equal(verdict(world, "last=900", &found).verdict, RESUME_EXACT);
    assert_int_equal(verdict(world, "since=earliest", &found).verdict, RESUME_EXACT);
    assert_false(past_reader_missing(&world->reader, found, world->filter, &from, &to));
    // Of which nothing was removed there is no gap, whatever went of others.
    filter_destroy(&world->filter);
    world->filter = filter_new();
    assert_int_equal(filter_add(world->filter, FILTER_TYPES, "aider.session_*", false), 0);
    filter_seal(world->filter);
    assert_int_equal(verdict(world, "since=00000000000000e9-40", &found).verdict, RESUME_EXACT);
}

static void
what_goes_missing_on_the_way_is_told_once(void **state)
{
    world_t *world = *state;
    begin_ring(world, 1000);
    world->journal.page_events = 50;
    const past_page_t *found;
    assert_int_equal(verdict(world, "since=earliest", &found).verdict, RESUME_EXACT);
    assert_int_equal(take(world, found, 0, 50), 50);
    world->journal.removed = 400;
    assert_int_equal(go_on(world, &found), PAST_READER_PAGE);
    uint64_t from, to;
    assert_true(past_reader_missing(&world->reader, found, world->filter, &from, &to));
    assert_int_equal(from, 50);
    assert_int_equal(to, 400);
    assert_int_equal(past_reader_next_place(&world->reader, found), 400);
    assert_false(past_reader_missing(&world->reader, found, world->filter, &from, &to));
    assert_int_equal(take(world, found, 400, 50), 450);
}

static void
another_epoch_is_the_end_of_the_past(void **state)
{
    world_t *world = *state;
    begin_ring(world, 1000);
    begin(world, RESUME_START_AFTER, 5, 0, 0);
    const past_page_t *found;
    assert_int_equal(go_on(world, &found), PAST_READER_PAGE);
    event_ring_begin_epoch(world->ring, &(mesh_cursor_t){0xab, 4}, NULL);
    assert_int_equal(step(world, &found), PAST_READER_LOST);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(wherever_a_page_ends_the_ring_goes_on_after_it),
        TEST(the_ring_may_move_on_while_the_past_is_read),
        TEST(no_page_is_asked_for_before_the_last_was_taken),
        TEST(a_hole_in_the_offsets_before_the_ring_is_no_gap),
        TEST(an_event_without_a_place_does_not_make_the_ring_meet_too_early),
        TEST(a_time_is_found_with_few_pages),
        TEST(the_last_n_are_counted_back_beyond_the_ring),
        TEST(a_small_budget_takes_more_steps_to_the_same_place),
        TEST(what_matches_in_a_page_is_worked_out_once_for_all_who_read_it),
        TEST(the_verdict_is_of_the_journal_and_not_of_the_ring),
        TEST(what_goes_missing_on_the_way_is_told_once),
        TEST(another_epoch_is_the_end_of_the_past),
    };
    return cmocka_run_group_tests_name("past_reader", tests, NULL, NULL);
}
