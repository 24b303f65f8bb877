// test_stream_hub - streams over socket pairs: what each client reads, and when
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "stream_clients.h"

static void
a_live_stream_opens_with_its_verdict_and_gets_what_comes(void **state)
{
    world_t *world = *state;
    publish(world, "aider.session_progress", "s", "{\"old\":1}");
    client_t *client = open_stream(world, NULL, NULL);
    const char *text = read_more(client);
    assert_memory_equal(text, "retry: ", 7);
    assert_says(text, "event: stream.opened\ndata: {\"client_id\":\"");
    assert_says(text, "\"verdict\":\"live\",\"cursor\":\"00000000000000e9-1\"");
    assert_silent(text, "id: 0");
    publish(world, "aider.session_progress", "s", "{\"new\":1}");
    settle(world);
    assert_string_equal(
        read_more(client),
        "id: 00000000000000e9-2\nevent: aider.session_progress\ndata: {\"new\":1}\n\n");
}

static void
what_comes_in_one_turn_goes_in_one_write(void **state)
{
    world_t *world = *state;
    client_t *client = open_stream(world, NULL, NULL);
    read_more(client);
    uint64_t calls = stream_hub_stats(world->hub).written.calls;
    for (int at = 0; at < STREAM_WRITER_EVENTS; at++)
        publish(world, "aider.session_progress", "s", "{}");
    settle(world);
    assert_int_equal(stream_hub_stats(world->hub).written.calls, calls + 1);
    assert_offsets(read_more(client) - 1, 1, STREAM_WRITER_EVENTS);
}

static void
streams_with_one_filter_share_a_group_and_others_get_only_theirs(void **state)
{
    world_t *world = *state;
    client_t *one = open_stream(world, "session=a", NULL);
    client_t *same = open_stream(world, "session=a", NULL);
    client_t *other = open_stream(world, "session=b&types=aider.error_occurred", NULL);
    assert_int_equal(stream_hub_stats(world->hub).filters, 2);
    read_more(one);
    read_more(same);
    read_more(other);
    publish(world, "aider.session_progress", "a", "{}");
    publish(world, "aider.session_progress", "b", "{}");
    publish(world, "aider.error_occurred", "b", "{}");
    settle(world);
    assert_offsets(read_more(one) - 1, 1, 1);
    assert_offsets(read_more(same) - 1, 1, 1);
    assert_offsets(read_more(other) - 1, 3, 3);
}

static void
a_filter_looks_at_an_event_once_however_many_follow_it(void **state)
{
    world_t *world = *state;
    for (int at = 0; at < 20; at++)
        open_stream(world, "provider=p", NULL);
    uint64_t evaluated = stream_hub_stats(world->hub).evaluated;
    publish(world, "aider.error_occurred", "s", "{\"provider\":\"p\"}");
    settle(world);
    assert_int_equal(stream_hub_stats(world->hub).evaluated, evaluated + 1);
    assert_int_equal(stream_hub_stats(world->hub).written.events, 20);
}

static void
an_event_costs_only_those_whom_it_may_concern(void **state)
{
    world_t *world = *state;
    open_stream(world, "session=a", NULL);
    open_stream(world, "session=b", NULL);
    open_stream(world, "session=b&types=aider.error_occurred", NULL);
    open_stream(world, "types=mesh.*", NULL);
    uint64_t evaluated = stream_hub_stats(world->hub).evaluated;
    uint64_t calls = stream_hub_stats(world->hub).written.calls;
    publish(world, "aider.session_progress", "a", "{}");
    settle(world);
    assert_int_equal(stream_hub_stats(world->hub).evaluated, evaluated + 2);
    assert_int_equal(stream_hub_stats(world->hub).written.calls, calls + 1);
    publish(world, "aider.session_progress", "c", "{}");
    publish(world, "aider.session_progress", NULL, "{}");
    settle(world);
    assert_int_equal(stream_hub_stats(world->hub).evaluated, evaluated + 4);
    assert_int_equal(stream_hub_stats(world->hub).written.calls, calls + 1);
    // What concerns all reaches also those who were passed over.
    stream_hub_gap(world->hub, "trimmed", &(mesh_cursor_t){RING_EVENT_EPOCH, world->offset}, 0,
                   world->now_ms);
    settle(world);
    for (size_t at = 0; at < world->count; at++)
        assert_says(read_more(&world->clients[at]), "event: stream.gap\n");
}

static void
a_frame_is_made_once_and_copied_for_nobody_who_keeps_up(void **state)
{
    world_t *world = *state;
    for (int at = 0; at < 20; at++)
        open_stream(world, "session=s", NULL);
    stream_hub_stats_t before = stream_hub_stats(world->hub);
    for (int at = 0; at < 100; at++) {
        publish(world, "aider.session_progress", "s", "{}");
        settle(world);
        for (size_t client = 0; client < world->count; client++)
            assert_null(world->clients[client].stream->own);
    }
    stream_hub_stats_t after = stream_hub_stats(world->hub);
    assert_int_equal(after.events - before.events, 100);
    assert_int_equal(after.written.events - before.written.events, 100 * 20);
    assert_int_equal(after.kept_bytes, 0);
}

static void
who_comes_back_over_what_its_filter_was_not_shown_gets_its_own_of_it(void **state)
{
    world_t *world = *state;
    open_stream(world, "session=a", NULL);
    for (int at = 0; at < 10; at++) {
        for (int more = 0; more < 200; more++)
            publish(world, "aider.session_progress", "b", "{}");
        publish(world, "aider.session_progress", "a", "{}");
        settle(world);
    }
    client_t *again = open_stream(world, "session=a", "00000000000000e9-1000");
    const char *text = read_more(again);
    assert_silent(text, "id: 00000000000000e9-804\n");
    for (int at = 5; at <= 10; at++) {
        char id[64];
        snprintf(id, sizeof id, "id: 00000000000000e9-%d\n", at * 201);
        assert_says(text, id);
        text = strstr(text, id);
    }
    assert_null(strstr(text + 1, "id: "));
}

static void
a_resumed_stream_gets_what_it_missed_then_what_comes_without_a_double(void **state)
{
    world_t *world = *state;
    for (int at = 0; at < 500; at++)
        publish(world, "aider.session_progress", "s", "{}");
    client_t *client = NULL;
    admit(world, ENDPOINT_ALL, NULL, "00000000000000e9-100", &client);
    stream_hub_attach(world->hub, client->stream, client->ours, world->now_ms);
    // While it is being given the past, and before it stands among the others.
    for (int at = 0; at < 50; at++) {
        publish(world, "aider.session_progress", "s", "{}");
        if (at % 7 == 0) {
            world->turn_wanted = false;
            stream_hub_turn(world->hub, world->now_ms);
        }
    }
    world->turn_wanted = true;
    settle(world);
    const char *text = read_more(client);
    assert_says(text, "\"verdict\":\"exact\",\"cursor\":\"00000000000000e9-100\"");
    assert_offsets(text, 101, 550);
}

static void
a_filter_on_the_payload_finds_what_is_long_past(void **state)
{
    world_t *world = *state;
    for (int at = 0; at < 2000; at++)
        publish(world, "aider.error_occurred", "s",
                at % 500 == 0 ? "{\"provider\":\"openai\"}" : "{\"provider\":\"other\"}");
    client_t *client = open_stream(world, "provider=openai&since=earliest", NULL);
    const char *text = read_more(client);
    assert_says(text, "00000000000000e9-1\n");
    assert_says(text, "00000000000000e9-501\n");
    assert_says(text, "00000000000000e9-1001\n");
    assert_says(text, "00000000000000e9-1501\n");
    assert_silent(text, "other");
}

static void
a_filter_finds_the_same_now_as_when_it_is_long_past(void **state)
{
    world_t *world = *state;
    client_t *live = open_stream(world, "label=k", NULL);
    client_t *told = open_stream(world, "snapshot=1&label=k", NULL);
    read_more(live);
    read_more(told);
    publish(world, "aider.session_started", "s",
            "{\"x\":\"a\nb\xff\",\"labels\":{\"k\":\"v\"}}");
    publish(world, "aider.session_progress", "s", "{}");
    settle(world);
    assert_offsets(read_more(live) - 1, 1, 2);
    assert_offsets(read_more(told) - 1, 1, 2);
    client_t *later = open_stream(world, "since=earliest&label=k&snapshot=1", NULL);
    const char *text = read_more(later);
    assert_says(text, "\"sessions\":[{\"");
    assert_says(text, "id: 00000000000000e9-1\n");
    assert_says(text, "id: 00000000000000e9-2\n");
}

static void
the_last_n_that_match_are_found_behind_what_does_not(void **state)
{
    world_t *world = *state;
    for (int at = 1; at <= 3000; at++)
        publish(world, at % 1000 == 0 ? "aider.error_occurred" : "aider.session_progress", "s",
                "{}");
    client_t *two = open_stream(world, "types=aider.error_occurred&last=2", NULL);
    const char *text = read_more(two);
    assert_says(text, "\"verdict\":\"exact\"");
    assert_says(text, "e9-2000\n");
    assert_says(text, "e9-3000\n");
    assert_silent(text, "e9-1000\n");
    client_t *many = open_stream(world, "types=aider.error_occurred&last=9", NULL);
    text = read_more(many);
    assert_says(text, "\"verdict\":\"exact\"");
    assert_says(text, "e9-1000\n");
}

static void
a_stream_that_comes_back_too_late_is_told_the_gap(void **state)
{
    world_t *world = *state;
    publish(world, "aider.error_occurred", "s", "{}");
    const event_ring_t *ring = stream_hub_ring(world->hub);
    while (event_ring_first(ring) < 10)
        publish(world, "aider.session_progress", "s", "{}");
    client_t *all = open_stream(world, NULL, "00000000000000e9-2");
    const char *text = read_more(all);
    assert_says(text, "\"verdict\":\"gap\"");
    assert_says(text,
                "\n\nid: 00000000000000e9-10\nevent: stream.gap\ndata: {\"client_id\":\"");
    assert_says(text, "\"from\":\"00000000000000e9-2\",\"to\":\"00000000000000e9-10\","
                      "\"at_most\":8");
    // The one error went before; since then none has.
    client_t *errors = open_stream(world, "types=aider.error_occurred", "00000000000000e9-2");
    assert_says(read_more(errors), "\"verdict\":\"exact\"");
}

static void
a_dead_cursor_is_reset_and_the_stream_gets_an_id_to_go_on_from(void **state)
{
    world_t *world = *state;
    publish(world, "aider.error_occurred", "s", "{}");
    client_t *client = open_stream(world, NULL, "0000000000000001-7");
    assert_says(read_more(client), "\nid: 00000000000000e9-1\nevent: stream.opened\n");
    assert_says(client->read, "\"verdict\":\"reset\"");
    client_t *other = open_stream(world, NULL, "what is this");
    assert_says(read_more(other), "\nid: 00000000000000e9-1\nevent: stream.opened\n");
    assert_says(other->read, "\"verdict\":\"unknown\"");
}

static void
a_stream_is_held_with_comments_until_the_answer_is_known(void **state)
{
    world_t *world = *state;
    stream_hub_feed(world->hub, false, world->now_ms, world->now_ms);
    client_t *client = open_stream(world, NULL, NULL);
    assert_string_equal(read_more(client), ":\n");
    world->now_ms += COMMENT_MS;
    stream_hub_tick(world->hub, world->now_ms);
    assert_string_equal(read_more(client), ":\n");
    assert_int_equal(stream_hub_stats(world->hub).held, 1);
    publish(world, "aider.error_occurred", "s", "{}");
    stream_hub_feed(world->hub, true, world->now_ms, world->now_ms);
    settle(world);
    assert_says(read_more(client), "\"cursor\":\"00000000000000e9-1\"");
}

static void
a_cursor_of_another_bridge_is_held_until_its_event_comes(void **state)
{
    world_t *world = *state;
    publish(world, "aider.error_occurred", "s", "{}");
    client_t *client = open_stream(world, NULL, "00000000000000e9-2");
    assert_string_equal(read_more(client), ":\n");
    publish(world, "aider.error_occurred", "s", "{}");
    publish(world, "aider.error_occurred", "s", "{}");
    stream_hub_tick(world->hub, world->now_ms);
    settle(world);
    assert_says(read_more(client), "\"verdict\":\"exact\"");
    assert_offsets(client->read, 3, 3);
}

static void
a_comment_comes_only_when_nothing_else_does(void **state)
{
    world_t *world = *state;
    client_t *client = open_stream(world, NULL, NULL);
    read_more(client);
    world->now_ms += COMMENT_MS - 1;
    publish(world, "aider.error_occurred", "s", "{}");
    settle(world);
    read_more(client);
    world->now_ms += COMMENT_MS - 1;
    stream_hub_tick(world->hub, world->now_ms);
    assert_string_equal(read_more(client), "");
    world->now_ms += 1;
    stream_hub_tick(world->hub, world->now_ms);
    assert_string_equal(read_more(client), ":\n");
}

static void
a_new_epoch_is_said_between_the_old_events_and_the_new(void **state)
{
    world_t *world = *state;
    client_t *client = open_stream(world, NULL, NULL);
    read_more(client);
    publish(world, "aider.error_occurred", "s", "{\"of\":\"old\"}");
    stream_hub_epoch(world->hub, &(mesh_cursor_t){0xf00, 0}, NULL, world->now_ms);
    ring_event_t event;
    ring_event(&event, "aider.error_occurred", "s", "{\"of\":\"new\"}", 1);
    event.event.header.epoch = 0xf00;
    stream_hub_event(world->hub, &event.event, world->now_ms);
    settle(world);
    const char *text = read_more(client);
    const char *old = strstr(text, "\"of\":\"old\"");
    const char *gap = strstr(text, "id: 0000000000000f00-0\nevent: stream.gap\n");
    const char *new = strstr(text, "\"of\":\"new\"");
    assert_true(old && gap && new &&old < gap &&gap < new);
    assert_says(gap, "\"reason\":\"new_epoch\",\"from\":\"00000000000000e9-1\"");
    // Who comes with the gap's id has missed nothing.
    client_t *again = open_stream(world, NULL, "0000000000000f00-0");
    assert_says(read_more(again), "\"verdict\":\"exact\"");
    assert_says(again->read, "\"of\":\"new\"");
    assert_silent(again->read, "stream.gap");
}

static void
a_hole_is_said_in_its_place_also_to_those_who_come_later(void **state)
{
    world_t *world = *state;
    client_t *client = open_stream(world, "types=aider.error_occurred", NULL);
    publish(world, "aider.error_occurred", "s", "{}");
    stream_hub_gap(world->hub, "trimmed", &(mesh_cursor_t){RING_EVENT_EPOCH, 20}, 0,
                   world->now_ms);
    world->offset = 20;
    publish(world, "aider.error_occurred", "s", "{}");
    settle(world);
    read_more(client);
    assert_says(client->read, "id: 00000000000000e9-20\nevent: stream.gap\n");
    assert_says(client->read, "\"at_most\":19");
    client_t *later = open_stream(world, NULL, "00000000000000e9-1");
    assert_says(read_more(later), "id: 00000000000000e9-20\nevent: stream.gap\n");
    assert_says(later->read, "id: 00000000000000e9-21\n");
}

// The broker says that a session is forgotten, up to an offset.
static void
forget(world_t *world, const char *session, unsigned removed, unsigned last, const char *types)
{
    char payload[256];
    snprintf(payload, sizeof payload,
             "{\"session_id\":\"%s\",\"removed\":%u,\"last\":\"00000000000000e9-%u\","
             "\"types\":%s}",
             session, removed, last, types);
    publish(world, "mesh.session_forgotten", "", payload);
}

static void
who_resumes_over_a_forgotten_session_is_told_and_gets_the_rest(void **state)
{
    world_t *world = *state;
    publish(world, "aider.error_occurred", "kept", "{\"n\":1}");
    publish(world, "aider.error_occurred", "gone", "{\"n\":2}");
    publish(world, "aider.session_progress", "gone", "{\"n\":3}");
    publish(world, "aider.error_occurred", "kept", "{\"n\":4}");
    forget(world, "gone", 2, 3, "{\"aider.error_occurred\":1,\"aider.session_progress\":1}");
    client_t *all = open_stream(world, NULL, "00000000000000e9-1");
    assert_says(read_more(all), "\"verdict\":\"gap\"");
    assert_says(all->read, "\"reason\":\"forgotten\",\"from\":\"00000000000000e9-1\","
                           "\"to\":\"00000000000000e9-3\",\"at_most\":2");
    assert_says(all->read, "\"n\":4");
    assert_silent(all->read, "\"n\":2");
    assert_silent(all->read, "\"n\":3");
    client_t *errors = open_stream(world, "types=aider.error_occurred", "00000000000000e9-1");
    assert_says(read_more(errors), "\"at_most\":1");
    // Of another session, and behind it, nothing is missing.
    client_t *kept = open_stream(world, "session=kept", "00000000000000e9-1");
    assert_says(read_more(kept), "\"verdict\":\"exact\"");
    client_t *behind = open_stream(world, NULL, "00000000000000e9-3");
    assert_says(read_more(behind), "\"verdict\":\"exact\"");
    // Who has nothing is told too.
    client_t *last = open_stream(world, "session=gone&last=5", NULL);
    assert_says(read_more(last), "\"verdict\":\"gap\"");
    assert_says(last->read, "\"reason\":\"forgotten\"");
}

static void
the_gap_of_a_forgotten_session_sends_nobody_past_what_is_kept(void **state)
{
    world_t *world = *state;
    for (int n = 1; n <= 4; n++)
        publish(world, "aider.error_occurred", n % 2 ? "kept" : "gone", "{}");
    forget(world, "gone", 2, 4, "{\"aider.error_occurred\":2}");
    // 2 and 4 are gone; what has an id of its own goes on before 3.
    client_t *client = open_stream(world, NULL, "00000000000000e9-1");
    assert_says(read_more(client), "id: 00000000000000e9-2\nevent: stream.gap\n");
    assert_says(client->read, "id: 00000000000000e9-3\nevent: aider.error_occurred\n");
}

static void
who_is_behind_is_told_of_what_was_forgotten_before_it_came(void **state)
{
    world_t *world = *state;
    client_t *client = open_stream(world, NULL, NULL);
    read_more(client);
    // More than the socket takes: the rest waits in the ring.
    static char payload[60 * 1024];
    memset(payload, 'x', sizeof payload - 1);
    payload[0] = '"';
    payload[sizeof payload - 2] = '"';
    for (int n = 0; n < 10; n++) {
        publish(world, "aider.session_progress", "long", payload);
        settle(world);
    }
    publish(world, "aider.error_occurred", "gone", "{\"n\":\"whisper\"}");
    publish(world, "aider.error_occurred", "gone", "{\"n\":\"whisper\"}");
    settle(world);
    forget(world, "gone", 2, 12, "{\"aider.error_occurred\":2}");
    for (int round = 0; round < 100 && !strstr(client->read, "mesh.session_forgotten");
         round++) {
        settle(world);
        read_more(client);
    }
    assert_says(client->read, "event: stream.gap\n");
    assert_says(client->read, "\"reason\":\"forgotten\"");
    assert_says(client->read, "\"at_most\":2");
    assert_says(client->read, "mesh.session_forgotten");
    assert_silent(client->read, "whisper");
}

static void
a_family_that_was_removed_before_is_a_gap_for_whom_it_concerns(void **state)
{
    world_t *world = *state;
    const uint64_t removed[MESH_FAMILIES] = {[MESH_FAMILY_PROGRESS] = 8};
    stream_hub_epoch(world->hub, &(mesh_cursor_t){RING_EVENT_EPOCH, 2}, removed, world->now_ms);
    world->offset = 4;
    publish(world, "aider.error_occurred", "s", "{}");    // 5
    world->offset = 8;
    publish(world, "aider.session_progress", "s", "{}");    // 9
    client_t *progress =
        open_stream(world, "types=aider.session_progress", "00000000000000e9-4");
    assert_says(read_more(progress), "\"verdict\":\"gap\"");
    assert_says(progress->read, "\"to\":\"00000000000000e9-8\",\"at_most\":4");
    client_t *errors = open_stream(world, "types=aider.error_occurred", "00000000000000e9-1");
    assert_says(read_more(errors), "\"verdict\":\"exact\"");
    assert_says(errors->read, "id: 00000000000000e9-5\n");
    client_t *both = open_stream(world, NULL, "00000000000000e9-3");
    assert_says(read_more(both), "id: 00000000000000e9-4\nevent: stream.gap\n");
    assert_says(both->read, "id: 00000000000000e9-5\n");
}

static void
the_one_session_of_a_stream_ends_it_some_time_after_its_completion(void **state)
{
    world_t *world = *state;
    client_t *client = open_stream(world, "session=s", NULL);
    client_t *two = open_stream(world, "session=s,t", NULL);
    publish(world, "aider.session_completed", "s", "{}");
    settle(world);
    world->now_ms += ENDED_MS - 1;
    stream_hub_tick(world->hub, world->now_ms);
    assert_false(client->ended);
    world->now_ms += 1;
    stream_hub_tick(world->hub, world->now_ms);
    assert_true(client->ended);
    assert_true(client->clean);
    assert_false(two->ended);
    read_more(client);
    assert_says(client->read, "\nevent: stream.closing\n");
    assert_says(client->read, "\"reason\":\"ended\"");
}

static bool
is_over(world_t *world, const char *query, const char *id)
{
    stream_query_t parsed;
    char problem[STREAM_QUERY_PROBLEM_BYTES];
    assert_int_equal(stream_query_parse(&parsed, ENDPOINT_ALL, query, id, NULL, 0, problem), 0);
    bool over = stream_hub_is_over(world->hub, &parsed, world->now_ms);
    stream_query_clear(&parsed);
    return over;
}

static void
only_who_has_seen_the_last_of_an_ended_session_is_told_that_it_is_over(void **state)
{
    world_t *world = *state;
    publish(world, "aider.error_occurred", "s", "{}");
    publish(world, "aider.session_progress", "s", "{}");
    publish(world, "aider.session_completed", "s", "{}");
    publish(world, "aider.session_progress", "t", "{}");
    assert_false(is_over(world, "session=s", "00000000000000e9-3"));
    world->now_ms += ENDED_MS;
    assert_true(is_over(world, "session=s", "00000000000000e9-3"));
    assert_true(is_over(world, "session=s", "00000000000000e9-4"));
    assert_true(is_over(world, "session=s", NULL));
    assert_false(is_over(world, "session=s", "00000000000000e9-2"));
    assert_true(is_over(world, "session=s&types=aider.error_occurred", "00000000000000e9-1"));
    assert_false(is_over(world, "session=s&types=aider.error_occurred", "00000000000000e9-0"));
    assert_false(is_over(world, "session=s&since=earliest", NULL));
    assert_false(is_over(world, "session=s", "00000000000000e9-5"));
    assert_false(is_over(world, "session=s", "0000000000000001-3"));
    assert_false(is_over(world, "session=s", "garbage"));
    assert_false(is_over(world, "session=t", "00000000000000e9-4"));
    assert_false(is_over(world, "session=never", "00000000000000e9-4"));
    assert_false(is_over(world, NULL, "00000000000000e9-4"));
}

// Fill the ring once over with events that this client does not read.
static void
overrun(world_t *world)
{
    static char payload[2000];
    memset(payload, 'x', sizeof payload - 1);
    for (int at = 0; at < 1000; at++) {
        publish(world, "aider.session_progress", "s", payload);
        settle(world);
    }
}

// That text is whole frames, apart from the beginning: each ends with its own end.
static void
assert_whole_frames(const char *text)
{
    size_t bytes = strlen(text);
    assert_true(bytes >= 2);
    assert_string_equal(text + bytes - 2, "\n\n");
    for (const char *at = text; *at;) {
        const char *end = strstr(at, "\n\n");
        assert_non_null(end);
        const char *data = strstr(at, "data: ");
        assert_true(data && data < end);
        if (data[6] == 'x')
            assert_int_equal(end - data - 6, 1999);
        at = end + 2;
    }
}

static void
a_client_that_stops_reading_is_told_so_and_let_go_and_slows_nobody(void **state)
{
    world_t *world = *state;
    client_t *slow = open_stream(world, NULL, NULL);
    client_t *quick = open_stream(world, NULL, NULL);
    static char payload[2000];
    memset(payload, 'x', sizeof payload - 1);
    for (int at = 0; at < 2000; at++) {
        publish(world, "aider.session_progress", "s", payload);
        settle(world);
        read_more(quick);
        if (at % 500 == 499) {
            assert_offsets(quick->read, (uint64_t) at - 498, (uint64_t) at + 1);
            quick->read_bytes = 1;    // the line feed before the next id
            quick->read[0] = '\n';
        }
    }
    assert_false(quick->ended);
    assert_int_equal(stream_hub_stats(world->hub).closed[STREAM_REASON_SLOW], 1);
    assert_true(stream_hub_stats(world->hub).dropped_events > 0);
    read_more(slow);
    settle(world);
    read_more(slow);
    assert_true(slow->ended);
    assert_true(slow->clean);
    assert_whole_frames(slow->read);
    assert_says(slow->read, "\nevent: stream.dropped\n");
    assert_says(slow->read, "\nevent: stream.closing\n");
    assert_says(slow->read, "\"reason\":\"slow\"");
}

static void
a_slow_client_may_ask_to_lose_the_oldest_and_stay(void **state)
{
    world_t *world = *state;
    client_t *slow = open_stream(world, "slow=drop-oldest", NULL);
    overrun(world);
    overrun(world);
    overrun(world);
    assert_false(slow->ended);
    for (int rounds = 0; rounds < 20; rounds++) {
        read_more(slow);
        settle(world);
    }
    read_more(slow);
    assert_whole_frames(slow->read);
    const char *dropped = strstr(slow->read, "event: stream.dropped\n");
    assert_non_null(dropped);
    assert_null(strstr(dropped + 1, "event: stream.dropped\n"));
    // What it says was lost is what lies between the events before and after it.
    const char *from = strstr(dropped, "\"from\":\"00000000000000e9-");
    const char *to = strstr(dropped, "\"to\":\"00000000000000e9-");
    const char *next = strstr(dropped, "\nid: 00000000000000e9-");
    uint64_t lost_from = strtoull(from + 25, NULL, 10);
    uint64_t lost_to = strtoull(to + 23, NULL, 10);
    assert_int_equal(strtoull(next + 22, NULL, 10), lost_to + 1);
    char before[64];
    snprintf(before, sizeof before, "id: 00000000000000e9-%d\n", (int) lost_from);
    const char *last = strstr(slow->read, before);
    assert_true(last && last < dropped);
    assert_says(next, "\nid: 00000000000000e9-3000\n");
}

static void
a_client_that_never_reads_its_goodbye_is_cut_after_a_while(void **state)
{
    world_t *world = *state;
    client_t *slow = open_stream(world, NULL, NULL);
    overrun(world);
    assert_false(slow->ended);
    world->now_ms += 10000;
    stream_hub_tick(world->hub, world->now_ms);
    assert_true(slow->ended);
    assert_int_equal(stream_hub_stats(world->hub).cut, 1);
}

static void
a_stream_that_is_old_is_closed_with_a_place_to_go_on_from(void **state)
{
    world_t *world = *state;
    client_t *client = open_stream(world, "types=aider.error_occurred", NULL);
    world->now_ms += AGE_MS - AGE_MS / 5 - 1;
    stream_hub_tick(world->hub, world->now_ms);
    assert_false(client->ended);
    world->now_ms += AGE_MS / 5 + 1;
    publish(world, "aider.error_occurred", "s", "{\"n\":1}");
    publish(world, "aider.session_progress", "s", "{}");
    stream_hub_tick(world->hub, world->now_ms);
    assert_true(client->ended && client->clean);
    read_more(client);
    // What was there is sent before, whether its turn had come or not.
    const char *event = strstr(client->read, "{\"n\":1}");
    assert_non_null(event);
    assert_says(event, "\nid: 00000000000000e9-2\nevent: stream.closing\n");
    assert_says(event, "\nretry: ");
    assert_says(event, "\"reason\":\"max_age\"");
    assert_int_equal(stream_hub_stats(world->hub).closed[STREAM_REASON_AGED], 1);
    publish(world, "aider.error_occurred", "s", "{\"n\":2}");
    client_t *again = open_stream(world, "types=aider.error_occurred", "00000000000000e9-2");
    assert_says(read_more(again), "\"verdict\":\"exact\"");
    assert_says(again->read, "{\"n\":2}");
    assert_silent(again->read, "{\"n\":1}");
}

static void
streams_that_came_together_do_not_grow_old_together(void **state)
{
    world_t *world = *state;
    for (int at = 0; at < 40; at++)
        open_stream(world, NULL, NULL);
    uint64_t ended[3] = {0};
    for (int part = 0; part < 3; part++) {
        world->now_ms += part == 0 ? AGE_MS - AGE_MS / 5 : AGE_MS / 10;
        stream_hub_tick(world->hub, world->now_ms);
        ended[part] = stream_hub_stats(world->hub).closed[STREAM_REASON_AGED];
    }
    // By chance all 40 would be in one half once in 10^12 runs.
    assert_true(ended[0] < 40);
    assert_in_range(ended[1], 1, 39);
    assert_int_equal(ended[2], 40);
}

static void
an_old_stream_that_is_behind_keeps_the_cursor_it_has(void **state)
{
    world_t *world = *state;
    client_t *slow = open_stream(world, NULL, NULL);
    static char payload[60 * 1024];
    memset(payload, 'x', sizeof payload - 1);
    for (int n = 0; n < 8; n++) {
        publish(world, "aider.session_progress", "s", payload);
        settle(world);
    }
    world->now_ms += AGE_MS;
    stream_hub_tick(world->hub, world->now_ms);
    assert_false(slow->ended);
    read_more(slow);
    settle(world);
    read_more(slow);
    assert_true(slow->ended && slow->clean);
    const char *closing = strstr(slow->read, "\nevent: stream.closing\n");
    assert_non_null(closing);
    const char *last = NULL;
    for (const char *at = slow->read; (at = strstr(at, "\nid: 00000000000000e9-")); at++)
        last = at;
    assert_true(last && last < closing);
    assert_true(strtoull(last + strlen("\nid: 00000000000000e9-"), NULL, 10) < 8);
    // Between that id and the closing there is nothing but its own event.
    assert_says(last, "x\n\nretry: ");
}

static void
a_client_that_goes_is_seen_to_go(void **state)
{
    world_t *world = *state;
    client_t *closed = open_stream(world, NULL, NULL);
    client_t *half = open_stream(world, NULL, NULL);
    close(closed->theirs);
    closed->theirs = -1;
    shutdown(half->theirs, SHUT_WR);
    settle(world);
    assert_true(closed->ended);
    assert_true(half->ended);
    assert_false(closed->clean);
    assert_int_equal(stream_hub_stats(world->hub).vanished, 2);
    publish(world, "aider.error_occurred", "s", "{}");
    settle(world);
}

static void
what_a_client_sends_is_thrown_away_up_to_a_limit(void **state)
{
    world_t *world = *state;
    client_t *client = open_stream(world, NULL, NULL);
    static char garbage[8192];
    assert_int_equal(write(client->theirs, garbage, sizeof garbage), sizeof garbage);
    settle(world);
    assert_false(client->ended);
    assert_int_equal(write(client->theirs, garbage, sizeof garbage), sizeof garbage);
    assert_int_equal(write(client->theirs, garbage, 1), 1);
    settle(world);
    assert_true(client->ended);
}

static void
stopping_is_said_to_all_and_nobody_is_waited_for(void **state)
{
    world_t *world = *state;
    client_t *idle = open_stream(world, NULL, NULL);
    client_t *stuck = open_stream(world, "session=s", NULL);
    client_t *quiet = open_stream(world, "session=q", NULL);
    client_t *pending = NULL;
    stream_hub_feed(world->hub, false, world->now_ms, world->now_ms);
    client_t *held = open_stream(world, "session=t", NULL);
    admit(world, ENDPOINT_ALL, NULL, NULL, &pending);
    static char payload[60000];
    memset(payload, 'x', sizeof payload - 1);
    for (int at = 0; at < 10; at++) {
        publish(world, "aider.error_occurred", "s", payload);
        settle(world);
        read_more(idle);
    }
    publish(world, "aider.error_occurred", "u", "{\"the\":\"last\"}");
    stream_hub_stop(world->hub, world->now_ms);
    assert_true(idle->ended && stuck->ended && held->ended);
    read_more(idle);
    const char *last = strstr(idle->read, "{\"the\":\"last\"}");
    assert_non_null(last);
    assert_says(last, "\"reason\":\"stopping\"");
    assert_says(read_more(held), "\"reason\":\"stopping\"");
    // Who has all there is goes on from there, whether an event was among it or not; who has
    // not, or was never told where it is, keeps what it has.
    assert_says(last, "\nid: 00000000000000e9-11\nevent: stream.closing\n");
    assert_says(read_more(quiet), "\nid: 00000000000000e9-11\nevent: stream.closing\n");
    assert_silent(held->read, "id: ");
    assert_silent(read_more(stuck), "id: 00000000000000e9-11");
    // One whose head was still being sent is told as soon as it is here.
    stream_hub_attach(world->hub, pending->stream, pending->ours, world->now_ms);
    assert_says(read_more(pending), "\"reason\":\"stopping\"");
    assert_true(pending->ended);
    client_t *late = NULL;
    assert_int_equal(admit(world, ENDPOINT_ALL, NULL, NULL, &late), STREAM_HUB_STOPPING);
}

static client_t *
open_pulled(world_t *world, const char *query, const char *id)
{
    client_t *client = NULL;
    assert_int_equal(admit(world, ENDPOINT_ALL, query, id, &client), STREAM_HUB_ADMITTED);
    assert(client);
    stream_hub_attach_pulled(world->hub, client->stream, client->ours, world->now_ms);
    settle(world);
    return client;
}

static void
a_stream_that_is_pulled_gets_the_same_bytes_as_one_that_is_written_to(void **state)
{
    world_t *world = *state;
    for (int at = 0; at < 300; at++)
        publish(world, "aider.session_progress", "s", "{\"n\":1}");
    client_t *written = open_stream(world, "since=earliest", NULL);
    client_t *pulled = open_pulled(world, "since=earliest", NULL);
    assert_true(pulled->wanted);
    // In portions that end in the middle of frames, while more come.
    for (int round = 0; round < 20; round++) {
        publish(world, "aider.session_progress", "s", "{\"n\":2}");
        settle(world);
        pull(world, pulled, 17);
    }
    assert_false(pulled->wanted);
    read_more(written);
    const char *one = strstr(written->read, "\n\n");
    const char *other = strstr(pulled->read, "\n\n");
    assert_non_null(one);
    assert_non_null(other);
    assert_string_equal(one, other);
    assert_offsets(other, 1, 320);
    // Nothing of it went past libmicrohttpd.
    assert_string_equal(read_more(pulled), "");
}

static void
a_stream_that_is_pulled_is_asked_for_once_it_has_something_and_at_its_end(void **state)
{
    world_t *world = *state;
    client_t *client = open_pulled(world, "session=s", NULL);
    pull(world, client, 1000);
    publish(world, "aider.session_progress", "other", "{}");
    settle(world);
    assert_false(client->wanted);
    world->now_ms += COMMENT_MS;
    stream_hub_tick(world->hub, world->now_ms);
    assert_true(client->wanted);
    assert_string_equal(pull(world, client, 1000), ":\n");
    stream_hub_close(world->hub, client->stream, STREAM_REASON_REVOKED, world->now_ms);
    assert_true(client->wanted);
    assert_false(client->ended);
    assert_says(pull(world, client, 1000), "\"reason\":\"token_revoked\"");
    assert_true(client->ended && client->clean);
}

static void
a_pulled_stream_that_the_ring_passes_is_told_and_its_frame_is_whole(void **state)
{
    world_t *world = *state;
    client_t *slow = open_pulled(world, NULL, NULL);
    publish(world, "aider.session_progress", "s", "{}");
    settle(world);
    slow->read_bytes +=
        stream_hub_pull(world->hub, slow->stream, slow->read, 200, world->now_ms);
    overrun(world);
    overrun(world);
    assert_false(slow->ended);
    assert_int_equal(stream_hub_stats(world->hub).closed[STREAM_REASON_SLOW], 1);
    pull(world, slow, 1000);
    assert_true(slow->ended);
    assert_whole_frames(slow->read);
    assert_says(slow->read, "\nevent: stream.dropped\n");
    assert_says(slow->read, "\"reason\":\"slow\"");
}

static void
stopping_waits_for_nobody_and_is_there_to_be_pulled(void **state)
{
    world_t *world = *state;
    client_t *idle = open_pulled(world, NULL, NULL);
    client_t *gone = open_pulled(world, NULL, NULL);
    client_t *never = open_pulled(world, NULL, NULL);
    pull(world, idle, 1000);
    stream_hub_gone(world->hub, gone->stream);
    assert_true(gone->ended);
    stream_hub_stop(world->hub, world->now_ms);
    assert_true(idle->wanted && !idle->ended);
    assert_says(pull(world, idle, 1000), "\"reason\":\"stopping\"");
    assert_says(idle->read, "\nid: 00000000000000e9-0\nevent: stream.closing\n");
    assert_true(idle->ended && idle->clean);
    stream_hub_gone(world->hub, never->stream);
    assert_true(never->ended);
}

static void
a_pulled_stream_whose_client_goes_is_seen_to_end(void **state)
{
    world_t *world = *state;
    client_t *client = open_pulled(world, NULL, NULL);
    pull(world, client, 1000);
    // What comes is TLS's, and left alone.
    assert_int_equal(write(client->theirs, "x", 1), 1);
    settle(world);
    assert_false(client->ended);
    close(client->theirs);
    client->theirs = -1;
    settle(world);
    assert_true(client->ended && !client->clean);
}

static void
clients_and_filters_are_limited(void **state)
{
    world_t *world = *state;
    client_t *client = NULL;
    for (int at = 0; at < 4; at++) {
        char query[32];
        snprintf(query, sizeof query, "session=s%d", at);
        assert_int_equal(admit(world, ENDPOINT_ALL, query, NULL, &client), STREAM_HUB_ADMITTED);
    }
    assert_int_equal(admit(world, ENDPOINT_ALL, NULL, NULL, &client), STREAM_HUB_FILTERS_FULL);
    while (world->count < CLIENTS - 1)
        assert_int_equal(admit(world, ENDPOINT_ALL, "session=s0", NULL, &client),
                         STREAM_HUB_ADMITTED);
    assert_int_equal(admit(world, ENDPOINT_ALL, "session=s0", NULL, &client), STREAM_HUB_FULL);
    assert_int_equal(stream_hub_stats(world->hub).clients[ENDPOINT_ALL], CLIENTS - 1);
}

static void
a_filter_is_forgotten_with_its_last_stream(void **state)
{
    world_t *world = *state;
    client_t *client = open_stream(world, "session=s", NULL);
    publish(world, "aider.error_occurred", "s", "{}");
    close(client->theirs);
    client->theirs = -1;
    stream_hub_poll(world->hub, world->now_ms);
    assert_true(client->ended);
    stream_hub_release(world->hub, &client->stream);
    assert_int_equal(stream_hub_stats(world->hub).filters, 0);
    settle(world);
}

#define hub_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void
each_envelope_has_the_same_events_of_a_filter_that_looks_once(void **state)
{
    world_t *world = *state;
    for (int n = 0; n < 100; n++)
        publish(world, "aider.error_occurred", "s", n % 2 ? "{\"provider\":\"p\"}" : "{}");
    client_t *plain = open_stream(world, "since=earliest&provider=p", NULL);
    client_t *cloud =
        open_stream(world, "since=earliest&provider=p&envelope=cloudevents", NULL);
    client_t *other = open_stream(world, "envelope=cloudevents&provider=p", NULL);
    stream_hub_stats_t stats = stream_hub_stats(world->hub);
    assert_int_equal(stats.filters, 1);
    assert_int_equal(stats.envelopes[ENVELOPE_DATA], 1);
    assert_int_equal(stats.envelopes[ENVELOPE_CLOUDEVENTS], 2);
    uint64_t evaluated = stats.evaluated;
    uint64_t made = event_ring_shown_made(stream_hub_ring(world->hub));
    assert_int_equal(made, 50);
    for (int n = 0; n < 40; n++) {
        publish(world, "aider.error_occurred", "s",
                n % 4 ? "{}" : "{\"provider\":\"p\",\"text\":\"\\u2028\"}");
        settle(world);
    }
    assert_int_equal(stream_hub_stats(world->hub).evaluated, evaluated + 40);
    // Once, for both who want it, and only of what matches.
    assert_int_equal(event_ring_shown_made(stream_hub_ring(world->hub)), made + 10);
    read_more(plain);
    read_more(cloud);
    read_more(other);
    assert_says(cloud->read, "\"source\":\"" CLOUD_EVENT_OWN_SOURCE "\",\"type\":"
                             "\"stream.opened\",");
    assert_int_equal(assert_same_events(strstr(plain->read, "\nid: "), cloud->read), 60);
    assert_non_null(strstr(other->read, "\"cursor\":\"00000000000000e9-101\",\"data\":"));
    assert_silent(plain->read, "specversion");
}

static void
fill_payload(char *payload, size_t size)
{
    memset(payload, 'x', size);
    static const char begin[] = {'{', '"', 'm', '"', ':', '"'};
    memcpy(payload, begin, sizeof begin);
    snprintf(payload + size - 3, 3, "\"}");
}

static void
frames_of_an_envelope_that_have_no_room_together_come_one_after_the_other(void **state)
{
    world_t *world = *state;
    client_t *clients[] = {open_stream(world, NULL, NULL),
                           open_stream(world, "envelope=cloudevents", NULL), NULL};
    assert_int_equal(admit(world, ENDPOINT_ALL, "envelope=cloudevents", NULL, &clients[2]),
                     STREAM_HUB_ADMITTED);
    assert(clients[2]);
    stream_hub_attach_pulled(world->hub, clients[2]->stream, clients[2]->ours, world->now_ms);
    static char payload[60 * 1024];
    fill_payload(payload, sizeof payload);
    // All have room in the ring, and no more than two of them as CloudEvents.
    for (int n = 0; n < 8; n++)
        publish(world, "aider.session_progress", "s", payload);
    // Sockets take parts of frames.
    for (int rounds = 0; rounds < 100; rounds++) {
        settle(world);
        read_more(clients[0]);
        read_more(clients[1]);
        pull(world, clients[2], 1000);
    }
    assert_int_equal(assert_same_events(clients[0]->read, clients[1]->read), 8);
    assert_int_equal(assert_same_events(clients[0]->read, clients[2]->read), 8);
    assert_true(event_ring_bytes(stream_hub_ring(world->hub)) <= EVENT_RING_LEAST_BYTES);
}

static void
who_takes_little_at_a_time_does_not_have_all_that_follows_made_each_time(void **state)
{
    world_t *world = *state;
    static char payload[4 * 1024];
    fill_payload(payload, sizeof payload);
    for (int n = 0; n < 100; n++)
        publish(world, "aider.session_progress", "s", payload);
    // Two places of the ring, of which not all that follows has room as CloudEvents.
    static const char *const queries[] = {"since=earliest&envelope=cloudevents",
                                          "last=50&envelope=cloudevents"};
    client_t *clients[2];
    for (int at = 0; at < 2; at++) {
        assert_int_equal(admit(world, ENDPOINT_ALL, queries[at], NULL, &clients[at]),
                         STREAM_HUB_ADMITTED);
        stream_hub_attach_pulled(world->hub, clients[at]->stream, clients[at]->ours,
                                 world->now_ms);
        settle(world);
    }
    for (int rounds = 0; rounds < 1000; rounds++)
        for (int at = 0; at < 2; at++)
            clients[at]->read_bytes += stream_hub_pull(
                world->hub, clients[at]->stream, clients[at]->read + clients[at]->read_bytes,
                1000, world->now_ms);
    for (int at = 0; at < 2; at++)
        assert_says(clients[at]->read, "id: 00000000000000e9-100\n");
    assert_in_range(event_ring_shown_made(stream_hub_ring(world->hub)), 100, 3 * 100);
}

static void
a_slow_client_of_an_envelope_gets_its_frames_whole_and_is_told_in_it(void **state)
{
    world_t *world = *state;
    client_t *live = open_stream(world, NULL, NULL);
    client_t *slow = open_stream(world, "slow=drop-oldest&envelope=cloudevents", NULL);
    client_t *gone = open_stream(world, "envelope=cloudevents", NULL);
    // More than a socket takes at once, so that it takes a part.
    static char payload[60 * 1024];
    fill_payload(payload, sizeof payload);
    for (int n = 0; n < 50; n++) {
        publish(world, "aider.session_progress", "s", payload);
        settle(world);
        read_more(live);
    }
    for (int rounds = 0; rounds < 200; rounds++) {
        read_more(slow);
        read_more(gone);
        settle(world);
    }
    assert_true(stream_hub_stats(world->hub).kept_bytes > 0);
    assert_true(gone->ended);
    client_t *both[] = {slow, gone};
    for (int at = 0; at < 2; at++) {
        // Each frame is a line of JSON, and what is said of those that are missing is, too.
        int dropped = 0;
        for (const char *data = both[at]->read; (data = strstr(data, "\ndata: ")); data++) {
            json_t *json = json_loads(data + strlen("\ndata: "), JSON_DISABLE_EOF_CHECK, NULL);
            assert_non_null(json);
            dropped +=
                strcmp(json_string_value(json_object_get(json, "type")), "stream.dropped") == 0;
            assert_non_null(json_object_get(json, "data"));
            json_decref(json);
        }
        assert_true(dropped > 0);
    }
    assert_says(gone->read, "\"type\":\"stream.closing\"");
    assert_says(slow->read, "\"cursor\":\"00000000000000e9-50\"");
}

static void
a_hole_is_said_in_each_envelope(void **state)
{
    world_t *world = *state;
    client_t *client = open_stream(world, "envelope=cloudevents", NULL);
    publish(world, "aider.session_progress", "s", "{}");
    world->offset += 5;
    stream_hub_gap(world->hub, "removed", &(mesh_cursor_t){RING_EVENT_EPOCH, world->offset}, 0,
                   world->now_ms);
    publish(world, "aider.session_progress", "s", "{}");
    settle(world);
    client_t *later = open_stream(world, "envelope=cloudevents&since=earliest", NULL);
    client_t *both[] = {client, later};
    const char *told[2];
    for (int at = 0; at < 2; at++) {
        read_more(both[at]);
        told[at] = strstr(both[at]->read, "id: 00000000000000e9-6\nevent: stream.gap\n");
        assert_non_null(told[at]);
        assert_says(told[at], "\"data\":{\"reason\":\"removed\",\"from\":");
    }
    // It is one event for both.
    assert_memory_equal(told[0], told[1], (size_t) (strstr(told[0], "\n\n") - told[0]));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        hub_test(a_live_stream_opens_with_its_verdict_and_gets_what_comes),
        hub_test(what_comes_in_one_turn_goes_in_one_write),
        hub_test(streams_with_one_filter_share_a_group_and_others_get_only_theirs),
        hub_test(a_filter_looks_at_an_event_once_however_many_follow_it),
        hub_test(an_event_costs_only_those_whom_it_may_concern),
        hub_test(a_frame_is_made_once_and_copied_for_nobody_who_keeps_up),
        hub_test(who_comes_back_over_what_its_filter_was_not_shown_gets_its_own_of_it),
        hub_test(a_resumed_stream_gets_what_it_missed_then_what_comes_without_a_double),
        hub_test(a_filter_on_the_payload_finds_what_is_long_past),
        hub_test(a_filter_finds_the_same_now_as_when_it_is_long_past),
        hub_test(the_last_n_that_match_are_found_behind_what_does_not),
        hub_test(a_stream_that_comes_back_too_late_is_told_the_gap),
        hub_test(a_dead_cursor_is_reset_and_the_stream_gets_an_id_to_go_on_from),
        hub_test(a_stream_is_held_with_comments_until_the_answer_is_known),
        hub_test(a_cursor_of_another_bridge_is_held_until_its_event_comes),
        hub_test(a_comment_comes_only_when_nothing_else_does),
        hub_test(a_new_epoch_is_said_between_the_old_events_and_the_new),
        hub_test(a_hole_is_said_in_its_place_also_to_those_who_come_later),
        hub_test(who_resumes_over_a_forgotten_session_is_told_and_gets_the_rest),
        hub_test(the_gap_of_a_forgotten_session_sends_nobody_past_what_is_kept),
        hub_test(who_is_behind_is_told_of_what_was_forgotten_before_it_came),
        hub_test(a_family_that_was_removed_before_is_a_gap_for_whom_it_concerns),
        hub_test(the_one_session_of_a_stream_ends_it_some_time_after_its_completion),
        hub_test(only_who_has_seen_the_last_of_an_ended_session_is_told_that_it_is_over),
        hub_test(a_client_that_stops_reading_is_told_so_and_let_go_and_slows_nobody),
        hub_test(a_slow_client_may_ask_to_lose_the_oldest_and_stay),
        hub_test(a_client_that_never_reads_its_goodbye_is_cut_after_a_while),
        hub_test(a_stream_that_is_old_is_closed_with_a_place_to_go_on_from),
        hub_test(streams_that_came_together_do_not_grow_old_together),
        hub_test(an_old_stream_that_is_behind_keeps_the_cursor_it_has),
        hub_test(a_client_that_goes_is_seen_to_go),
        hub_test(what_a_client_sends_is_thrown_away_up_to_a_limit),
        hub_test(stopping_is_said_to_all_and_nobody_is_waited_for),
        hub_test(a_stream_that_is_pulled_gets_the_same_bytes_as_one_that_is_written_to),
        hub_test(a_stream_that_is_pulled_is_asked_for_once_it_has_something_and_at_its_end),
        hub_test(a_pulled_stream_that_the_ring_passes_is_told_and_its_frame_is_whole),
        hub_test(stopping_waits_for_nobody_and_is_there_to_be_pulled),
        hub_test(a_pulled_stream_whose_client_goes_is_seen_to_end),
        hub_test(clients_and_filters_are_limited),
        hub_test(a_filter_is_forgotten_with_its_last_stream),
        hub_test(each_envelope_has_the_same_events_of_a_filter_that_looks_once),
        hub_test(frames_of_an_envelope_that_have_no_room_together_come_one_after_the_other),
        hub_test(who_takes_little_at_a_time_does_not_have_all_that_follows_made_each_time),
        hub_test(a_slow_client_of_an_envelope_gets_its_frames_whole_and_is_told_in_it),
        hub_test(a_hole_is_said_in_each_envelope),
    };
    return cmocka_run_group_tests_name("stream_hub", tests, NULL, NULL);
}
