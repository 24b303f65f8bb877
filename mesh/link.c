// link - one program's control connection to the broker
// SPDX-License-Identifier: MPL-2.0
#include "mesh/link.h"

#include <assert.h>

#include "link_dealer.h"
#include "link_identity.h"
#include "link_listeners.h"
#include "link_requests.h"
#include "link_search.h"
#include "link_services.h"
#include "link_welcome.h"
#include "mesh/control.h"
#include "mesh/endpoints.h"
#include "mesh/key.h"
#include "mesh/log.h"
#include "mesh/timer.h"

enum {
    TICK_MS = 500,
    HELLO_EVERY_MS = 1000,    // while there is no welcome; each place has its turn
    PASS_OVER_MS = 250,       // a socket on this host that nobody listens on has a short one
    REDIRECT_PAUSE_MS = 100,
    PASS_OVER_ROUNDS = 8,    // as long as that is news
    TEXT_LIMIT = 1024,
};

// Hellos are numbered from here, so that what refuses one answers no request.
static const uint64_t first_hello_id = (uint64_t) 1 << 52;

struct mesh_link {
    zloop_t *loop;                      // borrowed
    const mesh_settings_t *settings;    // borrowed
    link_identity_t *identity;          // owned
    mesh_key_t *key;                    // owned; NULL without keys
    unsigned key_number;                // another one for each key
    link_search_t *search;              // owned
    link_dealer_t *dealer;              // owned
    char *endpoint;                     // owned; what dealer is for
    mesh_found_by_t found_by;           // how endpoint was found
    mesh_timer_t *turn_timer;           // NULL when none is planned
    bool hello_due;                     // say hello as soon as it is connected
    mesh_timer_t *hello_timer;          // NULL unless it is to be said at the loop's next turn
    bool up;
    char *incarnation;    // owned; of the last welcome, NULL before the first
    int64_t hello_ms, heard_ms, heartbeat_ms, tick_ms;
    int64_t heartbeat_every_ms, lost_after_ms;
    mesh_timer_t *timer;
    link_requests_t *requests;    // owned
    uint64_t hello_id;
    link_listeners_t listeners;
    link_services_t *services;    // owned
};

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
        link_dealer_close(self->dealer);
    } else {
        mesh_key_destroy(&key);
    }
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
    if (!link_dealer_is_open(self->dealer) || !streq(self->endpoint, candidate->endpoint)) {
        free(self->endpoint);
        self->endpoint = strdup(candidate->endpoint);
        link_dealer_open(self->dealer, self->endpoint, self->key, self->lost_after_ms);
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
say_hello(mesh_link_t *self, int64_t now_ms)
{
    self->found_by =
        mesh_lookup_found_by(link_search_lookup(self->search), self->endpoint, self->found_by);
    json_t *body = link_identity_hello(self->identity, mesh_found_by_name(self->found_by));
    json_object_set_new(body, "id", json_integer((json_int_t) ++self->hello_id));
    json_object_set_new(body, "services", link_services_names(self->services));
    if (self->incarnation)
        json_object_set_new(body, "previous_incarnation", json_string(self->incarnation));
    json_object_set_new(body, "sources", json_array());
    link_listeners_heartbeat(&self->listeners, body);
    link_dealer_send(self->dealer, "hello", body);
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
    if (link_dealer_is_connected(self->dealer) && self->hello_due) {
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
    if (link_dealer_is_connected(self->dealer) && !self->hello_timer)
        mesh_timer_start(&self->hello_timer, self->loop, 0, true, on_hello_due, self);
}

void
mesh_link_heartbeat(mesh_link_t *self)
{
    if (!self->up)
        return;
    json_t *body = json_pack("{s:s, s:s, s:[]}", "transport_id",
                             link_identity_transport_id(self->identity), "incarnation",
                             self->incarnation, "sources");
    assert(body);
    link_listeners_heartbeat(&self->listeners, body);
    link_dealer_send(self->dealer, "heartbeat", body);
    json_decref(body);
    self->heartbeat_ms = zclock_mono();
}

// The broker is of no more use: look for one again, from the start.
static void
go_away(mesh_link_t *self)
{
    self->up = false;
    link_requests_fail_all(self->requests, "away", "the broker is away");
    link_listeners_away(&self->listeners);
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

static void
on_welcome(mesh_link_t *self, const json_t *body)
{
    link_welcome_t welcome;
    if (link_welcome_read(&welcome, body, self->endpoint) == 0) {
        const char *incarnation = welcome.told.incarnation;
        self->heartbeat_every_ms = welcome.heartbeat_ms;
        self->lost_after_ms = welcome.lost_after_ms;
        if (!self->up || !self->incarnation || !streq(self->incarnation, incarnation))
            mesh_log_info("broker-found", "%s at %s (%s), incarnation %s",
                          welcome.told.broker_id, self->endpoint,
                          mesh_found_by_name(self->found_by), incarnation);
        free(self->incarnation);
        self->incarnation = strdup(incarnation);
        self->up = true;
        link_search_listen(self->search, false);
        link_listeners_welcome(&self->listeners, &welcome.told);
    } else {
        mesh_log_warning("welcome-malformed", "from %s", self->endpoint);
    }
    link_welcome_clear(&welcome);
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
    link_listeners_message(&self->listeners, "error", body);
}

static void
handle(mesh_link_t *self, const mesh_control_t *message)
{
    uint64_t id, receipt;
    const char *verb = message->verb;
    // Before the answer is dealt with: who asks for the next page must have read this one.
    if (mesh_control_get_number(message->body, "receipt", &receipt) == 0) {
        json_t *read = json_pack("{s:I}", "receipt", (json_int_t) receipt);
        link_dealer_send(self->dealer, "read", read);
        json_decref(read);
    }
    if (streq(verb, "welcome")) {
        on_welcome(self, message->body);
    } else if (streq(verb, "hello_again")) {
        mesh_link_hello(self);
    } else if (streq(verb, "serve")) {
        json_t *answer = link_services_answer(self->services, message->body);
        if (answer)
            link_dealer_send(self->dealer, "answer", answer);
        json_decref(answer);
    } else if (streq(verb, "error")) {
        on_error(self, message->body);
    } else if (mesh_control_get_number(message->body, "id", &id) == 0) {
        link_requests_answer(self->requests, id, verb, message->body, message->frames);
    } else {
        link_listeners_message(&self->listeners, verb, message->body);
    }
}

// link_dealer_connected_fn
static void
on_connected(void *arg)
{
    mesh_link_t *self = arg;
    if (self->hello_due)
        mesh_link_hello(self);
}

// link_dealer_heard_fn
static void
on_message(void *arg, const mesh_control_t *message)
{
    mesh_link_t *self = arg;
    self->heard_ms = zclock_mono();
    if (message)
        handle(self, message);
    else
        mesh_log_warning("control-malformed", "from %s", self->endpoint);
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
    self->identity = link_identity_new(identity);
    self->dealer = link_dealer_new(loop, on_connected, on_message, self);
    self->services = link_services_new();
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
    if (self->up || (link_dealer_is_open(self->dealer) && !self->hello_due)) {
        json_t *body =
            json_pack("{s:s}", "transport_id", link_identity_transport_id(self->identity));
        link_dealer_send(self->dealer, "bye", body);
        json_decref(body);
    }
    mesh_timer_end(&self->timer);
    link_requests_destroy(&self->requests);
    link_dealer_destroy(&self->dealer);
    link_services_destroy(&self->services);
    mesh_timer_end(&self->turn_timer);
    mesh_timer_end(&self->hello_timer);
    link_search_destroy(&self->search);
    mesh_key_destroy(&self->key);
    link_identity_destroy(&self->identity);
    free(self->incarnation);
    free(self->endpoint);
    free(self);
    *self_p = NULL;
}

void
mesh_link_listen(mesh_link_t *self, const mesh_link_listener_t *listener, void *arg)
{
    link_listeners_add(&self->listeners, listener, arg);
    if (self->up) {
        // It has missed the welcome, and the broker what it says in a hello.
        mesh_link_hello(self);
    }
}

void
mesh_link_unlisten(mesh_link_t *self, const mesh_link_listener_t *listener, void *arg)
{
    link_listeners_remove(&self->listeners, listener, arg);
}

bool
mesh_link_is_up(const mesh_link_t *self)
{
    return self->up;
}

const char *
mesh_link_transport_id(const mesh_link_t *self)
{
    return link_identity_transport_id(self->identity);
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
    return link_identity_host(self->identity);
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
        link_dealer_send(self->dealer, verb, body);
    }
    json_decref(body);
    return id;
}

void
mesh_link_tell(mesh_link_t *self, const char *verb, json_t *body)
{
    assert(self && verb && json_is_object(body));
    if (self->up)
        link_dealer_send(self->dealer, verb, body);
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
    link_services_add(self->services, service, answer, arg);
}
