// broker - the coordinator: owns the loop, the lock, the endpoints, and what lives on them
// SPDX-License-Identifier: MPL-2.0
#include "broker.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

#include "bindings.h"
#include "desk.h"
#include "doorkeeper.h"
#include "handover.h"
#include "lighthouse.h"
#include "mesh/control.h"
#include "mesh/exit_status.h"
#include "mesh/key.h"
#include "mesh/lock_file.h"
#include "mesh/log.h"
#include "mesh/lookup.h"
#include "mesh/open_files.h"
#include "mesh/paths.h"
#include "mesh/ready.h"
#include "mesh/signals.h"
#include "mesh/uuid.h"
#include "notice_board.h"
#include "relay.h"
#include "split_brain.h"

enum {
    HEAD_EVERY_MS = 1000,
    UNUSED_CHECK_MS = 250,
    SPLIT_CHECK_MS = 1000,
    SEND_AWAY_MS = 3000,    // a yielding broker's programs are told within a heartbeat
    HANDOVER_SETTLE_MS = 1000,
    MAKE_ROOM_MS = 2000,    // how long a fallback broker may take to leave
    MAKE_ROOM_STEP_MS = 20,
    HEALTHCHECK_MS = 2000,
    REBIND_MS = 10,    // a port is free again a little after its socket was closed
    REBIND_TRIES = 200,
    DRAIN_QUIET_MS = 50,    // nothing more came in for so long: what was on its way is in
};

typedef struct broker {
    const mesh_settings_t *settings;    // borrowed
    zloop_t *loop;                      // owned
    char *runtime_dir;                  // owned, as the next ones
    char *host;
    char *discovery_path;
    char broker_id[sizeof "broker-" + MESH_UUID_TEXT_SIZE];
    char incarnation[MESH_UUID_TEXT_SIZE];
    mesh_uuid_t id;
    int lock_fd;
    discovery_self_t about;
    notice_board_t *notice_board;    // owned
    lighthouse_t *lighthouse;        // owned; NULL where no beacons are sent
    split_brain_t *split_brain;      // owned
    handover_t *handover;            // owned; NULL unless we are to make room
    char *elder;                     // owned; the control endpoint of whom we make room for
    int64_t used_ms;                 // when somebody was last registered
    json_t *endpoints;               // owned: what clients are told
    relay_t *relay;                  // owned
    desk_t *desk;                    // owned
    desk_identity_t identity;
    mesh_signals_t *signals;     // owned
    doorkeeper_t *doorkeeper;    // owned; NULL without keys
    int rebind_timer;            // 0 while the sockets are bound
    int rebind_tries;
    bool failed;    // the loop ended because the broker cannot go on
} broker_t;

// A broker that nobody asked for has the lock: have it leave. Returns whether it was told.
static bool
ask_for_room(const char *path)
{
    static const char word[] = "fallback ";
    char text[MESH_LOCK_TEXT_SIZE];
    if (!mesh_lock_file_is_held(path, text, sizeof text) ||
        strncmp(text, word, strlen(word)) != 0)
        return false;
    long pid = strtol(text + strlen(word), NULL, 10);
    if (pid <= 1)
        return false;
    mesh_log_info("fallback-replaced", "the fallback broker %ld makes room", pid);
    return kill((pid_t) pid, SIGTERM) == 0 || errno == ESRCH;
}

// One broker for one directory: binding an ipc path silently takes it from whoever has it.
static int
take_lock(broker_t *self)
{
    bool fallback = mesh_settings_flag(self->settings, "broker/fallback");
    char path[4096], text[MESH_LOCK_TEXT_SIZE];
    snprintf(path, sizeof path, "%s/broker.lock", self->runtime_dir);
    snprintf(text, sizeof text, "%s %ld %s\n", fallback ? "fallback" : "broker",
             (long) getpid(), self->incarnation);
    self->lock_fd = mesh_lock_file_take(path, text);
    if (self->lock_fd < 0 && errno == EAGAIN && !fallback && ask_for_room(path)) {
        int64_t deadline_ms = zclock_mono() + MAKE_ROOM_MS;
        while (self->lock_fd < 0 && zclock_mono() < deadline_ms) {
            zclock_sleep(MAKE_ROOM_STEP_MS);
            self->lock_fd = mesh_lock_file_take(path, text);
        }
    }
    if (self->lock_fd < 0 && errno == EAGAIN) {
        mesh_log_error("broker-already-running", "another broker serves %s", self->runtime_dir);
        return -1;
    }
    if (self->lock_fd < 0) {
        mesh_log_error("lock-failed", "%s: %s", path, strerror(errno));
        return -1;
    }
    self->about.lock = mesh_lock_file_describe(self->lock_fd, path, text);
    return 0;
}

// desk_change_fn
static void
on_change(void *arg)
{
    broker_t *self = arg;
    if (self->notice_board)
        notice_board_change(self->notice_board);
}

// ---- the loop

static int
on_head_due(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    broker_t *self = arg;
    relay_tick(self->relay);
    relay_send_head(self->relay);
    return 0;
}

// zloop_timer_fn: a broker that was started for want of one does not stay when nobody uses it.
static int
on_unused_check(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    broker_t *self = arg;
    int64_t now_ms = zclock_mono();
    if (registry_first(desk_registry(self->desk)))
        self->used_ms = now_ms;
    if (now_ms - self->used_ms < mesh_settings_ms(self->settings, "broker/leave_when_unused"))
        return 0;
    mesh_log_info("unused", "no program was here for %lld ms",
                  (long long) (now_ms - self->used_ms));
    return -1;
}

// ---- two brokers of one mesh

static void
announce_split(broker_t *self, const char *type, const mesh_uuid_t *other, const char *message)
{
    char id[MESH_UUID_TEXT_SIZE], alert_id[MESH_UUID_TEXT_SIZE + sizeof "split_brain-broker-"];
    mesh_uuid_format(other, id);
    snprintf(alert_id, sizeof alert_id, "split_brain-broker-%s", id);
    json_t *payload = json_pack("{s:s, s:s, s:s, s:s}", "alert_id", alert_id, "rule",
                                "split_brain", "severity", "critical", "message", message);
    assert(payload);
    relay_announce(self->relay, type, payload);
}

// handover_events_t: the elder has welcomed us.
static void
on_handover_begun(void *arg)
{
    broker_t *self = arg;
    mesh_log_warning("handover-begun", "to the elder broker at %s", self->elder);
    relay_hold(self->relay, true);
    // What was taken in is given too: it must be in the journal first.
    if (!relay_settle(self->relay, zclock_mono() + HANDOVER_SETTLE_MS))
        mesh_log_warning("handover-unsettled",
                         "the journal is slow; its publishers send the rest");
    desk_yield(self->desk, DESK_PREPARES, self->elder);
}

// zloop_timer_fn: everybody has been sent away.
static int
on_sent_away(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    (void) arg;
    return -1;
}

// handover_events_t: the elder has all that we have.
static void
on_handover_done(void *arg, uint64_t events)
{
    broker_t *self = arg;
    mesh_log_warning("handover-done", "%llu events given; programs are sent to %s",
                     (unsigned long long) events, self->elder);
    handover_destroy(&self->handover);
    desk_yield(self->desk, DESK_LEAVES, self->elder);
    zloop_timer(self->loop, SEND_AWAY_MS, 1, on_sent_away, self);
}

// handover_events_t: stay; the next beacon of the elder begins it again.
static void
on_handover_failed(void *arg, const char *why)
{
    broker_t *self = arg;
    mesh_log_warning("handover-failed", "to %s: %s", self->elder, why);
    handover_destroy(&self->handover);
    free(self->elder);
    self->elder = NULL;
    desk_yield(self->desk, DESK_STAYS, NULL);
    relay_hold(self->relay, false);
}

static const handover_events_t handover_events = {
    .begun = on_handover_begun,
    .done = on_handover_done,
    .failed = on_handover_failed,
};

// lighthouse_fn
static void
on_rival(void *arg, const mesh_beacon_t *beacon)
{
    broker_t *self = arg;
    bool yields = split_brain_yields(&self->id, &beacon->broker);
    if (split_brain_heard(self->split_brain, &beacon->broker, zclock_mono())) {
        char message[256];
        snprintf(
            message, sizeof message,
            "another broker of this mesh is at %s; the younger of the two leaves, which is "
            "%s",
            beacon->endpoint, yields ? "this one" : "that one");
        mesh_log_error("split-brain", "%s", message);
        announce_split(self, "mesh.alert_raised", &beacon->broker, message);
    }
    if (!yields || self->elder)
        return;
    char *error = NULL;
    self->handover = handover_new(self->loop, self->settings, self->host, beacon->endpoint,
                                  &beacon->broker, relay_journal(self->relay),
                                  relay_forgotten(self->relay), &handover_events, self, &error);
    if (self->handover)
        self->elder = strdup(beacon->endpoint);
    else
        mesh_log_warning("handover-failed", "to %s: %s", beacon->endpoint, error);
    free(error);
}

// zloop_timer_fn: has another broker gone?
static int
on_split_check(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    broker_t *self = arg;
    mesh_uuid_t other;
    while (split_brain_gone(self->split_brain, &other, zclock_mono()))
        announce_split(self, "mesh.alert_cleared", &other,
                       "the other broker of this mesh is heard no more");
    return 0;
}

static int
on_signal(int number, void *arg)
{
    (void) arg;
    if (number == SIGHUP) {
        mesh_log_info("reload",
                      "nothing of the broker's configuration can be changed while it runs");
        return 0;
    }
    return -1;
}

// Take in what publishers had already sent, as long as more comes and broker/stop_grace lasts,
// and tell them what was taken: the next broker shall not be sent what subscribers have seen.
static void
drain(broker_t *self)
{
    int64_t deadline_ms = zclock_mono() + mesh_settings_ms(self->settings, "broker/stop_grace");
    int64_t last_ms = zclock_mono();
    while (zclock_mono() < deadline_ms && zclock_mono() - last_ms < DRAIN_QUIET_MS) {
        zmq_pollitem_t item = {.socket = zsock_resolve(relay_publish_socket(self->relay)),
                               .events = ZMQ_POLLIN};
        if (zmq_poll(&item, 1, 10) > 0 && relay_take_in(self->relay) > 0)
            last_ms = zclock_mono();
        if (!relay_settle(self->relay, deadline_ms))
            mesh_log_warning("stop-hurried", "the journal did not commit all in time");
    }
    relay_tick(self->relay);
    (void) relay_settle(self->relay, deadline_ms);
    relay_send_head(self->relay);
    sequencer_visit_held(relay_sequencer(self->relay), desk_acknowledge, self->desk);
}

static void
desk_acknowledge_event(void *arg, const void *holder, const mesh_uuid_t *source)
{
    desk_acknowledge(((broker_t *) arg)->desk, holder, source);
}

static void
desk_ask_again_event(void *arg, const void *holder, const mesh_uuid_t *source, uint64_t from)
{
    desk_ask_again(((broker_t *) arg)->desk, holder, source, from);
}

static void
desk_forgotten_event(void *arg, const journal_forgotten_t *what, json_t *range)
{
    broker_t *self = arg;
    // An earlier broker may have begun it.
    if (self->desk)
        desk_forgotten(self->desk, what, range);
}

static void
desk_forget_failed_event(void *arg, const char *session)
{
    broker_t *self = arg;
    if (self->desk)
        desk_forget_failed(self->desk, session);
}

static void
desk_ended_event(void *arg)
{
    broker_t *self = arg;
    if (self->desk)
        desk_ended(self->desk);
}

static const relay_events_t relay_events = {
    .acknowledge = desk_acknowledge_event,
    .ask_again = desk_ask_again_event,
    .forgotten = desk_forgotten_event,
    .forget_failed = desk_forget_failed_event,
    .ended = desk_ended_event,
};

static const struct {
    const char *name, *key;
} doors[GATE_DOORS] = {
    [GATE_PUBLISH] = {"publish", "broker/bind_publish"},
    [GATE_SUBSCRIBE] = {"subscribe", "broker/bind_subscribe"},
    [GATE_CONTROL] = {"control", "broker/bind_control"},
};

// Guard and bind every socket; *error_p is a sentence the caller frees when one cannot be
// bound.
static int
bind_all(broker_t *self, char **error_p)
{
    zsock_t *const sockets[GATE_DOORS] = {
        [GATE_PUBLISH] = relay_publish_socket(self->relay),
        [GATE_SUBSCRIBE] = relay_subscribe_socket(self->relay),
        [GATE_CONTROL] = desk_socket(self->desk),
    };
    for (gate_door_t door = 0; door < GATE_DOORS; door++) {
        doorkeeper_guard(self->doorkeeper, sockets[door], door);
        char *endpoint = bindings_bind(sockets[door], self->settings, doors[door].key,
                                       self->runtime_dir, doors[door].name, error_p);
        if (!endpoint)
            return -1;
        mesh_log_info("listening", "%s on %s", doors[door].name, endpoint);
        json_object_set_new(self->endpoints, doors[door].name, json_string(endpoint));
        free(endpoint);
    }
    return 0;
}

// Returns -1 with *error_p a sentence when what is to be bound may not be.
static int
check_bindings(const mesh_settings_t *settings, bool guarded, char **error_p)
{
    for (gate_door_t door = 0; door < GATE_DOORS; door++)
        if (bindings_check(settings, doors[door].key, guarded, error_p) != 0)
            return -1;
    return 0;
}

int
broker_check(const mesh_settings_t *settings, char **error_p)
{
    // Whether there are keys is seen at the start, unless it is said that there are none.
    bool guarded = !streq(mesh_settings_string(settings, "broker/keys"), "off");
    return check_bindings(settings, guarded, error_p);
}

static void
renew_sockets(broker_t *self)
{
    relay_renew_sockets(self->relay);
    desk_renew_socket(self->desk);
}

static int on_rebind_due(zloop_t *loop, int timer_id, void *arg);

static void
plan_rebind(broker_t *self)
{
    if (self->rebind_timer == 0)
        self->rebind_timer = zloop_timer(self->loop, REBIND_MS, 1, on_rebind_due, self);
}

static int
on_rebind_due(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    broker_t *self = arg;
    char *error = NULL;
    self->rebind_timer = 0;
    bool last = ++self->rebind_tries >= REBIND_TRIES;
    if (bind_all(self, &error) == 0) {
        on_change(self);    // ports that the kernel chose are others now
        return 0;
    }
    if (last) {
        mesh_log_error("bind-failed", "%s", error);
        self->failed = true;
    } else {
        renew_sockets(self);
        plan_rebind(self);
    }
    free(error);
    return last ? -1 : 0;
}

// desk_may_stay_fn
static bool
may_stay(void *arg, const char *user)
{
    return doorkeeper_knows(((broker_t *) arg)->doorkeeper, user);
}

// doorkeeper_changed_fn: libzmq cannot close one connection, so all are closed. Who may still
// come in connects again at once, and loses nothing: publishers send again what was not
// acknowledged, subscribers replay.
static void
on_keys_changed(void *arg, const char *why)
{
    broker_t *self = arg;
    mesh_log_warning("connections-closed", "%s", why);
    relay_renew_sockets(self->relay);
    desk_dismiss(self->desk, may_stay, self);    // its callers are told while there is a socket
    desk_renew_socket(self->desk);
    self->rebind_tries = 0;
    plan_rebind(self);
}

static int
prepare(broker_t *self)
{
    char *error = NULL;
    self->runtime_dir = mesh_paths_runtime_dir(self->settings, &error);
    if (self->runtime_dir)
        self->discovery_path = mesh_paths_discovery_file(self->settings, &error);
    if (!self->discovery_path) {
        mesh_log_error("paths-unusable", "%s", error);
        free(error);
        return -1;
    }
    self->host = mesh_paths_host(self->settings);
    self->id = mesh_uuid_new();
    mesh_uuid_format(&self->id, self->incarnation);
    snprintf(self->broker_id, sizeof self->broker_id, "broker-%s", self->incarnation);
    self->identity = (desk_identity_t){self->broker_id, self->incarnation, self->endpoints};
    self->about = (discovery_self_t){
        .broker_id = self->broker_id,
        .host = self->host,
        .mesh_id = mesh_settings_string(self->settings, "mesh/mesh_id"),
        .endpoints = self->endpoints,
        .started_s = (double) zclock_time() / 1000,
        .fallback = mesh_settings_flag(self->settings, "broker/fallback"),
    };
    return take_lock(self);
}

static void
serve(broker_t *self)
{
    zloop_timer(self->loop, HEAD_EVERY_MS, 0, on_head_due, self);
    self->notice_board = notice_board_new(self->loop, self->discovery_path, &self->about,
                                          desk_registry(self->desk));
    self->split_brain = split_brain_new();
    self->lighthouse = lighthouse_new(self->loop, self->settings, &self->id, on_rival, self);
    if (self->lighthouse)
        zloop_timer(self->loop, SPLIT_CHECK_MS, 0, on_split_check, self);
    self->used_ms = zclock_mono();
    if (mesh_settings_ms(self->settings, "broker/leave_when_unused") > 0)
        zloop_timer(self->loop, UNUSED_CHECK_MS, 0, on_unused_check, self);
    mesh_log_info("ready", "%s, epoch %016llx", self->broker_id,
                  (unsigned long long) journal_epoch(relay_journal(self->relay)));
    mesh_ready_notify("READY=1");
    zloop_start(self->loop);

    mesh_ready_notify("STOPPING=1");
    lighthouse_destroy(&self->lighthouse);
    handover_destroy(&self->handover);
    drain(self);
    notice_board_destroy(&self->notice_board);
    split_brain_destroy(&self->split_brain);
    mesh_log_info("stopped", "%llu events taken",
                  (unsigned long long) relay_counts(self->relay)->taken);
}

int
broker_run(const mesh_settings_t *settings, int argc, char *argv[])
{
    if (argc > 0) {
        fprintf(stderr, "aidermesh-broker: unexpected argument \"%s\"\n", argv[0]);
        return MESH_EXIT_USAGE;
    }
    broker_t self = {.settings = settings, .lock_fd = -1, .endpoints = json_object()};
    int status = MESH_EXIT_FAILED;
    // A limit on the size of files is an error of the journal, which has an answer to it.
    signal(SIGXFSZ, SIG_IGN);
    char *error = NULL;
    // A connection is an open file: as many as the unit allows.
    (void) mesh_open_files_raise(SIZE_MAX);
    self.loop = zloop_new();
    zloop_set_nonstop(self.loop, true);
    if (prepare(&self) != 0)
        goto done;
    self.signals = mesh_signals_new(self.loop, on_signal, &self);
    self.relay = relay_new(self.loop, settings, self.host, self.incarnation, &relay_events,
                           &self, &error);
    if (!self.relay) {
        mesh_log_error("journal-unusable", "%s", error);
        goto done;
    }
    self.desk = desk_new(self.loop, settings, self.relay, &self.identity, on_change, &self);
    relay_start(self.relay);
    if (doorkeeper_new(&self.doorkeeper, self.loop, settings, on_keys_changed, &self, &error) !=
        0) {
        mesh_log_error("keys-unusable", "%s", error);
        goto done;
    }
    if (check_bindings(settings, doorkeeper_is_in_force(self.doorkeeper), &error) != 0) {
        mesh_log_error("bind-refused", "%s", error);
        status = MESH_EXIT_USAGE;
        goto done;
    }
    if (bind_all(&self, &error) != 0) {
        mesh_log_error("bind-failed", "%s", error);
        goto done;
    }
    serve(&self);
    status = self.failed ? MESH_EXIT_FAILED : MESH_EXIT_STOPPED;

done:
    desk_destroy(&self.desk);
    relay_destroy(&self.relay);
    doorkeeper_destroy(&self.doorkeeper);
    free(error);
    mesh_signals_destroy(&self.signals);
    zloop_destroy(&self.loop);
    json_decref(self.endpoints);
    json_decref(self.about.lock);
    if (self.lock_fd >= 0)
        close(self.lock_fd);
    free(self.elder);
    free(self.discovery_path);
    free(self.host);
    free(self.runtime_dir);
    return status;
}

// A heartbeat from a stranger is answered "hello_again": a sign of life that registers nobody.
static bool
answers(const char *endpoint, const mesh_key_t *key, int64_t deadline_ms)
{
    zsock_t *dealer = zsock_new(ZMQ_DEALER);
    assert(dealer);
    mesh_key_arm(key, dealer);
    zsock_set_linger(dealer, 0);
    zsock_set_rcvtimeo(dealer, (int) (deadline_ms - zclock_mono()));
    bool alive = false;
    if (zsock_connect(dealer, "%s", endpoint) == 0) {
        json_t *body = json_pack("{s:s, s:[]}", "transport_id", "healthcheck", "sources");
        zmsg_t *message = mesh_control_pack("heartbeat", body, NULL);
        json_decref(body);
        (void) zmsg_send(&message, dealer);
        zmsg_destroy(&message);
        message = zmsg_recv(dealer);
        alive = message != NULL;
        zmsg_destroy(&message);
    }
    zsock_destroy(&dealer);
    return alive;
}

int
broker_healthcheck(const mesh_settings_t *settings)
{
    char *error = NULL;
    mesh_key_t *key = NULL;
    mesh_lookup_t *lookup = mesh_lookup_new(settings, &error);
    if (!lookup || mesh_key_load(settings, &key, &error) != 0) {
        mesh_lookup_destroy(&lookup);
        fprintf(stderr, "aidermesh-broker: %s\n", error);
        free(error);
        return MESH_EXIT_FAILED;
    }
    int64_t deadline_ms = zclock_mono() + HEALTHCHECK_MS;
    bool alive = false;
    do {
        const mesh_candidate_t *candidate = mesh_lookup_next(lookup, zclock_mono());
        if (mesh_lookup_rounds(lookup) > 1)
            break;
        alive = answers(candidate->endpoint, key, deadline_ms);
        if (!alive)
            fprintf(stderr, "aidermesh-broker: no broker answers at %s within %d ms%s\n",
                    candidate->endpoint, HEALTHCHECK_MS, key ? "" : ", asked without a key");
    } while (!alive && zclock_mono() < deadline_ms);
    mesh_lookup_destroy(&lookup);
    mesh_key_destroy(&key);
    return alive ? MESH_EXIT_STOPPED : MESH_EXIT_FAILED;
}
