// publisher - a source of events: numbers them, keeps them, sends within the window
// SPDX-License-Identifier: MPL-2.0
#include "mesh/publisher.h"

#include <assert.h>

#include "mesh/connection.h"
#include "mesh/control.h"
#include "mesh/log.h"
#include "mesh/outbox.h"
#include "mesh/payload.h"
#include "mesh/timer.h"
#include "mesh/topic.h"
#include "mesh/wire.h"
#include "renumber.h"

enum {
    ASK_AFTER_MS = 50,          // after the last event that is not acknowledged
    ASK_AGAIN_MAX_MS = 1000,    // while nothing is acknowledged the pauses double up to here
    SILENCE_MS = 3000,          // of a broker that was cut off
    SEND_HWM = 4000,            // messages; above any window, so that the socket never drops
};

static const double timestamp_most_s = 9e12;

struct mesh_publisher {
    zloop_t *loop;        // borrowed
    mesh_link_t *link;    // borrowed
    mesh_uuid_t source;
    char source_text[MESH_UUID_TEXT_SIZE];
    mesh_outbox_t *outbox;    // owned
    zsock_t *socket;          // owned; NULL before the first welcome
    char *endpoint;           // owned; what socket is connected to
    unsigned key_number;      // of the key it shows there
    bool subscribed;    // the broker's subscription has arrived: what is sent is not dropped
    int64_t sent_ms;    // when an event was last sent
    int64_t ask_pause_ms;       // the pause before the next heartbeat for an acknowledgement
    mesh_timer_t *ask_timer;    // NULL when none is planned
    size_t cut_strings;
    int write_error;    // of the disk, when it was last told; 0 when it takes events
    mesh_publisher_drained_fn *drained;
    void *drained_arg;    // borrowed
    mesh_publisher_refused_fn *refused;
    void *refused_arg;    // borrowed
    mesh_publisher_renew_fn *renew;
    void *renew_arg;    // borrowed
    int64_t held_ms;    // when another program was first said to hold the source; 0: none
    uint64_t dropped_before;    // by the outboxes of former sources
};

static int on_ask(zloop_t *loop, int timer_id, void *arg);

static void
plan_ask(mesh_publisher_t *self, int64_t pause_ms)
{
    if (!self->ask_timer)
        mesh_timer_start(&self->ask_timer, self->loop, (size_t) pause_ms, true, on_ask, self);
}

static void
send_event(mesh_publisher_t *self, const mesh_outbox_event_t *event)
{
    mesh_header_t header = {
        .covers = event->covers,
        .source = self->source,
        .seq = event->seq,
        .timestamp_us = event->timestamp_us,
    };
    zmq_msg_t body;
    int rc = zmq_msg_init_size(&body, MESH_WIRE_HEADER_BYTES + event->body_bytes);
    assert(rc == 0);
    mesh_wire_encode(&header, event->body_bytes, zmq_msg_data(&body));
    memcpy((uint8_t *) zmq_msg_data(&body) + MESH_WIRE_HEADER_BYTES, event->body,
           event->body_bytes);

    void *socket = zsock_resolve(self->socket);
    // A PUB never waits: it drops instead, which the window and the broker's next-number rule
    // make good.
    if (zmq_send(socket, event->topic, event->topic_bytes, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
        zmq_msg_send(&body, socket, ZMQ_DONTWAIT) < 0)
        zmq_msg_close(&body);
}

// Send what the window allows.
static void
pump(mesh_publisher_t *self)
{
    if (!self->subscribed || self->held_ms != 0)
        return;
    const mesh_outbox_event_t *event = mesh_outbox_send_next(self->outbox);
    if (!event)
        return;
    for (; event; event = mesh_outbox_send_next(self->outbox))
        send_event(self, event);
    self->sent_ms = zclock_mono();
    self->ask_pause_ms = ASK_AFTER_MS;
    plan_ask(self, ASK_AFTER_MS);
}

// Something sent is not acknowledged: ask by a heartbeat, which the broker answers, and again
// until it is.
static int
on_ask(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    mesh_publisher_t *self = arg;
    if (mesh_outbox_unacknowledged(self->outbox) == 0)
        return 0;
    int64_t quiet_ms = zclock_mono() - self->sent_ms;
    if (quiet_ms < ASK_AFTER_MS) {
        plan_ask(self, ASK_AFTER_MS - quiet_ms);
        return 0;
    }
    mesh_link_heartbeat(self->link);
    self->ask_pause_ms *= 2;
    if (self->ask_pause_ms > ASK_AGAIN_MAX_MS)
        self->ask_pause_ms = ASK_AGAIN_MAX_MS;
    plan_ask(self, self->ask_pause_ms);
    return 0;
}

// zloop_reader_fn: a subscription (01...) or its end (00...) has arrived on our XPUB.
static int
on_subscription(zloop_t *loop, zsock_t *socket, void *arg)
{
    (void) loop;
    mesh_publisher_t *self = arg;
    zframe_t *frame = zframe_recv(socket);
    if (!frame)
        return 0;
    if (zframe_size(frame) > 0)
        self->subscribed = zframe_data(frame)[0] == 1;
    zframe_destroy(&frame);
    // A subscription that comes anew may be that of another incarnation: its answer tells.
    if (self->subscribed)
        mesh_link_heartbeat(self->link);
    pump(self);
    return 0;
}

static void
disconnect(mesh_publisher_t *self)
{
    if (self->socket) {
        zloop_reader_end(self->loop, self->socket);
        zsock_destroy(&self->socket);
    }
    self->subscribed = false;
}

static void
connect_to(mesh_publisher_t *self, const char *endpoint, const mesh_welcome_t *welcome)
{
    unsigned key_number = mesh_link_key_number(self->link);
    if (self->socket && streq(self->endpoint, endpoint) && self->key_number == key_number)
        return;
    disconnect(self);
    self->key_number = key_number;
    free(self->endpoint);
    self->endpoint = strdup(endpoint);
    self->socket = zsock_new(ZMQ_XPUB);
    assert(self->socket);
    mesh_key_arm(mesh_link_key(self->link), self->socket);
    int hwm = SEND_HWM;
    if (welcome->window_events > SEND_HWM / 2)
        hwm = (int) (welcome->window_events * 2);
    zsock_set_sndhwm(self->socket, hwm);
    zsock_set_linger(self->socket, 100);
    zsock_set_maxmsgsize(self->socket, MESH_WIRE_PAYLOAD_LIMIT);
    zsock_set_reconnect_ivl(self->socket, 50);
    zsock_set_reconnect_ivl_max(self->socket, 500);
    mesh_connection_watch(self->socket, SILENCE_MS);
    zsock_set_connect_timeout(self->socket, 2000);    // as the link's
    if (zsock_connect(self->socket, "%s", endpoint) != 0)
        mesh_log_warning("publish-endpoint-unusable", "%s: %s", endpoint,
                         zmq_strerror(zmq_errno()));
    zloop_reader(self->loop, self->socket, on_subscription, self);
    zloop_reader_set_tolerant(self->loop, self->socket);
}

static void
tell_when_drained(mesh_publisher_t *self)
{
    if (self->drained && mesh_outbox_count(self->outbox) == 0) {
        mesh_publisher_drained_fn *drained = self->drained;
        self->drained = NULL;
        drained(self->drained_arg);
    }
}

// The members of our own source in an array of objects with a member "source"; NULL when it is
// not there.
static const json_t *
our_source(const mesh_publisher_t *self, const json_t *sources)
{
    size_t index;
    const json_t *entry;
    json_array_foreach(sources, index, entry)
    {
        const char *text = json_string_value(json_object_get(entry, "source"));
        if (text && streq(text, self->source_text))
            return entry;
    }
    return NULL;
}

// A session is to be forgotten: what waits of it goes, and the broker is told how much it was.
static void
forget(mesh_publisher_t *self, const json_t *body)
{
    const char *session;
    if (mesh_control_get_text(body, "session_id", MESH_SESSION_SIZE - 1, &session) != 0)
        return;
    size_t removed = mesh_outbox_forget(self->outbox, session);
    mesh_link_tell(
        self->link, "forgot",
        json_pack("{s:s, s:I}", "session_id", session, "removed", (json_int_t) removed));
}

// Go on under a new source, since this one cannot be used, for the reason given.
static void
renew(mesh_publisher_t *self, const char *why)
{
    mesh_outbox_t *outbox = self->renew
                                ? self->renew(self->renew_arg)
                                : mesh_outbox_new(mesh_outbox_limit_bytes(self->outbox));
    size_t moved = mesh_renumber(self->outbox, outbox);
    self->dropped_before += mesh_outbox_dropped(self->outbox);
    mesh_outbox_destroy(&self->outbox);
    self->outbox = outbox;
    char before[MESH_UUID_TEXT_SIZE];
    memcpy(before, self->source_text, sizeof before);
    self->source = *mesh_outbox_source(outbox);
    mesh_uuid_format(&self->source, self->source_text);
    self->held_ms = 0;
    mesh_log_warning("source-renewed", "%s %s; %zu events wait as %s", why, before, moved,
                     self->source_text);
    mesh_link_hello(self->link);
}

static void
on_welcome(void *arg, const mesh_welcome_t *welcome)
{
    mesh_publisher_t *self = arg;
    self->held_ms = 0;
    connect_to(self, welcome->publish_endpoint, welcome);
    mesh_outbox_set_window(self->outbox, welcome->window_events, welcome->window_bytes);
    uint64_t next;
    const json_t *entry = our_source(self, json_object_get(welcome->body, "sources"));
    if (entry && mesh_control_get_number(entry, "next", &next) == 0 && next > 0) {
        mesh_outbox_acknowledge(self->outbox, next - 1);
        mesh_outbox_rewind(self->outbox, next);
        // The numbers that come would be taken for those that the broker has.
        if (self->renew && next - 1 > mesh_outbox_ever_sent(self->outbox)) {
            renew(self, "the broker has more than we know of");
            return;
        }
    }
    pump(self);
    tell_when_drained(self);
}

// A holder that is gone is noticed sooner than this: only one that stays makes us give way.
static void
on_source_held(mesh_publisher_t *self)
{
    int64_t now_ms = zclock_mono();
    if (self->refused)
        self->refused(self->refused_arg);
    else if (self->held_ms == 0)
        self->held_ms = now_ms;
    else if (now_ms - self->held_ms >= MESH_PUBLISHER_HELD_MS)
        renew(self, "another program holds");
}

static void
on_message(void *arg, const char *verb, const json_t *body)
{
    mesh_publisher_t *self = arg;
    uint64_t number;
    if (streq(verb, "ack")) {
        const json_t *entry = our_source(self, json_object_get(body, "sources"));
        if (entry && mesh_control_get_number(entry, "synced", &number) == 0)
            mesh_outbox_acknowledge(self->outbox, number);
    } else if (streq(verb, "forget")) {
        forget(self, body);
    } else if (streq(verb, "resend")) {
        const char *source = json_string_value(json_object_get(body, "source"));
        if (source && streq(source, self->source_text) &&
            mesh_control_get_number(body, "from", &number) == 0)
            mesh_outbox_rewind(self->outbox, number);
    } else if (streq(verb, "error")) {
        const char *code = json_string_value(json_object_get(body, "code"));
        const char *source = json_string_value(json_object_get(body, "source"));
        if (code && streq(code, "source_held") && source && streq(source, self->source_text))
            on_source_held(self);
        return;
    }
    pump(self);
    tell_when_drained(self);
}

static void
on_heartbeat(void *arg, json_t *body)
{
    mesh_publisher_t *self = arg;
    json_t *entry = json_pack("{s:s, s:I, s:I, s:I}", "source", self->source_text, "first",
                              (json_int_t) mesh_outbox_first(self->outbox), "last",
                              (json_int_t) mesh_outbox_last(self->outbox), "acked",
                              (json_int_t) mesh_outbox_acknowledged(self->outbox));
    json_array_append_new(json_object_get(body, "sources"), entry);
}

static const mesh_link_listener_t link_listener = {
    .on_welcome = on_welcome,
    .on_message = on_message,
    .on_heartbeat = on_heartbeat,
};

mesh_publisher_t *
mesh_publisher_new(zloop_t *loop, mesh_link_t *link, size_t store_limit_bytes)
{
    mesh_outbox_t *outbox = mesh_outbox_new(store_limit_bytes);
    return mesh_publisher_new_on(loop, link, &outbox);
}

mesh_publisher_t *
mesh_publisher_new_on(zloop_t *loop, mesh_link_t *link, mesh_outbox_t **outbox_p)
{
    assert(loop && link && outbox_p && *outbox_p);
    mesh_publisher_t *self = zmalloc(sizeof *self);
    self->loop = loop;
    self->link = link;
    self->outbox = *outbox_p;
    *outbox_p = NULL;
    self->source = *mesh_outbox_source(self->outbox);
    mesh_uuid_format(&self->source, self->source_text);
    mesh_link_listen(link, &link_listener, self);
    return self;
}

void
mesh_publisher_destroy(mesh_publisher_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        mesh_publisher_t *self = *self_p;
        mesh_link_unlisten(self->link, &link_listener, self);
        disconnect(self);
        mesh_timer_end(&self->ask_timer);
        mesh_outbox_destroy(&self->outbox);
        free(self->endpoint);
        free(self);
        *self_p = NULL;
    }
}

static void
add_common_members(mesh_publisher_t *self, const char *host, const char *session_id,
                   const char *request_id, double timestamp, json_t *payload)
{
    json_object_set_new(payload, "timestamp", json_real(timestamp));
    json_object_set_new(payload, "host", json_string(host));
    json_object_set_new(payload, "source", json_string(self->source_text));
    json_object_set_new(payload, "seq",
                        json_integer((json_int_t) mesh_outbox_next_seq(self->outbox)));
    if (session_id)
        json_object_set_new(payload, "session_id", json_string(session_id));
    if (request_id)
        json_object_set_new(payload, "request_id", json_string(request_id));
    if (!json_object_get(payload, "correlation_id"))
        json_object_set_new(payload, "correlation_id",
                            json_string(request_id   ? request_id
                                        : session_id ? session_id
                                                     : self->source_text));
}

// Tell once when the disk stops taking events, and once when it takes them again.
static void
tell_write_error(mesh_publisher_t *self)
{
    int error = mesh_outbox_write_error(self->outbox);
    if (error == self->write_error)
        return;
    if (error)
        mesh_log_warning("spool-write-failed",
                         "%s; events wait in memory, where they end with this program",
                         strerror(error));
    else
        mesh_log_info("spool-written-again", "the disk takes events again");
    self->write_error = error;
}

uint64_t
mesh_publisher_publish(mesh_publisher_t *self, const char *type, const char *session_id,
                       const char *request_id, double timestamp, json_t *payload)
{
    return mesh_publisher_publish_from(self, NULL, type, session_id, request_id, timestamp,
                                       payload);
}

uint64_t
mesh_publisher_publish_from(mesh_publisher_t *self, const char *host, const char *type,
                            const char *session_id, const char *request_id, double timestamp,
                            json_t *payload)
{
    assert(self && type && json_is_object(payload));
    if (!host)
        host = mesh_link_host(self->link);
    // Microseconds have 64 bits; written so that NaN is refused too.
    bool in_range = timestamp > -timestamp_most_s && timestamp < timestamp_most_s;
    char topic[MESH_TOPIC_SIZE];
    size_t topic_bytes = mesh_topic_format(topic, type, host, session_id);
    char *text = NULL;
    size_t text_bytes = 0;
    if (topic_bytes && in_range) {
        add_common_members(self, host, session_id, request_id, timestamp, payload);
        text = mesh_payload_dump(payload, MESH_WIRE_PAYLOAD_LIMIT, &text_bytes,
                                 &self->cut_strings);
    }
    json_decref(payload);
    if (!text) {
        mesh_log_warning("publish-refused", "%s",
                         !topic_bytes ? "a type or session id is not legal"
                         : !in_range  ? "a timestamp is out of range"
                                      : "a payload cannot be cut to 64 KiB");
        return 0;
    }
    mesh_outbox_push(self->outbox, topic, topic_bytes, text, text_bytes,
                     (int64_t) (timestamp * 1e6), mesh_renumber_rank(type));
    free(text);
    tell_write_error(self);
    pump(self);
    return mesh_outbox_last(self->outbox);
}

mesh_outbox_t *
mesh_publisher_outbox(mesh_publisher_t *self)
{
    return self->outbox;
}

void
mesh_publisher_allow(mesh_publisher_t *self, uint64_t seq)
{
    mesh_outbox_hold_after(self->outbox, seq);
    pump(self);
}

size_t
mesh_publisher_waiting(const mesh_publisher_t *self)
{
    return mesh_outbox_count(self->outbox);
}

uint64_t
mesh_publisher_dropped(const mesh_publisher_t *self)
{
    return self->dropped_before + mesh_outbox_dropped(self->outbox);
}

bool
mesh_publisher_is_kept(const mesh_publisher_t *self)
{
    return mesh_outbox_in_memory(self->outbox) == 0;
}

size_t
mesh_publisher_forget(mesh_publisher_t *self, const char *session_id)
{
    size_t forgotten = mesh_outbox_forget(self->outbox, session_id);
    tell_when_drained(self);
    return forgotten;
}

const mesh_uuid_t *
mesh_publisher_source(const mesh_publisher_t *self)
{
    return &self->source;
}

void
mesh_publisher_on_drained(mesh_publisher_t *self, mesh_publisher_drained_fn *fn, void *arg)
{
    self->drained = fn;
    self->drained_arg = arg;
}

void
mesh_publisher_on_renewal(mesh_publisher_t *self, mesh_publisher_renew_fn *fn, void *arg)
{
    self->renew = fn;
    self->renew_arg = arg;
}

void
mesh_publisher_on_refused(mesh_publisher_t *self, mesh_publisher_refused_fn *fn, void *arg)
{
    self->refused = fn;
    self->refused_arg = arg;
}
