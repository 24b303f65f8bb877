// link_search - a link's way of looking for a broker: places to try, and beacons to listen for
// SPDX-License-Identifier: MPL-2.0
#include "link_search.h"

#include <assert.h>

#include "mesh/beacon_actor.h"
#include "mesh/log.h"

enum { REPORTS_AT_ONCE = 16 };

struct link_search {
    zloop_t *loop;                      // borrowed
    const mesh_settings_t *settings;    // borrowed
    const mesh_key_t *key;              // borrowed; NULL without keys
    mesh_lookup_t *lookup;              // owned
    mesh_beacon_actor_t *actor;         // owned; NULL while nobody listens
    link_search_fn *heard;
    void *arg;                           // borrowed
    bool named[MESH_BEACON_OUTCOMES];    // whether the log has had this reason
    bool fixed;                          // there is one place only
    bool refused;                        // the settings of beacons are wrong: said once
};

static void
name_ignored(link_search_t *self, const mesh_beacon_report_t *report)
{
    if (self->named[report->outcome])
        return;
    self->named[report->outcome] = true;
    mesh_log_warning("beacon-ignored", "%s, from %s; others for this reason are only counted",
                     mesh_beacon_outcome_name(report->outcome), report->sender);
}

static void
take_report(link_search_t *self, mesh_beacon_report_t *report)
{
    if (report->kind == MESH_BEACON_REPORT_INTERFACE) {
        mesh_log_info("beacon-interface", "%s",
                      *report->address ? report->address
                                       : "none can be listened on; it is looked for again");
        return;
    }
    // Our key lets us speak to one broker only; and a beacon cannot talk us into another.
    if (report->outcome == MESH_BEACON_OK &&
        !mesh_key_is_for(self->key, report->beacon.server_key))
        report->outcome = MESH_BEACON_OTHER_BROKER;
    if (report->outcome != MESH_BEACON_OK)
        name_ignored(self, report);
    else if (mesh_lookup_heard(self->lookup, report->beacon.endpoint, zclock_mono()))
        self->heard(self->arg);
}

// zloop_reader_fn: the actor has something to tell.
static int
on_report(zloop_t *loop, zsock_t *socket, void *arg)
{
    (void) loop;
    (void) socket;
    link_search_t *self = arg;
    mesh_beacon_report_t report;
    for (int i = 0; i < REPORTS_AT_ONCE && self->actor &&
                    mesh_beacon_actor_receive(self->actor, &report) == 0;
         i++)
        take_report(self, &report);
    return 0;
}

link_search_t *
link_search_new(zloop_t *loop, const mesh_settings_t *settings, const mesh_key_t *key,
                const char *endpoint, link_search_fn *heard, void *arg, char **error_p)
{
    assert(loop && settings && heard && error_p);
    mesh_lookup_t *lookup =
        endpoint ? mesh_lookup_new_at(settings, endpoint) : mesh_lookup_new(settings, error_p);
    if (!lookup)
        return NULL;
    link_search_t *self = zmalloc(sizeof *self);
    self->loop = loop;
    self->settings = settings;
    self->key = key;
    self->lookup = lookup;
    self->heard = heard;
    self->arg = arg;
    self->fixed = endpoint != NULL;
    return self;
}

void
link_search_destroy(link_search_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        link_search_listen(*self_p, false);
        mesh_lookup_destroy(&(*self_p)->lookup);
        free(*self_p);
        *self_p = NULL;
    }
}

void
link_search_set_key(link_search_t *self, const mesh_key_t *key)
{
    link_search_listen(self, false);
    self->key = key;
    link_search_listen(self, true);
}

mesh_lookup_t *
link_search_lookup(link_search_t *self)
{
    return self->lookup;
}

void
link_search_listen(link_search_t *self, bool listen)
{
    if (!listen && self->actor) {
        zloop_reader_end(self->loop, mesh_beacon_actor_socket(self->actor));
        mesh_beacon_actor_destroy(&self->actor);
    }
    const uint8_t *secret = mesh_key_mesh_secret(self->key);
    if (!listen || self->actor || self->refused || self->fixed || !secret ||
        !mesh_settings_flag(self->settings, "features/beacon") ||
        mesh_settings_list_size(self->settings, "mesh/seeds") > 0)
        return;
    char *error = NULL;
    self->actor = mesh_beacon_actor_new(self->settings, secret, &error);
    if (!self->actor) {
        mesh_log_warning("beacon-off", "%s", error);
        free(error);
        self->refused = true;
        return;
    }
    zloop_reader(self->loop, mesh_beacon_actor_socket(self->actor), on_report, self);
    zloop_reader_set_tolerant(self->loop, mesh_beacon_actor_socket(self->actor));
}
