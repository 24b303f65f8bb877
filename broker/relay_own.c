// relay_own - what the broker itself has to say: its events, its alerts, the head of the order
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>

#include "mesh/clock.h"
#include "mesh/control.h"
#include "mesh/log.h"
#include "mesh/payload.h"
#include "relay_private.h"

enum { HEAD_AFTER_MS = 50 };    // after the last event

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
send_frames(relay_t *self, zmq_msg_t *topic, zmq_msg_t *body)
{
    void *socket = zsock_resolve(self->subscribe);
    if (zmq_msg_send(topic, socket, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
        zmq_msg_send(body, socket, ZMQ_DONTWAIT) < 0)
        mesh_log_error("forward-failed", "%s", zmq_strerror(zmq_errno()));
}

void
relay_forward(relay_t *self, zmq_msg_t *topic, zmq_msg_t *body)
{
    send_frames(self, topic, body);
}

void
relay_forwarded(relay_t *self)
{
    self->forwarded_ms = zclock_mono();
    plan_head(self, HEAD_AFTER_MS);
}

// ---- own events

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

// The broker's own events need no sequencer: nobody else has their numbers, and none is lost on
// the way here.
static void
place_own(relay_t *self, arrival_t *arrival, mesh_header_t *header, int64_t now_us)
{
    const topics_entry_t *topic = relay_topic_of(self, arrival);
    assert(topic);
    arrival->own = true;
    relay_place(self, header, topic->family, now_us);
}

static void
copy_message(zmq_msg_t *copy, zmq_msg_t *message)
{
    int rc = zmq_msg_init_size(copy, zmq_msg_size(message));
    assert(rc == 0);
    memcpy(zmq_msg_data(copy), zmq_msg_data(message), zmq_msg_size(message));
}

void
relay_keep_own(relay_t *self, arrival_t *arrival)
{
    if (self->own_count == RELAY_OWN_WAITING) {
        const topics_entry_t *topic = relay_topic_of(self, arrival);
        mesh_log_warning("announcement-lost", "%s: the journal is down for too long",
                         topic ? topic->parts.type : "");
        return;
    }
    // Not shared with the message that is sent now: this one is stamped again.
    arrival_t *kept = &self->own_waiting[self->own_count++];
    copy_message(&kept->topic, &arrival->topic);
    copy_message(&kept->body, &arrival->body);
}

void
relay_place_own_again(relay_t *self)
{
    size_t count = self->own_count;
    self->own_count = 0;
    for (size_t i = 0; i < count; i++) {
        mesh_header_t header;
        arrival_t *arrival = relay_next_arrival(self);
        zmq_msg_init(&arrival->topic);
        zmq_msg_init(&arrival->body);
        zmq_msg_move(&arrival->topic, &self->own_waiting[i].topic);
        zmq_msg_move(&arrival->body, &self->own_waiting[i].body);
        zmq_msg_close(&self->own_waiting[i].topic);
        zmq_msg_close(&self->own_waiting[i].body);
        mesh_wire_outcome_t outcome = mesh_wire_decode(&header, zmq_msg_data(&arrival->body),
                                                       zmq_msg_size(&arrival->body));
        assert(outcome == MESH_WIRE_OK);
        place_own(self, arrival, &header, mesh_clock_unix_us());
    }
    relay_submit(self, false);
}

void
relay_announce(relay_t *self, const char *type, json_t *payload)
{
    assert(self && type && json_is_object(payload));
    int64_t now_us = mesh_clock_unix_us();
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
    self->own_seq = header.seq;
    arrival_t *arrival = relay_next_arrival(self);
    make_topic(&arrival->topic, type, self->host);
    make_body(&arrival->body, &header, text, text_bytes);
    free(text);
    place_own(self, arrival, &header, now_us);
    relay_submit(self, false);
}

void
relay_send_head(relay_t *self)
{
    // What is not committed has not been passed on.
    uint64_t epoch = journal_epoch(self->journal), head = journal_head(self->journal);
    mesh_header_t header = {
        .covers = 1,
        .seq = 1,
        .timestamp_us = mesh_clock_unix_us(),
        .epoch = epoch,
        .offset = head,
        .previous = head,
    };
    header.recorded_us = header.timestamp_us;
    json_t *payload = json_pack("{s:o, s:I, s:s}", "epoch", mesh_control_epoch(epoch), "offset",
                                (json_int_t) head, "incarnation", self->incarnation);
    char *text = json_dumps(payload, JSON_COMPACT);
    assert(text);
    zmq_msg_t topic, body;
    make_topic(&topic, "mesh.head", self->host);
    make_body(&body, &header, text, strlen(text));
    send_frames(self, &topic, &body);
    zmq_msg_close(&topic);
    zmq_msg_close(&body);
    free(text);
    json_decref(payload);
}

void
relay_tell_alert(relay_t *self, const journal_alert_t *alert)
{
    if (alert->action == JOURNAL_WATCH_NOTHING)
        return;
    char id[64];
    snprintf(id, sizeof id, "journal-%s", self->incarnation);
    json_t *payload = json_pack("{s:s, s:s}", "alert_id", id, "rule", "journal");
    assert(payload);
    if (alert->action == JOURNAL_WATCH_RAISE) {
        json_object_set_new(payload, "severity", json_string(alert->severity));
        json_object_set_new(payload, "message", json_string(alert->message));
    }
    relay_announce(
        self, alert->action == JOURNAL_WATCH_RAISE ? "mesh.alert_raised" : "mesh.alert_cleared",
        payload);
}

void
relay_tick(relay_t *self)
{
    journal_alert_t alert = journal_watch_tick(&self->watch, zclock_mono());
    relay_tell_alert(self, &alert);
    relay_keep_sessions(self);
}
