// relay - takes events in, gives them their place, keeps them, passes them on
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>

#include "descriptor.h"
#include "gate.h"
#include "journal_settings.h"
#include "mesh/clock.h"
#include "mesh/connection.h"
#include "mesh/control.h"
#include "mesh/log.h"
#include "relay_private.h"

enum {
    DRAIN_LIMIT = 256,      // messages in one wake-up, so that timers have their turn
    RECEIVE_HWM = 10000,    // messages, each direction
    SEND_HWM = 10000,
    REFUSALS_LOGGED_MS = 10000,    // one log line in this time, however many are refused
};

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

// Whether who came in by this id may not publish the type: all act upon what it says. id is
// NULL where there are no keys.
static bool
may_not_say(const char *id, const char *type)
{
    return id && streq(type, RELAY_FORGOTTEN_TYPE) && gate_role(id) != MESH_ROLE_OPERATE;
}

// Give the arrival its place, if it is next of its source. id is what the gate wrote of the key
// it came under, NULL where that does not matter. Returns false when it is to be let go.
static bool
place(relay_t *self, arrival_t *arrival, const char *id, int64_t now_ms, int64_t now_us)
{
    const char *user = id ? gate_name(id) : NULL;
    mesh_header_t header;
    mesh_wire_outcome_t outcome =
        mesh_wire_decode(&header, zmq_msg_data(&arrival->body), zmq_msg_size(&arrival->body));
    if (outcome != MESH_WIRE_OK) {
        refuse(self, mesh_wire_outcome_name(outcome));
        return false;
    }
    const topics_entry_t *topic = relay_topic_of(self, arrival);
    if (!topic) {
        refuse(self, "topic-wrong");
        return false;
    }
    if (topic->reserved || may_not_say(id, topic->parts.type)) {
        refuse(self, "type-reserved");
        return false;
    }
    if (user && (!*user || !owners_admit(self->owners, &header.source, user))) {
        refuse(self, "source-foreign");
        return false;
    }
    const void *holder;
    uint64_t from = 0;
    sequencer_outcome_t next =
        sequencer_offer(self->sequencer, &header, now_ms, &holder, &from);
    if (next == SEQUENCER_RESEND && holder)
        self->events->ask_again(self->arg, holder, &header.source, from);
    if (next != SEQUENCER_TAKE) {
        self->counts.ignored++;
        return false;
    }
    arrival->own = false;
    if (forgotten_has(self->forgotten, topic->parts.session))
        relay_discard(self, &header, now_us);
    else
        relay_place(self, &header, topic->family, now_us);
    return true;
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
    if (self->held)
        return 0;
    int64_t now_ms = zclock_mono();
    int64_t now_us = mesh_clock_unix_us();
    bool guarded = zsock_curve_server(self->publish) == 1;
    size_t received = 0;
    for (; received < DRAIN_LIMIT && relay_has_room(self); received++) {
        arrival_t *arrival = relay_next_arrival(self);
        receipt_t receipt = receive(self, arrival);
        if (receipt == NOTHING_WAITS)
            break;
        const char *id = NULL;
        if (receipt == RECEIVED && guarded)
            id = zmq_msg_gets(&arrival->topic, "User-Id");
        if (receipt == RECEIVED && guarded && !id)
            id = "";
        if (receipt == WRONG_FRAMES) {
            refuse(self, "frames-wrong");
        } else if (!place(self, arrival, id, now_ms, now_us)) {
            zmq_msg_close(&arrival->topic);
            zmq_msg_close(&arrival->body);
        }
    }
    relay_submit(self, false);
    if (!relay_has_room(self))
        relay_pause(self, true);
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
relay_pause(relay_t *self, bool paused)
{
    paused = paused || self->held;
    if (paused == self->paused)
        return;
    self->paused = paused;
    if (paused) {
        zloop_reader_end(self->loop, self->publish);
    } else {
        zloop_reader(self->loop, self->publish, on_published, self);
        zloop_reader_set_tolerant(self->loop, self->publish);
    }
}

void
relay_hold(relay_t *self, bool hold)
{
    self->held = hold;
    relay_pause(self, !relay_has_room(self));
}

// zloop_fn: batches have ended, or the journal came or went.
static int
on_journal(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    (void) item;
    relay_t *self = arg;
    journal_dispatch(self->journal);
    // What ended last may have been no batch of events, and others wait behind it.
    relay_submit(self, false);
    return 0;
}

bool
relay_settle(relay_t *self, int64_t deadline_ms)
{
    relay_submit(self, true);
    while (!journal_is_idle(self->journal)) {
        int64_t left_ms = deadline_ms - zclock_mono();
        zmq_pollitem_t item = {.fd = journal_fd(self->journal), .events = ZMQ_POLLIN};
        if (left_ms <= 0 || zmq_poll(&item, 1, (long) left_ms) < 0)
            return false;
        journal_dispatch(self->journal);
        relay_submit(self, true);
    }
    return true;
}

// Count a subscription, and end the connection that has more than it may. Takes the frame.
//
// The descriptor of a connection that was closed before its first message was read may be
// another's by now. Should that one be closed here, it connects again and has lost nothing.
static void
count_subscription(relay_t *self, zframe_t **frame_p)
{
    int descriptor = descriptor_of(*frame_p);
    // There is none where libzmq itself ends the subscriptions of a connection that is gone.
    const void *connection = zframe_meta(*frame_p, "__fd");
    if (descriptor < 0)
        return;
    char who[256];
    const char *address = zframe_meta(*frame_p, "Peer-Address");
    snprintf(who, sizeof who, "%s, with the key \"%s\",", address ? address : "somebody",
             gate_name(zframe_meta(*frame_p, "User-Id")));
    if (subscriptions_heard(self->subscriptions, descriptor, connection,
                            descriptor_identity(descriptor), frame_p) != SUBSCRIPTIONS_PAST_IT)
        return;
    mesh_log_warning("subscriber-cut-off",
                     "%s subscribed to more prefixes than broker/subscriptions allows", who);
    descriptor_end(descriptor);
}

// zloop_reader_fn: subscriptions and their ends arrive. libzmq has applied them.
static int
on_subscription(zloop_t *loop, zsock_t *socket, void *arg)
{
    (void) loop;
    for (int i = 0; i < DRAIN_LIMIT && (zsock_events(socket) & ZMQ_POLLIN); i++) {
        zframe_t *frame = zframe_recv(socket);
        if (frame)
            count_subscription(arg, &frame);
        zframe_destroy(&frame);
    }
    return 0;
}

// Begin to read both.
static void
read_sockets(relay_t *self)
{
    zloop_reader(self->loop, self->subscribe, on_subscription, self);
    zloop_reader_set_tolerant(self->loop, self->subscribe);
    relay_pause(self, !relay_has_room(self));
}

static void
close_sockets(relay_t *self)
{
    relay_pause(self, true);
    zloop_reader_end(self->loop, self->subscribe);
    zsock_destroy(&self->publish);
    zsock_destroy(&self->subscribe);
}

static int
open_journal(relay_t *self, const mesh_settings_t *settings, char **error_p)
{
    journal_options_t options;
    char *path = NULL;
    if (journal_settings_read(&options, &path, settings, error_p) == 0)
        self->journal = journal_new(&options, &relay_journal_events, self, error_p);
    free(path);
    return self->journal ? 0 : -1;
}

static void
make_sockets(relay_t *self)
{
    self->publish = zsock_new(ZMQ_SUB);
    self->subscribe = zsock_new(ZMQ_XPUB);
    assert(self->publish && self->subscribe);
    zsock_set_subscribe(self->publish, "");
    zsock_set_rcvhwm(self->publish, RECEIVE_HWM);
    zsock_set_linger(self->publish, 0);
    zsock_set_maxmsgsize(self->publish, MESH_WIRE_HEADER_BYTES + MESH_WIRE_PAYLOAD_LIMIT);
    mesh_connection_watch(self->publish, self->lost_after_ms);
    zsock_set_sndhwm(self->subscribe, SEND_HWM);
    zsock_set_linger(self->subscribe, 200);
    zsock_set_xpub_verboser(self->subscribe, 1);    // to count those of each connection
    zsock_set_maxmsgsize(self->subscribe,
                         MESH_TOPIC_SIZE);    // what comes in are subscriptions
    mesh_connection_watch(self->subscribe, self->lost_after_ms);
}

void
relay_renew_sockets(relay_t *self)
{
    // What is on its way may be to one who must not have it; the others replay.
    zsock_set_linger(self->subscribe, 0);
    close_sockets(self);
    subscriptions_clear(self->subscriptions);
    make_sockets(self);
    read_sockets(self);
}

relay_t *
relay_new(zloop_t *loop, const mesh_settings_t *settings, const char *host,
          const char *incarnation, const relay_events_t *events, void *arg, char **error_p)
{
    assert(loop && settings && host && incarnation && events && error_p);
    relay_t *self = zmalloc(sizeof *self);
    self->loop = loop;
    self->host = host;
    self->incarnation = incarnation;
    self->events = events;
    self->arg = arg;
    self->source = mesh_uuid_new();
    self->paused = true;
    self->lost_after_ms = mesh_settings_ms(settings, "mesh/lost_after");
    make_sockets(self);
    size_t sources = (size_t) mesh_settings_number(settings, "broker/sources");
    self->sequencer = sequencer_new(sources);
    self->owners = owners_new(sources);
    self->queue_events = (size_t) mesh_settings_number(settings, "broker/queue_events");
    self->queue_bytes = mesh_settings_bytes(settings, "broker/queue_bytes");
    self->topics = topics_new();
    self->subscriptions =
        subscriptions_new((size_t) mesh_settings_number(settings, "broker/subscriptions"));
    (void) owners_admit(self->owners, &self->source, "broker");
    self->sessions = sessions_new((size_t) mesh_settings_number(settings, "broker/sessions"));
    self->forgotten = forgotten_new(JOURNAL_FORGOTTEN_LIMIT);
    if (open_journal(self, settings, error_p) != 0) {
        relay_destroy(&self);
        return NULL;
    }
    self->order =
        order_after(journal_epoch(self->journal), journal_head(self->journal), INT64_MIN);
    return self;
}

static zmq_pollitem_t
journal_poller(const relay_t *self)
{
    return (zmq_pollitem_t){.fd = journal_fd(self->journal), .events = ZMQ_POLLIN};
}

void
relay_start(relay_t *self)
{
    zmq_pollitem_t item = journal_poller(self);
    journal_dispatch(self->journal);
    zloop_poller(self->loop, &item, on_journal, self);
    zloop_poller_set_tolerant(self->loop, &item);
    read_sockets(self);
}

void
relay_destroy(relay_t **self_p)
{
    assert(self_p);
    if (!*self_p)
        return;
    relay_t *self = *self_p;
    if (self->journal) {
        zmq_pollitem_t item = journal_poller(self);
        zloop_poller_end(self->loop, &item);
        relay_submit(self, true);
        journal_destroy(&self->journal);
    }
    if (self->head_timer)
        zloop_timer_end(self->loop, self->head_timer);
    close_sockets(self);
    relay_batches_destroy(self);
    sessions_destroy(&self->sessions);
    forgotten_destroy(&self->forgotten);
    owners_destroy(&self->owners);
    topics_destroy(&self->topics);
    subscriptions_destroy(&self->subscriptions);
    sequencer_destroy(&self->sequencer);
    free(self);
    *self_p = NULL;
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

forgotten_t *
relay_forgotten(relay_t *self)
{
    return self->forgotten;
}

const relay_counts_t *
relay_counts(const relay_t *self)
{
    return &self->counts;
}
