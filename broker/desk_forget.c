// desk_forget - forget and forgot: a session is removed wherever it is
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>

#include "desk_private.h"
#include "mesh/control.h"
#include "mesh/log.h"
#include "mesh/wire.h"

enum {
    PUBLISHERS_MS = 2000,      // how long publishers may take to answer
    SESSIONS_AT_ONCE = 256,    // of another broker, in one request
};

static const char not_now[] = "the journal cannot be written now; ask again";

// What the newest events of a session say of it.
typedef struct traits {
    desk_t *desk;
    json_t *hosts;         // of its events
    const peer_t *live;    // who publishes it now; NULL when nobody does
} traits_t;

// sessions_visit_fn
static bool
look_at_event(void *arg, record_t *record)
{
    traits_t *self = arg;
    mesh_topic_t topic;
    mesh_header_t header;
    if (mesh_topic_parse(&topic, record_topic(record), record->topic_bytes) != 0 ||
        mesh_wire_decode(&header, record_body(record), record->body_bytes) != MESH_WIRE_OK)
        return true;
    size_t index;
    json_t *host;
    bool known = false;
    json_array_foreach(self->hosts, index, host) known =
        known || streq(json_string_value(host), topic.host);
    if (!known)
        json_array_append_new(self->hosts, json_string(topic.host));
    // The monitor speaks of every session, and is always there.
    bool of_monitor = streq(topic.type, "aider.throttling_detected") ||
                      streq(topic.type, "aider.throttling_cleared");
    const void *holder = sequencer_holder(relay_sequencer(self->desk->relay), &header.source);
    if (holder && !of_monitor)
        self->live = holder;
    return true;
}

// sequencer_visit_fn
static void
add_publisher(void *arg, const void *holder, const mesh_uuid_t *source)
{
    (void) source;
    erasure_t *erasure = arg;
    const peer_t *peer = holder;
    erasure_expect(erasure, peer->transport_id, peer_host(peer));
}

static void
tell_publishers(desk_t *self, erasure_t *erasure)
{
    sequencer_visit_held(relay_sequencer(self->relay), add_publisher, erasure);
    const char *transport_id;
    json_t *host;
    json_object_foreach(erasure->waiting, transport_id, host)
    {
        const peer_t *peer = registry_by_id(self->registry, transport_id);
        if (peer)
            desk_send(self, peer->route, "forget",
                      json_pack("{s:s}", "session_id", erasure->session));
    }
}

// Returns NULL, or the code of what is against it, with a sentence in message.
static const char *
refuse(desk_t *self, const char *session, bool force, const traits_t *traits, char *message,
       size_t size)
{
    sessions_t *sessions = relay_sessions(self->relay);
    bool known =
        sessions_has(sessions, session) || forgotten_has(relay_forgotten(self->relay), session);
    if (self->yielding != DESK_STAYS || !journal_can_forget(relay_journal(self->relay))) {
        snprintf(message, size, "%s", not_now);
        return "journal_down";
    }
    if (!force && !known) {
        snprintf(message, size,
                 "no such session among those remembered; with force its events are looked for "
                 "all the same");
        return "unknown_session";
    }
    if (!force && traits->live && !sessions_has_ended(sessions, session)) {
        snprintf(message, size,
                 "the session goes on: %.128s on %.128s publishes it; with force what comes of "
                 "it from here on is let go too",
                 traits->live->transport_id, peer_host(traits->live));
        return "session_live";
    }
    return NULL;
}

static bool
is_session(const json_t *value)
{
    return json_string_length(value) > 0 && json_string_length(value) < MESH_SESSION_SIZE;
}

// Another broker makes room for this one: what it was told to forget is let go here too. Its
// caller asks again until the journal has noted all; what is there is removed as ever.
static void
take_over(desk_t *self, const desk_request_t *request, const json_t *sessions)
{
    size_t index, count = json_array_size(sessions);
    const json_t *value;
    bool legal = count > 0 && count <= SESSIONS_AT_ONCE;
    json_array_foreach(sessions, index, value) legal = legal && is_session(value);
    if (!legal) {
        desk_send_malformed(self, request, "session_ids");
        return;
    }
    if (!journal_can_forget(relay_journal(self->relay))) {
        desk_send_error(self, request->route, request->id, "journal_down", not_now);
        return;
    }
    json_int_t pending = 0;
    json_array_foreach(sessions, index, value)
    {
        const char *session = json_string_value(value);
        if (!forgotten_has(relay_forgotten(self->relay), session)) {
            mesh_log_info("session-forget", "%s, as another broker was told", session);
            (void) relay_forget(self->relay, session);
        }
        if (!forgotten_is_noted(relay_forgotten(self->relay), session))
            pending++;
    }
    desk_send(self, request->route, "forgotten",
              json_pack("{s:I, s:I}", "id", (json_int_t) request->id, "pending", pending));
}

void
desk_on_forget(desk_t *self, const desk_request_t *request)
{
    const json_t *sessions = json_object_get(request->body, "session_ids");
    if (sessions) {
        take_over(self, request, sessions);
        return;
    }
    const char *session;
    if (mesh_control_get_text(request->body, "session_id", MESH_SESSION_SIZE - 1, &session) !=
            0 ||
        *session == '\0') {
        desk_send_malformed(self, request, "session_id");
        return;
    }
    const json_t *force = json_object_get(request->body, "force");
    if (force && !json_is_boolean(force)) {
        desk_send_malformed(self, request, "force");
        return;
    }
    char message[512];
    traits_t traits = {.desk = self, .hosts = json_array()};
    sessions_visit_one(relay_sessions(self->relay), session, look_at_event, &traits);
    const char *code =
        refuse(self, session, json_is_true(force), &traits, message, sizeof message);
    if (code) {
        json_decref(traits.hosts);
        desk_send_error(self, request->route, request->id, code, message);
        return;
    }
    json_t *report = json_pack("{s:o, s:o}", "hosts", traits.hosts, "set_aside",
                               journal_set_aside(relay_journal(self->relay)));
    assert(report);
    erasure_t *erasure = erasures_begin(self->erasures, session, request->id, request->route,
                                        report, zclock_mono() + PUBLISHERS_MS);
    if (!erasure) {
        desk_send_error(self, request->route, request->id, "calls_full",
                        "as many sessions are being forgotten as may be at once");
        return;
    }
    mesh_log_info("session-forget", "%s", session);
    bool again = !relay_forget(self->relay, session);
    json_object_set_new(report, "again", json_boolean(again));
    tell_publishers(self, erasure);
}

void
desk_on_forgot(desk_t *self, const desk_request_t *request)
{
    const char *session;
    uint64_t removed;
    const peer_t *peer = desk_peer_of(self, request);
    if (mesh_control_get_text(request->body, "session_id", MESH_SESSION_SIZE - 1, &session) ==
            0 &&
        mesh_control_get_number(request->body, "removed", &removed) == 0)
        (void) erasures_answered(self->erasures, session, peer->transport_id, removed);
    desk_end_erasures(self, zclock_mono());
}

void
desk_end_erasures(desk_t *self, int64_t now_ms)
{
    erasure_t *erasure;
    while ((erasure = erasures_take_over(self->erasures, now_ms))) {
        if (erasure->failed) {
            desk_send_error(self, erasure->caller, erasure->id, "journal_down",
                            "the journal could not note it; ask again");
        } else {
            json_object_set_new(erasure->report, "id", json_integer((json_int_t) erasure->id));
            desk_send(self, erasure->caller, "forgotten", json_incref(erasure->report));
        }
        erasure_destroy(&erasure);
    }
}

void
desk_forgotten(void *desk, const journal_forgotten_t *what, json_t *range)
{
    desk_t *self = desk;
    erasures_removed(self->erasures, what, range);
    desk_end_erasures(self, zclock_mono());
}

void
desk_forget_failed(void *desk, const char *session)
{
    desk_t *self = desk;
    erasures_failed(self->erasures, session);
    desk_end_erasures(self, zclock_mono());
}
