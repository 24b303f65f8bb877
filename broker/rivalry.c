// rivalry - another broker of the mesh is heard: it is told, and the younger makes room
// SPDX-License-Identifier: MPL-2.0
#include "rivalry.h"

#include <assert.h>

#include "handover.h"
#include "lighthouse.h"
#include "mesh/log.h"
#include "split_brain.h"

enum {
    SPLIT_CHECK_MS = 1000,
    SEND_AWAY_MS = 3000,    // a yielding broker's programs are told within a heartbeat
    HANDOVER_SETTLE_MS = 1000,
};

struct rivalry {
    zloop_t *loop;    // borrowed, as the next ones
    const mesh_settings_t *settings;
    const char *host;
    const mesh_uuid_t *id;
    relay_t *relay;
    desk_t *desk;
    lighthouse_t *lighthouse;       // owned; NULL where no beacons are sent
    split_brain_t *split_brain;     // owned
    handover_t *handover;           // owned; NULL unless we are to make room
    char *elder;                    // owned; the control endpoint of whom we make room for
    int check_timer, away_timer;    // 0 for none
};

static void
announce_split(rivalry_t *self, const char *type, const mesh_uuid_t *other, const char *message)
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
    rivalry_t *self = arg;
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
    rivalry_t *self = arg;
    self->away_timer = 0;
    return -1;
}

// handover_events_t: the elder has all that we have.
static void
on_handover_done(void *arg, uint64_t events)
{
    rivalry_t *self = arg;
    mesh_log_warning("handover-done", "%llu events given; programs are sent to %s",
                     (unsigned long long) events, self->elder);
    handover_destroy(&self->handover);
    desk_yield(self->desk, DESK_LEAVES, self->elder);
    self->away_timer = zloop_timer(self->loop, SEND_AWAY_MS, 1, on_sent_away, self);
}

// handover_events_t: stay; the next beacon of the elder begins it again.
static void
on_handover_failed(void *arg, const char *why)
{
    rivalry_t *self = arg;
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
    rivalry_t *self = arg;
    bool yields = split_brain_yields(self->id, &beacon->broker);
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
    rivalry_t *self = arg;
    mesh_uuid_t other;
    while (split_brain_gone(self->split_brain, &other, zclock_mono()))
        announce_split(self, "mesh.alert_cleared", &other,
                       "the other broker of this mesh is heard no more");
    return 0;
}

rivalry_t *
rivalry_new(zloop_t *loop, const mesh_settings_t *settings, const char *host,
            const mesh_uuid_t *id, relay_t *relay, desk_t *desk)
{
    assert(loop && settings && host && id && relay && desk);
    rivalry_t *self = zmalloc(sizeof *self);
    self->loop = loop;
    self->settings = settings;
    self->host = host;
    self->id = id;
    self->relay = relay;
    self->desk = desk;
    self->split_brain = split_brain_new();
    self->lighthouse = lighthouse_new(loop, settings, id, on_rival, self);
    if (self->lighthouse)
        self->check_timer = zloop_timer(loop, SPLIT_CHECK_MS, 0, on_split_check, self);
    return self;
}

void
rivalry_destroy(rivalry_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        rivalry_t *self = *self_p;
        if (self->check_timer)
            zloop_timer_end(self->loop, self->check_timer);
        if (self->away_timer)
            zloop_timer_end(self->loop, self->away_timer);
        lighthouse_destroy(&self->lighthouse);
        handover_destroy(&self->handover);
        split_brain_destroy(&self->split_brain);
        free(self->elder);
        free(self);
        *self_p = NULL;
    }
}
