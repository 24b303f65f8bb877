// doorkeeper - answers libzmq's questions who may connect, and watches the key store
// SPDX-License-Identifier: MPL-2.0
#include "doorkeeper.h"

#include <assert.h>
#include <sys/stat.h>

#include "mesh/log.h"

enum {
    WATCH_MS = 250,        // how soon a revocation is noticed
    SETTLED_MS = 500,      // two changes of a directory sooner than this may show as one
    COMPLAIN_MS = 5000,    // how often files that cannot be read are tried again
    REQUEST_FRAMES = 7,    // version, request id, domain, address, identity, mechanism, key
    REFUSALS_LOGGED_MS = 10000,
};

struct doorkeeper {
    zloop_t *loop;       // borrowed
    char *dir;           // owned; the key store
    char *authorized;    // owned; the directory that is watched
    bool in_force;
    mesh_key_file_t pair;    // the broker's, once keys are in force
    gate_t *gate;            // owned
    zsock_t *zap;            // owned; NULL before
    doorkeeper_changed_fn *changed;
    void *arg;    // borrowed
    int timer;
    struct timespec seen;    // the directory's time of change when it was last read
    int64_t again_ms;        // when it is read again though it has not changed; 0 for never
    char *complaint;         // owned; what was said of it last, NULL for nothing
    int64_t refusal_logged_ms;
};

// The directory's time of change; 0 when there is none.
static struct timespec
change_time(const doorkeeper_t *self)
{
    struct stat status;
    if (stat(self->authorized, &status) == 0)
        return status.st_mtim;
    return (struct timespec){0, 0};
}

// Take what is wrong with the key store, and say it unless it was said. Steals complaint.
static void
complain(doorkeeper_t *self, char *complaint)
{
    if (complaint && !(self->complaint && streq(self->complaint, complaint)))
        mesh_log_error("keys-unreadable", "%s; who this is about stays as authorized as before",
                       complaint);
    free(self->complaint);
    self->complaint = complaint;
}

// Read who is authorized. What cannot be read changes nothing: a broken file must neither close
// the door to all nor keep it open for who was revoked.
static gate_change_t
read_keys(doorkeeper_t *self)
{
    mesh_key_entry_t *entries = NULL;
    size_t count = 0;
    char *complaint = NULL;
    gate_change_t change = GATE_SAME;
    self->seen = change_time(self);
    if (mesh_key_store_list(self->dir, &entries, &count, &complaint) == 0)
        change = gate_replace(self->gate, entries, count);
    free(entries);
    complain(self, complaint);
    int64_t age_ms = zclock_time() - (int64_t) self->seen.tv_sec * 1000;
    self->again_ms = 0;
    if (age_ms >= 0 && age_ms < SETTLED_MS + 1000)
        self->again_ms = zclock_mono() + WATCH_MS;
    else if (self->complaint)
        self->again_ms = zclock_mono() + COMPLAIN_MS;
    return change;
}

static bool
has_changed(const doorkeeper_t *self)
{
    struct timespec now = change_time(self);
    return now.tv_sec != self->seen.tv_sec || now.tv_nsec != self->seen.tv_nsec ||
           (self->again_ms != 0 && zclock_mono() >= self->again_ms);
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
        char *door = domain ? zframe_strdup(domain) : NULL;
        mesh_log_warning("stranger-refused", "from %s, at %s; %llu refused so far",
                         address && *address ? address : "this host", door ? door : "?",
                         (unsigned long long) gate_refused(self->gate));
        free(address);
        free(door);
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

// Put keys in force when there is a broker's key. Returns -1 with a sentence when there is one
// that cannot be used.
static int
take_office(doorkeeper_t *self, char **error_p)
{
    bool found;
    if (mesh_key_store_load(self->dir, "broker", &self->pair, &found, error_p) != 0)
        return -1;
    if (!found)
        return 0;
    self->zap = zsock_new(ZMQ_REP);
    assert(self->zap);
    if (zsock_bind(self->zap, "inproc://zeromq.zap.01") == -1) {
        zsock_destroy(&self->zap);
        *error_p = strdup("another ZAP handler runs in this process");
        return -1;
    }
    zloop_reader(self->loop, self->zap, on_request, self);
    zloop_reader_set_tolerant(self->loop, self->zap);
    self->in_force = true;
    (void) read_keys(self);
    return 0;
}

static int
on_watch(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    doorkeeper_t *self = arg;
    if (!self->in_force) {
        char *error = NULL;
        if (take_office(self, &error) != 0) {
            complain(self, error);
        } else if (self->in_force) {
            complain(self, NULL);
            self->changed(self->arg, "keys are in force from now on");
        }
    } else if (has_changed(self)) {
        gate_change_t change = read_keys(self);
        if (change != GATE_SAME)
            mesh_log_info("keys-read", "%s",
                          change == GATE_MUST_GO ? "a key in use is no longer authorized"
                                                 : "nobody has to go");
        if (change == GATE_MUST_GO)
            self->changed(self->arg, "a key was revoked");
    }
    return 0;
}

int
doorkeeper_new(doorkeeper_t **self_p, zloop_t *loop, const mesh_settings_t *settings,
               doorkeeper_changed_fn *changed, void *arg, char **error_p)
{
    assert(self_p && loop && settings && changed && error_p);
    *self_p = NULL;
    const char *wanted = mesh_settings_string(settings, "broker/keys");
    if (streq(wanted, "off"))
        return 0;
    char *dir = mesh_key_store_dir(settings, error_p);
    if (!dir)
        return -1;
    doorkeeper_t *self = zmalloc(sizeof *self);
    self->loop = loop;
    self->dir = dir;
    self->authorized = zsys_sprintf("%s/authorized", dir);
    assert(self->authorized);
    self->gate = gate_new();
    self->changed = changed;
    self->arg = arg;
    int rc = take_office(self, error_p);
    if (rc == 0 && !self->in_force && streq(wanted, "on")) {
        *error_p =
            strdup("broker/keys is on, and there is no key: run 'aidermesh keys new' first");
        rc = -1;
    }
    if (rc != 0) {
        doorkeeper_destroy(&self);
        return -1;
    }
    self->timer = zloop_timer(loop, WATCH_MS, 0, on_watch, self);
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
        mesh_key_file_wipe(&self->pair);
        free(self->complaint);
        freen(self->authorized);
        free(self->dir);
        free(self);
        *self_p = NULL;
    }
}

void
doorkeeper_guard(const doorkeeper_t *self, zsock_t *socket, gate_door_t door)
{
    if (!self || !self->in_force)
        return;
    zsock_set_zap_domain(socket, gate_domain(door));
    zsock_set_zap_enforce_domain(socket, 1);
    zsock_set_curve_publickey(socket, self->pair.public_key);
    zsock_set_curve_secretkey(socket, self->pair.secret_key);
    zsock_set_curve_server(socket, 1);
}

bool
doorkeeper_is_in_force(const doorkeeper_t *self)
{
    return self && self->in_force;
}

bool
doorkeeper_knows(const doorkeeper_t *self, const char *name)
{
    return !self || !self->in_force || gate_knows(self->gate, name);
}
