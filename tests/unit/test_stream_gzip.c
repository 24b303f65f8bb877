// test_stream_gzip - streams that are sent as gzip: what each client unpacks
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "stream_clients.h"
#include "stream_group.h"

static void
zipped_streams_of_a_group_get_the_same_bytes_and_what_a_plain_one_gets(void **state)
{
    world_t *world = *state;
    for (int n = 0; n < 200; n++)
        publish(world, "aider.session_progress", "s", "{\"before\":1}");
    client_t *plain = open_stream(world, "since=earliest", NULL);
    client_t *zipped[4];
    for (int at = 0; at < 4; at++) {
        // Who comes later begins where the group begins anew.
        zipped[at] = open_zipped(world, "since=earliest", NULL, at == 3);
        for (int n = 0; n < 50; n++) {
            publish(world, "aider.session_progress", "s", "{\"live\":1}");
            if (n % 3 == 0)
                settle(world);
        }
        settle(world);
        if (at == 3)
            pull(world, zipped[3], 1000);
    }
    assert_int_equal(stream_hub_stats(world->hub).zipped, 4);
    // What they get from here on is the same, to the byte.
    for (int at = 0; at < 3; at++)
        read_more(zipped[at]);
    size_t from[4];
    for (int at = 0; at < 4; at++)
        from[at] = zipped[at]->read_bytes;
    for (int n = 0; n < 30; n++) {
        publish(world, "aider.session_progress", "s", "{\"all\":1}");
        settle(world);
        pull(world, zipped[3], 1000);
    }
    for (int at = 0; at < 3; at++)
        read_more(zipped[at]);
    size_t bytes = zipped[0]->read_bytes - from[0];
    assert_in_range(bytes, 1, 30 * 40);
    for (int at = 1; at < 4; at++) {
        assert_int_equal(zipped[at]->read_bytes - from[at], bytes);
        assert_memory_equal(zipped[at]->read + from[at], zipped[0]->read + from[0], bytes);
    }
    read_more(plain);
    const char *expected = strstr(plain->read, "\n\n");
    assert_offsets(expected, 1, 430);
    for (int at = 0; at < 4; at++) {
        char *text = unpack(zipped[at]);
        assert_string_equal(strstr(text, "\n\n"), expected);
        free(text);
    }
}

static void
a_zipped_stream_has_words_of_its_own_in_between_and_joins_again(void **state)
{
    world_t *world = *state;
    client_t *one = open_zipped(world, "session=s", NULL, false);
    client_t *other = open_zipped(world, "session=s", NULL, true);
    for (int n = 0; n < 5; n++) {
        publish(world, "aider.session_progress", "s", "{\"n\":1}");
        settle(world);
        pull(world, other, 1000);
        if (n == 1)
            stream_hub_warn(world->hub, one->stream, STREAM_REASON_EXPIRED, 1000,
                            world->now_ms);
        if (n == 2) {
            world->now_ms += COMMENT_MS;
            stream_hub_tick(world->hub, world->now_ms);
        }
    }
    pull(world, other, 1000);
    stream_hub_close(world->hub, one->stream, STREAM_REASON_REVOKED, world->now_ms);
    read_more(one);
    assert_true(one->ended && one->clean);
    char *text = unpack(one);
    const char *warning = strstr(text, "\"in\":1.0");
    assert_non_null(warning);
    assert_offsets(text, 1, 5);
    assert_says(warning, "\n:\nid: 00000000000000e9-4\n");
    assert_says(warning, "\"reason\":\"token_revoked\"");
    free(text);
    text = unpack(other);
    assert_offsets(text, 1, 5);
    assert_silent(text, "\"in\":");
    assert_says(text, "\n:\nid: 00000000000000e9-4\n");
    free(text);
}

static void
who_comes_into_step_while_there_is_news_gets_it_once(void **state)
{
    world_t *world = *state;
    client_t *other = open_zipped(world, NULL, NULL, false);
    client_t *client = open_zipped(world, NULL, NULL, true);
    pull(world, client, 1000);
    for (int n = 0; n < 20; n++) {
        publish(world, "aider.session_progress", "s", "{}");
        if (n % 3 == 0)
            settle(world);
        publish(world, "aider.session_progress", "s", "{}");
        // The group has news of which this one has more than the others.
        if (n % 2 == 0)
            pull(world, client, 1000);
        publish(world, "aider.session_progress", "s", "{}");
        if (n % 4 == 0)
            settle(world);
    }
    settle(world);
    pull(world, client, 1000);
    read_more(other);
    for (client_t *each = client; each; each = each == client ? other : NULL) {
        char *text = unpack(each);
        assert_offsets(text, 1, 60);
        free(text);
    }
}

static void
a_zipped_stream_that_is_slow_gets_what_it_missed_or_is_told(void **state)
{
    world_t *world = *state;
    client_t *behind = open_zipped(world, NULL, NULL, false);
    client_t *live = open_zipped(world, NULL, NULL, false);
    client_t *stopped = open_zipped(world, NULL, NULL, false);
    // Noise, so that sockets fill up.
    static char payload[4000];
    unsigned random = 1;
    for (int at = 0; at < 1000; at++) {
        for (size_t byte = 0; byte < sizeof payload - 1; byte++) {
            random = random * 1103515245U + 12345U;
            payload[byte] = (char) ('0' + (random >> 16) % 75);
        }
        publish(world, "aider.session_progress", "s", payload);
        settle(world);
        read_more(live);
        if (at % 100 == 99)
            for (int rounds = 0; rounds < 30; rounds++) {
                read_more(behind);
                settle(world);
            }
    }
    for (client_t *client = behind; client; client = client == behind ? live : NULL) {
        read_more(client);
        assert_false(client->ended);
        char *text = unpack(client);
        assert_offsets(text, 1, 1000);
        free(text);
    }
    for (int rounds = 0; rounds < 30; rounds++) {
        read_more(stopped);
        settle(world);
    }
    assert_true(stopped->ended && stopped->clean);
    char *text = unpack(stopped);
    assert_says(text, "event: stream.dropped\n");
    assert_says(text, "\"reason\":\"slow\"");
    free(text);
}

static void
what_a_group_needs_to_zip_goes_with_the_last_that_is_zipped(void **state)
{
    world_t *world = *state;
    client_t *plain = open_stream(world, NULL, NULL);
    client_t *zipped = open_zipped(world, NULL, NULL, false);
    publish(world, "aider.session_progress", "s", "{}");
    settle(world);
    const stream_group_t *group = zipped->stream->group;
    assert_ptr_equal(group, plain->stream->group);
    assert_non_null(group->zips[ENVELOPE_DATA].zipper);
    close(zipped->theirs);
    zipped->theirs = -1;
    settle(world);
    assert_true(zipped->ended);
    stream_hub_release(world->hub, &zipped->stream);
    assert_null(group->zips[ENVELOPE_DATA].zipper);
    // The next one begins anew.
    client_t *next = open_zipped(world, NULL, NULL, false);
    publish(world, "aider.session_progress", "s", "{}");
    settle(world);
    read_more(next);
    char *text = unpack(next);
    assert_says(text, "id: 00000000000000e9-2\n");
    free(text);
}

#define hub_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void
each_envelope_of_a_group_is_zipped_once_for_all_who_have_it(void **state)
{
    world_t *world = *state;
    for (int n = 0; n < 100; n++)
        publish(world, "aider.session_progress", "s", "{\"before\":1}");
    client_t *plain = open_zipped(world, "since=earliest", NULL, false);
    client_t *cloud[3];
    for (int at = 0; at < 3; at++)
        cloud[at] = open_zipped(world, "since=earliest&envelope=cloudevents", NULL, at == 2);
    for (int n = 0; n < 50; n++) {
        pull(world, cloud[2], 1000);
        publish(world, "aider.session_progress", "s", "{\"live\":1}");
        if (n % 3 == 0)
            settle(world);
    }
    settle(world);
    pull(world, cloud[2], 1000);
    assert_int_equal(stream_hub_stats(world->hub).filters, 1);
    read_more(plain);
    char *expected = unpack(plain);
    for (int at = 0; at < 3; at++) {
        if (at < 2)
            read_more(cloud[at]);
        char *text = unpack(cloud[at]);
        assert_int_equal(assert_same_events(expected, text), 150);
        free(text);
    }
    // In step they are sent the same.
    size_t from[3];
    for (int at = 0; at < 3; at++)
        from[at] = cloud[at]->read_bytes;
    publish(world, "aider.session_progress", "s", "{\"all\":1}");
    settle(world);
    pull(world, cloud[2], 1000);
    read_more(cloud[0]);
    read_more(cloud[1]);
    for (int at = 1; at < 3; at++) {
        assert_int_equal(cloud[at]->read_bytes - from[at], cloud[0]->read_bytes - from[0]);
        assert_memory_equal(cloud[at]->read + from[at], cloud[0]->read + from[0],
                            cloud[0]->read_bytes - from[0]);
    }
    assert_int_equal(event_ring_shown_made(stream_hub_ring(world->hub)), 151);
    free(expected);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        hub_test(zipped_streams_of_a_group_get_the_same_bytes_and_what_a_plain_one_gets),
        hub_test(a_zipped_stream_has_words_of_its_own_in_between_and_joins_again),
        hub_test(each_envelope_of_a_group_is_zipped_once_for_all_who_have_it),
        hub_test(who_comes_into_step_while_there_is_news_gets_it_once),
        hub_test(a_zipped_stream_that_is_slow_gets_what_it_missed_or_is_told),
        hub_test(what_a_group_needs_to_zip_goes_with_the_last_that_is_zipped),
    };
    return cmocka_run_group_tests_name("stream_gzip", tests, NULL, NULL);
}
