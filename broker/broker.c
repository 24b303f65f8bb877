// broker - the coordinator: owns the loop, the lock, the endpoints, and what lives on them
// SPDX-License-Identifier: MPL-2.0
#include "broker.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/file.h>
#include <unistd.h>

#include "bindings.h"
#include "desk.h"
#include "discovery_entries.h"
#include "doorkeeper.h"
#include "mesh/control.h"
#include "mesh/discovery.h"
#include "mesh/endpoints.h"
#include "mesh/exit_status.h"
#include "mesh/key.h"
#include "mesh/log.h"
#include "mesh/paths.h"
#include "mesh/ready.h"
#include "mesh/signals.h"
#include "mesh/uuid.h"
#include "relay.h"

enum {
    HEAD_EVERY_MS = 1000,
    DISCOVERY_EVERY_MS = 10000,
    DISCOVERY_SETTLE_MS = 20,    // programs come in bursts: one write for all of them
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
    int lock_fd;
    json_t *endpoints;    // owned: what clients are told
    relay_t *relay;       // owned
    desk_t *desk;         // owned
    desk_identity_t identity;
    mesh_signals_t *signals;     // owned
    doorkeeper_t *doorkeeper;    // owned; NULL without keys
    int rebind_timer;            // 0 while the sockets are bound
    int rebind_tries;
    bool failed;            // the loop ended because the broker cannot go on
    int discovery_timer;    // the planned write; 0 when there is none
    bool discovery_failing;
} broker_t;

// One broker for one directory: binding an ipc path silently takes it from whoever has it.
static int
take_lock(broker_t *self)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/broker.lock", self->runtime_dir);
    self->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (self->lock_fd < 0) {
        mesh_log_error("lock-failed", "%s: %s", path, strerror(errno));
        return -1;
    }
    if (flock(self->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        mesh_log_error("broker-already-running", "another broker serves %s", self->runtime_dir);
        return -1;
    }
    return 0;
}

// ---- the discovery file

static void
write_discovery(broker_t *self, bool leaving)
{
    double now_s = (double) zclock_time() / 1000;
    char *problem = NULL;
    json_t *others = mesh_discovery_read(self->discovery_path, &problem);
    if (problem) {
        mesh_log_warning("discovery-damaged", "%s; it is written anew", problem);
        free(problem);
    }
    json_t *entries =
        leaving ? discovery_entries_without(others, self->broker_id, now_s)
                : discovery_entries(others, self->broker_id, self->host, self->endpoints,
                                    desk_registry(self->desk), now_s);
    char *error = NULL;
    if (mesh_discovery_write(self->discovery_path, entries, &error) == 0) {
        self->discovery_failing = false;
    } else if (!self->discovery_failing) {
        self->discovery_failing = true;
        mesh_log_warning("discovery-unwritable", "%s", error);
    }
    free(error);
    json_decref(entries);
    json_decref(others);
}

static int
on_discovery_settled(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    broker_t *self = arg;
    self->discovery_timer = 0;
    write_discovery(self, false);
    return 0;
}

static int
on_discovery_due(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    write_discovery(arg, false);
    return 0;
}

// desk_change_fn
static void
on_change(void *arg)
{
    broker_t *self = arg;
    if (self->discovery_timer == 0)
        self->discovery_timer =
            zloop_timer(self->loop, DISCOVERY_SETTLE_MS, 1, on_discovery_settled, self);
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

static const relay_events_t relay_events = {
    .acknowledge = desk_acknowledge_event,
    .ask_again = desk_ask_again_event,
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
    mesh_uuid_t uuid = mesh_uuid_new();
    mesh_uuid_format(&uuid, self->incarnation);
    snprintf(self->broker_id, sizeof self->broker_id, "broker-%s", self->incarnation);
    self->identity = (desk_identity_t){self->broker_id, self->incarnation, self->endpoints};
    return take_lock(self);
}

static void
serve(broker_t *self)
{
    zloop_timer(self->loop, HEAD_EVERY_MS, 0, on_head_due, self);
    zloop_timer(self->loop, DISCOVERY_EVERY_MS, 0, on_discovery_due, self);
    write_discovery(self, false);
    mesh_log_info("ready", "%s, epoch %016llx", self->broker_id,
                  (unsigned long long) journal_epoch(relay_journal(self->relay)));
    mesh_ready_notify("READY=1");
    zloop_start(self->loop);

    mesh_ready_notify("STOPPING=1");
    drain(self);
    write_discovery(self, true);
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
    if (self.lock_fd >= 0)
        close(self.lock_fd);
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
    zlist_t *endpoints = mesh_endpoints_control(settings, &error);
    if (!endpoints || mesh_key_load(settings, &key, &error) != 0) {
        zlist_destroy(&endpoints);
        fprintf(stderr, "aidermesh-broker: %s\n", error);
        free(error);
        return MESH_EXIT_FAILED;
    }
    int64_t deadline_ms = zclock_mono() + HEALTHCHECK_MS;
    bool alive = false;
    for (char *endpoint = zlist_first(endpoints); endpoint && !alive;
         endpoint = zlist_next(endpoints))
        alive = zclock_mono() < deadline_ms && answers(endpoint, key, deadline_ms);
    zlist_destroy(&endpoints);
    mesh_key_destroy(&key);
    return alive ? MESH_EXIT_STOPPED : MESH_EXIT_FAILED;
}
