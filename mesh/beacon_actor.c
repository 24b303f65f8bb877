// beacon_actor - sends and hears beacons, in a thread of its own
// SPDX-License-Identifier: MPL-2.0
#include "mesh/beacon_actor.h"

#include <arpa/inet.h>
#include <assert.h>
#include <sodium.h>

#include "beacon_interface.h"
#include "mesh/beacon_table.h"
#include "text.h"

enum {
    LOOK_MS = 5000,         // how often the interface is looked at
    LOOK_SOON_MS = 1000,    // while there is none
    IGNORED_REPORTED_MS = 1000,
    // zbeacon repeats what it sends, and a beacon that comes again is a replayed one: so its
    // own pause is longer than a broker lives between two of ours.
    REPEAT_MS = 24 * 60 * 60 * 1000,
};

struct mesh_beacon_actor {
    zactor_t *actor;    // owned
};

// What the actor's thread is given.
typedef struct plan {
    char *mesh_id;    // owned
    uint8_t secret[MESH_BEACON_SECRET_BYTES];
    uint32_t network, netmask;    // netmask 0: any
    int port;
} plan_t;

// Lives in the actor's thread.
typedef struct ear {
    zsock_t *pipe;                 // borrowed
    plan_t *plan;                  // owned
    mesh_beacon_table_t *table;    // owned
    zactor_t *zbeacon;             // owned; NULL while there is no interface
    beacon_interface_t interface;
    zpoller_t *poller;    // owned
    int64_t look_ms;      // when to look at the interface next
    int64_t reported_ms[MESH_BEACON_OUTCOMES];
    bool told_none;
} ear_t;

static void
plan_destroy(plan_t **self_p)
{
    free((*self_p)->mesh_id);
    sodium_memzero(*self_p, sizeof **self_p);
    free(*self_p);
    *self_p = NULL;
}

static void
report(ear_t *self, const mesh_beacon_report_t *report)
{
    // Whoever does not read misses something, but we go on.
    zframe_t *frame = zframe_new(report, sizeof *report);
    if (zframe_send(&frame, self->pipe, ZFRAME_DONTWAIT) != 0)
        zframe_destroy(&frame);
}

static void
report_interface(ear_t *self, const char *address)
{
    mesh_beacon_report_t said = {.kind = MESH_BEACON_REPORT_INTERFACE};
    snprintf(said.address, sizeof said.address, "%s", address);
    if (*address || !self->told_none)
        report(self, &said);
    self->told_none = !*address;
}

static void
close_zbeacon(ear_t *self)
{
    if (self->zbeacon) {
        zpoller_remove(self->poller, self->zbeacon);
        zactor_destroy(&self->zbeacon);
    }
}

// Begin on the interface. Every argument is known to be one that zbeacon can take.
static int
open_zbeacon(ear_t *self, const char *address)
{
    zsys_set_interface(address);
    self->zbeacon = zactor_new(zbeacon, NULL);
    assert(self->zbeacon);
    zsock_send(self->zbeacon, "si", "CONFIGURE", self->plan->port);
    char *name = zstr_recv(self->zbeacon);
    bool usable = name && *name;
    zstr_free(&name);
    if (!usable) {
        // It would not recover: it listens to nothing until it is configured again.
        zactor_destroy(&self->zbeacon);
        return -1;
    }
    zsock_send(self->zbeacon, "sb", "SUBSCRIBE", MESH_BEACON_MAGIC, strlen(MESH_BEACON_MAGIC));
    zpoller_add(self->poller, self->zbeacon);
    return 0;
}

// See whether the interface is still the one to use.
static void
look(ear_t *self)
{
    beacon_interface_t all[BEACON_INTERFACES_LIMIT];
    size_t count = beacon_interface_list(all);
    const beacon_interface_t *found =
        beacon_interface_choose(all, count, self->plan->network, self->plan->netmask);
    bool same = found && self->zbeacon && found->address == self->interface.address &&
                found->netmask == self->interface.netmask;
    if (!same) {
        close_zbeacon(self);
        char address[BEACON_ADDRESS_SIZE] = "";
        if (found) {
            self->interface = *found;
            beacon_interface_format(found->address, address);
        }
        if (found && open_zbeacon(self, address) != 0)
            address[0] = '\0';
        report_interface(self, address);
    }
    self->look_ms = zclock_mono() + (self->zbeacon ? LOOK_MS : LOOK_SOON_MS);
}

// Beacons of every interface are heard; those of another network are not ours.
static bool
is_on_network(const ear_t *self, const char *sender)
{
    struct in_addr address;
    return inet_pton(AF_INET, sender, &address) == 1 &&
           ((ntohl(address.s_addr) ^ self->interface.address) & self->interface.netmask) == 0;
}

static void
hear(ear_t *self)
{
    char *sender = zstr_recv(self->zbeacon);
    zframe_t *frame = zframe_recv(self->zbeacon);
    if (sender && frame) {
        mesh_beacon_report_t heard = {.kind = MESH_BEACON_REPORT_HEARD};
        snprintf(heard.sender, sizeof heard.sender, "%s", sender);
        if (is_on_network(self, sender)) {
            heard.outcome =
                mesh_beacon_table_take(self->table, zframe_data(frame), zframe_size(frame),
                                       zclock_time(), &heard.beacon);
        } else {
            heard.outcome = MESH_BEACON_OFF_NETWORK;
            mesh_beacon_table_ignored(self->table, heard.outcome);
            (void) mesh_beacon_decode(&heard.beacon, zframe_data(frame), zframe_size(frame));
        }
        heard.count = mesh_beacon_table_count(self->table, heard.outcome);
        int64_t now_ms = zclock_mono();
        int64_t *last_ms = &self->reported_ms[heard.outcome];
        if (heard.outcome == MESH_BEACON_OK || *last_ms == 0 ||
            now_ms - *last_ms >= IGNORED_REPORTED_MS) {
            *last_ms = now_ms;
            report(self, &heard);
        }
    }
    zframe_destroy(&frame);
    zstr_free(&sender);
}

// Returns -1 when the actor is to end.
static int
obey(ear_t *self)
{
    zmsg_t *message = zmsg_recv(self->pipe);
    if (!message)
        return -1;
    char *verb = zmsg_popstr(message);
    zframe_t *bytes = zmsg_pop(message);
    int rc = verb && streq(verb, "SEND") ? 0 : -1;
    if (rc == 0 && self->zbeacon && bytes && zframe_size(bytes) <= MESH_BEACON_LIMIT)
        zsock_send(self->zbeacon, "sbi", "PUBLISH", zframe_data(bytes), zframe_size(bytes),
                   REPEAT_MS);
    zframe_destroy(&bytes);
    zstr_free(&verb);
    zmsg_destroy(&message);
    return rc;
}

// zactor_fn
static void
listen_for_beacons(zsock_t *pipe, void *arg)
{
    ear_t self = {.pipe = pipe, .plan = arg};
    self.table = mesh_beacon_table_new(self.plan->mesh_id, self.plan->secret);
    self.poller = zpoller_new(pipe, NULL);
    assert(self.poller);
    zpoller_set_nonstop(self.poller, true);
    zsock_signal(pipe, 0);
    look(&self);
    bool going = true;
    while (going) {
        int64_t pause_ms = self.look_ms - zclock_mono();
        void *readable = zpoller_wait(self.poller, pause_ms > 0 ? (int) pause_ms : 0);
        if (readable == pipe)
            going = obey(&self) == 0;
        else if (readable)
            hear(&self);
        if (going && zclock_mono() >= self.look_ms)
            look(&self);
    }
    close_zbeacon(&self);
    zpoller_destroy(&self.poller);
    mesh_beacon_table_destroy(&self.table);
    plan_destroy(&self.plan);
}

mesh_beacon_actor_t *
mesh_beacon_actor_new(const mesh_settings_t *settings,
                      const uint8_t secret[static MESH_BEACON_SECRET_BYTES], char **error_p)
{
    assert(settings && secret && error_p);
    const char *mesh_id = mesh_settings_string(settings, "mesh/mesh_id");
    const char *network = mesh_settings_string(settings, "mesh/beacon_interface");
    plan_t plan = {.port = (int) mesh_settings_number(settings, "mesh/beacon_port")};
    size_t length = strlen(mesh_id);
    if (length == 0 || length > MESH_BEACON_MESH_ID_LIMIT) {
        *error_p = mesh_text_printf("mesh/mesh_id: beacons carry one of 1 to %d bytes",
                                    MESH_BEACON_MESH_ID_LIMIT);
        return NULL;
    }
    if (*network && beacon_interface_parse(network, &plan.network, &plan.netmask) != 0) {
        char *quoted = mesh_text_quoted(network);
        *error_p = mesh_text_printf(
            "mesh/beacon_interface: %s is no network such as 10.1.0.0/16", quoted);
        free(quoted);
        return NULL;
    }
    if (zsys_ipv6()) {
        *error_p = strdup("beacons are of IPv4, and ZSYS_IPV6 is set");
        return NULL;
    }
    // What CZMQ has to say of a network that is away it says every second, on a stream; the
    // report of the interface says it once.
    zsys_set_logstream(NULL);
    plan_t *copy = zmalloc(sizeof *copy);
    *copy = plan;
    copy->mesh_id = strdup(mesh_id);
    memcpy(copy->secret, secret, sizeof copy->secret);
    mesh_beacon_actor_t *self = zmalloc(sizeof *self);
    self->actor = zactor_new(listen_for_beacons, copy);
    assert(self->actor);
    return self;
}

void
mesh_beacon_actor_destroy(mesh_beacon_actor_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        zactor_destroy(&(*self_p)->actor);
        free(*self_p);
        *self_p = NULL;
    }
}

zsock_t *
mesh_beacon_actor_socket(mesh_beacon_actor_t *self)
{
    return zactor_sock(self->actor);
}

int
mesh_beacon_actor_receive(mesh_beacon_actor_t *self, mesh_beacon_report_t *report_p)
{
    zsock_t *socket = mesh_beacon_actor_socket(self);
    if (!(zsock_events(socket) & ZMQ_POLLIN))
        return -1;
    zframe_t *frame = zframe_recv(socket);
    int rc = frame && zframe_size(frame) == sizeof *report_p ? 0 : -1;
    if (rc == 0)
        memcpy(report_p, zframe_data(frame), sizeof *report_p);
    zframe_destroy(&frame);
    return rc;
}

void
mesh_beacon_actor_send(mesh_beacon_actor_t *self, const uint8_t *bytes, size_t size_bytes)
{
    assert(self && bytes && size_bytes > 0 && size_bytes <= MESH_BEACON_LIMIT);
    zsock_send(self->actor, "sb", "SEND", bytes, size_bytes);
}
