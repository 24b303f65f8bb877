// mesh_probe - publishers, a subscriber or a late joiner of the C library, for scenarios
// SPDX-License-Identifier: MPL-2.0
//
// usage: mesh_probe PLACE publish COUNT PAUSE_MS [PUBLISHERS [SESSIONS]]
//        mesh_probe PLACE subscribe
//        mesh_probe PLACE join
//
// PLACE is a runtime directory or the endpoint of a control socket. Publishers, each with a
// link of its own, say "source UUID", and once all that they made is acknowledged "drained",
// with which they end. The others end on SIGTERM. A subscriber begins with the earliest event
// and says what it is told:
//
//   event EPOCH OFFSET SOURCE SEQ COVERS SENT_US RECEIVED_US FLAGS SESSION TYPE
//   gap REASON FROM TO
//   state NAME
//
// A joiner asks for the snapshot first: "page OFFSET AFTER_SESSION" for each page, then
// "newest ..." as with an event for what it holds, then "joined EPOCH OFFSET"; from there on it
// is a subscriber.
#include <assert.h>
#include <inttypes.h>

#include "mesh/clock.h"
#include "mesh/control.h"
#include "mesh/publisher.h"
#include "mesh/subscriber.h"
#include "mesh/topic.h"
#include "probe.h"

enum {
    STORE_BYTES = 16 * 1024 * 1024,
    BATCH = 5,
    PUBLISHERS_LIMIT = 1000,
    SNAPSHOT_DEADLINE_MS = 20000,
};

typedef struct writer {
    mesh_link_t *link;              // owned
    mesh_publisher_t *publisher;    // owned
    size_t made;
} writer_t;

typedef struct writers {
    writer_t writers[PUBLISHERS_LIMIT];
    size_t count, drained, turn;
    size_t events, sessions;    // of each: to make, and to spread them over
} writers_t;

typedef struct reader {
    zloop_t *loop;                    // borrowed
    mesh_link_t *link;                // owned
    mesh_subscriber_t *subscriber;    // owned
    char *after_session;              // owned; of the snapshot's page that is asked for
    mesh_cursor_t start;              // where the first page was taken
} reader_t;

// ---- publishers

// mesh_publisher_drained_fn
static void
on_drained(void *arg)
{
    writers_t *self = arg;
    if (++self->drained < self->count)
        return;
    printf("drained\n");
    fflush(stdout);
    // Ends the loop from its next handler; drained publishers have nothing else to do.
    raise(SIGTERM);
}

static int
write_some(writers_t *self, writer_t *writer)
{
    for (int i = 0; i < BATCH && writer->made < self->events; i++, writer->made++) {
        char session[64] = "s";
        if (self->sessions > 0)
            snprintf(session, sizeof session, "s%zu-%zu", (size_t) (writer - self->writers),
                     writer->made % self->sessions);
        json_t *payload = json_pack("{s:s, s:s}", "stage", "banner", "message", "probe");
        if (!mesh_publisher_publish(writer->publisher, "aider.session_progress", session, NULL,
                                    mesh_clock_unix_s(), payload))
            return -1;
    }
    if (writer->made == self->events)
        mesh_publisher_on_drained(writer->publisher, on_drained, self);
    return 0;
}

// zloop_timer_fn: the next publisher has its turn.
static int
on_publish_due(zloop_t *loop, int timer_id, void *arg)
{
    writers_t *self = arg;
    writer_t *writer = &self->writers[self->turn];
    self->turn = (self->turn + 1) % self->count;
    if (write_some(self, writer) != 0)
        return -1;
    if (self->writers[self->count - 1].made == self->events)
        zloop_timer_end(loop, timer_id);
    return 0;
}

static int
publish(probe_t *probe, size_t events, size_t pause_ms, size_t count, size_t sessions)
{
    writers_t *self = zmalloc(sizeof *self);
    self->count = count;
    self->events = events;
    self->sessions = sessions;
    bool connected = true;
    for (size_t i = 0; i < count && connected; i++) {
        writer_t *writer = &self->writers[i];
        char source[MESH_UUID_TEXT_SIZE];
        writer->link = probe_link(probe);
        connected = writer->link;
        if (!connected)
            break;
        writer->publisher = mesh_publisher_new(probe->loop, writer->link, STORE_BYTES);
        mesh_uuid_format(mesh_publisher_source(writer->publisher), source);
        printf("source %s\n", source);
    }
    fflush(stdout);
    if (connected) {
        // One after the other, so that what they make is spread over time.
        zloop_timer(probe->loop, pause_ms > count ? pause_ms / count : 1, 0, on_publish_due,
                    self);
        zloop_start(probe->loop);
    }
    for (size_t i = 0; i < count; i++) {
        mesh_publisher_destroy(&self->writers[i].publisher);
        mesh_link_destroy(&self->writers[i].link);
    }
    free(self);
    return connected ? 0 : -1;
}

// ---- a subscriber

static void
print_event(const char *word, const mesh_event_t *event)
{
    char source[MESH_UUID_TEXT_SIZE];
    mesh_topic_t topic;
    mesh_uuid_format(&event->header.source, source);
    int parsed = mesh_topic_parse(&topic, event->topic, event->topic_bytes);
    assert(parsed == 0);    // the broker has parsed it too
    printf("%s %016" PRIx64 " %" PRIu64 " %s %" PRIu64 " %" PRIu32 " %" PRId64 " %" PRId64
           " %u %s %s\n",
           word, event->header.epoch, event->header.offset, source, event->header.seq,
           event->header.covers, event->header.timestamp_us, mesh_clock_unix_us(),
           (unsigned) event->header.flags, topic.session[0] ? topic.session : "-", topic.type);
}

static void
on_event(void *arg, const mesh_event_t *event)
{
    (void) arg;
    print_event("event", event);
}

static void
on_gap(void *arg, const mesh_gap_t *gap)
{
    (void) arg;
    static const char *const reasons[] = {"trimmed", "new_epoch", "journal_down", "journal_up"};
    char from[MESH_CURSOR_SIZE], to[MESH_CURSOR_SIZE];
    mesh_cursor_format(&gap->from, from);
    mesh_cursor_format(&gap->to, to);
    printf("gap %s %s %s\n", reasons[gap->reason], from, to);
}

static void
on_state(void *arg, mesh_subscriber_state_t state)
{
    (void) arg;
    static const char *const names[] = {"away", "catching_up", "live"};
    printf("state %s\n", names[state]);
}

static const mesh_subscriber_handler_t handler = {
    .on_event = on_event, .on_gap = on_gap, .on_state = on_state};

// zloop_timer_fn: what is printed becomes readable.
static int
on_flush_due(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    (void) arg;
    fflush(stdout);
    return 0;
}

// ---- a late joiner

static void ask_page(reader_t *self, const char *after_session);

static int
read_page(reader_t *self, const json_t *body, zmsg_t *frames)
{
    mesh_cursor_t place;
    if (mesh_control_get_epoch(body, "epoch", &place.epoch) != 0 ||
        mesh_control_get_number(body, "offset", &place.offset) != 0)
        return -1;
    if (!self->after_session)
        self->start = place;
    printf("page %" PRIu64 " %s\n", place.offset,
           self->after_session ? self->after_session : "-");
    for (zframe_t *topic = frames ? zmsg_first(frames) : NULL; topic;
         topic = zmsg_next(frames)) {
        zframe_t *frame = zmsg_next(frames);
        mesh_event_t event = {.topic = (const char *) zframe_data(topic),
                              .topic_bytes = zframe_size(topic)};
        if (!frame || mesh_wire_decode(&event.header, zframe_data(frame), zframe_size(frame)) !=
                          MESH_WIRE_OK)
            return -1;
        print_event("newest", &event);
    }
    return 0;
}

// mesh_link_reply_fn: a page of the snapshot; after the last of them live begins.
static void
on_page(void *arg, const char *verb, const json_t *body, zmsg_t *frames)
{
    reader_t *self = arg;
    if (!streq(verb, "snapshot") || read_page(self, body, frames) != 0) {
        fprintf(stderr, "mesh_probe: no snapshot\n");
        raise(SIGTERM);
        return;
    }
    if (json_is_true(json_object_get(body, "more"))) {
        ask_page(self, json_string_value(json_object_get(body, "next_session")));
        return;
    }
    printf("joined %016" PRIx64 " %" PRIu64 "\n", self->start.epoch, self->start.offset);
    self->subscriber = mesh_subscriber_new(self->loop, self->link, MESH_FROM_CURSOR,
                                           &self->start, &handler, NULL);
}

static void
ask_page(reader_t *self, const char *after_session)
{
    free(self->after_session);
    self->after_session = after_session ? strdup(after_session) : NULL;
    json_t *body = json_object();
    if (after_session)
        json_object_set_new(body, "after_session", json_string(after_session));
    uint64_t id =
        mesh_link_request(self->link, "snapshot", body, SNAPSHOT_DEADLINE_MS, on_page, self);
    assert(id > 0);
}

// zloop_timer_fn: the snapshot is asked for as soon as there is a broker.
static int
on_join_due(zloop_t *loop, int timer_id, void *arg)
{
    reader_t *self = arg;
    if (mesh_link_is_up(self->link)) {
        zloop_timer_end(loop, timer_id);
        ask_page(self, NULL);
    }
    return 0;
}

static int
follow(probe_t *probe, bool joins)
{
    reader_t self = {.loop = probe->loop, .link = probe_link(probe)};
    if (!self.link)
        return -1;
    if (joins)
        zloop_timer(probe->loop, 1, 0, on_join_due, &self);
    else
        self.subscriber = mesh_subscriber_new(probe->loop, self.link, MESH_FROM_EARLIEST, NULL,
                                              &handler, NULL);
    zloop_timer(probe->loop, 20, 0, on_flush_due, NULL);
    zloop_start(probe->loop);
    mesh_subscriber_destroy(&self.subscriber);
    mesh_link_destroy(&self.link);
    zstr_free(&self.after_session);
    return 0;
}

static size_t
number_at(int argc, char *argv[], int index, size_t otherwise)
{
    return index < argc ? strtoul(argv[index], NULL, 10) : otherwise;
}

int
main(int argc, char *argv[])
{
    bool publishes = argc >= 5 && argc <= 7 && streq(argv[2], "publish");
    bool joins = argc == 3 && streq(argv[2], "join");
    size_t publishers = number_at(argc, argv, 5, 1);
    if ((!publishes && !joins && !(argc == 3 && streq(argv[2], "subscribe"))) ||
        publishers == 0 || publishers > PUBLISHERS_LIMIT) {
        fprintf(stderr, "usage: mesh_probe PLACE publish COUNT PAUSE_MS [PUBLISHERS [SESSIONS]]"
                        " | subscribe | join\n");
        return 2;
    }
    probe_t probe;
    int rc = probe_begin(&probe, argv[1]);
    if (rc == 0 && publishes)
        rc = publish(&probe, number_at(argc, argv, 3, 0), number_at(argc, argv, 4, 0),
                     publishers, number_at(argc, argv, 6, 0));
    else if (rc == 0)
        rc = follow(&probe, joins);
    probe_end(&probe);
    return rc == 0 ? 0 : 1;
}
