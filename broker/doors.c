// doors - the broker's three sockets: guarded, bound, and bound anew when keys have changed
// SPDX-License-Identifier: MPL-2.0
#include "doors.h"

#include <assert.h>

#include "bindings.h"
#include "doorkeeper.h"
#include "mesh/exit_status.h"
#include "mesh/log.h"

enum {
    REBIND_MS = 10,    // a port is free again a little after its socket was closed
    REBIND_TRIES = 200,
};

struct doors {
    zloop_t *loop;    // borrowed, as the next ones
    const mesh_settings_t *settings;
    const char *runtime_dir;
    relay_t *relay;
    desk_t *desk;
    json_t *endpoints;
    doors_change_fn *on_change;
    void *arg;
    doorkeeper_t *doorkeeper;    // owned; NULL without keys
    int rebind_timer;            // 0 while the sockets are bound
    int rebind_tries;
    bool failed;
};

static const struct {
    const char *name, *key;
} names[GATE_DOORS] = {
    [GATE_PUBLISH] = {"publish", "broker/bind_publish"},
    [GATE_SUBSCRIBE] = {"subscribe", "broker/bind_subscribe"},
    [GATE_CONTROL] = {"control", "broker/bind_control"},
};

// Guard and bind every socket; *error_p is a sentence the caller frees when one cannot be
// bound.
static int
bind_all(doors_t *self, char **error_p)
{
    zsock_t *const sockets[GATE_DOORS] = {
        [GATE_PUBLISH] = relay_publish_socket(self->relay),
        [GATE_SUBSCRIBE] = relay_subscribe_socket(self->relay),
        [GATE_CONTROL] = desk_socket(self->desk),
    };
    for (gate_door_t door = 0; door < GATE_DOORS; door++) {
        doorkeeper_guard(self->doorkeeper, sockets[door], door);
        char *endpoint = bindings_bind(sockets[door], self->settings, names[door].key,
                                       self->runtime_dir, names[door].name, error_p);
        if (!endpoint)
            return -1;
        mesh_log_info("listening", "%s on %s", names[door].name, endpoint);
        json_object_set_new(self->endpoints, names[door].name, json_string(endpoint));
        free(endpoint);
    }
    return 0;
}

int
doors_check(const mesh_settings_t *settings, bool guarded, char **error_p)
{
    for (gate_door_t door = 0; door < GATE_DOORS; door++)
        if (bindings_check(settings, names[door].key, guarded, error_p) != 0)
            return -1;
    return 0;
}

static void
renew_sockets(doors_t *self)
{
    relay_renew_sockets(self->relay);
    desk_renew_socket(self->desk);
}

static int on_rebind_due(zloop_t *loop, int timer_id, void *arg);

static void
plan_rebind(doors_t *self)
{
    if (self->rebind_timer == 0)
        self->rebind_timer = zloop_timer(self->loop, REBIND_MS, 1, on_rebind_due, self);
}

static int
on_rebind_due(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    doors_t *self = arg;
    char *error = NULL;
    self->rebind_timer = 0;
    bool last = ++self->rebind_tries >= REBIND_TRIES;
    if (bind_all(self, &error) == 0) {
        self->on_change(self->arg);    // ports that the kernel chose are others now
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
    return doorkeeper_knows(((doors_t *) arg)->doorkeeper, user);
}

// doorkeeper_changed_fn: libzmq cannot close one connection, so all are closed. Who may still
// come in connects again at once, and loses nothing: publishers send again what was not
// acknowledged, subscribers replay.
static void
on_keys_changed(void *arg, const char *why)
{
    doors_t *self = arg;
    mesh_log_warning("connections-closed", "%s", why);
    relay_renew_sockets(self->relay);
    desk_dismiss(self->desk, may_stay, self);    // its callers are told while there is a socket
    desk_renew_socket(self->desk);
    self->rebind_tries = 0;
    plan_rebind(self);
}

doors_t *
doors_new(zloop_t *loop, const mesh_settings_t *settings, const char *runtime_dir,
          relay_t *relay, desk_t *desk, json_t *endpoints, doors_change_fn *on_change,
          void *arg)
{
    assert(loop && settings && runtime_dir && relay && desk && endpoints && on_change);
    doors_t *self = zmalloc(sizeof *self);
    self->loop = loop;
    self->settings = settings;
    self->runtime_dir = runtime_dir;
    self->relay = relay;
    self->desk = desk;
    self->endpoints = endpoints;
    self->on_change = on_change;
    self->arg = arg;
    return self;
}

void
doors_destroy(doors_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        doors_t *self = *self_p;
        if (self->rebind_timer)
            zloop_timer_end(self->loop, self->rebind_timer);
        doorkeeper_destroy(&self->doorkeeper);
        free(self);
        *self_p = NULL;
    }
}

int
doors_open(doors_t *self)
{
    char *error = NULL;
    int status = MESH_EXIT_FAILED;
    if (doorkeeper_new(&self->doorkeeper, self->loop, self->settings, on_keys_changed, self,
                       &error) != 0) {
        mesh_log_error("keys-unusable", "%s", error);
    } else if (doors_check(self->settings, doorkeeper_is_in_force(self->doorkeeper), &error) !=
               0) {
        mesh_log_error("bind-refused", "%s", error);
        status = MESH_EXIT_USAGE;
    } else if (bind_all(self, &error) != 0) {
        mesh_log_error("bind-failed", "%s", error);
    } else {
        status = MESH_EXIT_STOPPED;
    }
    free(error);
    return status;
}

bool
doors_failed(const doors_t *self)
{
    return self->failed;
}
