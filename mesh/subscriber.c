// subscriber - every event of the mesh, once, in the broker's order, from a place on
// SPDX-License-Identifier: MPL-2.0
#include "mesh/subscriber.h"

#include <assert.h>

#include "mesh/connection.h"
#include "mesh/control.h"
#include "mesh/follow.h"
#include "mesh/log.h"
#include "mesh/timer.h"

enum {
    RECEIVE_HWM = 10000,    // messages; what does not fit is a gap, which the replay fills
    DRAIN_LIMIT = 256,      // messages handled in one wake-up, so that timers have their turn
    REPLAY_DEADLINE_MS = 5000,
    RETRY_MS = 500,
    RETRY_LEAST_MS =
        50,    // after the first refusal; each further one may double it, to RETRY_MS
    SILENCE_MS = 3000,    // without a mesh.head: connect again
};

static const char head_prefix[] = "mesh.head/";

struct mesh_subscriber {
    zloop_t *loop;                               // borrowed
    mesh_link_t *link;                           // borrowed
    const mesh_subscriber_handler_t *handler;    // borrowed
    void *arg;                                   // borrowed
    mesh_follow_t *follow;                       // owned
    zsock_t *socket;                             // owned; NULL before the first welcome
    char *endpoint;                              // owned
    unsigned key_number;                         // of the key it shows there
    mesh_timer_t *retry_timer;                   // owned; NULL unless a page was refused
    unsigned refusals;                           // in a row
    mesh_timer_t *timer;
    int64_t heard_ms;
    int64_t connected_ms;
    uint64_t replay_id;    // of the request under way; 0 when there is none
    uint64_t malformed;
    bool giving;    // in a wake-up's events
};

static void
give_event(void *arg, const mesh_event_t *event)
{
    mesh_subscriber_t *self = arg;
    if (self->handler->on_event)
        self->handler->on_event(self->arg, event);
}

static void
give_gap(void *arg, const mesh_gap_t *gap)
{
    mesh_subscriber_t *self = arg;
    if (self->handler->on_gap)
        self->handler->on_gap(self->arg, gap);
}

static void
give_state(void *arg, mesh_subscriber_state_t state)
{
    mesh_subscriber_t *self = arg;
    if (self->handler->on_state)
        self->handler->on_state(self->arg, state);
}

// Read two frames as an event. Returns 0, or -1 when they are none; all but the counting is the
// caller's.
static int
read_event(mesh_event_t *event, const void *topic, size_t topic_bytes, const void *body,
           size_t body_bytes)
{
    if (mesh_wire_decode(&event->header, body, body_bytes) != MESH_WIRE_OK)
        return -1;
    event->topic = topic;
    event->topic_bytes = topic_bytes;
    event->payload = (const char *) body + MESH_WIRE_HEADER_BYTES;
    event->payload_bytes = body_bytes - MESH_WIRE_HEADER_BYTES;
    return 0;
}

int
mesh_subscriber_read_removed(const json_t *body, uint64_t removed[static MESH_FAMILIES])
{
    const json_t *members = json_object_get(body, "removed");
    for (int family = 0; family < MESH_FAMILIES; family++) {
        const char *name = mesh_family_name((mesh_family_t) family);
        removed[family] = 0;
        (void) mesh_control_get_number(members, name, &removed[family]);
    }
    return json_is_object(members) ? 0 : -1;
}

static int
give_page(mesh_subscriber_t *self, const json_t *body, zmsg_t *frames)
{
    uint64_t epoch, first, to;
    const json_t *more = json_object_get(body, "more");
    if (mesh_control_get_epoch(body, "epoch", &epoch) != 0 ||
        mesh_control_get_number(body, "first", &first) != 0 ||
        mesh_control_get_number(body, "to", &to) != 0 || !json_is_boolean(more))
        return -1;
    uint64_t removed[MESH_FAMILIES], highest = 0;
    if (mesh_subscriber_read_removed(body, removed) == 0 && self->handler->on_removed)
        self->handler->on_removed(self->arg, epoch, removed);
    for (int family = 0; family < MESH_FAMILIES; family++)
        if (removed[family] > highest)
            highest = removed[family];
    mesh_follow_page_begins(self->follow, epoch, first);
    mesh_follow_page_removed(self->follow, highest);
    zframe_t *topic = frames ? zmsg_first(frames) : NULL;
    for (; topic; topic = zmsg_next(frames)) {
        zframe_t *frame = zmsg_next(frames);
        mesh_event_t event;
        if (!frame || read_event(&event, zframe_data(topic), zframe_size(topic),
                                 zframe_data(frame), zframe_size(frame)) != 0)
            return -1;
        mesh_follow_page_event(self->follow, &event);
    }
    mesh_follow_page_ends(self->follow, to, json_is_true(more));
    return 0;
}

// zloop_timer_fn
static int
on_retry(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    mesh_follow_retry(((mesh_subscriber_t *) arg)->follow);
    return 0;
}

// Ask for the refused page again, not in step with all who were refused with us.
static void
plan_retry(mesh_subscriber_t *self)
{
    int64_t most_ms = (int64_t) RETRY_LEAST_MS << (self->refusals < 4 ? self->refusals : 4);
    if (most_ms > RETRY_MS)
        most_ms = RETRY_MS;
    self->refusals++;
    mesh_timer_end(&self->retry_timer);
    size_t pause_ms = (size_t) RETRY_LEAST_MS / 2 + (size_t) randof((int) most_ms);
    mesh_timer_start(&self->retry_timer, self->loop, pause_ms, true, on_retry, self);
}

static void
on_replayed(void *arg, const char *verb, const json_t *body, zmsg_t *frames)
{
    mesh_subscriber_t *self = arg;
    self->replay_id = 0;
    if (!streq(verb, "events")) {
        const char *code = "", *message = "";
        (void) mesh_control_get_text(body, "code", 64, &code);
        (void) mesh_control_get_text(body, "message", 1024, &message);
        mesh_follow_replay_failed(self->follow);
        // Others are before us: no fault, and no reason to wait for the next look.
        if (streq(code, "replays_full") || streq(code, "replay_unread"))
            plan_retry(self);
        else
            mesh_log_warning("replay-failed", "%s: %s", code, message);
    } else if (give_page(self, body, frames) != 0) {
        mesh_log_warning("replay-malformed",
                         "an answer to a replay is not as the protocol says");
        mesh_follow_replay_failed(self->follow);
    } else {
        self->refusals = 0;
    }
}

// Forget a replay under way: its answer would be about another place.
static void
cancel_replay(mesh_subscriber_t *self)
{
    mesh_link_cancel(self->link, self->replay_id);
    self->replay_id = 0;
}

static void
ask_replay(void *arg, const mesh_cursor_t *after)
{
    mesh_subscriber_t *self = arg;
    cancel_replay(self);
    json_t *body = json_pack("{s:o, s:I}", "epoch", mesh_control_epoch(after->epoch), "after",
                             (json_int_t) after->offset);
    assert(body);
    self->replay_id =
        mesh_link_request(self->link, "replay", body, REPLAY_DEADLINE_MS, on_replayed, self);
    if (self->replay_id == 0)
        mesh_follow_replay_failed(self->follow);
}

static const mesh_follow_actions_t follow_actions = {
    .deliver = give_event,
    .tell_gap = give_gap,
    .ask_replay = ask_replay,
    .state_changed = give_state,
};

static void
take_message(mesh_subscriber_t *self, zmq_msg_t *topic, zmq_msg_t *body)
{
    mesh_event_t event;
    if (read_event(&event, zmq_msg_data(topic), zmq_msg_size(topic), zmq_msg_data(body),
                   zmq_msg_size(body)) != 0) {
        self->malformed++;
        mesh_log_warning("event-malformed", "%llu so far",
                         (unsigned long long) self->malformed);
        return;
    }
    if (event.topic_bytes >= strlen(head_prefix) &&
        memcmp(event.topic, head_prefix, strlen(head_prefix)) == 0) {
        mesh_cursor_t head = {event.header.epoch, event.header.offset};
        mesh_follow_head(self->follow, &head);
    } else {
        mesh_follow_live(self->follow, &event);
    }
}

// Receive one message of two frames. Returns -1 when none waits.
static int
receive(mesh_subscriber_t *self)
{
    void *socket = zsock_resolve(self->socket);
    zmq_msg_t frames[2];
    int count = 0;
    bool more = true;
    while (more) {
        // Frames beyond the second are read into the last and let go: such a message is refused
        // below.
        zmq_msg_t surplus;
        zmq_msg_t *frame = count < 2 ? &frames[count] : &surplus;
        zmq_msg_init(frame);
        if (zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(frame);
            break;
        }
        more = zmq_msg_more(frame);
        if (count >= 2)
            zmq_msg_close(frame);
        count++;
    }
    if (count == 2)
        take_message(self, &frames[0], &frames[1]);
    else if (count > 0)
        self->malformed++;
    for (int i = 0; i < count && i < 2; i++)
        zmq_msg_close(&frames[i]);
    return count > 0 ? 0 : -1;
}

// zloop_reader_fn: events wait.
static int
on_events(zloop_t *loop, zsock_t *socket, void *arg)
{
    (void) loop;
    mesh_subscriber_t *self = arg;
    self->heard_ms = zclock_mono();
    self->giving = true;
    for (int i = 0; i < DRAIN_LIMIT && self->socket == socket; i++)
        if (receive(self) != 0)
            break;
    self->giving = false;
    if (self->handler->on_caught_up)
        self->handler->on_caught_up(self->arg);
    return 0;
}

static void
disconnect(mesh_subscriber_t *self)
{
    if (self->socket) {
        zloop_reader_end(self->loop, self->socket);
        zsock_destroy(&self->socket);
    }
}

static void
connect_to(mesh_subscriber_t *self, const char *endpoint)
{
    disconnect(self);
    if (endpoint != self->endpoint) {
        free(self->endpoint);
        self->endpoint = strdup(endpoint);
    }
    self->socket = zsock_new(ZMQ_SUB);
    assert(self->socket);
    mesh_key_arm(mesh_link_key(self->link), self->socket);
    self->key_number = mesh_link_key_number(self->link);
    zsock_set_rcvhwm(self->socket, RECEIVE_HWM);
    zsock_set_linger(self->socket, 0);
    zsock_set_maxmsgsize(self->socket, MESH_WIRE_HEADER_BYTES + MESH_WIRE_PAYLOAD_LIMIT);
    zsock_set_reconnect_ivl(self->socket, 50);
    zsock_set_reconnect_ivl_max(self->socket, 500);
    mesh_connection_watch(self->socket, SILENCE_MS);
    zsock_set_connect_timeout(self->socket, 2000);    // as the link's
    zsock_set_subscribe(self->socket, "");
    if (zsock_connect(self->socket, "%s", self->endpoint) != 0)
        mesh_log_warning("subscribe-endpoint-unusable", "%s: %s", self->endpoint,
                         zmq_strerror(zmq_errno()));
    zloop_reader(self->loop, self->socket, on_events, self);
    zloop_reader_set_tolerant(self->loop, self->socket);
    self->connected_ms = zclock_mono();
}

static void
on_welcome(void *arg, const mesh_welcome_t *welcome)
{
    mesh_subscriber_t *self = arg;
    if (!self->socket || !streq(self->endpoint, welcome->subscribe_endpoint) ||
        self->key_number != mesh_link_key_number(self->link))
        connect_to(self, welcome->subscribe_endpoint);
    cancel_replay(self);
    mesh_follow_welcome(self->follow, welcome->epoch, welcome->first, welcome->head);
}

static void
on_away(void *arg)
{
    mesh_subscriber_t *self = arg;
    cancel_replay(self);
    mesh_follow_away(self->follow);
}

static const mesh_link_listener_t link_listener = {.on_welcome = on_welcome,
                                                   .on_away = on_away};

static int
on_tick(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    mesh_subscriber_t *self = arg;
    int64_t now_ms = zclock_mono();
    mesh_follow_retry(self->follow);
    int64_t last_ms = self->heard_ms > self->connected_ms ? self->heard_ms : self->connected_ms;
    if (self->socket && mesh_link_is_up(self->link) && now_ms - last_ms > SILENCE_MS) {
        mesh_log_warning("subscription-silent", "connecting to %s again", self->endpoint);
        connect_to(self, self->endpoint);
    }
    return 0;
}

mesh_subscriber_t *
mesh_subscriber_new(zloop_t *loop, mesh_link_t *link, mesh_from_t from,
                    const mesh_cursor_t *cursor, const mesh_subscriber_handler_t *handler,
                    void *arg)
{
    assert(loop && link && handler);
    mesh_subscriber_t *self = zmalloc(sizeof *self);
    self->loop = loop;
    self->link = link;
    self->handler = handler;
    self->arg = arg;
    self->follow = mesh_follow_new(from, cursor, &follow_actions, self);
    mesh_timer_start(&self->timer, loop, RETRY_MS, false, on_tick, self);
    mesh_link_listen(link, &link_listener, self);
    return self;
}

void
mesh_subscriber_destroy(mesh_subscriber_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        mesh_subscriber_t *self = *self_p;
        mesh_link_unlisten(self->link, &link_listener, self);
        cancel_replay(self);
        mesh_timer_end(&self->timer);
        mesh_timer_end(&self->retry_timer);
        disconnect(self);
        mesh_follow_destroy(&self->follow);
        free(self->endpoint);
        free(self);
        *self_p = NULL;
    }
}

bool
mesh_subscriber_is_giving(const mesh_subscriber_t *self)
{
    return self->giving;
}

mesh_subscriber_state_t
mesh_subscriber_state(const mesh_subscriber_t *self)
{
    return mesh_follow_state(self->follow);
}

mesh_cursor_t
mesh_subscriber_position(const mesh_subscriber_t *self)
{
    return mesh_follow_position(self->follow);
}

mesh_cursor_t
mesh_subscriber_head(const mesh_subscriber_t *self)
{
    return mesh_follow_known_head(self->follow);
}

int64_t
mesh_subscriber_last_heard_ms(const mesh_subscriber_t *self)
{
    return self->heard_ms;
}
