// link - one program's control connection to the broker
// SPDX-License-Identifier: MPL-2.0
#include "mesh/link.h"

#include <assert.h>
#include <unistd.h>

#include "link_requests.h"
#include "link_search.h"
#include "mesh/connection.h"
#include "mesh/control.h"
#include "mesh/endpoints.h"
#include "mesh/key.h"
#include "mesh/log.h"
#include "mesh/program.h"
#include "mesh/timer.h"
#include "mesh/uuid.h"
#include "mesh/wire.h"
#include "text.h"

enum {
    TICK_MS = 500,
    HELLO_EVERY_MS = 1000,    // while there is no welcome; each place has its turn
    PASS_OVER_MS = 250,       // a socket on this host that nobody listens on has a short one
    REDIRECT_PAUSE_MS = 100,
    PASS_OVER_ROUNDS = 8,    // as long as that is news
    LISTENER_LIMIT = 8,
    SERVICE_LIMIT = 8,
    SEND_HWM = 1100,    // messages; the open requests and what else is said in a second
    RECEIVE_HWM = 1100,
    RECONNECT_MS = 50,
    RECONNECT_MAX_MS = 500,
    CONNECT_MS = 2000,
    DRAIN_LIMIT = 64,    // messages handled in one wake-up
    TEXT_LIMIT = 1024,
};

// Hellos are numbered from here, so that what refuses one answers no request.
static const uint64_t first_hello_id = (uint64_t) 1 << 52;

typedef struct listener {
    const mesh_link_listener_t *calls;    // borrowed
    void *arg;                            // borrowed
} listener_t;

typedef struct service {
    char *name;    // owned
    mesh_link_service_fn *answer;
    void *arg;    // borrowed
} service_t;

struct mesh_link {
    zloop_t *loop;                                 // borrowed
    const mesh_settings_t *settings;               // borrowed
    char *transport_id, *transport_type, *host;    // owned
    json_t *capabilities, *metadata;               // owned references, or NULL
    mesh_key_t *key;                               // owned; NULL without keys
    bool passing;                                  // nobody is told that it comes and goes
    unsigned key_number;                           // another one for each key
    link_search_t *search;                         // owned
    char *endpoint;                                // owned; what the socket is connected to
    mesh_found_by_t found_by;                      // how endpoint was found
    mesh_timer_t *turn_timer;                      // NULL when none is planned
    zsock_t *dealer;                               // owned
    zsock_t *monitor;                              // owned; says when dealer is connected
    bool connected;
    bool hello_due;               // say hello as soon as it is
    mesh_timer_t *hello_timer;    // NULL unless it is to be said at the loop's next turn
    bool up;
    char *incarnation;    // owned; of the last welcome, NULL before the first
    int64_t hello_ms, heard_ms, heartbeat_ms, tick_ms;
    int64_t heartbeat_every_ms, lost_after_ms;
    mesh_timer_t *timer;
    link_requests_t *requests;    // owned
    uint64_t hello_id;
    listener_t listeners[LISTENER_LIMIT];
    size_t listener_count;
    service_t services[SERVICE_LIMIT];
    size_t service_count;
};

static void
disconnect(mesh_link_t *self)
{
    if (self->dealer) {
        zloop_reader_end(self->loop, self->dealer);
        zloop_reader_end(self->loop, self->monitor);
        (void) zmq_socket_monitor(zsock_resolve(self->dealer), NULL, 0);
        zsock_destroy(&self->monitor);
        zsock_destroy(&self->dealer);
    }
    self->connected = false;
}

static int on_turn(zloop_t *loop, int timer_id, void *arg);

static void
plan_turn(mesh_link_t *self, int64_t pause_ms)
{
    mesh_timer_end(&self->turn_timer);
    mesh_timer_start(&self->turn_timer, self->loop, (size_t) pause_ms, true, on_turn, self);
}

// Read the key again: one that a mesh without keys did not need may be needed now. A program
// that has been running for days is not to be restarted for it.
static void
refresh_key(mesh_link_t *self)
{
    char *error = NULL;
    mesh_key_t *key = NULL;
    if (mesh_key_load(self->settings, &key, &error) != 0) {
        mesh_log_warning("key-unusable", "%s", error);
        free(error);
    } else if (!mesh_key_equal(self->key, key)) {
        link_search_set_key(self->search, key);
        mesh_key_destroy(&self->key);
        self->key = key;
        self->key_number++;
        disconnect(self);
    } else {
        mesh_key_destroy(&key);
    }
}

static int on_control(zloop_t *loop, zsock_t *dealer, void *arg);
static int on_connection(zloop_t *loop, zsock_t *monitor, void *arg);

// Have the socket's connections told. ZMQ_IMMEDIATE, by which a socket can be written only
// while it is connected, would tell them too; but with it libzmq takes a pipe away from whoever
// is in the middle of a message of many frames, and ends the program at the next.
static void
monitor_dealer(mesh_link_t *self)
{
    static unsigned number;
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "inproc://mesh-link-%u", ++number);
    int rc = zmq_socket_monitor(zsock_resolve(self->dealer), endpoint,
                                ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED);
    assert(rc == 0);
    self->monitor = zsock_new(ZMQ_PAIR);
    assert(self->monitor);
    zsock_set_linger(self->monitor, 0);
    rc = zsock_connect(self->monitor, "%s", endpoint);
    assert(rc == 0);
    zloop_reader(self->loop, self->monitor, on_connection, self);
    zloop_reader_set_tolerant(self->loop, self->monitor);
    zloop_reader(self->loop, self->dealer, on_control, self);
    zloop_reader_set_tolerant(self->loop, self->dealer);
}

static void
open_dealer(mesh_link_t *self)
{
    self->dealer = zsock_new(ZMQ_DEALER);
    assert(self->dealer);
    monitor_dealer(self);
    mesh_key_arm(self->key, self->dealer);
    zsock_set_linger(self->dealer, 100);
    zsock_set_sndhwm(self->dealer, SEND_HWM);
    zsock_set_rcvhwm(self->dealer, RECEIVE_HWM);
    zsock_set_maxmsgsize(self->dealer, MESH_CONTROL_LIMIT);
    zsock_set_reconnect_ivl(self->dealer, RECONNECT_MS);
    zsock_set_reconnect_ivl_max(self->dealer, RECONNECT_MAX_MS);
    mesh_connection_watch(self->dealer, self->lost_after_ms);
    // TCP asks at ever longer intervals for what does not answer: a link that is mended after a
    // while would be found as late again.
    zsock_set_connect_timeout(self->dealer, CONNECT_MS);
    if (zsock_connect(self->dealer, "%s", self->endpoint) != 0)
        mesh_log_warning("broker-endpoint-unusable", "%s: %s", self->endpoint,
                         zmq_strerror(zmq_errno()));
}

// Connect to the place whose turn it is and say hello there.
static void
connect_next(mesh_link_t *self)
{
    mesh_lookup_t *lookup = link_search_lookup(self->search);
    uint64_t round = mesh_lookup_rounds(lookup);
    const mesh_candidate_t *candidate = mesh_lookup_next(lookup, zclock_mono());
    if (round > 0 && mesh_lookup_rounds(lookup) > round)
        refresh_key(self);
    self->found_by = candidate->by;
    if (!self->dealer || !self->endpoint || !streq(self->endpoint, candidate->endpoint)) {
        disconnect(self);
        free(self->endpoint);
        self->endpoint = strdup(candidate->endpoint);
        open_dealer(self);
    }
    self->hello_ms = zclock_mono();
    mesh_link_hello(self);
    bool here = strncmp(self->endpoint, "ipc://", strlen("ipc://")) == 0;
    bool brief = here && mesh_lookup_rounds(lookup) <= PASS_OVER_ROUNDS;
    plan_turn(self, brief ? PASS_OVER_MS : HELLO_EVERY_MS);
}

// zloop_timer_fn: the place that is tried has had its time.
static int
on_turn(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    mesh_link_t *self = arg;
    if (self->up)
        return 0;
    // Whoever took our hello may still answer.
    int64_t waited_ms = zclock_mono() - self->hello_ms;
    if (!self->hello_due && waited_ms < HELLO_EVERY_MS)
        plan_turn(self, HELLO_EVERY_MS - waited_ms);
    else
        connect_next(self);
    return 0;
}

// link_search_fn: where nobody answers, the broker just heard is next.
static void
on_heard(void *arg)
{
    mesh_link_t *self = arg;
    if (!self->up && self->hello_due)
        plan_turn(self, 0);
}

static void
send_verb(mesh_link_t *self, const char *verb, const json_t *body)
{
    zmsg_t *message = mesh_control_pack(verb, body, NULL);
    // A full socket means that the broker is not reading; what matters is said again or runs
    // into its deadline.
    zsock_set_sndtimeo(self->dealer, 0);
    (void) zmsg_send(&message, self->dealer);
    zmsg_destroy(&message);
}

static void
let_listeners_add(mesh_link_t *self, json_t *body)
{
    json_object_set_new(body, "sources", json_array());
    for (size_t i = 0; i < self->listener_count; i++)
        if (self->listeners[i].calls->on_heartbeat)
            self->listeners[i].calls->on_heartbeat(self->listeners[i].arg, body);
}

static void
say_hello(mesh_link_t *self, int64_t now_ms)
{
    json_t *body = json_pack("{s:I, s:s, s:s, s:s, s:i, s:s, s:i, s:O*}", "id",
                             (json_int_t) ++self->hello_id, "transport_id", self->transport_id,
                             "transport_type", self->transport_type, "host", self->host, "pid",
                             (int) getpid(), "version", mesh_version(), "protocol",
                             MESH_WIRE_VERSION, "capabilities", self->capabilities);
    assert(body);
    self->found_by =
        mesh_lookup_found_by(link_search_lookup(self->search), self->endpoint, self->found_by);
    json_t *metadata = self->metadata ? json_copy(self->metadata) : json_object();
    json_object_set_new(metadata, "found_by", json_string(mesh_found_by_name(self->found_by)));
    json_object_set_new(body, "metadata", metadata);
    json_t *services = json_array();
    for (size_t i = 0; i < self->service_count; i++)
        json_array_append_new(services, json_string(self->services[i].name));
    json_object_set_new(body, "services", services);
    if (self->passing)
        json_object_set_new(body, "passing", json_true());
    if (self->incarnation)
        json_object_set_new(body, "previous_incarnation", json_string(self->incarnation));
    let_listeners_add(self, body);
    send_verb(self, "hello", body);
    json_decref(body);
    self->hello_ms = now_ms;
    self->heartbeat_ms = now_ms;
}

// zloop_timer_fn
static int
on_hello_due(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    mesh_link_t *self = arg;
    if (self->connected && self->hello_due) {
        self->hello_due = false;
        say_hello(self, zclock_mono());
    }
    return 0;
}

void
mesh_link_hello(mesh_link_t *self)
{
    // At the loop's next turn: however often it is asked for now, it is said once.
    self->hello_due = true;
    if (self->connected && !self->hello_timer)
        mesh_timer_start(&self->hello_timer, self->loop, 0, true, on_hello_due, self);
}

void
mesh_link_heartbeat(mesh_link_t *self)
{
    if (!self->up)
        return;
    json_t *body = json_pack("{s:s, s:s}", "transport_id", self->transport_id, "incarnation",
                             self->incarnation);
    assert(body);
    let_listeners_add(self, body);
    send_verb(self, "heartbeat", body);
    json_decref(body);
    self->heartbeat_ms = zclock_mono();
}

// The broker is of no more use: look for one again, from the start.
static void
go_away(mesh_link_t *self)
{
    self->up = false;
    link_requests_fail_all(self->requests, "away", "the broker is away");
    for (size_t i = 0; i < self->listener_count; i++)
        if (self->listeners[i].calls->on_away)
            self->listeners[i].calls->on_away(self->listeners[i].arg);
    mesh_lookup_restart(link_search_lookup(self->search));
    link_search_listen(self->search, true);
    plan_turn(self, 0);
}

static int
on_tick(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    mesh_link_t *self = arg;
    int64_t now_ms = zclock_mono();
    link_requests_expire(self->requests, now_ms);
    // While this program itself stood still, it heard nobody.
    if (now_ms - self->tick_ms > 2 * (int64_t) TICK_MS)
        self->heard_ms = now_ms;
    self->tick_ms = now_ms;
    if (self->up && now_ms - self->heard_ms >= self->lost_after_ms) {
        mesh_log_warning("broker-away", "nothing heard from %s for %lld ms", self->endpoint,
                         (long long) self->lost_after_ms);
        go_away(self);
    }
    // Half a tick early rather than half a tick late.
    if (self->up && now_ms - self->heartbeat_ms >= self->heartbeat_every_ms - TICK_MS / 2)
        mesh_link_heartbeat(self);
    return 0;
}

// Read a welcome into *welcome; its endpoints are *publish_p and *subscribe_p, which the caller
// frees in any case. Returns -1 when a member is missing or wrong.
static int
read_welcome(mesh_link_t *self, mesh_welcome_t *welcome, const json_t *body, char **publish_p,
             char **subscribe_p)
{
    *welcome = (mesh_welcome_t){.body = body};
    const json_t *endpoints = json_object_get(body, "endpoints");
    const json_t *window = json_object_get(body, "window");
    const char *publish, *subscribe;
    uint64_t heartbeat_ms, lost_after_ms;
    if (mesh_control_get_text(body, "broker_id", TEXT_LIMIT, &welcome->broker_id) != 0 ||
        mesh_control_get_text(body, "incarnation", TEXT_LIMIT, &welcome->incarnation) != 0 ||
        mesh_control_get_epoch(body, "epoch", &welcome->epoch) != 0 ||
        mesh_control_get_number(body, "first", &welcome->first) != 0 ||
        mesh_control_get_number(body, "head", &welcome->head) != 0 ||
        mesh_control_get_text(endpoints, "publish", TEXT_LIMIT, &publish) != 0 ||
        mesh_control_get_text(endpoints, "subscribe", TEXT_LIMIT, &subscribe) != 0 ||
        mesh_control_get_number(window, "events", &welcome->window_events) != 0 ||
        mesh_control_get_number(window, "bytes", &welcome->window_bytes) != 0 ||
        mesh_control_get_number(body, "heartbeat_ms", &heartbeat_ms) != 0 ||
        mesh_control_get_number(body, "lost_after_ms", &lost_after_ms) != 0)
        return -1;
    self->heartbeat_every_ms = (int64_t) heartbeat_ms;
    self->lost_after_ms = (int64_t) lost_after_ms;
    welcome->publish_endpoint = *publish_p = mesh_endpoints_resolve(publish, self->endpoint);
    welcome->subscribe_endpoint = *subscribe_p =
        mesh_endpoints_resolve(subscribe, self->endpoint);
    return *publish_p && *subscribe_p ? 0 : -1;
}

static void
on_welcome(mesh_link_t *self, const json_t *body)
{
    mesh_welcome_t welcome;
    char *publish = NULL, *subscribe = NULL;
    if (read_welcome(self, &welcome, body, &publish, &subscribe) == 0) {
        bool other = !self->incarnation || !streq(self->incarnation, welcome.incarnation);
        if (other || !self->up)
            mesh_log_info("broker-found", "%s at %s (%s), incarnation %s", welcome.broker_id,
                          self->endpoint, mesh_found_by_name(self->found_by),
                          welcome.incarnation);
        free(self->incarnation);
        self->incarnation = strdup(welcome.incarnation);
        self->up = true;
        link_search_listen(self->search, false);
        for (size_t i = 0; i < self->listener_count; i++)
            if (self->listeners[i].calls->on_welcome)
                self->listeners[i].calls->on_welcome(self->listeners[i].arg, &welcome);
    } else {
        mesh_log_warning("welcome-malformed", "from %s", self->endpoint);
    }
    free(publish);
    free(subscribe);
}

static void
on_serve(mesh_link_t *self, const json_t *body)
{
    uint64_t call;
    const char *name;
    if (mesh_control_get_number(body, "call", &call) != 0 ||
        mesh_control_get_text(body, "service", TEXT_LIMIT, &name) != 0)
        return;
    json_t *answer = json_pack("{s:I}", "call", (json_int_t) call);
    const char *code = "no_service";
    for (size_t i = 0; i < self->service_count; i++) {
        if (!streq(self->services[i].name, name))
            continue;
        json_t *result =
            self->services[i].answer(self->services[i].arg, json_object_get(body, "request"));
        code = result ? NULL : "refused";
        if (result)
            json_object_set_new(answer, "result", result);
        break;
    }
    if (code) {
        json_object_set_new(answer, "code", json_string(code));
        json_object_set_new(answer, "message",
                            json_string("the service did not answer this request"));
    }
    send_verb(self, "answer", answer);
    json_decref(answer);
}

// The broker is to leave the mesh to another one: go there.
static void
follow_redirect(mesh_link_t *self, const json_t *body)
{
    const char *named = NULL;
    char *endpoint = NULL;
    if (mesh_control_get_text(json_object_get(body, "endpoints"), "control", TEXT_LIMIT,
                              &named) == 0)
        endpoint = mesh_endpoints_resolve(named, self->endpoint);
    if (endpoint && !streq(endpoint, self->endpoint)) {
        mesh_log_warning("broker-yields", "%s sends us to %s", self->endpoint, endpoint);
        mesh_lookup_redirect(link_search_lookup(self->search), endpoint, zclock_mono());
        if (self->up)
            go_away(self);
        mesh_lookup_restart(link_search_lookup(self->search));
        // Two that send us to each other are not asked without a pause.
        plan_turn(self, REDIRECT_PAUSE_MS);
        // Until then this broker is not asked again.
        mesh_timer_end(&self->hello_timer);
        self->hello_due = true;
    }
    free(endpoint);
}

static void
on_error(mesh_link_t *self, const json_t *body)
{
    uint64_t id;
    const char *code = "", *text = "";
    (void) mesh_control_get_text(body, "code", TEXT_LIMIT, &code);
    (void) mesh_control_get_text(body, "message", TEXT_LIMIT, &text);
    if (streq(code, "split_brain")) {
        follow_redirect(self, body);
        return;
    }
    if (streq(code, "unknown_peer")) {
        // Another incarnation answers: it does not know us yet.
        mesh_link_hello(self);
    }
    if (self->up && mesh_control_get_number(body, "id", &id) == 0 && id < first_hello_id) {
        link_requests_answer(self->requests, id, "error", body, NULL);
        return;
    }
    mesh_log_warning("broker-refused", "%s says %s: %s", self->endpoint, code, text);
    for (size_t i = 0; i < self->listener_count; i++)
        if (self->listeners[i].calls->on_message)
            self->listeners[i].calls->on_message(self->listeners[i].arg, "error", body);
}

static void
handle(mesh_link_t *self, const mesh_control_t *message)
{
    uint64_t id, receipt;
    const char *verb = message->verb;
    // Before the answer is dealt with: who asks for the next page must have read this one.
    if (mesh_control_get_number(message->body, "receipt", &receipt) == 0) {
        json_t *read = json_pack("{s:I}", "receipt", (json_int_t) receipt);
        send_verb(self, "read", read);
        json_decref(read);
    }
    if (streq(verb, "welcome")) {
        on_welcome(self, message->body);
    } else if (streq(verb, "hello_again")) {
        mesh_link_hello(self);
    } else if (streq(verb, "serve")) {
        on_serve(self, message->body);
    } else if (streq(verb, "error")) {
        on_error(self, message->body);
    } else if (mesh_control_get_number(message->body, "id", &id) == 0) {
        link_requests_answer(self->requests, id, verb, message->body, message->frames);
    } else {
        for (size_t i = 0; i < self->listener_count; i++)
            if (self->listeners[i].calls->on_message)
                self->listeners[i].calls->on_message(self->listeners[i].arg, verb,
                                                     message->body);
    }
}

// zloop_reader_fn: the dealer is connected, or no longer.
static int
on_connection(zloop_t *loop, zsock_t *monitor, void *arg)
{
    (void) loop;
    mesh_link_t *self = arg;
    uint16_t event = 0;
    zmsg_t *message = zmsg_recv(monitor);
    zframe_t *frame = message ? zmsg_first(message) : NULL;
    if (frame && zframe_size(frame) >= sizeof event)
        memcpy(&event, zframe_data(frame), sizeof event);
    zmsg_destroy(&message);
    self->connected = event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
    if (self->connected && self->hello_due)
        mesh_link_hello(self);
    return 0;
}

// zloop_reader_fn: the broker says something.
static int
on_control(zloop_t *loop, zsock_t *dealer, void *arg)
{
    (void) loop;
    mesh_link_t *self = arg;
    for (int i = 0;
         i < DRAIN_LIMIT && self->dealer == dealer && (zsock_events(dealer) & ZMQ_POLLIN);
         i++) {
        zmsg_t *frames = zmsg_recv(dealer);
        if (!frames)
            return 0;
        self->heard_ms = zclock_mono();
        mesh_control_t message;
        if (mesh_control_unpack(&message, &frames) == MESH_CONTROL_OK) {
            handle(self, &message);
            mesh_control_clear(&message);
        } else {
            mesh_log_warning("control-malformed", "from %s", self->endpoint);
        }
    }
    return 0;
}

mesh_link_t *
mesh_link_new(zloop_t *loop, const mesh_settings_t *settings,
              const mesh_link_identity_t *identity, char **error_p)
{
    assert(loop && settings && identity && identity->transport_type && identity->host &&
           error_p);
    mesh_key_t *key = NULL;
    if (mesh_key_load(settings, &key, error_p) != 0)
        return NULL;
    mesh_link_t *self = zmalloc(sizeof *self);
    self->search =
        link_search_new(loop, settings, key, identity->endpoint, on_heard, self, error_p);
    if (!self->search) {
        mesh_key_destroy(&key);
        free(self);
        return NULL;
    }
    self->loop = loop;
    self->settings = settings;
    self->key = key;
    self->transport_type = strdup(identity->transport_type);
    self->host = strdup(identity->host);
    self->capabilities = json_incref(identity->capabilities);
    self->metadata = json_incref(identity->metadata);
    self->passing = identity->passing;
    mesh_uuid_t uuid = mesh_uuid_new();
    char uuid_text[MESH_UUID_TEXT_SIZE];
    mesh_uuid_format(&uuid, uuid_text);
    self->transport_id = mesh_text_printf("%s-%s", identity->transport_type, uuid_text);
    self->heartbeat_every_ms = mesh_settings_ms(settings, "mesh/heartbeat");
    self->lost_after_ms = mesh_settings_ms(settings, "mesh/lost_after");
    self->requests = link_requests_new();
    self->hello_id = first_hello_id;
    self->tick_ms = zclock_mono();
    link_search_listen(self->search, true);
    connect_next(self);
    mesh_timer_start(&self->timer, loop, TICK_MS, false, on_tick, self);
    return self;
}

void
mesh_link_destroy(mesh_link_t **self_p)
{
    assert(self_p);
    if (!*self_p)
        return;
    mesh_link_t *self = *self_p;
    // Also when the welcome has not come yet: whoever has said hello is registered.
    if (self->up || (self->dealer && !self->hello_due)) {
        json_t *body = json_pack("{s:s}", "transport_id", self->transport_id);
        send_verb(self, "bye", body);
        json_decref(body);
    }
    mesh_timer_end(&self->timer);
    link_requests_destroy(&self->requests);
    disconnect(self);
    for (size_t i = 0; i < self->service_count; i++)
        free(self->services[i].name);
    mesh_timer_end(&self->turn_timer);
    mesh_timer_end(&self->hello_timer);
    link_search_destroy(&self->search);
    mesh_key_destroy(&self->key);
    json_decref(self->capabilities);
    json_decref(self->metadata);
    free(self->incarnation);
    free(self->endpoint);
    free(self->transport_id);
    free(self->transport_type);
    free(self->host);
    free(self);
    *self_p = NULL;
}

void
mesh_link_listen(mesh_link_t *self, const mesh_link_listener_t *listener, void *arg)
{
    assert(self && listener && self->listener_count < LISTENER_LIMIT);
    self->listeners[self->listener_count++] = (listener_t){listener, arg};
    if (self->up) {
        // It has missed the welcome, and the broker what it says in a hello.
        mesh_link_hello(self);
    }
}

void
mesh_link_unlisten(mesh_link_t *self, const mesh_link_listener_t *listener, void *arg)
{
    for (size_t i = 0; i < self->listener_count; i++) {
        if (self->listeners[i].calls == listener && self->listeners[i].arg == arg) {
            self->listeners[i] = self->listeners[--self->listener_count];
            return;
        }
    }
}

bool
mesh_link_is_up(const mesh_link_t *self)
{
    return self->up;
}

const char *
mesh_link_transport_id(const mesh_link_t *self)
{
    return self->transport_id;
}

const mesh_key_t *
mesh_link_key(const mesh_link_t *self)
{
    return self->key;
}

unsigned
mesh_link_key_number(const mesh_link_t *self)
{
    return self->key_number;
}

bool
mesh_link_has_looked(const mesh_link_t *self)
{
    return mesh_lookup_rounds(link_search_lookup(self->search)) > 1;
}

const char *
mesh_link_host(const mesh_link_t *self)
{
    return self->host;
}

uint64_t
mesh_link_request(mesh_link_t *self, const char *verb, json_t *body, int64_t deadline_ms,
                  mesh_link_reply_fn *reply, void *arg)
{
    assert(self && verb && json_is_object(body) && reply);
    int64_t due_ms = self->up ? zclock_mono() + deadline_ms : LINK_REQUEST_AWAY;
    uint64_t id = link_requests_add(self->requests, due_ms, reply, arg);
    if (self->up && id) {
        json_object_set_new(body, "id", json_integer((json_int_t) id));
        send_verb(self, verb, body);
    }
    json_decref(body);
    return id;
}

void
mesh_link_tell(mesh_link_t *self, const char *verb, json_t *body)
{
    assert(self && verb && json_is_object(body));
    if (self->up)
        send_verb(self, verb, body);
    json_decref(body);
}

uint64_t
mesh_link_call(mesh_link_t *self, const char *service, json_t *request, int64_t deadline_ms,
               mesh_link_reply_fn *reply, void *arg)
{
    assert(service && json_is_object(request));
    json_t *body = json_pack("{s:s, s:o, s:I}", "service", service, "request", request,
                             "deadline_ms", (json_int_t) deadline_ms);
    assert(body);
    // The broker keeps the deadline; ours, a little later, is for a broker that does not
    // answer.
    return mesh_link_request(self, "call", body, deadline_ms + TICK_MS, reply, arg);
}

void
mesh_link_cancel(mesh_link_t *self, uint64_t id)
{
    link_requests_cancel(self->requests, id);
}

void
mesh_link_serve(mesh_link_t *self, const char *service, mesh_link_service_fn *answer, void *arg)
{
    assert(self && service && answer && self->service_count < SERVICE_LIMIT);
    self->services[self->service_count++] = (service_t){strdup(service), answer, arg};
}
