// broker - the coordinator: owns the loop, the lock, the endpoints, and what lives on them
// SPDX-License-Identifier: MPL-2.0
#include "broker.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

#include "desk.h"
#include "doors.h"
#include "mesh/exit_status.h"
#include "mesh/lock_file.h"
#include "mesh/log.h"
#include "mesh/open_files.h"
#include "mesh/paths.h"
#include "mesh/ready.h"
#include "mesh/signals.h"
#include "mesh/uuid.h"
#include "notice_board.h"
#include "relay.h"
#include "rivalry.h"

enum {
    HEAD_EVERY_MS = 1000,
    UNUSED_CHECK_MS = 250,
    MAKE_ROOM_MS = 2000,    // how long a fallback broker may take to leave
    MAKE_ROOM_STEP_MS = 20,
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
    rivalry_t *rivalry;              // owned
    int64_t used_ms;                 // when somebody was last registered
    json_t *endpoints;               // owned: what clients are told
    relay_t *relay;                  // owned
    desk_t *desk;                    // owned
    desk_identity_t identity;
    mesh_signals_t *signals;    // owned
    doors_t *doors;             // owned
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
    self->rivalry =
        rivalry_new(self->loop, self->settings, self->host, &self->id, self->relay, self->desk);
    self->used_ms = zclock_mono();
    if (mesh_settings_ms(self->settings, "broker/leave_when_unused") > 0)
        zloop_timer(self->loop, UNUSED_CHECK_MS, 0, on_unused_check, self);
    mesh_log_info("ready", "%s, epoch %016llx", self->broker_id,
                  (unsigned long long) journal_epoch(relay_journal(self->relay)));
    mesh_ready_notify("READY=1");
    zloop_start(self->loop);

    mesh_ready_notify("STOPPING=1");
    rivalry_destroy(&self->rivalry);
    drain(self);
    notice_board_destroy(&self->notice_board);
    mesh_log_info("stopped", "%llu events taken",
                  (unsigned long long) relay_counts(self->relay)->taken);
}

int
broker_check(const mesh_settings_t *settings, char **error_p)
{
    // Whether there are keys is seen at the start, unless it is said that there are none.
    bool guarded = !streq(mesh_settings_string(settings, "broker/keys"), "off");
    return doors_check(settings, guarded, error_p);
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
    self.doors = doors_new(self.loop, settings, self.runtime_dir, self.relay, self.desk,
                           self.endpoints, on_change, &self);
    status = doors_open(self.doors);
    if (status != MESH_EXIT_STOPPED)
        goto done;
    serve(&self);
    if (doors_failed(self.doors))
        status = MESH_EXIT_FAILED;

done:
    desk_destroy(&self.desk);
    relay_destroy(&self.relay);
    doors_destroy(&self.doors);
    free(error);
    mesh_signals_destroy(&self.signals);
    zloop_destroy(&self.loop);
    json_decref(self.endpoints);
    json_decref(self.about.lock);
    if (self.lock_fd >= 0)
        close(self.lock_fd);
    free(self.discovery_path);
    free(self.host);
    free(self.runtime_dir);
    return status;
}
