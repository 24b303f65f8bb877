// mesh_probe - publishers, a subscriber or a late joiner of the C library, for scenarios
// SPDX-License-Identifier: MPL-2.0
//
// usage: mesh_probe PLACE publish|spool COUNT PAUSE_MS [PUBLISHERS [SESSIONS]]
//        mesh_probe PLACE subscribe|watch
//        mesh_probe PLACE join
//
// PLACE is a runtime directory or the endpoint of a control socket. Publishers, each with a
// link of its own, say "source UUID", and once all that they made is acknowledged "drained",
// with which they end. With "spool" each keeps its events in a file of the spool directory, and
// one that is not there as soon as it is published ends the program with a failure. The others
// end on SIGTERM. A subscriber begins with the earliest event and says what it is told:
//
//   event EPOCH OFFSET SOURCE SEQ COVERS SENT_US RECEIVED_US FLAGS SESSION TYPE
//   gap REASON FROM TO
//   state NAME
//   late UNTIL_US WORST_US
//
// The last one with "watch" only, for every tenth of a second: by how much a thread with
// nothing else to do woke late at worst, which is what the machine adds to any latency.
//
// A joiner asks for the snapshot first: "page OFFSET AFTER_SESSION" for each page, then
// "newest ..." as with an event for what it holds, then "joined EPOCH OFFSET"; from there on it
// is a subscriber.
#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

#include "mesh/clock.h"
#include "mesh/control.h"
#include "mesh/publisher.h"
#include "mesh/spool.h"
#include "mesh/subscriber.h"
#include "mesh/topic.h"
#include "probe.h"

enum {
    STORE_BYTES = 16 * 1024 * 1024,
    BATCH = 5,
    PUBLISHERS_LIMIT = 1000,
    SNAPSHOT_DEADLINE_MS = 20000,
    WATCH_STEP_US = 1000,
    WATCH_WINDOW_US = 100000,
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
    mesh_spool_t *spool;        // owned; NULL where events wait in memory
    bool failed;
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
        if (self->spool && !mesh_publisher_is_kept(writer->publisher)) {
            fprintf(stderr, "mesh_probe: an event is not on disk\n");
            self->failed = true;
            return -1;
        }
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

// A publisher for the writer; NULL, said on stderr, when it is to have a file and gets none.
static mesh_publisher_t *
new_publisher(writers_t *self, probe_t *probe, mesh_link_t *link)
{
    if (!self->spool)
        return mesh_publisher_new(probe->loop, link, STORE_BYTES);
    char *problem = NULL;
    mesh_outbox_t *outbox = mesh_spool_begin(self->spool, &problem);
    if (!outbox) {
        fprintf(stderr, "mesh_probe: %s\n", problem);
        free(problem);
        return NULL;
    }
    return mesh_publisher_new_on(probe->loop, link, &outbox);
}

static bool
open_spool(writers_t *self, probe_t *probe)
{
    char *problem = NULL;
    if (mesh_settings_assign(probe->settings, "spool/anywhere=true", "mesh_probe", &problem) ==
        0)
        self->spool = mesh_spool_new(probe->settings, &problem);
    if (!self->spool)
        fprintf(stderr, "mesh_probe: %s\n", problem);
    free(problem);
    return self->spool;
}

static int
publish(probe_t *probe, bool spooled, size_t events, size_t pause_ms, size_t count,
        size_t sessions)
{
    writers_t *self = zmalloc(sizeof *self);
    self->count = count;
    self->events = events;
    self->sessions = sessions;
    bool connected = !spooled || open_spool(self, probe);
    for (size_t i = 0; i < count && connected; i++) {
        writer_t *writer = &self->writers[i];
        char source[MESH_UUID_TEXT_SIZE];
        writer->link = probe_link(probe);
        writer->publisher = writer->link ? new_publisher(self, probe, writer->link) : NULL;
        connected = writer->publisher;
        if (!connected)
            break;
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
    mesh_spool_destroy(&self->spool);
    int rc = connected && !self->failed ? 0 : -1;
    free(self);
    return rc;
}

// ---- how late the machine is

static atomic_bool watching;

// By how much a sleep of a step took longer than that.
static int64_t
oversleep_us(void)
{
    struct timespec before, after, step = {.tv_nsec = WATCH_STEP_US * 1000L};
    clock_gettime(CLOCK_MONOTONIC, &before);
    (void) clock_nanosleep(CLOCK_MONOTONIC, 0, &step, NULL);
    clock_gettime(CLOCK_MONOTONIC, &after);
    return (after.tv_sec - before.tv_sec) * INT64_C(1000000) +
           (after.tv_nsec - before.tv_nsec) / 1000 - WATCH_STEP_US;
}

// A thread's function.
static void *
watch(void *arg)
{
    int64_t since_us = mesh_clock_unix_us(), worst_us = 0;
    while (atomic_load(&watching)) {
        int64_t late_us = oversleep_us(), now_us = mesh_clock_unix_us();
        if (late_us > worst_us)
            worst_us = late_us;
        if (now_us - since_us >= WATCH_WINDOW_US) {
            printf("late %" PRId64 " %" PRId64 "\n", now_us, worst_us);
            since_us = now_us;
            worst_us = 0;
        }
    }
    return arg;
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
follow(probe_t *probe, bool joins, bool watches)
{
    pthread_t watcher;
    reader_t self = {.loop = probe->loop, .link = probe_link(probe)};
    if (!self.link)
        return -1;
    if (joins)
        zloop_timer(probe->loop, 1, 0, on_join_due, &self);
    else
        self.subscriber = mesh_subscriber_new(probe->loop, self.link, MESH_FROM_EARLIEST, NULL,
                                              &handler, NULL);
    zloop_timer(probe->loop, 20, 0, on_flush_due, NULL);
    atomic_store(&watching, watches);
    watches = watches && pthread_create(&watcher, NULL, watch, NULL) == 0;
    zloop_start(probe->loop);
    atomic_store(&watching, false);
    if (watches)
        (void) pthread_join(watcher, NULL);
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
    bool spooled = argc >= 3 && streq(argv[2], "spool");
    bool publishes = argc >= 5 && argc <= 7 && (spooled || streq(argv[2], "publish"));
    bool joins = argc == 3 && streq(argv[2], "join");
    bool watches = argc == 3 && streq(argv[2], "watch");
    bool follows = joins || watches || (argc == 3 && streq(argv[2], "subscribe"));
    size_t publishers = number_at(argc, argv, 5, 1);
    if ((!publishes && !follows) || publishers == 0 || publishers > PUBLISHERS_LIMIT) {
        fprintf(stderr, "usage: mesh_probe PLACE publish|spool COUNT PAUSE_MS [PUBLISHERS"
                        " [SESSIONS]] | subscribe | watch | join\n");
        return 2;
    }
    probe_t probe;
    int rc = probe_begin(&probe, argv[1]);
    if (rc == 0 && publishes)
        rc = publish(&probe, spooled, number_at(argc, argv, 3, 0), number_at(argc, argv, 4, 0),
                     publishers, number_at(argc, argv, 6, 0));
    else if (rc == 0)
        rc = follow(&probe, joins, watches);
    probe_end(&probe);
    return rc == 0 ? 0 : 1;
}
