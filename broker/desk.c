// desk - answers what programs say on the control socket
// SPDX-License-Identifier: MPL-2.0
#include "desk.h"

#include <assert.h>

#include "descriptor.h"
#include "desk_private.h"
#include "mesh/connection.h"
#include "mesh/control.h"

enum {
    DRAIN_LIMIT = 64,    // messages handled in one wake-up
    TICK_MS = 250,       // how exactly lost programs and deadlines are noticed
    ERASURES_LIMIT = 64,
    SEND_HWM = 10000,    // messages for one program; past it answers to it are dropped
    // Messages of one program that wait, each of which may be of a mebibyte; past it its
    // connection is not read.
    RECEIVE_HWM = 64,
    PASSED_TO_ONE_BYTES = 4 * MESH_CONTROL_LIMIT,    // calls and results, unread by one program
};

void
desk_send(desk_t *self, zframe_t *route, const char *verb, json_t *body)
{
    zmsg_t *message = mesh_control_pack(verb, body, NULL);
    json_decref(body);
    zframe_t *address = zframe_dup(route);
    zmsg_prepend(message, &address);
    // A program that is gone or does not read loses its answers; it asks again, or is lost.
    (void) zmsg_send(&message, self->socket);
    zmsg_destroy(&message);
}

static bool
send_part(void *socket, const void *bytes, size_t size, bool more)
{
    return zmq_send(socket, bytes, size, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) >= 0;
}

// Part by part, as a list of frames costs more than all else that is done for an event here.
void
desk_send_events(desk_t *self, zframe_t *route, const char *verb, json_t *body,
                 const record_list_t *events)
{
    void *socket = zsock_resolve(self->socket);
    char *text = json_dumps(body, JSON_COMPACT);
    assert(text);
    json_decref(body);
    size_t count = record_list_count(events);
    // Refused, if at all, with the first part, as in desk_send.
    bool sent = send_part(socket, zframe_data(route), zframe_size(route), true) &&
                send_part(socket, MESH_CONTROL_PROTOCOL, strlen(MESH_CONTROL_PROTOCOL), true) &&
                send_part(socket, verb, strlen(verb), true) &&
                send_part(socket, text, strlen(text), count > 0);
    for (size_t i = 0; sent && i < count; i++) {
        const record_t *record = record_list_at(events, i);
        sent = send_part(socket, record_topic(record), record->topic_bytes, true) &&
               send_part(socket, record_body(record), record->body_bytes, i + 1 < count);
    }
    free(text);
}

void
desk_send_error(desk_t *self, zframe_t *route, uint64_t id, const char *code,
                const char *message)
{
    json_t *body = json_pack("{s:s, s:s}", "code", code, "message", message);
    assert(body);
    if (id)
        json_object_set_new(body, "id", json_integer((json_int_t) id));
    desk_send(self, route, "error", body);
}

void
desk_send_malformed(desk_t *self, const desk_request_t *request, const char *member)
{
    char message[128];
    self->malformed++;
    snprintf(message, sizeof message,
             "the member \"%s\" is missing or not as docs/PROTOCOL.md says", member);
    desk_send_error(self, request->route, request->id, "malformed", message);
}

static const struct {
    const char *verb;
    void (*handle)(desk_t *self, const desk_request_t *request);
    bool registered;    // only of one who has said hello
} handlers[] = {
    {"hello", desk_on_hello, false},      {"heartbeat", desk_on_heartbeat, false},
    {"bye", desk_on_bye, false},          {"replay", desk_on_replay, true},
    {"snapshot", desk_on_snapshot, true}, {"call", desk_on_call, true},
    {"answer", desk_on_answer, true},     {"read", desk_on_read, false},
    {"forget", desk_on_forget, true},     {"forgot", desk_on_forgot, true},
};

peer_t *
desk_peer_of(desk_t *self, const desk_request_t *request)
{
    // A route can be taken by another connection once its own is closed.
    peer_t *peer = registry_by_route(self->registry, request->route);
    return peer && streq(peer->user, request->user) ? peer : NULL;
}

static void
dispatch(desk_t *self, const char *verb, const desk_request_t *request)
{
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        if (!streq(handlers[i].verb, verb))
            continue;
        if (!gate_allows(request->role, verb))
            desk_send_error(self, request->route, request->id, "forbidden",
                            "the role of this key may not use this verb");
        else if (desk_send_away(self, verb, request))
            return;
        else if (handlers[i].registered && !desk_peer_of(self, request))
            desk_send_error(self, request->route, request->id, "unknown_peer",
                            "say hello first");
        else
            handlers[i].handle(self, request);
        return;
    }
    self->malformed++;
    desk_send_error(self, request->route, request->id, "malformed", "no such verb");
}

// Copy the id that the doorkeeper gave the sender of a message's first frame; empty when there
// is none. Without keys it would be what the sender likes, and is not asked for.
static void
copy_user(char user[static GATE_USER_SIZE], zframe_t *frame)
{
    const char *id = frame ? zframe_meta(frame, "User-Id") : NULL;
    snprintf(user, GATE_USER_SIZE, "%s", id ? id : "");
}

// zloop_reader_fn: programs have something to say.
static int
on_control(zloop_t *loop, zsock_t *socket, void *arg)
{
    (void) loop;
    desk_t *self = arg;
    bool guarded = zsock_curve_server(socket) == 1;
    self->gave_page = false;
    // A page is work of milliseconds; events shall not wait behind many.
    for (int i = 0; i < DRAIN_LIMIT && !self->gave_page && (zsock_events(socket) & ZMQ_POLLIN);
         i++) {
        zmsg_t *frames = zmsg_recv(socket);
        if (!frames)
            return 0;
        desk_request_t request = {
            .route = zmsg_pop(frames), .role = MESH_ROLE_OPERATE, .user = ""};
        request.connection = descriptor_of(zmsg_first(frames));
        char user[GATE_USER_SIZE];
        if (guarded) {
            copy_user(user, zmsg_first(frames));
            request.role = gate_role(user);
            request.user = gate_name(user);
        }
        mesh_control_t message;
        mesh_control_outcome_t outcome = mesh_control_unpack(&message, &frames);
        if (outcome == MESH_CONTROL_OK) {
            request.body = message.body;
            (void) mesh_control_get_number(message.body, "id", &request.id);
            dispatch(self, message.verb, &request);
            mesh_control_clear(&message);
        } else {
            self->malformed++;
            desk_send_error(self, request.route, 0,
                            outcome == MESH_CONTROL_VERSION ? "version" : "malformed",
                            outcome == MESH_CONTROL_VERSION
                                ? "this broker speaks " MESH_CONTROL_PROTOCOL
                                : "not a verb and a JSON object within 1 MiB");
        }
        zframe_destroy(&request.route);
    }
    return 0;
}

static int
on_tick(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    desk_t *self = arg;
    int64_t now_ms = zclock_mono();
    // While the broker itself stood still, it heard nobody: what they said waits to be read.
    if (now_ms - self->tick_ms > 4 * (int64_t) TICK_MS)
        for (peer_t *peer = registry_first(self->registry); peer;
             peer = registry_next(self->registry))
            peer->heard_ms = now_ms;
    self->tick_ms = now_ms;
    desk_expire_peers(self, now_ms);
    desk_expire_calls(self, now_ms);
    desk_end_erasures(self, now_ms);
    desk_welcome_due(self, now_ms);
    return 0;
}

static void
open_socket(desk_t *self)
{
    self->socket = zsock_new(ZMQ_ROUTER);
    assert(self->socket);
    zsock_set_sndhwm(self->socket, SEND_HWM);
    zsock_set_rcvhwm(self->socket, RECEIVE_HWM);
    zsock_set_linger(self->socket, 200);
    zsock_set_maxmsgsize(self->socket, MESH_CONTROL_LIMIT);
    zsock_set_sndtimeo(self->socket, 0);
    zsock_set_router_mandatory(self->socket, 1);    // to learn which connections are gone
    mesh_connection_watch(self->socket, self->lost_after_ms);
    zloop_reader(self->loop, self->socket, on_control, self);
    zloop_reader_set_tolerant(self->loop, self->socket);
}

static void
close_socket(desk_t *self)
{
    zloop_reader_end(self->loop, self->socket);
    zsock_destroy(&self->socket);
}

void
desk_renew_socket(desk_t *self)
{
    close_socket(self);
    receipts_clear(self->pages);
    receipts_clear(self->passed);
    welcomes_clear(self->welcomes);
    open_socket(self);
}

desk_t *
desk_new(zloop_t *loop, const mesh_settings_t *settings, relay_t *relay,
         const desk_identity_t *identity, desk_change_fn *on_change, void *arg)
{
    assert(loop && settings && relay && identity && on_change);
    desk_t *self = zmalloc(sizeof *self);
    self->loop = loop;
    self->relay = relay;
    self->identity = identity;
    self->on_change = on_change;
    self->arg = arg;
    self->heartbeat_ms = mesh_settings_ms(settings, "mesh/heartbeat");
    self->lost_after_ms = mesh_settings_ms(settings, "mesh/lost_after");
    self->window_events = mesh_settings_number(settings, "broker/window_events");
    self->window_bytes = (json_int_t) mesh_settings_bytes(settings, "broker/window_bytes");
    self->registry = registry_new((size_t) mesh_settings_number(settings, "broker/peers"));
    self->pages = receipts_new((size_t) mesh_settings_number(settings, "broker/replays"), 1);
    self->passed =
        receipts_new(mesh_settings_bytes(settings, "broker/unread_bytes"), PASSED_TO_ONE_BYTES);
    self->calls = calls_new((size_t) mesh_settings_number(settings, "broker/calls"));
    self->erasures = erasures_new(ERASURES_LIMIT);
    self->welcomes = welcomes_new();
    self->page = record_list_new();
    open_socket(self);
    self->tick_ms = zclock_mono();
    self->timer = zloop_timer(loop, TICK_MS, 0, on_tick, self);
    return self;
}

void
desk_destroy(desk_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        desk_t *self = *self_p;
        zloop_timer_end(self->loop, self->timer);
        close_socket(self);
        calls_destroy(&self->calls);
        receipts_destroy(&self->pages);
        receipts_destroy(&self->passed);
        erasures_destroy(&self->erasures);
        welcomes_destroy(&self->welcomes);
        record_list_destroy(&self->page);
        registry_destroy(&self->registry);
        free(self->yield_to);
        free(self);
        *self_p = NULL;
    }
}

zsock_t *
desk_socket(desk_t *self)
{
    return self->socket;
}

registry_t *
desk_registry(desk_t *self)
{
    return self->registry;
}
