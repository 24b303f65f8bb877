// stream_clients - a hub and its clients over socket pairs, for tests of the sse-bridge
// SPDX-License-Identifier: MPL-2.0
#ifndef TESTS_STREAM_CLIENTS_H
#define TESTS_STREAM_CLIENTS_H

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <sys/socket.h>
#include <zlib.h>

#include "cloud_event.h"
#include "event_ring.h"
#include "past_journal.h"
#include "ring_event.h"
#include "stream_hub.h"

enum {
    CLIENTS = 64,
    READ_BYTES = 4 * 1024 * 1024,
    READ_STEP_BYTES = 64 * 1024,
    COMMENT_MS = 15000,
    ENDED_MS = 30000,
    AGE_MS = 3600 * 1000
};

// One client: its end of the pair, and what it has read.
typedef struct client {
    stream_t *stream;
    int ours;    // libmicrohttpd's in life
    int theirs;
    bool ended;
    bool clean;
    bool wanted;    // the hub has something for one that is pulled
    char *read;
    size_t read_bytes;
} client_t;

typedef struct world {
    stream_hub_t *hub;
    int64_t now_ms;
    bool turn_wanted;
    client_t clients[CLIENTS];
    size_t count;
    uint64_t offset;
    past_journal_t journal;    // asked only where a test opens it
} world_t;

static inline void
on_wants_turn(void *arg)
{
    ((world_t *) arg)->turn_wanted = true;
}

static inline void
on_ended(void *arg, stream_t *stream, bool clean)
{
    (void) arg;
    client_t *client = stream->connection;
    assert_false(client->ended);
    client->ended = true;
    client->clean = clean;
}

static inline void
on_has_some(void *arg, stream_t *stream)
{
    (void) arg;
    client_t *client = stream->connection;
    client->wanted = true;
}

static const stream_hub_owner_t owner = {
    .wants_turn = on_wants_turn, .ended = on_ended, .has_some = on_has_some};

static inline int
setup(void **state)
{
    world_t *world = calloc(1, sizeof *world);
    stream_hub_limits_t limits = {
        .ring_bytes = EVENT_RING_LEAST_BYTES,
        .clients = CLIENTS - 1,
        .filters = 4,
        .sessions = 100,
        .comment_every_ms = COMMENT_MS,
        .retry_ms = 3000,
        .ended_after_ms = ENDED_MS,
        .max_age_ms = AGE_MS,
    };
    world->now_ms = 1000000;
    world->hub = stream_hub_new(&limits, &owner, world, world->now_ms);
    stream_hub_epoch(world->hub, &(mesh_cursor_t){RING_EVENT_EPOCH, 0}, NULL, world->now_ms);
    stream_hub_feed(world->hub, true, world->now_ms, world->now_ms);
    *state = world;
    return 0;
}

static inline int
teardown(void **state)
{
    world_t *world = *state;
    stream_hub_stop(world->hub, world->now_ms);
    for (size_t at = 0; at < world->count; at++) {
        client_t *client = &world->clients[at];
        if (client->stream)
            stream_hub_gone(world->hub, client->stream);
        stream_hub_release(world->hub, &client->stream);
        close(client->ours);
        if (client->theirs >= 0)
            close(client->theirs);
        free(client->read);
    }
    stream_hub_destroy(&world->hub);
    past_destroy(&world->journal.past);
    free(world);
    return 0;
}

// As the loop: turns as long as they are wanted.
static inline void
settle(world_t *world)
{
    stream_hub_poll(world->hub, world->now_ms);
    for (int turns = 0; world->turn_wanted; turns++) {
        assert_in_range(turns, 0, 10000);
        world->turn_wanted = false;
        stream_hub_turn(world->hub, world->now_ms);
    }
}

static inline stream_hub_admission_t
admit(world_t *world, endpoint_t endpoint, const char *query, const char *id,
      client_t **client_p)
{
    stream_query_t parsed;
    char problem[STREAM_QUERY_PROBLEM_BYTES];
    if (stream_query_parse(&parsed, endpoint, query, id, NULL, world->now_ms * 1000, problem) !=
        0)
        fail_msg("%s: %s", query ? query : "", problem);
    client_t *client = &world->clients[world->count];
    stream_hub_admission_t admission =
        stream_hub_admit(world->hub, &parsed, client, world->now_ms, &client->stream);
    stream_query_clear(&parsed);
    if (admission == STREAM_HUB_ADMITTED) {
        int pair[2];
        assert_int_equal(
            socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
        client->ours = pair[0];
        client->theirs = pair[1];
        client->read = calloc(1, READ_BYTES);
        world->count++;
        *client_p = client;
    }
    return admission;
}

static inline client_t *
open_stream(world_t *world, const char *query, const char *id)
{
    client_t *client = NULL;
    assert_int_equal(admit(world, ENDPOINT_ALL, query, id, &client), STREAM_HUB_ADMITTED);
    assert(client);    // for the analyser, to which a failed test goes on
    stream_hub_attach(world->hub, client->stream, client->ours, world->now_ms);
    settle(world);
    return client;
}

static inline void
publish(world_t *world, const char *type, const char *session, const char *payload)
{
    ring_event_t event;
    stream_hub_event(world->hub, ring_event(&event, type, session, payload, ++world->offset),
                     world->now_ms);
    world->journal.head = world->offset;
}

// Read what has come, and return what this client has read since `from`.
static inline const char *
read_more(client_t *client)
{
    size_t from = client->read_bytes;
    for (;;) {
        size_t room = READ_BYTES - 1 - client->read_bytes;
        assert_true(room > 0);
        // Step by step: valgrind looks at all the room that a read is given.
        ssize_t bytes = read(client->theirs, client->read + client->read_bytes,
                             room < READ_STEP_BYTES ? room : READ_STEP_BYTES);
        if (bytes <= 0)
            break;
        client->read_bytes += (size_t) bytes;
    }
    client->read[client->read_bytes] = '\0';
    return client->read + from;
}

// As libmicrohttpd: fetch portions of at most bytes until there is none. Returns what came.
static inline const char *
pull(world_t *world, client_t *client, size_t bytes)
{
    size_t from = client->read_bytes;
    client->wanted = false;
    for (;;) {
        assert_true(client->read_bytes + bytes < READ_BYTES);
        size_t got = stream_hub_pull(world->hub, client->stream,
                                     client->read + client->read_bytes, bytes, world->now_ms);
        assert_true(got <= bytes);
        client->read_bytes += got;
        if (got == 0)
            break;
    }
    client->read[client->read_bytes] = '\0';
    return client->read + from;
}

// What a client that is sent gzip has read, unpacked; to be freed.
static inline char *
unpack(const client_t *client)
{
    z_stream stream = {0};
    char *text = malloc(READ_BYTES);
    assert(text);
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    stream.next_in = (unsigned char *) client->read;
    stream.avail_in = (uInt) client->read_bytes;
    stream.next_out = (unsigned char *) text;
    stream.avail_out = READ_BYTES - 1;
    // Never ended, and no byte of it is left over or missing.
    while (stream.avail_in > 0)
        assert_int_equal(inflate(&stream, Z_SYNC_FLUSH), Z_OK);
    text[stream.total_out] = '\0';
    inflateEnd(&stream);
    return text;
}

static inline client_t *
open_zipped(world_t *world, const char *query, const char *id, bool pulled)
{
    client_t *client = NULL;
    assert_int_equal(admit(world, ENDPOINT_ALL, query, id, &client), STREAM_HUB_ADMITTED);
    assert(client);
    stream_hub_use_gzip(world->hub, client->stream);
    if (pulled)
        stream_hub_attach_pulled(world->hub, client->stream, client->ours, world->now_ms);
    else
        stream_hub_attach(world->hub, client->stream, client->ours, world->now_ms);
    settle(world);
    return client;
}

static inline void
assert_says(const char *text, const char *words)
{
    if (!strstr(text, words))
        fail_msg("\"%s\" is not in: %.2000s", words, text);
}

static inline void
assert_silent(const char *text, const char *words)
{
    if (strstr(text, words))
        fail_msg("\"%s\" is in: %.2000s", words, text);
}

// The line feed before the next line that begins so, or NULL. Sanitizers make strstr look at
// all the rest of a text each time.
static inline const char *
next_line(const char *text, const char *begin)
{
    size_t bytes = strlen(begin);
    for (; *text; text++)
        if (*text == '\n' && strncmp(text + 1, begin, bytes) == 0)
            return text;
    return NULL;
}

// That these offsets, and no others, came in this order.
static inline void
assert_offsets(const char *text, uint64_t first, uint64_t last)
{
    uint64_t expected = first;
    for (const char *at = text; (at = next_line(at, "id: 00000000000000e9-")); at++) {
        uint64_t offset = strtoull(at + strlen("\nid: 00000000000000e9-"), NULL, 10);
        assert_int_equal(offset, expected++);
    }
    assert_int_equal(expected, last + 1);
}

// The next event of the mesh after a place in what a client has read: its id and type as they
// stand there, and its data. Returns the place after it, or NULL; what is ours goes by.
static inline const char *
next_event(const char *text, char head[static 128], json_t **data_p)
{
    const char *at = text, *type = NULL;
    while ((at = next_line(at, "id: ")) && (type = next_line(at, "event: ")) &&
           strncmp(type, "\nevent: stream.", strlen("\nevent: stream.")) == 0)
        at++;
    const char *data = at && type ? next_line(type, "data: ") : NULL;
    if (!data)
        return NULL;
    snprintf(head, 128, "%.*s", (int) (data - at), at);
    *data_p = json_loads(data + strlen("\ndata: "), JSON_DISABLE_EOF_CHECK, NULL);
    assert_non_null(*data_p);
    return next_line(data, "\n") + 1;
}

// That one client was sent as CloudEvents what another was sent as it is. Returns how many.
static inline int
assert_same_events(const char *plain, const char *cloud)
{
    char expected[128], head[128];
    json_t *payload = NULL, *event = NULL;
    int count = 0;
    for (; (plain = next_event(plain, expected, &payload)); count++) {
        cloud = next_event(cloud, head, &event);
        if (!cloud) {
            fail_msg("%d events, and not this: %s", count, expected);
            break;
        }
        assert_string_equal(head, expected);
        assert_non_null(strstr(head, json_string_value(json_object_get(event, "cursor"))));
        assert_non_null(strstr(head, json_string_value(json_object_get(event, "type"))));
        assert_true(json_equal(json_object_get(event, "data"), payload));
        json_decref(payload);
        json_decref(event);
    }
    assert_null(cloud ? next_event(cloud, head, &event) : NULL);
    return count;
}

#endif
