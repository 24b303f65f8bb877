// desk - answers what programs say on the control socket
// SPDX-License-Identifier: MPL-2.0
#include "desk.h"

#include <assert.h>

#include "calls.h"
#include "mesh/control.h"
#include "mesh/log.h"
#include "mesh/program.h"
#include "mesh/wire.h"
#include "pages.h"

enum {
    DRAIN_LIMIT = 64,    // messages handled in one wake-up
    TICK_MS = 250,       // how exactly lost programs and deadlines are noticed
    CALLS_LIMIT = 1000,
    CALL_DEADLINE_MOST_MS = 60000,
    HWM = 10000,    // messages for one program; past it answers to it are dropped
    NAME_LIMIT = 128,
};

struct desk {
    zloop_t *loop;                      // borrowed
    relay_t *relay;                     // borrowed
    const desk_identity_t *identity;    // borrowed
    desk_change_fn *on_change;
    void *arg;               // borrowed
    zsock_t *socket;         // owned
    registry_t *registry;    // owned
    calls_t *calls;          // owned
    int64_t heartbeat_ms, lost_after_ms;
    json_int_t window_events, window_bytes;
    int timer;
    uint64_t malformed;
};

typedef struct request {
    zframe_t *route;       // owned; who asks
    const json_t *body;    // borrowed
    uint64_t id;           // 0 where there is none
} request_t;

static void
send_to(desk_t *self, zframe_t *route, const char *verb, json_t *body, zmsg_t **frames_p)
{
    zmsg_t *message = mesh_control_pack(verb, body, frames_p);
    json_decref(body);
    zframe_t *address = zframe_dup(route);
    zmsg_prepend(message, &address);
    // A program that is gone or does not read loses its answers; it asks again, or is lost.
    (void) zmsg_send(&message, self->socket);
    zmsg_destroy(&message);
}

static void
send_error(desk_t *self, zframe_t *route, uint64_t id, const char *code, const char *message)
{
    json_t *body = json_pack("{s:s, s:s}", "code", code, "message", message);
    assert(body);
    if (id)
        json_object_set_new(body, "id", json_integer((json_int_t) id));
    send_to(self, route, "error", body, NULL);
}

static void
send_malformed(desk_t *self, const request_t *request, const char *member)
{
    char message[128];
    self->malformed++;
    snprintf(message, sizeof message,
             "the member \"%s\" is missing or not as docs/PROTOCOL.md says", member);
    send_error(self, request->route, request->id, "malformed", message);
}

// ---- sources and acknowledgements

static json_t *
source_state(desk_t *self, const mesh_uuid_t *source)
{
    char text[MESH_UUID_TEXT_SIZE];
    mesh_uuid_format(source, text);
    json_int_t taken = (json_int_t) sequencer_taken(relay_sequencer(self->relay), source);
    return json_pack("{s:s, s:I, s:I}", "source", text, "committed", taken, "synced", taken);
}

static void
send_ack(desk_t *self, zframe_t *route, json_t *states)
{
    send_to(
        self, route, "ack",
        json_pack("{s:s, s:o}", "incarnation", self->identity->incarnation, "sources", states),
        NULL);
}

void
desk_acknowledge(void *desk, const void *holder, const mesh_uuid_t *source)
{
    desk_t *self = desk;
    const peer_t *peer = holder;
    json_t *states = json_array();
    json_array_append_new(states, source_state(self, source));
    send_ack(self, peer->route, states);
}

void
desk_ask_again(void *desk, const void *holder, const mesh_uuid_t *source, uint64_t from)
{
    desk_t *self = desk;
    const peer_t *peer = holder;
    char text[MESH_UUID_TEXT_SIZE];
    mesh_uuid_format(source, text);
    send_to(self, peer->route, "resend",
            json_pack("{s:s, s:I}", "source", text, "from", (json_int_t) from), NULL);
}

// Read one entry of "sources". Returns -1 when it is not as it must be.
static int
read_source(const json_t *entry, mesh_uuid_t *source, uint64_t *first, uint64_t *last)
{
    const char *text;
    return mesh_control_get_text(entry, "source", MESH_UUID_TEXT_SIZE, &text) == 0 &&
                   mesh_uuid_parse(source, text) == 0 && !mesh_uuid_is_zero(source) &&
                   mesh_control_get_number(entry, "first", first) == 0 &&
                   mesh_control_get_number(entry, "last", last) == 0 && *first > 0
               ? 0
               : -1;
}

// ---- who comes and goes

static json_t *
peer_event(const peer_t *peer)
{
    json_t *payload = json_pack("{s:s, s:s, s:s, s:f}", "transport_id", peer->transport_id,
                                "transport_type", peer_type(peer), "host", peer_host(peer),
                                "last_seen", (double) zclock_time() / 1000);
    assert(payload);
    static const char *const kept[] = {"capabilities", "metadata", "pid", "version"};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        json_t *member = json_object_get(peer->hello, kept[i]);
        if (member)
            json_object_set(payload, kept[i], member);
    }
    return payload;
}

static void
part_with(desk_t *self, peer_t *peer, const char *type)
{
    mesh_log_info(strchr(type, '.') + 1, "%s on %s", peer->transport_id, peer_host(peer));
    json_t *payload = peer_event(peer);
    json_object_set_new(
        payload, "last_seen",
        json_real((double) (zclock_time() - (zclock_mono() - peer->heard_ms)) / 1000));
    call_t *call;
    while ((call = calls_take_of(self->calls, peer))) {
        send_error(self, call->caller, call->id, "service_lost", "the service went away");
        call_destroy(&call);
    }
    sequencer_release(relay_sequencer(self->relay), peer);
    registry_remove(self->registry, &peer);
    relay_announce(self->relay, type, payload);
    self->on_change(self->arg);
}

static void
send_welcome(desk_t *self, const request_t *request, json_t *next)
{
    journal_t *journal = relay_journal(self->relay);
    json_t *body = json_pack(
        "{s:I, s:s, s:s, s:i, s:s, s:o, s:I, s:I, s:O, s:{s:I, s:I}, s:I, s:I, s:o}", "id",
        (json_int_t) request->id, "broker_id", self->identity->broker_id, "incarnation",
        self->identity->incarnation, "protocol", MESH_WIRE_VERSION, "version", mesh_version(),
        "epoch", mesh_control_epoch(journal_epoch(journal)), "first",
        (json_int_t) journal_first(journal), "head", (json_int_t) journal_head(journal),
        "endpoints", self->identity->endpoints, "window", "events", self->window_events,
        "bytes", self->window_bytes, "heartbeat_ms", (json_int_t) self->heartbeat_ms,
        "lost_after_ms", (json_int_t) self->lost_after_ms, "sources", next);
    assert(body);
    send_to(self, request->route, "welcome", body, NULL);
}

// Claim the sources of a hello for the peer; what is wanted next of each goes into *next.
// Returns false when the hello was refused.
static bool
claim_sources(desk_t *self, const request_t *request, const peer_t *peer, json_t *next)
{
    size_t index;
    const json_t *entry;
    json_array_foreach(json_object_get(request->body, "sources"), index, entry)
    {
        mesh_uuid_t source;
        uint64_t first, last, wanted;
        if (read_source(entry, &source, &first, &last) != 0) {
            send_malformed(self, request, "sources");
            return false;
        }
        if (sequencer_claim(relay_sequencer(self->relay), &source, peer, first, &wanted) != 0) {
            json_t *body =
                json_pack("{s:I, s:s, s:s, s:O}", "id", (json_int_t) request->id, "code",
                          "source_held", "message", "another live program holds this source",
                          "source", json_object_get(entry, "source"));
            send_to(self, request->route, "error", body, NULL);
            return false;
        }
        json_array_append_new(next, json_pack("{s:O, s:I}", "source",
                                              json_object_get(entry, "source"), "next",
                                              (json_int_t) wanted));
    }
    return true;
}

static void
on_hello(desk_t *self, const request_t *request)
{
    uint64_t protocol;
    if (mesh_control_get_number(request->body, "protocol", &protocol) == 0 &&
        protocol != MESH_WIRE_VERSION) {
        send_error(self, request->route, request->id, "version",
                   "this broker speaks protocol 1");
        return;
    }
    peer_t *peer = NULL;
    const char *wrong = NULL;
    registry_outcome_t outcome =
        registry_hello(self->registry, request->body, request->route, zclock_mono(),
                       (double) zclock_time() / 1000, &peer, &wrong);
    if (outcome == REGISTRY_MALFORMED) {
        send_malformed(self, request, wrong);
    } else if (outcome == REGISTRY_FULL) {
        send_error(self, request->route, request->id, "peers_full",
                   "as many programs are registered as broker/peers allows");
    } else {
        json_t *next = json_array();
        if (claim_sources(self, request, peer, next))
            send_welcome(self, request, json_incref(next));
        json_decref(next);
        if (outcome == REGISTRY_JOINED) {
            mesh_log_info("transport_joined", "%s on %s", peer->transport_id, peer_host(peer));
            relay_announce(self->relay, "mesh.transport_joined", peer_event(peer));
        }
        self->on_change(self->arg);
    }
}

static peer_t *
sender_of(desk_t *self, const request_t *request)
{
    const char *id;
    if (mesh_control_get_text(request->body, "transport_id", REGISTRY_ID_LIMIT, &id) != 0)
        return NULL;
    return registry_heard(self->registry, id, request->route, zclock_mono());
}

static void
on_heartbeat(desk_t *self, const request_t *request)
{
    if (!sender_of(self, request)) {
        send_to(self, request->route, "hello_again",
                json_pack("{s:s}", "incarnation", self->identity->incarnation), NULL);
        return;
    }
    // What was sent before the heartbeat may still wait in the other socket.
    (void) relay_take_in(self->relay);
    json_t *states = json_array();
    size_t index;
    const json_t *entry;
    json_array_foreach(json_object_get(request->body, "sources"), index, entry)
    {
        mesh_uuid_t source;
        uint64_t first, last;
        if (read_source(entry, &source, &first, &last) != 0)
            continue;
        json_array_append_new(states, source_state(self, &source));
        uint64_t from =
            sequencer_missing(relay_sequencer(self->relay), &source, last, zclock_mono());
        if (from)
            send_to(self, request->route, "resend",
                    json_pack("{s:O, s:I}", "source", json_object_get(entry, "source"), "from",
                              (json_int_t) from),
                    NULL);
    }
    send_ack(self, request->route, states);
}

static void
on_bye(desk_t *self, const request_t *request)
{
    (void) relay_take_in(self->relay);
    peer_t *peer = sender_of(self, request);
    if (peer)
        part_with(self, peer, "mesh.transport_left");
}

// ---- what was before

static void
on_replay(desk_t *self, const request_t *request)
{
    journal_t *journal = relay_journal(self->relay);
    uint64_t epoch, after;
    page_filter_t filter;
    const char *wrong = page_filter_read(&filter, request->body);
    if (mesh_control_get_epoch(request->body, "epoch", &epoch) != 0)
        wrong = "epoch";
    else if (mesh_control_get_number(request->body, "after", &after) != 0)
        wrong = "after";
    if (wrong) {
        send_malformed(self, request, wrong);
        return;
    }
    bool other_epoch = epoch != journal_epoch(journal);
    if (other_epoch || after > journal_head(journal)) {
        json_t *body = json_pack(
            "{s:I, s:s, s:s, s:o, s:I, s:I}", "id", (json_int_t) request->id, "code",
            other_epoch ? "epoch" : "ahead", "message",
            other_epoch ? "the journal is of another epoch" : "nothing has this offset yet",
            "epoch", mesh_control_epoch(journal_epoch(journal)), "first",
            (json_int_t) journal_first(journal), "head", (json_int_t) journal_head(journal));
        send_to(self, request->route, "error", body, NULL);
        return;
    }
    zmsg_t *frames = zmsg_new();
    json_t *body = page_replay(journal, after, &filter, frames);
    json_object_set_new(body, "id", json_integer((json_int_t) request->id));
    send_to(self, request->route, "events", body, &frames);
}

static void
on_snapshot(desk_t *self, const request_t *request)
{
    const char *after = NULL;
    if (json_object_get(request->body, "after_session") &&
        mesh_control_get_text(request->body, "after_session", MESH_SESSION_SIZE, &after) != 0) {
        send_malformed(self, request, "after_session");
        return;
    }
    journal_t *journal = relay_journal(self->relay);
    zmsg_t *frames = zmsg_new();
    size_t limit_bytes = PAGE_BYTES_LIMIT;
    json_t *transports = NULL;
    if (!after) {
        // Who is there comes first, with as many sessions as there is room for.
        transports = page_transports(self->registry, zclock_mono());
        size_t bytes = json_dumpb(transports, NULL, 0, JSON_COMPACT);
        limit_bytes = bytes < PAGE_BYTES_LIMIT ? PAGE_BYTES_LIMIT - bytes : 0;
    }
    json_t *body =
        page_snapshot(relay_sessions(self->relay), after ? after : "", limit_bytes, frames);
    if (transports)
        json_object_set_new(body, "transports", transports);
    json_object_set_new(body, "id", json_integer((json_int_t) request->id));
    json_object_set_new(body, "epoch", mesh_control_epoch(journal_epoch(journal)));
    json_object_set_new(body, "offset", json_integer((json_int_t) journal_head(journal)));
    send_to(self, request->route, "snapshot", body, &frames);
}

// ---- calls

static void
on_call(desk_t *self, const request_t *request)
{
    const char *service;
    uint64_t deadline_ms;
    json_t *asked = json_object_get(request->body, "request");
    if (mesh_control_get_text(request->body, "service", NAME_LIMIT, &service) != 0) {
        send_malformed(self, request, "service");
        return;
    }
    if (mesh_control_get_number(request->body, "deadline_ms", &deadline_ms) != 0 ||
        deadline_ms > CALL_DEADLINE_MOST_MS) {
        send_malformed(self, request, "deadline_ms");
        return;
    }
    if (!json_is_object(asked)) {
        send_malformed(self, request, "request");
        return;
    }
    // The one that has offered it for the longest answers.
    peer_t *server = NULL;
    for (peer_t *peer = registry_first(self->registry); peer;
         peer = registry_next(self->registry))
        if (peer_serves(peer, service) && (!server || peer->joined_at < server->joined_at))
            server = peer;
    if (!server) {
        send_error(self, request->route, request->id, "no_service",
                   "nobody answers calls of this name");
        return;
    }
    uint64_t number = calls_add(self->calls, request->id, request->route, server,
                                zclock_mono() + (int64_t) deadline_ms);
    if (!number) {
        send_error(self, request->route, request->id, "calls_full", "too many calls are open");
        return;
    }
    send_to(self, server->route, "serve",
            json_pack("{s:I, s:s, s:O}", "call", (json_int_t) number, "service", service,
                      "request", asked),
            NULL);
}

static void
on_answer(desk_t *self, const request_t *request)
{
    uint64_t number;
    peer_t *server = registry_by_route(self->registry, request->route);
    if (!server || mesh_control_get_number(request->body, "call", &number) != 0)
        return;
    call_t *call = calls_take(self->calls, number, server);
    if (!call)
        return;    // it came after the deadline, and the caller was told
    json_t *result = json_object_get(request->body, "result");
    const char *code = "refused", *message = "the service refused the call";
    (void) mesh_control_get_text(request->body, "code", NAME_LIMIT, &code);
    (void) mesh_control_get_text(request->body, "message", MESH_CONTROL_LIMIT, &message);
    if (json_is_object(result))
        send_to(self, call->caller, "result",
                json_pack("{s:I, s:O}", "id", (json_int_t) call->id, "result", result), NULL);
    else
        send_error(self, call->caller, call->id, code, message);
    call_destroy(&call);
}

// ---- the socket

static const struct {
    const char *verb;
    void (*handle)(desk_t *self, const request_t *request);
    bool registered;    // only of one who has said hello
} handlers[] = {
    {"hello", on_hello, false},  {"heartbeat", on_heartbeat, false}, {"bye", on_bye, false},
    {"replay", on_replay, true}, {"snapshot", on_snapshot, true},    {"call", on_call, true},
    {"answer", on_answer, true},
};

static void
dispatch(desk_t *self, const char *verb, const request_t *request)
{
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        if (!streq(handlers[i].verb, verb))
            continue;
        if (handlers[i].registered && !registry_by_route(self->registry, request->route))
            send_error(self, request->route, request->id, "unknown_peer", "say hello first");
        else
            handlers[i].handle(self, request);
        return;
    }
    self->malformed++;
    send_error(self, request->route, request->id, "malformed", "no such verb");
}

// zloop_reader_fn: programs have something to say.
static int
on_control(zloop_t *loop, zsock_t *socket, void *arg)
{
    (void) loop;
    desk_t *self = arg;
    for (int i = 0; i < DRAIN_LIMIT && (zsock_events(socket) & ZMQ_POLLIN); i++) {
        zmsg_t *frames = zmsg_recv(socket);
        if (!frames)
            return 0;
        request_t request = {.route = zmsg_pop(frames)};
        mesh_control_t message;
        mesh_control_outcome_t outcome = mesh_control_unpack(&message, &frames);
        if (outcome == MESH_CONTROL_OK) {
            request.body = message.body;
            (void) mesh_control_get_number(message.body, "id", &request.id);
            dispatch(self, message.verb, &request);
            mesh_control_clear(&message);
        } else {
            self->malformed++;
            send_error(self, request.route, 0,
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
    peer_t *peer;
    while ((peer = registry_overdue(self->registry, now_ms - self->lost_after_ms)))
        part_with(self, peer, "mesh.transport_lost");
    call_t *call;
    while ((call = calls_take_expired(self->calls, now_ms))) {
        send_error(self, call->caller, call->id, "deadline",
                   "the service did not answer in time");
        call_destroy(&call);
    }
    return 0;
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
    self->calls = calls_new(CALLS_LIMIT);
    self->socket = zsock_new(ZMQ_ROUTER);
    assert(self->socket);
    zsock_set_sndhwm(self->socket, HWM);
    zsock_set_rcvhwm(self->socket, HWM);
    zsock_set_linger(self->socket, 200);
    zsock_set_maxmsgsize(self->socket, MESH_CONTROL_LIMIT);
    zsock_set_sndtimeo(self->socket, 0);
    zsock_set_heartbeat_ivl(self->socket, (int) self->heartbeat_ms);
    zsock_set_heartbeat_timeout(self->socket, (int) self->lost_after_ms);
    zloop_reader(loop, self->socket, on_control, self);
    zloop_reader_set_tolerant(loop, self->socket);
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
        zloop_reader_end(self->loop, self->socket);
        zsock_destroy(&self->socket);
        calls_destroy(&self->calls);
        registry_destroy(&self->registry);
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
