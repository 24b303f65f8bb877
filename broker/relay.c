// relay - takes events in, gives them their place, keeps them, passes them on
// SPDX-License-Identifier: MPL-2.0
#include "relay.h"

#include <assert.h>

#include "gate.h"
#include "mesh/control.h"
#include "mesh/log.h"
#include "mesh/payload.h"
#include "mesh/topic.h"
#include "mesh/wire.h"

enum {
    DRAIN_LIMIT = 256,    // messages in one wake-up: a batch of the journal, and no longer, so
                          // that timers have their turn
    RECEIVE_HWM = 10000,    // messages, each direction
    SEND_HWM = 10000,
    HEAD_AFTER_MS = 50,            // after the last event
    REFUSALS_LOGGED_MS = 10000,    // one log line in this time, however many are refused
    SOURCES_LIMIT = 100000,
    SESSIONS_LIMIT = 10000,
};

typedef struct arrival {
    zmq_msg_t topic, body;
    mesh_topic_t parts;
    record_t *record;    // held
    mesh_uuid_t source;
    const void *holder;    // whom to acknowledge to once it is kept; NULL for nobody
} arrival_t;

struct relay {
    zloop_t *loop;                   // borrowed
    const char *host;                // borrowed
    const char *incarnation;         // borrowed
    const relay_events_t *events;    // borrowed
    void *arg;                       // borrowed
    zsock_t *publish, *subscribe;    // owned
    order_t order;
    journal_t *journal;        // owned
    sequencer_t *sequencer;    // owned
    owners_t *owners;          // owned
    sessions_t *sessions;      // owned
    mesh_uuid_t source;
    uint64_t own_seq;
    relay_counts_t counts;
    arrival_t *batch;      // owned; DRAIN_LIMIT of them
    record_t **records;    // owned; as many
    int head_timer;        // 0 when none is planned
    int64_t forwarded_ms;
    int64_t refusal_logged_ms;
    int heartbeat_ms, lost_after_ms;
    bool paused;
};

static int64_t
wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void
refuse(relay_t *self, const char *reason)
{
    self->counts.refused++;
    int64_t now_ms = zclock_mono();
    if (self->refusal_logged_ms == 0 ||
        now_ms - self->refusal_logged_ms >= REFUSALS_LOGGED_MS) {
        self->refusal_logged_ms = now_ms;
        mesh_log_warning("event-refused", "%s; %llu refused so far", reason,
                         (unsigned long long) self->counts.refused);
    }
}

static int on_head_due(zloop_t *loop, int timer_id, void *arg);

static void
plan_head(relay_t *self, int64_t pause_ms)
{
    if (self->head_timer == 0)
        self->head_timer = zloop_timer(self->loop, (size_t) pause_ms, 1, on_head_due, self);
}

// The last event may be lost on the way, and nothing behind it would show it: say where the
// order stands.
static int
on_head_due(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    relay_t *self = arg;
    self->head_timer = 0;
    int64_t quiet_ms = zclock_mono() - self->forwarded_ms;
    if (quiet_ms < HEAD_AFTER_MS)
        plan_head(self, HEAD_AFTER_MS - quiet_ms);
    else
        relay_send_head(self);
    return 0;
}

static void
forward(relay_t *self, zmq_msg_t *topic, zmq_msg_t *body)
{
    void *socket = zsock_resolve(self->subscribe);
    if (zmq_msg_send(topic, socket, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
        zmq_msg_send(body, socket, ZMQ_DONTWAIT) < 0)
        mesh_log_error("forward-failed", "%s", zmq_strerror(zmq_errno()));
}

// Types that are no events of the order: a publisher who sent them would speak for the broker
// or an sse-bridge.
static bool
is_reserved(const char *type)
{
    return streq(type, "mesh.head") || strncmp(type, "stream.", strlen("stream.")) == 0;
}

// Give the arrival its place, if it is next of its source. user is the name of the key it came
// under, NULL where that does not matter. Returns false when it is to be let go.
static bool
place(relay_t *self, arrival_t *arrival, const char *user, int64_t now_ms, int64_t now_us)
{
    uint8_t *frame = zmq_msg_data(&arrival->body);
    mesh_header_t header;
    mesh_wire_outcome_t outcome =
        mesh_wire_decode(&header, frame, zmq_msg_size(&arrival->body));
    if (outcome != MESH_WIRE_OK) {
        refuse(self, mesh_wire_outcome_name(outcome));
        return false;
    }
    if (mesh_topic_parse(&arrival->parts, zmq_msg_data(&arrival->topic),
                         zmq_msg_size(&arrival->topic)) != 0) {
        refuse(self, "topic-wrong");
        return false;
    }
    if (is_reserved(arrival->parts.type)) {
        refuse(self, "type-reserved");
        return false;
    }
    if (user && (!*user || !owners_admit(self->owners, &header.source, user))) {
        refuse(self, "source-foreign");
        return false;
    }

    const void *holder;
    uint64_t from = 0;
    bool ack_due;
    sequencer_outcome_t next =
        sequencer_offer(self->sequencer, &header, now_ms, &holder, &from, &ack_due);
    if (next == SEQUENCER_RESEND && holder)
        self->events->ask_again(self->arg, holder, &header.source, from);
    if (next != SEQUENCER_TAKE) {
        self->counts.ignored++;
        return false;
    }
    order_place(&self->order, &header, now_us);
    mesh_wire_stamp(frame, &header);
    arrival->record =
        record_new(header.offset, zmq_msg_data(&arrival->topic), zmq_msg_size(&arrival->topic),
                   frame, zmq_msg_size(&arrival->body));
    self->counts.taken++;
    if (header.flags & MESH_WIRE_LATE)
        self->counts.late++;
    arrival->source = header.source;
    arrival->holder = ack_due ? holder : NULL;
    return true;
}

// Keep the placed arrivals, then pass them on: what a reader may have seen is kept.
static void
commit_and_forward(relay_t *self, size_t count)
{
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        self->records[i] = self->batch[i].record;
    journal_append(self->journal, self->records, count);
    for (size_t i = 0; i < count; i++) {
        arrival_t *arrival = &self->batch[i];
        sessions_note(self->sessions, &arrival->parts, arrival->record);
        record_release(&arrival->record);
        forward(self, &arrival->topic, &arrival->body);
        zmq_msg_close(&arrival->topic);
        zmq_msg_close(&arrival->body);
        if (arrival->holder)
            self->events->acknowledge(self->arg, arrival->holder, &arrival->source);
    }
    self->forwarded_ms = zclock_mono();
    plan_head(self, HEAD_AFTER_MS);
}

typedef enum { RECEIVED, NOTHING_WAITS, WRONG_FRAMES } receipt_t;

// Receive a message of two frames into the arrival, which is empty unless RECEIVED.
static receipt_t
receive(relay_t *self, arrival_t *arrival)
{
    void *socket = zsock_resolve(self->publish);
    zmq_msg_init(&arrival->topic);
    zmq_msg_init(&arrival->body);
    if (zmq_msg_recv(&arrival->topic, socket, ZMQ_DONTWAIT) < 0)
        return NOTHING_WAITS;
    int frames = 1;
    bool more = zmq_msg_more(&arrival->topic);
    while (more && zmq_msg_recv(&arrival->body, socket, ZMQ_DONTWAIT) >= 0) {
        frames++;
        more = zmq_msg_more(&arrival->body);
    }
    if (frames == 2)
        return RECEIVED;
    zmq_msg_close(&arrival->topic);
    zmq_msg_close(&arrival->body);
    return WRONG_FRAMES;
}

size_t
relay_take_in(relay_t *self)
{
    if (self->paused)
        return 0;
    int64_t now_ms = zclock_mono();
    int64_t now_us = wall_us();
    bool guarded = zsock_curve_server(self->publish) == 1;
    size_t received = 0, placed = 0;
    for (; received < DRAIN_LIMIT; received++) {
        arrival_t *arrival = &self->batch[placed];
        receipt_t receipt = receive(self, arrival);
        if (receipt == NOTHING_WAITS)
            break;
        const char *user = NULL;
        if (receipt == RECEIVED && guarded)
            user = gate_name(zmq_msg_gets(&arrival->topic, "User-Id"));
        if (receipt == WRONG_FRAMES) {
            refuse(self, "frames-wrong");
        } else if (place(self, arrival, user, now_ms, now_us)) {
            placed++;
        } else {
            zmq_msg_close(&arrival->topic);
            zmq_msg_close(&arrival->body);
        }
    }
    commit_and_forward(self, placed);
    return received;
}

// zloop_reader_fn: events wait.
static int
on_published(zloop_t *loop, zsock_t *socket, void *arg)
{
    (void) loop;
    (void) socket;
    (void) relay_take_in(arg);
    return 0;
}

void
relay_pause(relay_t *self, bool pause)
{
    if (pause == self->paused)
        return;
    self->paused = pause;
    zloop_reader_end(self->loop, self->publish);
    if (!pause) {
        zloop_reader(self->loop, self->publish, on_published, self);
        zloop_reader_set_tolerant(self->loop, self->publish);
    }
}

// zloop_reader_fn: subscriptions and their ends arrive. Nothing is decided by them, but unread
// they would pile up.
static int
on_subscription(zloop_t *loop, zsock_t *socket, void *arg)
{
    (void) loop;
    (void) arg;
    for (int i = 0; i < DRAIN_LIMIT && (zsock_events(socket) & ZMQ_POLLIN); i++) {
        zframe_t *frame = zframe_recv(socket);
        zframe_destroy(&frame);
    }
    return 0;
}

static void
open_sockets(relay_t *self)
{
    self->publish = zsock_new(ZMQ_SUB);
    self->subscribe = zsock_new(ZMQ_XPUB);
    assert(self->publish && self->subscribe);
    zsock_set_subscribe(self->publish, "");
    zsock_set_rcvhwm(self->publish, RECEIVE_HWM);
    zsock_set_linger(self->publish, 0);
    zsock_set_maxmsgsize(self->publish, MESH_WIRE_HEADER_BYTES + MESH_WIRE_PAYLOAD_LIMIT);
    zsock_set_heartbeat_ivl(self->publish, self->heartbeat_ms);
    zsock_set_heartbeat_timeout(self->publish, self->lost_after_ms);
    zsock_set_sndhwm(self->subscribe, SEND_HWM);
    zsock_set_linger(self->subscribe, 200);
    zsock_set_maxmsgsize(self->subscribe,
                         MESH_TOPIC_SIZE);    // what comes in are subscriptions
    zsock_set_heartbeat_ivl(self->subscribe, self->heartbeat_ms);
    zsock_set_heartbeat_timeout(self->subscribe, self->lost_after_ms);
    if (!self->paused) {
        zloop_reader(self->loop, self->publish, on_published, self);
        zloop_reader_set_tolerant(self->loop, self->publish);
    }
    zloop_reader(self->loop, self->subscribe, on_subscription, self);
    zloop_reader_set_tolerant(self->loop, self->subscribe);
}

static void
close_sockets(relay_t *self)
{
    zloop_reader_end(self->loop, self->publish);
    zloop_reader_end(self->loop, self->subscribe);
    zsock_destroy(&self->publish);
    zsock_destroy(&self->subscribe);
}

void
relay_renew_sockets(relay_t *self)
{
    // What is on its way may be to one who must not have it; the others replay.
    zsock_set_linger(self->subscribe, 0);
    close_sockets(self);
    open_sockets(self);
}

relay_t *
relay_new(zloop_t *loop, const mesh_settings_t *settings, const char *host,
          const char *incarnation, const relay_events_t *events, void *arg)
{
    assert(loop && settings && host && incarnation && events);
    relay_t *self = zmalloc(sizeof *self);
    self->loop = loop;
    self->host = host;
    self->incarnation = incarnation;
    self->events = events;
    self->arg = arg;
    self->source = mesh_uuid_new();
    self->journal =
        journal_new((uint64_t) mesh_settings_number(settings, "broker/memory_events"),
                    mesh_settings_bytes(settings, "broker/memory_bytes"));
    self->order = order_after(journal_epoch(self->journal), journal_head(self->journal));
    self->sequencer = sequencer_new(SOURCES_LIMIT);
    self->owners = owners_new(SOURCES_LIMIT);
    (void) owners_admit(self->owners, &self->source, "broker");
    self->sessions = sessions_new(SESSIONS_LIMIT);
    self->batch = zmalloc(DRAIN_LIMIT * sizeof *self->batch);
    self->records = zmalloc(DRAIN_LIMIT * sizeof(record_t *));

    self->heartbeat_ms = (int) mesh_settings_ms(settings, "mesh/heartbeat");
    self->lost_after_ms = (int) mesh_settings_ms(settings, "mesh/lost_after");
    open_sockets(self);
    return self;
}

void
relay_destroy(relay_t **self_p)
{
    assert(self_p);
    if (!*self_p)
        return;
    relay_t *self = *self_p;
    if (self->head_timer)
        zloop_timer_end(self->loop, self->head_timer);
    close_sockets(self);
    sessions_destroy(&self->sessions);
    owners_destroy(&self->owners);
    sequencer_destroy(&self->sequencer);
    journal_destroy(&self->journal);
    free(self->batch);
    free(self->records);
    free(self);
    *self_p = NULL;
}

// Make a body frame of a header and a payload.
static void
make_body(zmq_msg_t *body, const mesh_header_t *header, const char *text, size_t text_bytes)
{
    int rc = zmq_msg_init_size(body, MESH_WIRE_HEADER_BYTES + text_bytes);
    assert(rc == 0);
    mesh_wire_encode(header, text_bytes, zmq_msg_data(body));
    memcpy((uint8_t *) zmq_msg_data(body) + MESH_WIRE_HEADER_BYTES, text, text_bytes);
}

static void
make_topic(zmq_msg_t *topic, const char *type, const char *host)
{
    char text[MESH_TOPIC_SIZE];
    size_t bytes = mesh_topic_format(text, type, host, NULL);
    assert(bytes > 0);
    int rc = zmq_msg_init_size(topic, bytes);
    assert(rc == 0);
    memcpy(zmq_msg_data(topic), text, bytes);
}

void
relay_announce(relay_t *self, const char *type, json_t *payload)
{
    assert(self && type && json_is_object(payload));
    int64_t now_us = wall_us();
    char source[MESH_UUID_TEXT_SIZE];
    mesh_uuid_format(&self->source, source);
    mesh_header_t header = {
        .covers = 1, .source = self->source, .seq = self->own_seq + 1, .timestamp_us = now_us};
    json_object_set_new(payload, "timestamp", json_real((double) now_us / 1e6));
    json_object_set_new(payload, "source", json_string(source));
    json_object_set_new(payload, "seq", json_integer((json_int_t) header.seq));
    json_object_set_new(payload, "correlation_id", json_string(source));
    if (!json_object_get(payload, "host"))
        json_object_set_new(payload, "host", json_string(self->host));

    size_t text_bytes, cut_strings = 0;
    char *text = mesh_payload_dump(payload, MESH_WIRE_PAYLOAD_LIMIT, &text_bytes, &cut_strings);
    json_decref(payload);
    if (!text) {
        mesh_log_error("announcement-too-large", "%s", type);
        return;
    }
    arrival_t *arrival = &self->batch[0];
    make_topic(&arrival->topic, type, self->host);
    make_body(&arrival->body, &header, text, text_bytes);
    free(text);
    self->own_seq = header.seq;
    bool placed = place(self, arrival, NULL, zclock_mono(), now_us);
    assert(placed);    // nobody else has this source, and its numbers have no hole
    commit_and_forward(self, 1);
}

void
relay_send_head(relay_t *self)
{
    mesh_header_t header = {
        .covers = 1,
        .seq = 1,
        .timestamp_us = wall_us(),
        .epoch = self->order.epoch,
        .offset = self->order.head,
        .previous = self->order.head,
    };
    header.recorded_us = header.timestamp_us;
    json_t *payload =
        json_pack("{s:o, s:I, s:s}", "epoch", mesh_control_epoch(self->order.epoch), "offset",
                  (json_int_t) self->order.head, "incarnation", self->incarnation);
    char *text = json_dumps(payload, JSON_COMPACT);
    assert(text);
    zmq_msg_t topic, body;
    make_topic(&topic, "mesh.head", self->host);
    make_body(&body, &header, text, strlen(text));
    forward(self, &topic, &body);
    zmq_msg_close(&topic);
    zmq_msg_close(&body);
    free(text);
    json_decref(payload);
}

zsock_t *
relay_publish_socket(relay_t *self)
{
    return self->publish;
}

zsock_t *
relay_subscribe_socket(relay_t *self)
{
    return self->subscribe;
}

journal_t *
relay_journal(relay_t *self)
{
    return self->journal;
}

sequencer_t *
relay_sequencer(relay_t *self)
{
    return self->sequencer;
}

owners_t *
relay_owners(relay_t *self)
{
    return self->owners;
}

sessions_t *
relay_sessions(relay_t *self)
{
    return self->sessions;
}

const relay_counts_t *
relay_counts(const relay_t *self)
{
    return &self->counts;
}
