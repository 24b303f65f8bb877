// doctor_mesh - listens for beacons, asks where brokers may be, and the broker it found
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <czmq.h>

#include "doctor_parts.h"
#include "mesh/beacon_actor.h"
#include "mesh/control.h"
#include "mesh/link.h"
#include "mesh/lookup.h"
#include "mesh/paths.h"

enum {
    LISTEN_MS = 2000,
    ANSWER_MS = 1000,    // of one place
    SNAPSHOT_MS = 3000,
    PLACES_LIMIT = 32,
};

// ---- beacons

static void
add_beacon(json_t *beacons, const mesh_beacon_report_t *report)
{
    const mesh_beacon_t *beacon = &report->beacon;
    char broker[MESH_UUID_TEXT_SIZE];
    mesh_uuid_format(&beacon->broker, broker);
    double ahead_s = (double) (beacon->time_ms - zclock_time()) / 1000;
    const char *kind = report->outcome == MESH_BEACON_OK ? "heard" : "ignored";
    json_t *list = json_object_get(beacons, kind);
    json_t *row = NULL, *known;
    size_t index;
    json_array_foreach(
        list, index,
        known) if (streq(json_string_value(json_object_get(known, "sender")), report->sender) &&
                   streq(json_string_value(json_object_get(known, "why")),
                         mesh_beacon_outcome_name(report->outcome))) row = known;
    if (!row) {
        row = json_pack("{s:s, s:s}", "sender", report->sender, "why",
                        mesh_beacon_outcome_name(report->outcome));
        json_array_append_new(list, row);
    }
    json_object_set_new(row, "count", json_integer((json_int_t) report->count));
    if (report->outcome == MESH_BEACON_MALFORMED ||
        report->outcome == MESH_BEACON_OTHER_VERSION || !*beacon->endpoint)
        return;
    json_object_set_new(row, "broker_id", json_string(broker));
    json_object_set_new(row, "mesh_id", json_string(beacon->mesh_id));
    json_object_set_new(row, "endpoint", json_string(beacon->endpoint));
    json_object_set_new(row, "clock_ahead", json_real(ahead_s));
}

static void
take_reports(mesh_beacon_actor_t *actor, const mesh_key_t *key, mesh_lookup_t *lookup,
             json_t *beacons)
{
    mesh_beacon_report_t report;
    while (mesh_beacon_actor_receive(actor, &report) == 0) {
        if (report.kind == MESH_BEACON_REPORT_INTERFACE) {
            json_object_set_new(beacons, "interface", json_string(report.address));
            continue;
        }
        if (report.outcome == MESH_BEACON_OK && !mesh_key_is_for(key, report.beacon.server_key))
            report.outcome = MESH_BEACON_OTHER_BROKER;
        add_beacon(beacons, &report);
        if (report.outcome == MESH_BEACON_OK && lookup)
            (void) mesh_lookup_heard(lookup, report.beacon.endpoint, zclock_mono());
    }
}

static json_t *
listen_for_beacons(const mesh_settings_t *settings, const mesh_key_t *key,
                   mesh_lookup_t *lookup)
{
    json_t *beacons = json_pack("{s:f, s:[], s:[]}", "listened", 0.0, "heard", "ignored");
    const uint8_t *secret = mesh_key_mesh_secret(key);
    char *error = NULL;
    mesh_beacon_actor_t *actor = NULL;
    if (!mesh_settings_flag(settings, "features/beacon"))
        error = strdup("features/beacon is off");
    else if (!secret)
        error = strdup("there is no key with the mesh's secret");
    else
        actor = mesh_beacon_actor_new(settings, secret, &error);
    if (!actor) {
        json_object_set_new(beacons, "problem", json_string(error));
        free(error);
        return beacons;
    }
    int64_t end_ms = zclock_mono() + LISTEN_MS;
    zpoller_t *poller = zpoller_new(mesh_beacon_actor_socket(actor), NULL);
    for (int64_t left_ms = LISTEN_MS; left_ms > 0; left_ms = end_ms - zclock_mono())
        if (zpoller_wait(poller, (int) left_ms))
            take_reports(actor, key, lookup, beacons);
    zpoller_destroy(&poller);
    mesh_beacon_actor_destroy(&actor);
    json_object_set_new(beacons, "listened", json_real((double) LISTEN_MS / 1000));
    return beacons;
}

// ---- places

// What keeps a socket of this host from being connected to; NULL when nothing does.
static const char *
socket_problem(const char *endpoint)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = endpoint + strlen("ipc://");
    if (strncmp(endpoint, "ipc://", strlen("ipc://")) != 0)
        return NULL;
    if (strlen(path) >= sizeof address.sun_path)
        return "the path is too long for a socket";
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return strerror(errno);
    int rc = connect(fd, (struct sockaddr *) &address, sizeof address);
    const char *problem = rc == 0 || errno == EAGAIN ? NULL
                          : errno == ENOENT          ? "there is no socket"
                          : errno == ECONNREFUSED    ? "nobody listens on the socket"
                                                     : strerror(errno);
    (void) close(fd);
    return problem;
}

// Send a heartbeat as a stranger: a broker answers, and registers nobody. NULL when it does.
static const char *
ask_place(const char *endpoint, const mesh_key_t *key)
{
    const char *problem = socket_problem(endpoint);
    if (problem)
        return problem;
    zsock_t *dealer = zsock_new(ZMQ_DEALER);
    assert(dealer);
    mesh_key_arm(key, dealer);
    zsock_set_linger(dealer, 0);
    zsock_set_rcvtimeo(dealer, ANSWER_MS);
    zmsg_t *answer = NULL;
    if (zsock_connect(dealer, "%s", endpoint) == 0) {
        json_t *body = json_pack("{s:s, s:[]}", "transport_id", "doctor", "sources");
        zmsg_t *message = mesh_control_pack("heartbeat", body, NULL);
        json_decref(body);
        (void) zmsg_send(&message, dealer);
        zmsg_destroy(&message);
        answer = zmsg_recv(dealer);
        if (!answer)
            problem =
                key ? "no answer within a second: nobody listens, or our key is not let in"
                    : "no answer within a second: nobody listens, or it wants a key";
    } else {
        problem = "it is no endpoint that can be connected to";
    }
    zmsg_destroy(&answer);
    zsock_destroy(&dealer);
    return problem;
}

// Ask every place once, in order. Returns the first that answers, borrowed from places.
static const json_t *
ask_places(mesh_lookup_t *lookup, const mesh_key_t *key, json_t *places)
{
    const json_t *found = NULL;
    for (size_t i = 0; i < PLACES_LIMIT; i++) {
        const mesh_candidate_t *candidate = mesh_lookup_next(lookup, zclock_mono());
        if (mesh_lookup_rounds(lookup) > 1)
            break;
        const char *problem = ask_place(candidate->endpoint, key);
        mesh_found_by_t by = mesh_lookup_found_by(lookup, candidate->endpoint, candidate->by);
        json_t *place = json_pack("{s:s, s:s, s:b}", "endpoint", candidate->endpoint,
                                  "found_by", mesh_found_by_name(by), "answers", !problem);
        if (problem)
            json_object_set_new(place, "problem", json_string(problem));
        json_array_append_new(places, place);
        if (!problem && !found)
            found = place;
    }
    return found;
}

// ---- the broker

typedef struct visit {
    zloop_t *loop;        // owned
    mesh_link_t *link;    // owned
    json_t *report;       // borrowed
    bool answered;
} visit_t;

// mesh_link_reply_fn
static void
on_snapshot(void *arg, const char *verb, const json_t *body, zmsg_t *frames)
{
    (void) frames;
    visit_t *self = arg;
    json_t *peers = json_array();
    size_t index;
    json_t *peer;
    json_array_foreach(json_object_get(body, "transports"), index, peer)
    {
        const char *id = json_string_value(json_object_get(peer, "transport_id"));
        if (id && !streq(id, mesh_link_transport_id(self->link)))
            json_array_append(peers, peer);
    }
    json_object_set_new(self->report, "peers", peers);
    self->answered = streq(verb, "snapshot");
}

// mesh_link_listener_t
static void
on_welcome(void *arg, const mesh_welcome_t *welcome)
{
    visit_t *self = arg;
    json_t *broker = json_object_get(self->report, "broker");
    static const char *const kept[] = {"broker_id", "incarnation", "version",  "epoch",
                                       "first",     "head",        "endpoints"};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        json_t *member = json_object_get(welcome->body, kept[i]);
        if (member)
            json_object_set(broker, kept[i], member);
    }
    (void) mesh_link_request(self->link, "snapshot", json_object(), SNAPSHOT_MS, on_snapshot,
                             self);
}

// zloop_timer_fn
static int
on_over(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    const visit_t *self = arg;
    return json_object_get(self->report, "peers") ? -1 : 0;
}

// zloop_timer_fn
static int
on_late(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    (void) arg;
    return -1;
}

static bool
visit_broker(const mesh_settings_t *settings, const json_t *place, json_t *report)
{
    visit_t self = {.loop = zloop_new(), .report = report};
    zloop_set_nonstop(self.loop, true);
    json_t *broker = json_object();
    json_object_set(broker, "endpoint", json_object_get(place, "endpoint"));
    json_object_set(broker, "found_by", json_object_get(place, "found_by"));
    json_object_set_new(report, "broker", broker);
    char *host = mesh_paths_host(settings);
    mesh_link_identity_t identity = {
        .transport_type = "cli",
        .passing = true,
        .host = host,
        .endpoint = json_string_value(json_object_get(place, "endpoint")),
    };
    char *error = NULL;
    self.link = mesh_link_new(self.loop, settings, &identity, &error);
    if (self.link) {
        static const mesh_link_listener_t LISTENER = {.on_welcome = on_welcome};
        mesh_link_listen(self.link, &LISTENER, &self);
        (void) zloop_timer(self.loop, 20, 0, on_over, &self);
        (void) zloop_timer(self.loop, SNAPSHOT_MS, 1, on_late, &self);
        (void) zloop_start(self.loop);
        mesh_link_unlisten(self.link, &LISTENER, &self);
        mesh_link_destroy(&self.link);
    }
    if (!self.answered)
        json_object_set_new(
            broker, "problem",
            json_string(error ? error
                              : "it does not say who is there: our key may only publish"));
    free(error);
    free(host);
    zloop_destroy(&self.loop);
    return json_object_get(broker, "broker_id") != NULL;
}

bool
doctor_ask_mesh(const mesh_settings_t *settings, const mesh_key_t *key, json_t *report)
{
    char *error = NULL;
    mesh_lookup_t *lookup = mesh_lookup_new(settings, &error);
    bool seeded = mesh_settings_list_size(settings, "mesh/seeds") > 0;
    json_object_set_new(report, "beacons",
                        listen_for_beacons(settings, key, seeded ? NULL : lookup));
    json_t *places = json_array();
    json_object_set_new(report, "places", places);
    if (!lookup) {
        json_object_set_new(report, "problem", json_string(error));
        free(error);
        return false;
    }
    const json_t *found = ask_places(lookup, key, places);
    mesh_lookup_destroy(&lookup);
    return found && visit_broker(settings, found, report);
}
