// test_relay - what is taken in comes out, also behind what is no event
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdlib.h>

#include "mesh/topic.h"
#include "mesh/wire.h"
#include "relay.h"
#include "temp_dir.h"

enum {
    PATIENCE_MS = 60000,
    TICK_MS = 5,
    QUEUE_EVENTS = 300,
    LARGE_BYTES = 60000,
    FULL_MS = 300,    // where nothing could be sent for so long, no more is taken
};

typedef struct bench {
    char *dir;
    zloop_t *loop;
    mesh_settings_t *settings;
    relay_t *relay;
    zsock_t *publisher, *subscriber;    // XPUB and SUB
    mesh_uuid_t source;
    uint64_t published, wanted, came;
    int64_t since_ms;
} bench_t;

static void
on_acknowledge(void *arg, const void *holder, const mesh_uuid_t *source)
{
    (void) arg;
    (void) holder;
    (void) source;
}

static void
on_ask_again(void *arg, const void *holder, const mesh_uuid_t *source, uint64_t from)
{
    (void) arg;
    (void) holder;
    (void) source;
    (void) from;
}

static void
on_ended(void *arg)
{
    (void) arg;
}

static const relay_events_t relay_events = {
    .acknowledge = on_acknowledge, .ask_again = on_ask_again, .ended = on_ended};

static void
assign(bench_t *self, const char *key, const char *value)
{
    char *text = zsys_sprintf("%s=%s", key, value), *error = NULL;
    assert_int_equal(mesh_settings_assign(self->settings, text, "the test", &error), 0);
    zstr_free(&text);
}

static void
connect_ends(bench_t *self)
{
    char *publish = zsys_sprintf("ipc://%s/publish", self->dir);
    char *subscribe = zsys_sprintf("ipc://%s/subscribe", self->dir);
    assert_int_equal(zsock_bind(relay_publish_socket(self->relay), "%s", publish), 0);
    assert_int_equal(zsock_bind(relay_subscribe_socket(self->relay), "%s", subscribe), 0);
    self->publisher = zsock_new(ZMQ_XPUB);
    self->subscriber = zsock_new(ZMQ_SUB);
    zsock_set_subscribe(self->subscriber, "aider.");
    assert_int_equal(zsock_connect(self->publisher, "%s", publish), 0);
    assert_int_equal(zsock_connect(self->subscriber, "%s", subscribe), 0);
    zstr_free(&publish);
    zstr_free(&subscribe);
}

// Both subscriptions arrive where sockets are looked at.
static void
wait_for_subscriptions(bench_t *self)
{
    int64_t since_ms = zclock_mono();
    zsock_t *subscribe = relay_subscribe_socket(self->relay);
    while (!(zsock_events(self->publisher) & ZMQ_POLLIN) ||
           !(zsock_events(subscribe) & ZMQ_POLLIN)) {
        (void) relay_take_in(self->relay);
        assert_true(zclock_mono() - since_ms < PATIENCE_MS);
    }
}

static int
setup(void **state)
{
    bench_t *self = test_calloc(1, sizeof *self);
    char *error = NULL;
    self->dir = temp_dir_new();
    self->loop = zloop_new();
    self->settings = mesh_settings_new();
    self->source = mesh_uuid_new();
    char *journal = temp_dir_file(self->dir, "journal.db");
    assign(self, "broker/journal", journal);
    free(journal);
    assign(self, "broker/queue_events", "300");
    assign(self, "broker/queue_bytes", "1MiB");
    self->relay = relay_new(self->loop, self->settings, "host", "incarnation", &relay_events,
                            self, &error);
    assert_non_null(self->relay);
    connect_ends(self);
    relay_start(self->relay);
    wait_for_subscriptions(self);
    *state = self;
    return 0;
}

static int
teardown(void **state)
{
    bench_t *self = *state;
    relay_destroy(&self->relay);
    zsock_destroy(&self->publisher);
    zsock_destroy(&self->subscriber);
    zloop_destroy(&self->loop);
    mesh_settings_destroy(&self->settings);
    temp_dir_destroy(&self->dir);
    test_free(self);
    return 0;
}

// Publish an event whose payload has so many bytes.
static void
publish_bytes(bench_t *self, size_t payload_bytes)
{
    char topic[MESH_TOPIC_SIZE];
    static uint8_t body[MESH_WIRE_HEADER_BYTES + LARGE_BYTES];
    assert_true(payload_bytes <= LARGE_BYTES);
    size_t bytes = mesh_topic_format(topic, "aider.session_progress", "h", "session");
    mesh_header_t header = {.covers = 1, .source = self->source, .seq = self->published + 1};
    mesh_wire_encode(&header, payload_bytes, body);
    memset(body + MESH_WIRE_HEADER_BYTES, ' ', payload_bytes);
    void *socket = zsock_resolve(self->publisher);
    assert_int_equal(zmq_send(socket, topic, bytes, ZMQ_SNDMORE), bytes);
    assert_int_equal(zmq_send(socket, body, MESH_WIRE_HEADER_BYTES + payload_bytes, 0),
                     MESH_WIRE_HEADER_BYTES + payload_bytes);
    self->published++;
}

static void
publish(bench_t *self)
{
    publish_bytes(self, 2);
}

// Publish one event and have the relay take it in, without its loop.
static void
publish_and_take_in(bench_t *self)
{
    publish(self);
    int64_t since_ms = zclock_mono();
    while (relay_take_in(self->relay) == 0)
        assert_true(zclock_mono() - since_ms < PATIENCE_MS);
}

static int
on_delivered(zloop_t *loop, zsock_t *socket, void *arg)
{
    (void) loop;
    bench_t *self = arg;
    zmsg_t *message = zmsg_recv(socket);
    assert_int_equal(zmsg_size(message), 2);
    zmsg_destroy(&message);
    return ++self->came == self->wanted ? -1 : 0;
}

static int
on_tick(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    bench_t *self = arg;
    return zclock_mono() - self->since_ms < PATIENCE_MS ? 0 : -1;
}

// Run the loop until so many events have come in all.
static void
wait_for(bench_t *self, uint64_t wanted)
{
    self->wanted = wanted;
    self->since_ms = zclock_mono();
    zloop_reader(self->loop, self->subscriber, on_delivered, self);
    int timer = zloop_timer(self->loop, TICK_MS, 0, on_tick, self);
    zloop_start(self->loop);
    zloop_timer_end(self->loop, timer);
    zloop_reader_end(self->loop, self->subscriber);
    assert_int_equal(self->came, wanted);
}

static void
an_event_behind_the_newest_of_sessions_is_not_left_behind(void **state)
{
    bench_t *self = *state;
    publish(self);
    wait_for(self, 1);
    // While the journal has a batch, and behind it the newest of the session, one more comes.
    publish_and_take_in(self);
    relay_tick(self->relay);
    publish_and_take_in(self);
    wait_for(self, 3);
}

// Without its loop the relay learns of no commit. Returns how many it takes in then.
static size_t
take_in_all_there_is_room_for(bench_t *self, size_t at_least)
{
    size_t taken = 0;
    int64_t since_ms = zclock_mono();
    while (taken < at_least) {
        taken += relay_take_in(self->relay);
        assert_true(zclock_mono() - since_ms < PATIENCE_MS);
    }
    for (int i = 0; i < 10; i++)
        taken += relay_take_in(self->relay);
    return taken;
}

static void
no_more_events_are_between_taken_and_committed_than_may_be(void **state)
{
    bench_t *self = *state;
    for (int i = 0; i < 2 * QUEUE_EVENTS; i++)
        publish(self);
    assert_int_equal(take_in_all_there_is_room_for(self, QUEUE_EVENTS), QUEUE_EVENTS);
    assert_int_equal(relay_counts(self->relay)->taken, QUEUE_EVENTS);
    // What waits meanwhile is not lost.
    wait_for(self, (uint64_t) 2 * QUEUE_EVENTS);
}

static void
nor_more_of_their_bytes(void **state)
{
    bench_t *self = *state;
    const size_t limit = 1024 * 1024 / LARGE_BYTES + 1;
    for (size_t i = 0; i < 3 * limit; i++)
        publish_bytes(self, LARGE_BYTES);
    // The one that reaches the limit is taken.
    size_t taken = take_in_all_there_is_room_for(self, limit - 1);
    assert_in_range(taken, limit - 1, limit);
    wait_for(self, 3 * limit);
}

static void
of_what_is_not_read_so_many_messages_wait_and_the_rest_stays_with_the_publisher(void **state)
{
    bench_t *self = *state;
    enum { MOST = 20000, RECEIVE_HWM = 10000 };
    int one = 1;
    void *socket = zsock_resolve(self->publisher);
    assert_int_equal(zmq_setsockopt(socket, ZMQ_XPUB_NODROP, &one, sizeof one), 0);
    // One frame each: libzmq asserts where a socket is closed while its connection ends in the
    // middle of a message. An XPUB always says that it can be written to.
    static const char frame[100] = "aider.";
    size_t sent = 0;
    for (int64_t since_ms = zclock_mono(); sent < MOST && zclock_mono() - since_ms < FULL_MS;)
        if (zmq_send(socket, frame, sizeof frame, ZMQ_DONTWAIT) >= 0) {
            since_ms = zclock_mono();
            sent++;
        }
    // Those on the way count as well: 1 000 in the publisher's queue, and what the kernel has.
    assert_in_range(sent, 1, RECEIVE_HWM + 6000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_event_behind_the_newest_of_sessions_is_not_left_behind),
        TEST(no_more_events_are_between_taken_and_committed_than_may_be),
        TEST(nor_more_of_their_bytes),
        TEST(of_what_is_not_read_so_many_messages_wait_and_the_rest_stays_with_the_publisher),
    };
    return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
