// desk_peers - hello, heartbeat, bye: who is there, and what the broker has of their sources
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>

#include "desk_private.h"
#include "mesh/control.h"
#include "mesh/log.h"
#include "mesh/program.h"
#include "mesh/wire.h"
#include "pages.h"

static json_t *
source_state(desk_t *self, const mesh_uuid_t *source)
{
    char text[MESH_UUID_TEXT_SIZE];
    mesh_uuid_format(source, text);
    // The journal is asked to sync what has to survive a loss of power before it says that it
    // is committed: what is committed is synced.
    json_int_t committed =
        (json_int_t) sequencer_committed(relay_sequencer(self->relay), source);
    return json_pack("{s:s, s:I, s:I}", "source", text, "committed", committed, "synced",
                     committed);
}

// Steals states, and watched, which may be NULL.
static void
send_ack(desk_t *self, zframe_t *route, json_t *states, json_t *watched)
{
    desk_send(self, route, "ack",
              json_pack("{s:s, s:o, s:o, s:o*}", "incarnation", self->identity->incarnation,
                        "sources", states, "journal",
                        journal_report(relay_journal(self->relay)), "watched", watched));
}

// What a heartbeat asks to know of the programs of one type; NULL when it asks nothing.
static json_t *
report_watched(desk_t *self, const json_t *heartbeat)
{
    const char *type;
    if (mesh_control_get_text(heartbeat, "watch", REGISTRY_TEXT_LIMIT, &type) != 0)
        return NULL;
    int64_t silent_ms;
    size_t programs = registry_silence(self->registry, type, zclock_mono(), &silent_ms);
    return json_pack("{s:s, s:I, s:I}", "transport_type", type, "programs",
                     (json_int_t) programs, "silent_ms", (json_int_t) silent_ms);
}

void
desk_acknowledge(void *desk, const void *holder, const mesh_uuid_t *source)
{
    desk_t *self = desk;
    const peer_t *peer = holder;
    json_t *states = json_array();
    json_array_append_new(states, source_state(self, source));
    send_ack(self, peer->route, states, NULL);
}

void
desk_ask_again(void *desk, const void *holder, const mesh_uuid_t *source, uint64_t from)
{
    desk_t *self = desk;
    const peer_t *peer = holder;
    char text[MESH_UUID_TEXT_SIZE];
    mesh_uuid_format(source, text);
    desk_send(self, peer->route, "resend",
              json_pack("{s:s, s:I}", "source", text, "from", (json_int_t) from));
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
    json_t *payload = NULL;
    if (!peer_is_passing(peer)) {
        bool left = streq(type, "mesh.transport_left");
        mesh_log_info(left ? "transport-left" : "transport-lost", "%s on %s",
                      peer->transport_id, peer_host(peer));
        payload = peer_event(peer);
        json_object_set_new(
            payload, "last_seen",
            json_real((double) (zclock_time() - (zclock_mono() - peer->heard_ms)) / 1000));
    }
    desk_fail_calls_of(self, peer);
    erasures_gone(self->erasures, peer->transport_id);
    sequencer_release(relay_sequencer(self->relay), peer);
    registry_remove(self->registry, &peer);
    if (payload)
        relay_announce(self->relay, type, payload);
    self->on_change(self->arg);
}

static void
send_welcome(desk_t *self, zframe_t *route, uint64_t id, json_t *next)
{
    journal_t *journal = relay_journal(self->relay);
    json_t *body = json_pack(
        "{s:I, s:s, s:s, s:i, s:s, s:o, s:I, s:I, s:o, s:O, s:{s:I, s:I}, s:I, s:I, s:o, s:o}",
        "id", (json_int_t) id, "broker_id", self->identity->broker_id, "incarnation",
        self->identity->incarnation, "protocol", MESH_WIRE_VERSION, "version", mesh_version(),
        "epoch", mesh_control_epoch(journal_epoch(journal)), "first",
        (json_int_t) journal_first(journal), "head", (json_int_t) journal_head(journal),
        "removed", page_removed(journal), "endpoints", self->identity->endpoints, "window",
        "events", self->window_events, "bytes", self->window_bytes, "heartbeat_ms",
        (json_int_t) self->heartbeat_ms, "lost_after_ms", (json_int_t) self->lost_after_ms,
        "sources", next, "journal", journal_report(journal));
    assert(body);
    desk_send(self, route, "welcome", body);
}

void
desk_welcome_due(desk_t *self, int64_t now_ms)
{
    welcome_t welcome;
    while (welcomes_take_due(self->welcomes, relay_ended(self->relay), now_ms, &welcome)) {
        send_welcome(self, welcome.route, welcome.id, welcome.next);
        zframe_destroy(&welcome.route);
    }
}

void
desk_ended(void *desk)
{
    desk_welcome_due(desk, zclock_mono());
}

// Whether the source may be spoken for under the key of the request.
static bool
may_speak_for(desk_t *self, const desk_request_t *request, const mesh_uuid_t *source)
{
    return !*request->user || owners_admit(relay_owners(self->relay), source, request->user);
}

// Whether another broker gives what it has of somebody else's source.
static bool
forwards(const desk_request_t *request, const json_t *entry)
{
    return request->role != MESH_ROLE_PUBLISH &&
           json_is_true(json_object_get(entry, "forwarding"));
}

// Claim the sources of a hello for the peer; what is wanted next of each goes into *next, and
// into *after_p when relay_ended is to be for the journal to know of all of them. Returns false
// when the hello was refused.
static bool
claim_sources(desk_t *self, const desk_request_t *request, const peer_t *peer, json_t *next,
              uint64_t *after_p)
{
    size_t index;
    const json_t *entry;
    json_array_foreach(json_object_get(request->body, "sources"), index, entry)
    {
        mesh_uuid_t source;
        uint64_t first, last, wanted;
        if (read_source(entry, &source, &first, &last) != 0) {
            desk_send_malformed(self, request, "sources");
            return false;
        }
        bool registered = sequencer_is_registered(relay_sequencer(self->relay), &source);
        if (forwards(request, entry)) {
            if (*request->user)
                owners_lend(relay_owners(self->relay), &source, request->user);
            sequencer_adopt(relay_sequencer(self->relay), &source, first, &wanted);
            if (!registered)
                *after_p = relay_register(self->relay, &source);
            json_array_append_new(next, json_pack("{s:O, s:I}", "source",
                                                  json_object_get(entry, "source"), "next",
                                                  (json_int_t) wanted));
            continue;
        }
        bool foreign = !may_speak_for(self, request, &source);
        uint64_t acknowledged = 0;
        (void) mesh_control_get_number(entry, "acked", &acknowledged);
        sequencer_claim_t claim = foreign
                                      ? SEQUENCER_HELD
                                      : sequencer_claim(relay_sequencer(self->relay), &source,
                                                        peer, first, acknowledged, &wanted);
        if (claim == SEQUENCER_FORGOTTEN)
            relay_distrust_journal(self->relay, "a publisher was told of more than it holds");
        if (claim == SEQUENCER_HELD) {
            json_t *body = json_pack("{s:I, s:s, s:s, s:O}", "id", (json_int_t) request->id,
                                     "code", "source_held", "message",
                                     foreign ? "this source is of another key"
                                             : "another live program holds this source",
                                     "source", json_object_get(entry, "source"));
            desk_send(self, request->route, "error", body);
            return false;
        }
        if (!registered)
            *after_p = relay_register(self->relay, &source);
        json_array_append_new(next, json_pack("{s:O, s:I}", "source",
                                              json_object_get(entry, "source"), "next",
                                              (json_int_t) wanted));
    }
    return true;
}

// Returns NULL, or why the key does not go with the hello.
static const char *
refuse_words(desk_t *self, const desk_request_t *request)
{
    if (request->role != MESH_ROLE_OPERATE &&
        json_array_size(json_object_get(request->body, "services")) > 0)
        return "the role of this key allows no services";
    if (request->role == MESH_ROLE_SUBSCRIBE &&
        json_array_size(json_object_get(request->body, "sources")) > 0)
        return "the role of this key allows no sources";
    const char *id = json_string_value(json_object_get(request->body, "transport_id"));
    const peer_t *held = id ? registry_by_id(self->registry, id) : NULL;
    return held && !streq(held->user, request->user)
               ? "a program with another key has this transport_id"
               : NULL;
}

// Whether the broker has something of whoever says this hello, which must be with the other
// broker before its sender is.
static bool
is_known(desk_t *self, const desk_request_t *request)
{
    size_t index;
    const json_t *entry;
    json_array_foreach(json_object_get(request->body, "sources"), index, entry)
    {
        mesh_uuid_t source;
        uint64_t first, last;
        if (read_source(entry, &source, &first, &last) == 0 &&
            sequencer_taken(relay_sequencer(self->relay), &source) > 0)
            return true;
    }
    return false;
}

bool
desk_send_away(desk_t *self, const char *verb, const desk_request_t *request)
{
    bool hello = streq(verb, "hello");
    if (self->yielding == DESK_STAYS || (self->yielding == DESK_PREPARES && !hello))
        return false;
    if (self->yielding == DESK_PREPARES && is_known(self, request))
        return true;
    if (streq(verb, "bye") || streq(verb, "answer"))
        return false;
    json_t *body = json_pack("{s:s, s:s, s:{s:s}}", "code", "split_brain", "message",
                             "another broker of this mesh is older: go there", "endpoints",
                             "control", self->yield_to);
    assert(body);
    if (request->id)
        json_object_set_new(body, "id", json_integer((json_int_t) request->id));
    desk_send(self, request->route, "error", body);
    return true;
}

void
desk_yield(desk_t *self, desk_yielding_t yielding, const char *control)
{
    assert(self && (control || yielding == DESK_STAYS));
    self->yielding = yielding;
    free(self->yield_to);
    self->yield_to = control ? strdup(control) : NULL;
}

void
desk_on_hello(desk_t *self, const desk_request_t *request)
{
    uint64_t protocol;
    if (mesh_control_get_number(request->body, "protocol", &protocol) == 0 &&
        protocol != MESH_WIRE_VERSION) {
        desk_send_error(self, request->route, request->id, "version",
                        "this broker speaks protocol 1");
        return;
    }
    const char *words = refuse_words(self, request);
    if (words) {
        desk_send_error(self, request->route, request->id, "forbidden", words);
        return;
    }
    peer_t *peer = NULL;
    const char *wrong = NULL;
    size_t known = registry_size(self->registry);
    registry_outcome_t outcome =
        registry_hello(self->registry, request->body, request->route, zclock_mono(),
                       (double) zclock_time() / 1000, &peer, &wrong);
    if (outcome == REGISTRY_MALFORMED) {
        desk_send_malformed(self, request, wrong);
    } else if (outcome == REGISTRY_FULL) {
        desk_send_error(self, request->route, request->id, "peers_full",
                        "as many programs are registered as broker/peers allows");
    } else {
        free(peer->user);
        peer->user = strdup(request->user);
        peer->connection = request->connection;
        json_t *next = json_array();
        uint64_t after = 0;
        bool welcome = claim_sources(self, request, peer, next, &after);
        if (welcome) {
            welcomes_add(self->welcomes, request->route, request->id, next, after,
                         zclock_mono());
            desk_welcome_due(self, zclock_mono());
        } else {
            json_decref(next);
        }
        if (!welcome && registry_size(self->registry) > known) {
            // One that was refused has never been here.
            sequencer_release(relay_sequencer(self->relay), peer);
            registry_remove(self->registry, &peer);
        } else if (outcome == REGISTRY_JOINED && !peer_is_passing(peer)) {
            mesh_log_info("transport-joined", "%s on %s", peer->transport_id, peer_host(peer));
            relay_announce(self->relay, "mesh.transport_joined", peer_event(peer));
        }
        self->on_change(self->arg);
    }
}

static peer_t *
sender_of(desk_t *self, const desk_request_t *request)
{
    const char *id;
    if (mesh_control_get_text(request->body, "transport_id", REGISTRY_ID_LIMIT, &id) != 0)
        return NULL;
    const peer_t *peer = registry_by_id(self->registry, id);
    if (!peer || !streq(peer->user, request->user))
        return NULL;
    peer_t *sender = registry_heard(self->registry, id, request->route, zclock_mono());
    if (sender)
        sender->connection = request->connection;
    return sender;
}

void
desk_on_heartbeat(desk_t *self, const desk_request_t *request)
{
    if (!sender_of(self, request)) {
        desk_send(self, request->route, "hello_again",
                  json_pack("{s:s}", "incarnation", self->identity->incarnation));
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
        if (read_source(entry, &source, &first, &last) != 0 ||
            !may_speak_for(self, request, &source))
            continue;
        json_array_append_new(states, source_state(self, &source));
        sequencer_ask_ack(relay_sequencer(self->relay), &source);
        uint64_t from =
            sequencer_missing(relay_sequencer(self->relay), &source, last, zclock_mono());
        if (from)
            desk_send(self, request->route, "resend",
                      json_pack("{s:O, s:I}", "source", json_object_get(entry, "source"),
                                "from", (json_int_t) from));
    }
    send_ack(self, request->route, states, report_watched(self, request->body));
}

void
desk_on_bye(desk_t *self, const desk_request_t *request)
{
    (void) relay_take_in(self->relay);
    peer_t *peer = sender_of(self, request);
    if (peer)
        part_with(self, peer, "mesh.transport_left");
}

void
desk_expire_peers(desk_t *self, int64_t now_ms)
{
    peer_t *peer;
    while ((peer = registry_overdue(self->registry, now_ms - self->lost_after_ms)))
        part_with(self, peer, "mesh.transport_lost");
}

void
desk_dismiss(desk_t *self, desk_may_stay_fn *may_stay, void *arg)
{
    peer_t *peer = registry_first(self->registry);
    while (peer) {
        if (may_stay(arg, peer->user)) {
            peer = registry_next(self->registry);
        } else {
            part_with(self, peer, "mesh.transport_lost");
            peer = registry_first(self->registry);
        }
    }
}
