// doorkeeper - answers libzmq's questions who may connect, and watches the key store
// SPDX-License-Identifier: MPL-2.0
#include "doorkeeper.h"

#include <assert.h>
#include <sys/stat.h>

#include "mesh/log.h"

enum {
    WATCH_MS = 250,        // how soon a revocation is noticed
    REQUEST_FRAMES = 7,    // version, request id, domain, address, identity, mechanism, key
    REFUSALS_LOGGED_MS = 10000,
};

struct doorkeeper {
    zloop_t *loop;       // borrowed
    char *dir;           // owned; the key store
    char *authorized;    // owned; the directory that is watched
    zcert_t *cert;       // owned; the broker's
    gate_t *gate;        // owned
    zsock_t *zap;        // owned
    doorkeeper_revoked_fn *revoked;
    void *arg;    // borrowed
    int timer;
    struct timespec changed;    // of the directory, when it was last read
    int64_t refusal_logged_ms;
};

// Read who is authorized. On failure everybody stays as before: a broken file must not close
// the door to all.
static int
read_keys(doorkeeper_t *self, bool *must_go_p, char **error_p)
{
    struct stat status;
    struct timespec changed = {0, 0};
    if (stat(self->authorized, &status) == 0)
        changed = status.st_mtim;
    mesh_key_entry_t *entries = NULL;
    size_t count = 0;
    if (mesh_key_store_list(self->dir, &entries, &count, error_p) != 0)
        return -1;
    *must_go_p = gate_replace(self->gate, entries, count);
    free(entries);
    self->changed = changed;
    return 0;
}

static bool
has_changed(const doorkeeper_t *self)
{
    struct stat status;
    return stat(self->authorized, &status) == 0 &&
           (status.st_mtim.tv_sec != self->changed.tv_sec ||
            status.st_mtim.tv_nsec != self->changed.tv_nsec);
}

static int
on_watch(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    doorkeeper_t *self = arg;
    if (!has_changed(self))
        return 0;
    bool must_go = false;
    char *error = NULL;
    if (read_keys(self, &must_go, &error) != 0) {
        mesh_log_error("keys-unreadable", "%s; who was authorized before still is", error);
        free(error);
        return 0;
    }
    mesh_log_info("keys-read", "%s", must_go ? "a key in use was revoked" : "nobody has to go");
    if (must_go)
        self->revoked(self->arg);
    return 0;
}

static void
answer(doorkeeper_t *self, zmsg_t *request)
{
    zframe_t *frames[REQUEST_FRAMES];
    for (int i = 0; i < REQUEST_FRAMES; i++)
        frames[i] = zmsg_pop(request);
    char user[GATE_USER_SIZE] = "";
    zframe_t *domain = frames[2], *mechanism = frames[5], *key = frames[6];
    bool admitted =
        domain && mechanism && key &&
        gate_admit(self->gate, (const char *) zframe_data(domain), zframe_size(domain),
                   (const char *) zframe_data(mechanism), zframe_size(mechanism),
                   zframe_data(key), zframe_size(key), user);
    int64_t now_ms = zclock_mono();
    if (!admitted && (self->refusal_logged_ms == 0 ||
                      now_ms - self->refusal_logged_ms >= REFUSALS_LOGGED_MS)) {
        self->refusal_logged_ms = now_ms;
        char *address = frames[3] ? zframe_strdup(frames[3]) : NULL;
        mesh_log_warning("stranger-refused", "from %s; %llu refused so far",
                         address ? address : "?",
                         (unsigned long long) gate_refused(self->gate));
        free(address);
    }
    zmsg_t *reply = zmsg_new();
    zmsg_addstr(reply, "1.0");
    if (frames[1])
        zmsg_append(reply, &frames[1]);
    else
        zmsg_addstr(reply, "");
    zmsg_addstr(reply, admitted ? "200" : "400");
    zmsg_addstr(reply, admitted ? "OK" : "no authorized key for this door");
    zmsg_addstr(reply, user);
    zmsg_addstr(reply, "");
    (void) zmsg_send(&reply, self->zap);
    zmsg_destroy(&reply);
    for (int i = 0; i < REQUEST_FRAMES; i++)
        zframe_destroy(&frames[i]);
}

// zloop_reader_fn: libzmq asks.
static int
on_request(zloop_t *loop, zsock_t *socket, void *arg)
{
    (void) loop;
    zmsg_t *request = zmsg_recv(socket);
    if (request) {
        answer(arg, request);
        zmsg_destroy(&request);
    }
    return 0;
}

static int
start(doorkeeper_t *self, char **error_p)
{
    bool must_go;
    if (read_keys(self, &must_go, error_p) != 0)
        return -1;
    self->zap = zsock_new(ZMQ_REP);
    assert(self->zap);
    if (zsock_bind(self->zap, "inproc://zeromq.zap.01") == -1) {
        *error_p = strdup("another ZAP handler runs in this process");
        return -1;
    }
    zloop_reader(self->loop, self->zap, on_request, self);
    zloop_reader_set_tolerant(self->loop, self->zap);
    self->timer = zloop_timer(self->loop, WATCH_MS, 0, on_watch, self);
    return 0;
}

int
doorkeeper_new(doorkeeper_t **self_p, zloop_t *loop, const mesh_settings_t *settings,
               doorkeeper_revoked_fn *revoked, void *arg, char **error_p)
{
    assert(self_p && loop && settings && revoked && error_p);
    *self_p = NULL;
    const char *wanted = mesh_settings_string(settings, "broker/keys");
    if (streq(wanted, "off"))
        return 0;
    char *dir = mesh_key_store_dir(settings, error_p);
    zcert_t *cert = NULL;
    if (!dir || mesh_key_store_load(dir, "broker", &cert, error_p) != 0) {
        free(dir);
        return -1;
    }
    if (!cert) {
        int rc = 0;
        if (streq(wanted, "on")) {
            *error_p =
                strdup("broker/keys is on, and there is no key: run aidermesh keys new NAME");
            rc = -1;
        }
        free(dir);
        return rc;
    }
    doorkeeper_t *self = zmalloc(sizeof *self);
    self->loop = loop;
    self->dir = dir;
    self->cert = cert;
    self->gate = gate_new();
    self->revoked = revoked;
    self->arg = arg;
    self->authorized = zsys_sprintf("%s/authorized", dir);
    assert(self->authorized);
    if (start(self, error_p) != 0) {
        doorkeeper_destroy(&self);
        return -1;
    }
    *self_p = self;
    return 0;
}

void
doorkeeper_destroy(doorkeeper_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        doorkeeper_t *self = *self_p;
        if (self->timer)
            zloop_timer_end(self->loop, self->timer);
        if (self->zap)
            zloop_reader_end(self->loop, self->zap);
        zsock_destroy(&self->zap);
        gate_destroy(&self->gate);
        zcert_destroy(&self->cert);
        freen(self->authorized);
        free(self->dir);
        free(self);
        *self_p = NULL;
    }
}

void
doorkeeper_guard(const doorkeeper_t *self, zsock_t *socket, gate_door_t door)
{
    if (!self)
        return;
    zsock_set_zap_domain(socket, gate_domain(door));
    zsock_set_zap_enforce_domain(socket, 1);
    zcert_apply(self->cert, socket);
    zsock_set_curve_server(socket, 1);
}
