// test_event_pull - which events one answer has, when there is one, and where the next begins
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event_pull.h"
#include "event_ring.h"
#include "past_journal.h"
#include "ring_event.h"
#include "stream_hub.h"

enum { NOW_MS = 1000000, PLENTY = 1000000, PAGE_EVENTS = 700 };

typedef struct world {
    stream_hub_t *hub;
    int64_t now_ms;
    uint64_t offset;
    past_journal_t journal;         // has all that happened, but for what was removed
    char next[MESH_CURSOR_SIZE];    // of the last answer
} world_t;

static void
on_wants_turn(void *arg)
{
    (void) arg;
}

static void
on_ended(void *arg, stream_t *stream, bool clean)
{
    (void) arg;
    (void) stream;
    (void) clean;
}

static const stream_hub_owner_t owner = {.wants_turn = on_wants_turn, .ended = on_ended};

static int
setup(void **state)
{
    world_t *world = calloc(1, sizeof *world);
    stream_hub_limits_t limits = {.ring_bytes = EVENT_RING_LEAST_BYTES,
                                  .clients = 1,
                                  .filters = 1,
                                  .sessions = 10,
                                  .comment_every_ms = 1000,
                                  .retry_ms = 1000,
                                  .ended_after_ms = 1000};
    world->now_ms = NOW_MS;
    world->hub = stream_hub_new(&limits, &owner, world, world->now_ms);
    stream_hub_epoch(world->hub, &(mesh_cursor_t){RING_EVENT_EPOCH, 0}, NULL, NOW_MS);
    stream_hub_feed(world->hub, true, NOW_MS, NOW_MS);
    past_journal_open(&world->journal, PAGE_EVENTS);
    *state = world;
    return 0;
}

static int
teardown(void **state)
{
    world_t *world = *state;
    past_destroy(&world->journal.past);
    stream_hub_destroy(&world->hub);
    free(world);
    return 0;
}

static void
serve(world_t *world)
{
    world->journal.head = world->offset;
    assert_true(past_journal_serve(&world->journal, world->now_ms));
}

static const past_page_t *
page(void *arg, const mesh_cursor_t *after)
{
    world_t *world = arg;
    return past_read(world->journal.past, after, world->now_ms);
}

static void
happen(world_t *world, const char *type, int count)
{
    for (int at = 0; at < count; at++) {
        ring_event_t event;
        char payload[64];
        snprintf(payload, sizeof payload, "{\"n\":%d,\"provider\":\"p%d\"}", at, at % 2);
        stream_hub_event(world->hub, ring_event(&event, type, "s-1", payload, ++world->offset),
                         world->now_ms);
    }
}

static event_pull_t *
ask(const world_t *world, const char *text, const char *id)
{
    stream_query_t query;
    char problem[STREAM_QUERY_PROBLEM_BYTES];
    if (stream_query_parse(&query, ENDPOINT_ONCE, text, id, NULL, world->now_ms * 1000,
                           problem) != STREAM_QUERY_OK)
        fail_msg("%s: %s", text, problem);
    event_pull_t *pull = event_pull_new(&query, false, world->now_ms);
    stream_query_clear(&query);
    return pull;
}

static resume_world_t
known(const void *arg, const resume_ask_t *question, const filter_t *filter)
{
    const world_t *world = arg;
    return stream_hub_known(world->hub, question, filter, world->now_ms);
}

static event_pull_outcome_t
step(world_t *world, event_pull_t *pull, bool hurry, int64_t budget)
{
    const event_pull_world_t pull_world = {.ring = stream_hub_ring(world->hub),
                                           .sessions = stream_hub_sessions(world->hub),
                                           .known = known,
                                           .arg = world,
                                           .page = page,
                                           .page_arg = world};
    return event_pull_step(pull, &pull_world, hurry, world->now_ms, &budget);
}

// The answer of a pull that is done, which is ended; its cursor stays in world->next.
static json_t *
finish(world_t *world, event_pull_t *pull)
{
    event_pull_answer_t answer = event_pull_finish(pull);
    json_t *json = json_loads(answer.text, 0, NULL);
    assert_non_null(json);
    assert_string_equal(json_string_value(json_object_get(json, "verdict")), answer.verdict);
    mesh_cursor_format(&answer.next, world->next);
    free(answer.text);
    event_pull_destroy(&pull);
    return json;
}

// What is answered at once: "verdict first-last(count)", by the payloads' offsets.
static const char *
answer(world_t *world, const char *text, const char *id)
{
    static char said[128];
    event_pull_t *pull = ask(world, text, id);
    assert_int_equal(step(world, pull, false, PLENTY), EVENT_PULL_DONE);
    json_t *json = finish(world, pull);
    json_t *events = json_object_get(json, "events");
    size_t count = json_array_size(events);
    unsigned long offsets[2] = {0, 0};
    for (size_t at = 0; at < count; at++) {
        const char *cursor =
            json_string_value(json_object_get(json_array_get(events, at), "id"));
        offsets[at == 0 ? 0 : 1] = strtoul(strchr(cursor, '-') + 1, NULL, 10);
        assert_true(at == 0 || offsets[1] > offsets[0]);
    }
    snprintf(said, sizeof said, "%s %lu-%lu(%zu)%s",
             json_string_value(json_object_get(json, "verdict")), offsets[0],
             count > 1 ? offsets[1] : offsets[0], count,
             json_object_get(json, "gap") ? " gap" : "");
    json_decref(json);
    return said;
}

static const char *
cursor(uint64_t offset)
{
    static char text[MESH_CURSOR_SIZE];
    mesh_cursor_format(&(mesh_cursor_t){RING_EVENT_EPOCH, offset}, text);
    return text;
}

static void
without_a_position_the_newest_events_are_given(void **state)
{
    world_t *world = *state;
    assert_string_equal(answer(world, NULL, NULL), "live 0-0(0)");
    assert_string_equal(world->next, cursor(0));
    happen(world, "aider.error_occurred", 250);
    assert_string_equal(answer(world, NULL, NULL), "live 151-250(100)");
    assert_string_equal(answer(world, "limit=3", NULL), "live 248-250(3)");
    assert_string_equal(world->next, cursor(250));
}

static void
next_cursor_walks_through_all_without_a_gap_or_a_double(void **state)
{
    world_t *world = *state;
    happen(world, "aider.error_occurred", 25);
    assert_string_equal(answer(world, "since=earliest&limit=10", NULL), "exact 1-10(10)");
    assert_string_equal(answer(world, "limit=10", world->next), "exact 11-20(10)");
    assert_string_equal(answer(world, "limit=10", world->next), "exact 21-25(5)");
    assert_string_equal(answer(world, "limit=10", world->next), "exact 0-0(0)");
    assert_string_equal(world->next, cursor(25));
    happen(world, "aider.error_occurred", 1);
    assert_string_equal(answer(world, "limit=10", world->next), "exact 26-26(1)");
}

static void
next_cursor_is_behind_what_did_not_match(void **state)
{
    world_t *world = *state;
    happen(world, "aider.error_occurred", 2);
    happen(world, "aider.session_progress", 100);
    assert_string_equal(answer(world, "types=aider.error_occurred&since=earliest", NULL),
                        "exact 1-2(2)");
    assert_string_equal(world->next, cursor(102));
    assert_string_equal(answer(world, "provider=p1&since=earliest&limit=1", NULL),
                        "exact 2-2(1)");
    assert_string_equal(world->next, cursor(2));
}

static void
positions_are_those_of_streams(void **state)
{
    world_t *world = *state;
    happen(world, "aider.error_occurred", 20);
    assert_string_equal(answer(world, "last=5", NULL), "exact 16-20(5)");
    assert_string_equal(answer(world, "last=5&limit=2", NULL), "exact 16-17(2)");
    assert_string_equal(answer(world, "since=1970-01-01T00:00:18Z", NULL), "exact 18-20(3)");
    assert_string_equal(answer(world, NULL, cursor(19)), "exact 20-20(1)");
    assert_string_equal(answer(world, NULL, "nonsense"), "unknown 1-20(20)");
    assert_string_equal(answer(world, NULL, "00000000000000ea-5"), "reset 1-20(20)");
    assert_string_equal(answer(world, "since=00000000000000ea-5", NULL), "reset 1-20(20)");
}

static void
max_bytes_ends_an_answer_and_the_rest_comes_next(void **state)
{
    world_t *world = *state;
    happen(world, "aider.error_occurred", 30);
    uint64_t seen = 0;
    for (int rounds = 0; seen < 30; rounds++) {
        assert_in_range(rounds, 0, 30);
        event_pull_t *pull = ask(world, "max_bytes=1024", cursor(seen));
        assert_int_equal(step(world, pull, false, PLENTY), EVENT_PULL_DONE);
        json_t *json = finish(world, pull);
        json_t *events = json_object_get(json, "events");
        size_t index;
        json_t *event;
        json_array_foreach(events, index, event) assert_string_equal(
            json_string_value(json_object_get(event, "id")), cursor(++seen));
        assert_in_range(json_array_size(events), 1, 12);
        json_decref(json);
        assert_string_equal(world->next, cursor(seen));
    }
}

static void
a_wait_ends_with_the_first_match_or_its_time(void **state)
{
    world_t *world = *state;
    happen(world, "aider.session_progress", 3);
    const char *text = "types=aider.error_occurred&wait=5";
    event_pull_t *pull = ask(world, text, cursor(3));
    assert_int_equal(step(world, pull, false, PLENTY), EVENT_PULL_WAITS);
    assert_int_equal(event_pull_due_ms(pull), NOW_MS + 5000);
    happen(world, "aider.session_progress", 1);
    assert_int_equal(step(world, pull, false, PLENTY), EVENT_PULL_WAITS);
    happen(world, "aider.error_occurred", 2);
    assert_int_equal(step(world, pull, false, PLENTY), EVENT_PULL_DONE);
    json_t *json = finish(world, pull);
    assert_int_equal(json_array_size(json_object_get(json, "events")), 2);
    json_decref(json);
    assert_string_equal(world->next, cursor(6));

    pull = ask(world, text, cursor(6));
    happen(world, "aider.session_progress", 1);
    assert_int_equal(step(world, pull, false, PLENTY), EVENT_PULL_WAITS);
    world->now_ms += 5000;
    assert_int_equal(step(world, pull, false, PLENTY), EVENT_PULL_DONE);
    json_decref(finish(world, pull));
    assert_string_equal(world->next, cursor(7));

    pull = ask(world, text, cursor(7));
    assert_int_equal(step(world, pull, false, PLENTY), EVENT_PULL_WAITS);
    assert_int_equal(step(world, pull, true, PLENTY), EVENT_PULL_DONE);
    json_decref(finish(world, pull));
}

static void
a_small_budget_takes_more_steps_to_the_same_answer(void **state)
{
    world_t *world = *state;
    happen(world, "aider.error_occurred", 300);
    for (int once = 0; once < 2; once++) {
        event_pull_t *pull = ask(
            world, once ? "provider=p1&last=120&limit=1000" : "since=earliest&limit=150", NULL);
        int steps = 1;
        while (step(world, pull, false, 16) == EVENT_PULL_MORE)
            assert_in_range(++steps, 2, 1000);
        assert_in_range(steps, 8, 1000);
        json_t *json = finish(world, pull);
        assert_int_equal(json_array_size(json_object_get(json, "events")), once ? 120 : 150);
        json_decref(json);
    }
}

static void
another_epoch_ends_a_wait_with_the_gap_and_its_own_cursor(void **state)
{
    world_t *world = *state;
    happen(world, "aider.error_occurred", 3);
    event_pull_t *pull = ask(world, "wait=25", cursor(3));
    assert_int_equal(step(world, pull, false, PLENTY), EVENT_PULL_WAITS);
    stream_hub_epoch(world->hub, &(mesh_cursor_t){0xab, 4}, NULL, world->now_ms);
    assert_int_equal(step(world, pull, false, PLENTY), EVENT_PULL_DONE);
    json_t *json = finish(world, pull);
    json_t *gap = json_object_get(json, "gap");
    assert_string_equal(json_string_value(json_object_get(gap, "reason")), "new_epoch");
    assert_string_equal(json_string_value(json_object_get(gap, "from")), cursor(3));
    assert_string_equal(json_string_value(json_object_get(gap, "to")), "00000000000000ab-4");
    assert_string_equal(world->next, "00000000000000ab-4");
    json_decref(json);
}

static void
while_the_broker_is_away_what_the_ring_has_is_given_and_the_rest_is_unknown(void **state)
{
    world_t *world = *state;
    happen(world, "aider.error_occurred", 10);
    stream_hub_feed(world->hub, false, NOW_MS, NOW_MS);
    assert_string_equal(answer(world, NULL, cursor(7)), "exact 8-10(3)");
    event_pull_t *pull = ask(world, NULL, cursor(11));
    assert_int_equal(step(world, pull, false, PLENTY), EVENT_PULL_WAITS);
    assert_int_equal(event_pull_due_ms(pull), NOW_MS + EVENT_PULL_HOLD_MS);
    world->now_ms += EVENT_PULL_HOLD_MS;
    assert_int_equal(step(world, pull, false, PLENTY), EVENT_PULL_UNKNOWN);
    event_pull_destroy(&pull);

    // Back in time, with what the cursor names.
    pull = ask(world, NULL, cursor(11));
    assert_int_equal(step(world, pull, false, PLENTY), EVENT_PULL_WAITS);
    happen(world, "aider.error_occurred", 2);
    stream_hub_feed(world->hub, true, world->now_ms, world->now_ms);
    assert_int_equal(step(world, pull, false, PLENTY), EVENT_PULL_DONE);
    json_t *json = finish(world, pull);
    assert_int_equal(json_array_size(json_object_get(json, "events")), 1);
    json_decref(json);
}

static void
what_was_forgotten_is_in_no_answer(void **state)
{
    world_t *world = *state;
    happen(world, "aider.error_occurred", 5);
    ring_event_t event;
    stream_hub_event(world->hub,
                     ring_event(&event, "mesh.session_forgotten", "",
                                "{\"session_id\":\"s-1\",\"removed\":0}", ++world->offset),
                     world->now_ms);
    assert_string_equal(answer(world, "types=aider.*&since=earliest", NULL), "exact 0-0(0)");
    assert_string_equal(answer(world, "last=3&provider=p1", NULL), "exact 0-0(0)");
    assert_string_equal(world->next, cursor(6));
}

// Go on until there is an answer, the journal serving what is asked of it.
static json_t *
walk(world_t *world, const char *text, const char *id, int happens)
{
    event_pull_t *pull = ask(world, text, id);
    event_pull_outcome_t outcome;
    for (int steps = 0; (outcome = step(world, pull, false, 512)) != EVENT_PULL_DONE; steps++) {
        assert_in_range(steps, 0, 10000);
        assert_int_not_equal(outcome, EVENT_PULL_UNKNOWN);
        happen(world, "aider.error_occurred", happens);
        if (outcome == EVENT_PULL_WAITS)
            serve(world);
    }
    return finish(world, pull);
}

// Check that the events of an answer are those after `seen`, without a hole; returns the last.
static uint64_t
check_sequence(const json_t *json, uint64_t seen)
{
    size_t index;
    json_t *event;
    json_array_foreach(json_object_get(json, "events"), index, event)
        assert_string_equal(json_string_value(json_object_get(event, "id")), cursor(++seen));
    return seen;
}

static void
what_the_ring_has_let_go_of_comes_from_the_journal_without_a_gap_or_a_double(void **state)
{
    world_t *world = *state;
    happen(world, "aider.error_occurred", 6000);
    for (int rounds = 0; rounds < 2; rounds++) {
        uint64_t seen = 0;
        snprintf(world->next, sizeof world->next, "%s", cursor(0));
        while (seen < 6000) {
            char id[MESH_CURSOR_SIZE];
            memcpy(id, world->next, sizeof id);
            // In the first round the ring moves on all the while.
            json_t *json = walk(world, "limit=1000", id, rounds == 0 ? 3 : 0);
            assert_string_equal(json_string_value(json_object_get(json, "verdict")), "exact");
            assert_null(json_object_get(json, "gap"));
            uint64_t before = seen;
            seen = check_sequence(json, seen);
            assert_int_not_equal(seen, before);
            assert_string_equal(world->next, cursor(seen));
            json_decref(json);
        }
    }
}

static void
who_asks_for_the_earliest_or_a_time_is_given_it_from_the_journal(void **state)
{
    world_t *world = *state;
    happen(world, "aider.error_occurred", 6000);
    json_t *json = walk(world, "since=earliest&limit=10", NULL, 0);
    assert_int_equal(check_sequence(json, 0), 10);
    json_decref(json);
    json = walk(world, "since=1970-01-01T00:16:40Z&limit=10", NULL, 0);
    assert_int_equal(check_sequence(json, 999), 1009);
    assert_string_equal(json_string_value(json_object_get(json, "verdict")), "exact");
    json_decref(json);
    // A type of which nothing was removed needs no journal.
    int asked = world->journal.asked_count;
    json = walk(world, "types=mesh.health", cursor(5), 0);
    assert_string_equal(json_string_value(json_object_get(json, "verdict")), "exact");
    json_decref(json);
    assert_int_equal(world->journal.asked_count, asked);
}

static void
the_last_n_reach_back_beyond_the_ring(void **state)
{
    world_t *world = *state;
    happen(world, "aider.error_occurred", 6000);
    uint64_t first = event_ring_first(stream_hub_ring(world->hub));
    assert_in_range(first, 1001, 5999);
    char text[64];
    snprintf(text, sizeof text, "last=%d&limit=1000", (int) (6000 - first + 500));
    json_t *json = walk(world, text, NULL, 0);
    assert_int_equal(check_sequence(json, first - 500), first + 500);
    assert_string_equal(json_string_value(json_object_get(json, "verdict")), "exact");
    json_decref(json);
    // Without a position it is the newest, wherever they are: nothing is said of a gap.
    happen(world, "mesh.health", 7000);
    json = walk(world, "types=aider.*&limit=700", NULL, 0);
    first = event_ring_first(stream_hub_ring(world->hub));
    assert_int_equal(check_sequence(json, first - 700), first);
    assert_string_equal(json_string_value(json_object_get(json, "verdict")), "live");
    json_decref(json);
    // More than there are: nothing is missing. More than are kept: as many are missing.
    json = walk(world, "last=13100&limit=10", NULL, 0);
    assert_int_equal(check_sequence(json, 0), 10);
    assert_string_equal(json_string_value(json_object_get(json, "verdict")), "exact");
    json_decref(json);
    past_clear(world->journal.past);
    world->journal.removed = 100;
    json = walk(world, "last=13000&limit=10", NULL, 0);
    assert_int_equal(check_sequence(json, 100), 110);
    assert_string_equal(json_string_value(json_object_get(json, "verdict")), "gap");
    json_decref(json);
}

static void
a_time_is_found_without_reading_all_that_was_before(void **state)
{
    world_t *world = *state;
    world->journal.page_events = 100;
    happen(world, "aider.error_occurred", 60000);
    json_t *json = walk(world, "since=1970-01-01T08:20:00Z&limit=5", NULL, 0);
    assert_int_equal(check_sequence(json, 29999), 30004);
    assert_string_equal(json_string_value(json_object_get(json, "verdict")), "exact");
    json_decref(json);
    // Of 600 pages.
    assert_in_range(world->journal.asked_count, 1, 20);
    // Events that were recorded before the time are not for the next answer, either.
    json = walk(world, "since=1970-01-01T16:40:01Z&limit=5", NULL, 0);
    assert_int_equal(json_array_size(json_object_get(json, "events")), 0);
    assert_string_equal(world->next, cursor(60000));
    json_decref(json);
}

// A session of the journal's, of which so many errors up to `last` were forgotten.
static void
forget(world_t *world, const char *session, int count, uint64_t last)
{
    char payload[256];
    snprintf(payload, sizeof payload,
             "{\"session_id\":\"%s\",\"removed\":%d,\"last\":\"%s\","
             "\"types\":{\"aider.error_occurred\":%d}}",
             session, count, cursor(last), count);
    ring_event_t event;
    stream_hub_event(world->hub,
                     ring_event(&event, "mesh.session_forgotten", "", payload, ++world->offset),
                     world->now_ms);
}

static void
a_gap_of_what_was_removed_and_what_was_forgotten_tells_of_both(void **state)
{
    world_t *world = *state;
    happen(world, "aider.error_occurred", 6000);
    world->journal.removed = 100;
    forget(world, "s-2", 20, 900);
    static const struct {
        const char *text, *id_of;
        uint64_t after;
    } ways[] = {{"limit=10", "from", 40}, {"limit=10&since=1970-01-01T00:00:41Z", NULL, 0}};
    for (size_t at = 0; at < 2; at++) {
        char id[MESH_CURSOR_SIZE];
        snprintf(id, sizeof id, "%s", cursor(ways[at].after));
        json_t *json = walk(world, ways[at].text, ways[at].id_of ? id : NULL, 0);
        const json_t *gap = json_object_get(json, "gap");
        assert_string_equal(json_string_value(json_object_get(json, "verdict")), "gap");
        assert_string_equal(json_string_value(json_object_get(gap, "reason")), "removed");
        assert_string_equal(json_string_value(json_object_get(gap, "to")), cursor(900));
        assert_int_equal(json_integer_value(json_object_get(gap, "at_most")),
                         at == 0 ? 60 + 20 : 100 + 20);
        assert_int_equal(check_sequence(json, 100), 110);
        json_decref(json);
    }
    json_t *json = walk(world, "limit=10", cursor(200), 0);
    const json_t *gap = json_object_get(json, "gap");
    assert_string_equal(json_string_value(json_object_get(gap, "reason")), "forgotten");
    assert_int_equal(json_integer_value(json_object_get(gap, "at_most")), 20);
    json_decref(json);
}

static void
a_session_that_is_forgotten_while_an_answer_is_made_is_a_gap(void **state)
{
    world_t *world = *state;
    happen(world, "aider.error_occurred", 6000);
    event_pull_t *pull = ask(world, "limit=1000", cursor(5));
    event_pull_t *other = ask(world, "limit=1000&session=s-1", cursor(5));
    assert_int_equal(step(world, pull, false, PLENTY), EVENT_PULL_WAITS);
    serve(world);
    assert_int_equal(step(world, pull, false, 20), EVENT_PULL_MORE);
    assert_int_equal(step(world, other, false, 20), EVENT_PULL_MORE);
    forget(world, "s-2", 20, 900);
    for (int at = 0; at < 2; at++) {
        event_pull_t *one = at == 0 ? pull : other;
        while (step(world, one, false, PLENTY) == EVENT_PULL_WAITS)
            serve(world);
        json_t *json = finish(world, one);
        const json_t *gap = json_object_get(json, "gap");
        assert_int_equal(check_sequence(json, 5), 1005);
        if (at == 0) {
            assert_string_equal(json_string_value(json_object_get(gap, "reason")), "forgotten");
            assert_string_equal(json_string_value(json_object_get(gap, "from")), cursor(25));
            assert_string_equal(json_string_value(json_object_get(gap, "to")), cursor(900));
            assert_int_equal(json_integer_value(json_object_get(gap, "at_most")), 20);
        } else {
            assert_null(gap);
        }
        json_decref(json);
    }
}

static void
one_that_the_ring_passes_goes_on_with_the_journal(void **state)
{
    world_t *world = *state;
    happen(world, "aider.error_occurred", 100);
    event_pull_t *begun = ask(world, "since=earliest&limit=1000", NULL);
    assert_int_equal(step(world, begun, false, 10), EVENT_PULL_MORE);
    event_pull_t *empty = ask(world, "types=mesh.health&since=earliest&wait=25", NULL);
    assert_int_equal(step(world, empty, false, 10), EVENT_PULL_MORE);
    happen(world, "aider.error_occurred", 10000);
    assert_true(event_ring_first(stream_hub_ring(world->hub)) > 1000);

    while (step(world, begun, false, PLENTY) == EVENT_PULL_WAITS)
        serve(world);
    json_t *json = finish(world, begun);
    assert_int_equal(check_sequence(json, 0), 1000);
    assert_string_equal(json_string_value(json_object_get(json, "verdict")), "exact");
    assert_null(json_object_get(json, "gap"));
    json_decref(json);

    // Only the journal knows that nothing of its type was among what went.
    happen(world, "mesh.health", 1);
    while (step(world, empty, false, PLENTY) == EVENT_PULL_WAITS)
        serve(world);
    json = finish(world, empty);
    assert_int_equal(json_array_size(json_object_get(json, "events")), 1);
    assert_string_equal(json_string_value(json_object_get(json, "verdict")), "exact");
    assert_null(json_object_get(json, "gap"));
    json_decref(json);
}

static void
what_the_journal_has_removed_too_is_a_gap(void **state)
{
    world_t *world = *state;
    happen(world, "aider.error_occurred", 6000);
    world->journal.removed = 100;
    json_t *json = walk(world, "limit=10", cursor(40), 0);
    json_t *gap = json_object_get(json, "gap");
    assert_string_equal(json_string_value(json_object_get(json, "verdict")), "gap");
    assert_string_equal(json_string_value(json_object_get(gap, "from")), cursor(40));
    assert_string_equal(json_string_value(json_object_get(gap, "to")), cursor(100));
    assert_int_equal(json_integer_value(json_object_get(gap, "at_most")), 60);
    assert_int_equal(check_sequence(json, 100), 110);
    json_decref(json);
    json = walk(world, "limit=10", cursor(100), 0);
    assert_string_equal(json_string_value(json_object_get(json, "verdict")), "exact");
    assert_int_equal(check_sequence(json, 100), 110);
    json_decref(json);
    json = walk(world, "since=earliest&limit=10", NULL, 0);
    assert_string_equal(json_string_value(json_object_get(json, "verdict")), "exact");
    assert_int_equal(check_sequence(json, 100), 110);
    json_decref(json);
}

static void
a_page_that_does_not_come_is_waited_for_and_then_unknown(void **state)
{
    world_t *world = *state;
    happen(world, "aider.error_occurred", 6000);
    event_pull_t *pull = ask(world, NULL, cursor(5));
    assert_int_equal(step(world, pull, false, PLENTY), EVENT_PULL_WAITS);
    assert_int_equal(event_pull_due_ms(pull), NOW_MS + EVENT_PULL_HOLD_MS);
    world->now_ms += EVENT_PULL_HOLD_MS;
    assert_int_equal(step(world, pull, false, PLENTY), EVENT_PULL_UNKNOWN);
    event_pull_destroy(&pull);
}

static void
another_epoch_ends_what_is_read_of_the_past(void **state)
{
    world_t *world = *state;
    happen(world, "aider.error_occurred", 6000);
    event_pull_t *begun = ask(world, "limit=1000", cursor(5));
    event_pull_t *empty = ask(world, NULL, cursor(5));
    assert_int_equal(step(world, begun, false, PLENTY), EVENT_PULL_WAITS);
    serve(world);
    assert_int_equal(step(world, begun, false, 20), EVENT_PULL_MORE);
    static const uint64_t nothing[MESH_FAMILIES];
    stream_hub_epoch(world->hub, &(mesh_cursor_t){0xab, 4}, nothing, world->now_ms);
    assert_int_equal(step(world, begun, false, PLENTY), EVENT_PULL_DONE);
    json_t *json = finish(world, begun);
    assert_int_equal(check_sequence(json, 5), 25);
    const json_t *gap = json_object_get(json, "gap");
    assert_string_equal(json_string_value(json_object_get(gap, "reason")), "new_epoch");
    assert_string_equal(json_string_value(json_object_get(gap, "from")), cursor(25));
    assert_string_equal(json_string_value(json_object_get(gap, "to")), "00000000000000ab-4");
    assert_null(json_object_get(gap, "at_most"));
    json_decref(json);
    assert_string_equal(world->next, "00000000000000ab-4");
    assert_int_equal(step(world, empty, false, PLENTY), EVENT_PULL_DONE);
    json = finish(world, empty);
    assert_string_equal(json_string_value(json_object_get(json, "verdict")), "reset");
    json_decref(json);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(without_a_position_the_newest_events_are_given),
        TEST(next_cursor_walks_through_all_without_a_gap_or_a_double),
        TEST(next_cursor_is_behind_what_did_not_match),
        TEST(positions_are_those_of_streams),
        TEST(max_bytes_ends_an_answer_and_the_rest_comes_next),
        TEST(a_wait_ends_with_the_first_match_or_its_time),
        TEST(a_small_budget_takes_more_steps_to_the_same_answer),
        TEST(another_epoch_ends_a_wait_with_the_gap_and_its_own_cursor),
        TEST(while_the_broker_is_away_what_the_ring_has_is_given_and_the_rest_is_unknown),
        TEST(what_was_forgotten_is_in_no_answer),
        TEST(what_the_ring_has_let_go_of_comes_from_the_journal_without_a_gap_or_a_double),
        TEST(who_asks_for_the_earliest_or_a_time_is_given_it_from_the_journal),
        TEST(the_last_n_reach_back_beyond_the_ring),
        TEST(a_time_is_found_without_reading_all_that_was_before),
        TEST(a_gap_of_what_was_removed_and_what_was_forgotten_tells_of_both),
        TEST(a_session_that_is_forgotten_while_an_answer_is_made_is_a_gap),
        TEST(one_that_the_ring_passes_goes_on_with_the_journal),
        TEST(what_the_journal_has_removed_too_is_a_gap),
        TEST(a_page_that_does_not_come_is_waited_for_and_then_unknown),
        TEST(another_epoch_ends_what_is_read_of_the_past),
    };
    return cmocka_run_group_tests_name("event_pull", tests, NULL, NULL);
}
