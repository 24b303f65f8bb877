// test_stream_past - streams that go on from the journal to the ring, over socket pairs
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "stream_clients.h"

enum { FIRST_EVENTS = 4000, MANY_EVENTS = 6000, PAGE_EVENTS = 700 };

// What the ring holds no more the journal has.
static int
setup_journal(void **state)
{
    int rc = setup(state);
    world_t *world = *state;
    past_journal_open(&world->journal, PAGE_EVENTS);
    stream_hub_use_past(world->hub, world->journal.past);
    return rc;
}

static void
happen(world_t *world, int count)
{
    for (int at = 0; at < count; at++)
        publish(world, "aider.error_occurred", "s-1", "{\"provider\":\"p\"}");
}

// One round of the loop. Returns whether the journal was asked for something.
static bool
turn(world_t *world)
{
    settle(world);
    bool served = past_journal_serve(&world->journal, world->now_ms);
    if (served)
        stream_hub_past_news(world->hub);
    return served;
}

// Rounds until nothing moves, all clients reading, while events happen.
static void
flow(world_t *world, int happens)
{
    for (int rounds = 0, still = 0; still < 3; rounds++) {
        assert_in_range(rounds, 0, 10000);
        bool moved = turn(world);
        for (size_t at = 0; at < world->count; at++) {
            size_t before = world->clients[at].read_bytes;
            (void) read_more(&world->clients[at]);
            moved = moved || world->clients[at].read_bytes != before;
        }
        still = moved ? 0 : still + 1;
        if (rounds < 40)
            happen(world, happens);
    }
}

static const char *
cursor(uint64_t offset)
{
    static char text[MESH_CURSOR_SIZE];
    mesh_cursor_format(&(mesh_cursor_t){RING_EVENT_EPOCH, offset}, text);
    return text;
}

static void
the_journal_and_then_the_ring_give_each_event_once(void **state)
{
    world_t *world = *state;
    happen(world, FIRST_EVENTS);
    assert_true(event_ring_first(stream_hub_ring(world->hub)) > 1000);
    client_t *clients[] = {
        open_stream(world, NULL, cursor(5)),
        open_stream(world, NULL, cursor(700)),
        open_stream(world, "since=earliest", NULL),
        open_stream(world, "provider=!none", cursor(5)),
        open_stream(world, NULL, cursor(3990)),
    };
    static const uint64_t firsts[] = {6, 701, 1, 6, 3991};
    flow(world, 7);
    for (size_t at = 0; at < sizeof clients / sizeof clients[0]; at++) {
        assert_says(clients[at]->read, "\"verdict\":\"exact\"");
        assert_offsets(clients[at]->read, firsts[at], world->offset);
        assert_silent(clients[at]->read, "stream.gap");
    }
    happen(world, 1);
    flow(world, 0);
    assert_offsets(clients[0]->read, 6, world->offset);
}

static void
clients_that_read_the_same_share_its_pages(void **state)
{
    world_t *world = *state;
    happen(world, FIRST_EVENTS);
    open_stream(world, NULL, cursor(5));
    flow(world, 0);
    int once = world->journal.asked_count;
    assert_in_range(once, 2, 5);
    past_clear(world->journal.past);
    for (uint64_t at = 0; at < 4; at++)
        open_stream(world, NULL, cursor(5 + at));
    flow(world, 0);
    assert_int_equal(world->journal.asked_count, 2 * once);
    for (uint64_t at = 0; at < 4; at++)
        assert_offsets(world->clients[1 + at].read, 6 + at, FIRST_EVENTS);
}

static void
a_client_that_reads_nothing_has_no_page_asked_for(void **state)
{
    world_t *world = *state;
    happen(world, MANY_EVENTS);
    client_t *client = open_stream(world, NULL, cursor(5));
    while (turn(world))
        ;
    int asked = world->journal.asked_count;
    // Its socket took what it could.
    assert_in_range(asked, 1, 4);
    happen(world, MANY_EVENTS);
    assert_false(turn(world));
    assert_int_equal(world->journal.asked_count, asked);
    // The pages may go meanwhile: what was begun is ended all the same.
    past_clear(world->journal.past);
    flow(world, 0);
    assert_offsets(client->read, 6, world->offset);
}

static void
what_is_sent_as_gzip_reaches_back_too(void **state)
{
    world_t *world = *state;
    happen(world, FIRST_EVENTS);
    client_t *slow = NULL;
    assert_int_equal(admit(world, ENDPOINT_ALL, NULL, cursor(5), &slow), STREAM_HUB_ADMITTED);
    assert(slow);
    stream_hub_use_gzip(world->hub, slow->stream);
    // Full after a portion or two, so that portions are sent in parts.
    int little = 2048;
    assert_int_equal(setsockopt(slow->ours, SOL_SOCKET, SO_SNDBUF, &little, sizeof little), 0);
    stream_hub_attach(world->hub, slow->stream, slow->ours, world->now_ms);
    client_t *quick = open_zipped(world, NULL, cursor(5), false);
    client_t *pulled = open_zipped(world, NULL, cursor(5), true);
    for (int round = 0; round < 150; round++) {
        if (round % 5 == 0)
            happen(world, 1);
        if (round == 20)
            past_clear(world->journal.past);
        (void) turn(world);
        pull(world, pulled, 500);
        read_more(quick);
        if (round % 2 == 0)
            read_more(slow);
    }
    flow(world, 0);
    pull(world, pulled, 500);
    client_t *clients[] = {slow, quick, pulled};
    for (size_t at = 0; at < sizeof clients / sizeof clients[0]; at++) {
        char *text = unpack(clients[at]);
        assert_says(text, "\"verdict\":\"exact\"");
        assert_silent(text, "stream.gap");
        assert_offsets(text, 6, world->offset);
        free(text);
    }
}

static void
one_that_is_pulled_is_given_the_past_as_it_fetches_it(void **state)
{
    world_t *world = *state;
    happen(world, FIRST_EVENTS);
    client_t *client = NULL;
    assert_int_equal(admit(world, ENDPOINT_ALL, NULL, cursor(5), &client), STREAM_HUB_ADMITTED);
    assert(client);    // for the analyser, to which a failed test goes on
    stream_hub_attach_pulled(world->hub, client->stream, client->ours, world->now_ms);
    while (turn(world))
        ;
    // It has not even fetched its first byte.
    assert_int_equal(world->journal.asked_count, 0);
    for (int rounds = 0, still = 0; still < 3; rounds++) {
        assert_in_range(rounds, 0, 10000);
        size_t bytes = stream_hub_pull(world->hub, client->stream,
                                       client->read + client->read_bytes, 5000, world->now_ms);
        client->read_bytes += bytes;
        still = turn(world) || bytes > 0 ? 0 : still + 1;
        if (rounds < 40)
            happen(world, 7);
    }
    assert_says(client->read, "\"verdict\":\"exact\"");
    assert_offsets(client->read, 6, world->offset);
}

static void
what_the_journal_has_no_more_is_a_gap(void **state)
{
    world_t *world = *state;
    happen(world, FIRST_EVENTS);
    world->journal.removed = 100;
    client_t *late = open_stream(world, NULL, cursor(40));
    client_t *in_time = open_stream(world, NULL, cursor(100));
    assert_null(stream_hub_verdict(world->hub, late->stream, world->now_ms));
    assert_silent(read_more(late), "stream.opened");
    flow(world, 0);
    assert_says(late->read, "\"verdict\":\"gap\"");
    assert_says(late->read, "\n\nid: 00000000000000e9-100\nevent: stream.gap\ndata: ");
    assert_says(late->read, "\"from\":\"00000000000000e9-40\",\"to\":\"00000000000000e9-100\","
                            "\"at_most\":60");
    assert_offsets(strstr(late->read, "id: 00000000000000e9-100\n"), 101, world->offset);
    assert_says(in_time->read, "\"verdict\":\"exact\"");
    assert_offsets(in_time->read, 101, world->offset);
}

static void
what_goes_missing_while_it_is_read_is_said_where_it_was(void **state)
{
    world_t *world = *state;
    happen(world, FIRST_EVENTS);
    client_t *client = open_stream(world, NULL, cursor(5));
    assert_true(turn(world));
    settle(world);
    (void) read_more(client);
    assert_offsets(client->read, 6, 5 + PAGE_EVENTS);
    world->journal.removed = 2000;
    flow(world, 0);
    assert_says(client->read, "\"verdict\":\"exact\"");
    const char *gap = strstr(client->read, "id: 00000000000000e9-2000\nevent: stream.gap\n");
    assert_non_null(gap);
    assert_says(gap, "\"reason\":\"removed\",\"from\":\"00000000000000e9-705\","
                     "\"to\":\"00000000000000e9-2000\",\"at_most\":1295");
    assert_offsets(gap, 2001, world->offset);
}

static void
times_and_the_last_n_reach_back_too(void **state)
{
    world_t *world = *state;
    happen(world, FIRST_EVENTS);
    client_t *time = open_stream(world, "since=1970-01-01T00:16:40Z", NULL);
    client_t *last = open_stream(world, "last=3500", NULL);
    client_t *more = open_stream(world, "last=7000", NULL);
    flow(world, 0);
    assert_says(time->read, "\"verdict\":\"exact\"");
    assert_offsets(time->read, 1000, world->offset);
    assert_says(last->read, "\"verdict\":\"exact\"");
    assert_offsets(last->read, 501, world->offset);
    // There never were so many.
    assert_says(more->read, "\"verdict\":\"exact\"");
    assert_offsets(more->read, 1, world->offset);
}

static void
while_no_page_comes_the_stream_is_held_with_comments(void **state)
{
    world_t *world = *state;
    happen(world, FIRST_EVENTS);
    client_t *client = open_stream(world, NULL, cursor(5));
    assert_string_equal(read_more(client), ":\n");
    assert_int_equal(stream_hub_stats(world->hub).held, 1);
    for (int at = 0; at < 3; at++) {
        past_fail(world->journal.past, world->now_ms);
        world->journal.asked.epoch = 0;
        world->now_ms += COMMENT_MS;
        stream_hub_tick(world->hub, world->now_ms);
        settle(world);
        past_tick(world->journal.past, world->now_ms);
        assert_string_equal(read_more(client), ":\n");
    }
    flow(world, 0);
    assert_says(client->read, "\"verdict\":\"exact\"");
    assert_offsets(client->read, 6, world->offset);
    assert_int_equal(stream_hub_stats(world->hub).held, 0);
}

static void
one_that_the_ring_passes_before_it_was_in_step_goes_back(void **state)
{
    world_t *world = *state;
    happen(world, 3000);
    uint64_t first = event_ring_first(stream_hub_ring(world->hub));
    client_t *client = open_stream(world, NULL, cursor(first + 1));
    int asked = world->journal.asked_count;
    assert_int_equal(asked, 0);
    // Its socket is full; the ring moves on.
    happen(world, FIRST_EVENTS);
    settle(world);
    flow(world, 3);
    assert_true(world->journal.asked_count > 0);
    assert_offsets(client->read, first + 2, world->offset);
    assert_silent(client->read, "stream.closing");
    // Once in step it is slow.
    for (int at = 0; at < FIRST_EVENTS; at++) {
        happen(world, 1);
        settle(world);
    }
    flow(world, 0);
    assert_says(client->read, "\"reason\":\"slow\"");
}

static void
another_epoch_is_a_gap_from_where_the_stream_was(void **state)
{
    world_t *world = *state;
    happen(world, FIRST_EVENTS);
    client_t *open = open_stream(world, NULL, cursor(5));
    assert_true(turn(world));
    settle(world);
    client_t *held = open_stream(world, NULL, cursor(3));
    stream_hub_epoch(world->hub, &(mesh_cursor_t){0xab, 4}, NULL, world->now_ms);
    world->journal.asked.epoch = 0;
    past_clear(world->journal.past);
    past_fail(world->journal.past, world->now_ms);
    stream_hub_past_news(world->hub);
    settle(world);
    (void) read_more(open);
    assert_says(open->read, "id: 00000000000000ab-4\nevent: stream.gap\ndata: "
                            "{\"reason\":\"new_epoch\",\"from\":\"00000000000000e9-705\","
                            "\"to\":\"00000000000000ab-4\"}");
    assert_says(read_more(held), "\"verdict\":\"reset\"");
    ring_event_t event;
    (void) ring_event(&event, "aider.error_occurred", "s-1", "{}", 5);
    event.event.header.epoch = 0xab;
    stream_hub_event(world->hub, &event.event, world->now_ms);
    settle(world);
    assert_says(read_more(open), "id: 00000000000000ab-5\n");
    assert_says(read_more(held), "id: 00000000000000ab-5\n");
}

static void
a_session_that_is_forgotten_meanwhile_is_a_gap(void **state)
{
    world_t *world = *state;
    happen(world, FIRST_EVENTS);
    client_t *client = open_stream(world, NULL, cursor(5));
    client_t *other = open_stream(world, "types=mesh.*", cursor(5));
    assert_true(turn(world));
    settle(world);
    publish(world, "mesh.session_forgotten", "",
            "{\"session_id\":\"s-2\",\"removed\":20,\"last\":\"00000000000000e9-900\","
            "\"types\":{\"aider.error_occurred\":20}}");
    flow(world, 0);
    assert_says(client->read, "\"reason\":\"forgotten\",\"from\":\"00000000000000e9-705\","
                              "\"to\":\"00000000000000e9-900\",\"at_most\":20");
    assert_silent(other->read, "stream.gap");
}

static void
one_that_takes_nothing_for_a_minute_is_slow(void **state)
{
    world_t *world = *state;
    happen(world, MANY_EVENTS);
    client_t *client = open_stream(world, NULL, cursor(5));
    while (turn(world))
        ;
    world->now_ms += 59000;
    stream_hub_tick(world->hub, world->now_ms);
    assert_int_equal(stream_hub_stats(world->hub).closed[STREAM_REASON_SLOW], 0);
    world->now_ms += 2000;
    stream_hub_tick(world->hub, world->now_ms);
    assert_int_equal(stream_hub_stats(world->hub).closed[STREAM_REASON_SLOW], 1);
    flow(world, 0);
    assert_says(client->read, "event: stream.closing\n");
    assert_true(client->ended && client->clean);
}

static void
stopping_says_goodbye_to_who_waits_for_a_page(void **state)
{
    world_t *world = *state;
    happen(world, FIRST_EVENTS);
    client_t *client = open_stream(world, NULL, cursor(5));
    stream_hub_stop(world->hub, world->now_ms);
    assert_says(read_more(client), "\"reason\":\"stopping\"");
    assert_true(client->ended && client->clean);
}

static void
each_envelope_reaches_back_to_the_same_events(void **state)
{
    world_t *world = *state;
    for (int n = 1; n <= FIRST_EVENTS; n++) {
        // As the journal has them.
        char payload[64];
        snprintf(payload, sizeof payload, "{\"n\":%d,\"provider\":\"p%d\"}", n, n % 2);
        publish(world, "aider.error_occurred", "s-1", payload);
    }
    client_t *plain = open_stream(world, NULL, cursor(5));
    client_t *cloud = open_stream(world, "envelope=cloudevents", cursor(5));
    client_t *zipped = open_zipped(world, "envelope=cloudevents", cursor(5), false);
    flow(world, 0);
    assert_says(cloud->read, "\"verdict\":\"exact\"");
    assert_true(world->journal.asked_count > 0);
    char *text = unpack(zipped);
    assert_int_equal(assert_same_events(plain->read, cloud->read), world->offset - 5);
    assert_int_equal(assert_same_events(plain->read, text), world->offset - 5);
    free(text);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_journal, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_journal_and_then_the_ring_give_each_event_once),
        TEST(clients_that_read_the_same_share_its_pages),
        TEST(a_client_that_reads_nothing_has_no_page_asked_for),
        TEST(what_is_sent_as_gzip_reaches_back_too),
        TEST(each_envelope_reaches_back_to_the_same_events),
        TEST(one_that_is_pulled_is_given_the_past_as_it_fetches_it),
        TEST(what_the_journal_has_no_more_is_a_gap),
        TEST(what_goes_missing_while_it_is_read_is_said_where_it_was),
        TEST(times_and_the_last_n_reach_back_too),
        TEST(while_no_page_comes_the_stream_is_held_with_comments),
        TEST(one_that_the_ring_passes_before_it_was_in_step_goes_back),
        TEST(another_epoch_is_a_gap_from_where_the_stream_was),
        TEST(a_session_that_is_forgotten_meanwhile_is_a_gap),
        TEST(one_that_takes_nothing_for_a_minute_is_slow),
        TEST(stopping_says_goodbye_to_who_waits_for_a_page),
    };
    return cmocka_run_group_tests_name("stream_past", tests, NULL, NULL);
}
