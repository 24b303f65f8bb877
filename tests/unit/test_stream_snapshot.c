// test_stream_snapshot - the live sessions first, then what comes after, and nothing in between
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "stream_clients.h"
#include "stream_hub_private.h"
#include "stream_snapshot.h"

static void
start(world_t *world, const char *session, const char *payload)
{
    publish(world, "aider.session_started", session, payload);
}

// The payload of the snapshot in text, to be released; NULL where there is none.
static json_t *
snapshot_in(const char *text)
{
    static const char head[] = "\n\nevent: stream.snapshot\ndata: ";
    const char *at = strstr(text, head);
    if (!at)
        return NULL;
    at += strlen(head);
    json_t *snapshot = json_loadb(at, strcspn(at, "\n"), 0, NULL);
    assert_non_null(snapshot);
    return snapshot;
}

// That the snapshot in text has these sessions, one after the other, as of an offset.
static void
assert_snapshot(const char *text, const char *ids, uint64_t offset)
{
    json_t *snapshot = snapshot_in(text);
    assert_non_null(snapshot);
    char found[256] = "";
    size_t bytes = 0;
    size_t index;
    const json_t *row;
    json_array_foreach(json_object_get(snapshot, "sessions"), index, row)
    {
        assert_string_equal(json_string_value(json_object_get(row, "state")), "running");
        bytes += (size_t) snprintf(found + bytes, sizeof found - bytes, "%s ",
                                   json_string_value(json_object_get(row, "session_id")));
        assert_in_range(bytes, 1, sizeof found - 1);
    }
    assert_string_equal(found, ids);
    char cursor[64];
    snprintf(cursor, sizeof cursor, "00000000000000e9-%u", (unsigned) offset);
    assert_string_equal(json_string_value(json_object_get(snapshot, "cursor")), cursor);
    assert_int_equal(json_integer_value(json_object_get(snapshot, "left_out")), 0);
    json_decref(snapshot);
}

static void
the_live_sessions_come_first_and_then_all_that_happens_after(void **state)
{
    world_t *world = *state;
    start(world, "a", "{\"model\":\"m\",\"working_dir\":\"/w\"}");
    start(world, "b", "{}");
    publish(world, "aider.session_completed", "a", "{\"success\":true}");
    start(world, "c", "{}");
    client_t *client = open_stream(world, "snapshot=1", NULL);
    publish(world, "aider.session_completed", "b", "{\"success\":true}");
    start(world, "d", "{}");
    settle(world);
    const char *text = read_more(client);
    assert_says(text, "event: stream.opened\n");
    assert_snapshot(text, "c b ", 4);
    // It has no id, and is the first after stream.opened.
    const char *first = strstr(text, "\n\n") + 2;
    assert_int_equal(strncmp(first, "event: stream.snapshot\n", 23), 0);
    assert_offsets(text, 5, 6);
    // Who does not ask is not told.
    assert_null(snapshot_in(read_more(open_stream(world, NULL, NULL))));
    assert_null(snapshot_in(read_more(open_stream(world, "snapshot=0", NULL))));
}

static void
who_comes_back_to_a_good_place_is_not_told_again(void **state)
{
    world_t *world = *state;
    start(world, "a", "{}");
    start(world, "b", "{}");
    client_t *back = open_stream(world, "snapshot=1", "00000000000000e9-1");
    assert_null(snapshot_in(read_more(back)));
    assert_offsets(back->read, 2, 2);
    // A place that is only asked for says nothing of what is known.
    client_t *since = open_stream(world, "snapshot=1&since=00000000000000e9-1", NULL);
    assert_snapshot(read_more(since), "b a ", 2);
    assert_offsets(since->read, 2, 2);
}

static void
who_has_lost_the_thread_is_told_also_unasked(void **state)
{
    world_t *world = *state;
    start(world, "a", "{}");
    for (int asked = 0; asked < 2; asked++) {
        const char *query = asked ? "snapshot=1" : NULL;
        client_t *reset = open_stream(world, query, "0000000000000001-7");
        assert_says(read_more(reset), "\"verdict\":\"reset\"");
        assert_snapshot(reset->read, "a ", 1);
        client_t *unknown = open_stream(world, query, "what is this");
        assert_says(read_more(unknown), "\"verdict\":\"unknown\"");
        assert_snapshot(unknown->read, "a ", 1);
    }
}

static void
after_a_gap_the_sessions_are_told_before_the_id_to_come_back_to(void **state)
{
    world_t *world = *state;
    start(world, "a", "{}");
    const event_ring_t *ring = stream_hub_ring(world->hub);
    while (event_ring_first(ring) < 10)
        publish(world, "aider.session_progress", "a", "{}");
    client_t *client = open_stream(world, "snapshot=1", "00000000000000e9-2");
    const char *text = read_more(client);
    assert_says(text, "\"verdict\":\"gap\"");
    assert_snapshot(text, "a ", world->offset);
    const char *gap = strstr(text, "event: stream.gap\n");
    assert_true(gap && strstr(text, "event: stream.snapshot\n") < gap);
    assert_int_equal(strncmp(strstr(text, "\nid: "), "\nid: 00000000000000e9-10\n", 25), 0);
    assert_null(snapshot_in(read_more(open_stream(world, NULL, "00000000000000e9-2"))));
}

static void
the_sessions_are_those_that_are_asked_for_whatever_the_types(void **state)
{
    world_t *world = *state;
    start(world, "a", "{\"labels\":{\"team\":\"web\"},\"model\":\"m\"}");
    start(world, "b", "{\"labels\":{\"team\":\"app\"}}");
    start(world, "c", "{}");
    static const char *const wanted[][2] = {
        {"snapshot=1&session=a,c", "c a "},
        {"snapshot=1&label=team,!team=app", "a "},
        {"snapshot=1&types=aider.error_occurred&model=n&severity=high", "c b a "},
        {"snapshot=1&host=elsewhere", ""},
    };
    for (size_t at = 0; at < sizeof wanted / sizeof wanted[0]; at++)
        assert_snapshot(read_more(open_stream(world, wanted[at][0], NULL)), wanted[at][1], 3);
}

static void
a_stream_that_is_held_is_told_what_holds_when_it_begins(void **state)
{
    world_t *world = *state;
    start(world, "a", "{}");
    stream_hub_feed(world->hub, false, world->now_ms, world->now_ms);
    client_t *client = open_stream(world, "snapshot=1", NULL);
    assert_string_equal(read_more(client), ":\n");
    start(world, "b", "{}");
    publish(world, "aider.session_completed", "a", "{}");
    stream_hub_feed(world->hub, true, world->now_ms, world->now_ms);
    start(world, "c", "{}");
    settle(world);
    assert_snapshot(read_more(client), "b ", 3);
    assert_offsets(client->read, 4, 4);
}

static void
zipped_and_pulled_streams_are_told_the_same(void **state)
{
    world_t *world = *state;
    start(world, "a", "{}");
    start(world, "b", "{}");
    client_t *zipped = open_zipped(world, "snapshot=1", NULL, false);
    client_t *pulled = open_zipped(world, "snapshot=1", NULL, true);
    publish(world, "aider.session_completed", "b", "{}");
    settle(world);
    read_more(zipped);
    pull(world, pulled, 1000);
    client_t *const both[] = {zipped, pulled};
    for (size_t at = 0; at < 2; at++) {
        char *text = unpack(both[at]);
        assert_snapshot(text, "b a ", 2);
        assert_offsets(text, 3, 3);
        free(text);
    }
}

// While room is made in the ring for an event, a stream begins that gets it next.
static void
an_event_on_its_way_into_the_ring_is_not_told_before_it_comes(void **state)
{
    world_t *world = *state;
    enum { PAD_BYTES = 20000 };
    char *payload = malloc(PAD_BYTES + 32);
    assert(payload);
    snprintf(payload, PAD_BYTES + 32, "{\"pad\":\"%0*d\"}", PAD_BYTES, 0);
    client_t *follower = open_stream(world, NULL, NULL);
    client_t *seeker = NULL;
    admit(world, ENDPOINT_ALL, "last=1&snapshot=1", NULL, &seeker);
    start(world, "s-1", payload);
    stream_hub_attach(world->hub, seeker->stream, seeker->ours, world->now_ms);
    // Nobody takes a turn, until the follower's news are in the way.
    while (seeker->stream->state == STREAM_SEEKING) {
        assert_in_range(world->offset, 1, 90);
        char session[16];
        snprintf(session, sizeof session, "s-%u", (unsigned) world->offset + 1);
        start(world, session, payload);
    }
    settle(world);
    const char *text = read_more(seeker);
    json_t *snapshot = snapshot_in(text);
    const json_t *newest = json_array_get(json_object_get(snapshot, "sessions"), 0);
    uint64_t told = world->offset - 1;
    char expected[32];
    snprintf(expected, sizeof expected, "s-%u", (unsigned) told);
    assert_string_equal(json_string_value(json_object_get(newest, "session_id")), expected);
    assert_offsets(text, told, world->offset);
    read_more(follower);
    json_decref(snapshot);
    free(payload);
}

static char *
large_start(void)
{
    enum { LABEL_BYTES = 20000 };
    char *payload = malloc(LABEL_BYTES + 64);
    assert(payload);
    snprintf(payload, LABEL_BYTES + 64, "{\"labels\":{\"pad\":\"%0*d\"}}", LABEL_BYTES, 0);
    return payload;
}

static void
what_has_no_room_is_counted_and_those_that_began_last_are_told(void **state)
{
    world_t *world = *state;
    char *payload = large_start();
    for (unsigned at = 0; at < 60; at++) {
        char session[16];
        snprintf(session, sizeof session, "s-%u", at);
        start(world, session, payload);
    }
    client_t *client = open_stream(world, "snapshot=1", NULL);
    for (int turn = 0; turn < 10; turn++) {
        read_more(client);
        settle(world);
    }
    read_more(client);
    assert_in_range(client->read_bytes, STREAM_SNAPSHOT_BYTES - 30000,
                    STREAM_SNAPSHOT_BYTES + 1000);
    json_t *snapshot = snapshot_in(client->read);
    const json_t *rows = json_object_get(snapshot, "sessions");
    assert_int_equal(json_array_size(rows) +
                         (size_t) json_integer_value(json_object_get(snapshot, "left_out")),
                     60);
    assert_in_range(json_array_size(rows), 20, 26);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(rows, 0), "session_id")), "s-59");
    json_decref(snapshot);
    free(payload);
}

// They wait in memory up to a limit; then the next is told how many it is not, and who takes
// nothing at all goes.
static void
snapshots_that_nobody_reads_are_bounded_and_end(void **state)
{
    world_t *world = *state;
    char *payload = large_start();
    for (unsigned at = 0; at < 40; at++) {
        char session[16];
        snprintf(session, sizeof session, "s-%u", at);
        start(world, session, payload);
    }
    size_t full = 0;
    while (full == 0 && world->count < CLIENTS - 1) {
        client_t *client = open_stream(world, "snapshot=1", NULL);
        if (client->stream->snapshot_bytes == 0)
            full = world->count;
    }
    assert_true(full > 1);
    client_t *last = &world->clients[full - 1];
    json_t *snapshot = snapshot_in(read_more(last));
    assert_int_equal(json_array_size(json_object_get(snapshot, "sessions")) +
                         (size_t) json_integer_value(json_object_get(snapshot, "left_out")),
                     40);
    assert_in_range(json_integer_value(json_object_get(snapshot, "left_out")), 1, 40);
    json_decref(snapshot);

    world->now_ms += STREAM_HUB_STALL_MS;
    stream_hub_tick(world->hub, world->now_ms);
    settle(world);
    assert_int_equal(stream_hub_stats(world->hub).closed[STREAM_REASON_SLOW], full - 1);
    world->now_ms += STREAM_HUB_GOODBYE_MS;
    stream_hub_tick(world->hub, world->now_ms);
    settle(world);
    for (size_t at = 0; at + 1 < full; at++)
        assert_true(world->clients[at].ended);
    assert_false(last->ended);
    free(payload);
}

// One that reads, however slowly, is not cut; and all that was kept for it is given back.
static void
a_slow_reader_gets_its_snapshot_whole(void **state)
{
    world_t *world = *state;
    char *payload = large_start();
    for (unsigned at = 0; at < 20; at++) {
        char session[16];
        snprintf(session, sizeof session, "s-%u", at);
        start(world, session, payload);
    }
    client_t *client = open_stream(world, "snapshot=1", NULL);
    assert_true(client->stream->snapshot_bytes > 0);
    while (client->stream->snapshot_bytes > 0) {
        assert_in_range(client->read_bytes, 0, 20 * 21000);
        read_more(client);
        world->now_ms += STREAM_HUB_STALL_MS - 1000;
        stream_hub_feed(world->hub, true, world->now_ms, world->now_ms);
        settle(world);
        stream_hub_tick(world->hub, world->now_ms);
    }
    publish(world, "aider.session_completed", "s-1", "{}");
    settle(world);
    assert_offsets(read_more(client) ? client->read : "", 21, 21);
    json_t *snapshot = snapshot_in(client->read);
    assert_int_equal(json_array_size(json_object_get(snapshot, "sessions")), 20);
    json_decref(snapshot);
    free(payload);
}

static void
the_live_sessions_come_in_the_envelope_that_was_asked_for(void **state)
{
    world_t *world = *state;
    start(world, "a", "{\"model\":\"m\"}");
    start(world, "b", "{}");
    client_t *plain = open_stream(world, "snapshot=1", NULL);
    client_t *cloud = open_stream(world, "snapshot=1&envelope=cloudevents", NULL);
    read_more(plain);
    read_more(cloud);
    json_t *expected = snapshot_in(plain->read);
    json_t *event = snapshot_in(cloud->read);
    assert_non_null(expected);
    assert_non_null(event);
    assert_string_equal(json_string_value(json_object_get(event, "type")), "stream.snapshot");
    assert_string_equal(json_string_value(json_object_get(event, "source")),
                        CLOUD_EVENT_OWN_SOURCE);
    const json_t *data = json_object_get(event, "data");
    assert_true(
        json_equal(json_object_get(data, "sessions"), json_object_get(expected, "sessions")));
    assert_true(
        json_equal(json_object_get(data, "cursor"), json_object_get(expected, "cursor")));
    json_decref(expected);
    json_decref(event);
}

int
main(void)
{
#define hub_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        hub_test(the_live_sessions_come_first_and_then_all_that_happens_after),
        hub_test(who_comes_back_to_a_good_place_is_not_told_again),
        hub_test(who_has_lost_the_thread_is_told_also_unasked),
        hub_test(after_a_gap_the_sessions_are_told_before_the_id_to_come_back_to),
        hub_test(the_sessions_are_those_that_are_asked_for_whatever_the_types),
        hub_test(a_stream_that_is_held_is_told_what_holds_when_it_begins),
        hub_test(zipped_and_pulled_streams_are_told_the_same),
        hub_test(an_event_on_its_way_into_the_ring_is_not_told_before_it_comes),
        hub_test(what_has_no_room_is_counted_and_those_that_began_last_are_told),
        hub_test(snapshots_that_nobody_reads_are_bounded_and_end),
        hub_test(a_slow_reader_gets_its_snapshot_whole),
        hub_test(the_live_sessions_come_in_the_envelope_that_was_asked_for),
    };
    return cmocka_run_group_tests_name("stream_snapshot", tests, NULL, NULL);
}
