// lighthouse - sends this broker's beacons, and hears those of other brokers
// SPDX-License-Identifier: MPL-2.0
#include "lighthouse.h"

#include <assert.h>
#include <sodium.h>

#include "mesh/beacon_actor.h"
#include "mesh/key_store.h"
#include "mesh/log.h"

enum { REPORTS_AT_ONCE = 16, PORT_MOST = 65535 };

struct lighthouse {
    zloop_t *loop;                 // borrowed
    const char *bound;             // borrowed; what other hosts can reach
    mesh_beacon_actor_t *actor;    // owned
    lighthouse_fn *heard;
    void *arg;    // borrowed
    mesh_beacon_t beacon;
    uint8_t secret[MESH_BEACON_SECRET_BYTES];
    bool has_endpoint;
    int timer;
    bool named[MESH_BEACON_OUTCOMES];    // whether the log has had this reason
};

static bool
starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

int
lighthouse_endpoint(const char *bound, const char *address,
                    char endpoint[static MESH_BEACON_ENDPOINT_LIMIT + 1])
{
    const char *port = strrchr(bound, ':');
    char *end = NULL;
    long number = port ? strtol(port + 1, &end, 10) : 0;
    if (!starts_with(bound, "tcp://") || starts_with(bound, "tcp://127.") ||
        starts_with(bound, "tcp://[") || number < 1 || number > PORT_MOST || *end)
        return -1;
    bool any = starts_with(bound, "tcp://*:") || starts_with(bound, "tcp://0.0.0.0:");
    int size = any ? snprintf(endpoint, MESH_BEACON_ENDPOINT_LIMIT + 1, "tcp://%s:%ld", address,
                              number)
                   : snprintf(endpoint, MESH_BEACON_ENDPOINT_LIMIT + 1, "%s", bound);
    return size > 0 && size <= MESH_BEACON_ENDPOINT_LIMIT ? 0 : -1;
}

static void
take_report(lighthouse_t *self, const mesh_beacon_report_t *report)
{
    if (report->kind == MESH_BEACON_REPORT_INTERFACE) {
        self->has_endpoint =
            *report->address &&
            lighthouse_endpoint(self->bound, report->address, self->beacon.endpoint) == 0;
        mesh_log_info("beacon-interface", "%s",
                      *report->address ? report->address
                                       : "none can be sent on; it is looked for again");
    } else if (report->outcome == MESH_BEACON_OK) {
        if (!mesh_uuid_equal(&report->beacon.broker, &self->beacon.broker))
            self->heard(self->arg, &report->beacon);
    } else if (!self->named[report->outcome]) {
        self->named[report->outcome] = true;
        mesh_log_warning("beacon-ignored",
                         "%s, from %s; others for this reason are only counted",
                         mesh_beacon_outcome_name(report->outcome), report->sender);
    }
}

// zloop_timer_fn
static int
on_due(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    lighthouse_t *self = arg;
    if (!self->has_endpoint)
        return 0;
    self->beacon.counter++;
    self->beacon.time_ms = zclock_time();
    uint8_t bytes[MESH_BEACON_LIMIT];
    size_t size = mesh_beacon_encode(&self->beacon, self->secret, bytes);
    if (size > 0)
        mesh_beacon_actor_send(self->actor, bytes, size);
    return 0;
}

// zloop_reader_fn
static int
on_report(zloop_t *loop, zsock_t *socket, void *arg)
{
    (void) loop;
    (void) socket;
    lighthouse_t *self = arg;
    mesh_beacon_report_t report;
    for (int i = 0; i < REPORTS_AT_ONCE && mesh_beacon_actor_receive(self->actor, &report) == 0;
         i++) {
        bool dark = !self->has_endpoint;
        take_report(self, &report);
        if (dark && self->has_endpoint)
            (void) on_due(self->loop, 0, self);
    }
    return 0;
}

// The endpoint that other hosts can reach; NULL when none can be.
static const char *
reachable(const mesh_settings_t *settings)
{
    char endpoint[MESH_BEACON_ENDPOINT_LIMIT + 1];
    size_t count = mesh_settings_list_size(settings, "broker/bind_control");
    for (size_t i = 0; i < count; i++) {
        const char *bound = mesh_settings_list_item(settings, "broker/bind_control", i);
        if (lighthouse_endpoint(bound, "255.255.255.255", endpoint) == 0)
            return bound;
    }
    return NULL;
}

// The broker's pair. Returns whether there is one and keys are in force.
static bool
load_pair(const mesh_settings_t *settings, mesh_key_file_t *pair)
{
    bool found = false;
    char *error = NULL;
    if (streq(mesh_settings_string(settings, "broker/keys"), "off"))
        return false;
    char *dir = mesh_key_store_dir(settings, &error);
    if (!dir || mesh_key_store_load(dir, "broker", pair, &found, &error) != 0) {
        mesh_log_warning("beacon-off", "%s", error);
        found = false;
    }
    free(error);
    free(dir);
    return found;
}

lighthouse_t *
lighthouse_new(zloop_t *loop, const mesh_settings_t *settings, const mesh_uuid_t *broker,
               lighthouse_fn *heard, void *arg)
{
    assert(loop && settings && broker && heard);
    const char *bound = reachable(settings);
    if (!bound || !mesh_settings_flag(settings, "features/beacon"))
        return NULL;
    mesh_key_file_t pair;
    if (!load_pair(settings, &pair))
        return NULL;
    lighthouse_t *self = zmalloc(sizeof *self);
    self->loop = loop;
    self->bound = bound;
    self->heard = heard;
    self->arg = arg;
    self->beacon.broker = *broker;
    const uint8_t *decoded = zmq_z85_decode(self->beacon.server_key, pair.public_key);
    assert(decoded);
    char *error = NULL;
    if (mesh_key_file_mesh_secret(&pair, self->secret) != 0)
        error = strdup("the broker's key is older than the mesh's secret");
    else
        self->actor = mesh_beacon_actor_new(settings, self->secret, &error);
    mesh_key_file_wipe(&pair);
    if (!self->actor) {
        mesh_log_warning("beacon-off", "%s", error);
        free(error);
        lighthouse_destroy(&self);
        return NULL;
    }
    free(error);
    snprintf(self->beacon.mesh_id, sizeof self->beacon.mesh_id, "%s",
             mesh_settings_string(settings, "mesh/mesh_id"));
    zloop_reader(loop, mesh_beacon_actor_socket(self->actor), on_report, self);
    zloop_reader_set_tolerant(loop, mesh_beacon_actor_socket(self->actor));
    self->timer = zloop_timer(loop, (size_t) mesh_settings_ms(settings, "mesh/beacon_every"), 0,
                              on_due, self);
    return self;
}

void
lighthouse_destroy(lighthouse_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        lighthouse_t *self = *self_p;
        if (self->timer)
            zloop_timer_end(self->loop, self->timer);
        if (self->actor)
            zloop_reader_end(self->loop, mesh_beacon_actor_socket(self->actor));
        mesh_beacon_actor_destroy(&self->actor);
        sodium_memzero(self, sizeof *self);
        free(self);
        *self_p = NULL;
    }
}
