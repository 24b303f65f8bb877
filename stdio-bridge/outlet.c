// outlet - the bridge's way into the mesh: loop, link and publisher, and their end
// SPDX-License-Identifier: MPL-2.0
#include "outlet.h"

#include <assert.h>

#include "fallback.h"
#include "mesh/flusher.h"
#include "mesh/link.h"
#include "mesh/log.h"
#include "mesh/paths.h"
#include "mesh/publisher.h"
#include "mesh/signals.h"
#include "mesh/spool.h"

enum { STOP_WITHIN_MS = 700 };    // of the second that SIGTERM gives

struct outlet {
    const mesh_settings_t *settings;    // borrowed
    zloop_t *loop;                      // owned
    mesh_signals_t *signals;            // owned
    redaction_t *redaction;             // owned
    mesh_link_t *link;                  // owned
    mesh_spool_t *spool;                // owned; NULL where there is none
    mesh_publisher_t *publisher;        // owned
    mesh_flusher_t *flusher;            // owned; NULL without a spool
    uint64_t told_lost;                 // of mesh_spool_events_lost
    fallback_t *fallback;               // owned; NULL where no broker is to be started
    outlet_stop_fn *on_stop;
    void *on_stop_arg;    // borrowed
    int timer;            // of outlet_finish; 0 when none
    bool for_others;      // outlet_finish waits for what the dead left too
    bool over;
};

static void finish(outlet_t *self, int64_t within_ms, bool for_others);

// mesh_signals_fn
static int
on_signal(int number, void *arg)
{
    (void) number;
    outlet_t *self = arg;
    outlet_stop_fn *fn = self->on_stop;
    self->on_stop = NULL;
    if (fn)
        fn(self->on_stop_arg);
    finish(self, STOP_WITHIN_MS, false);
    return self->over ? -1 : 0;
}

// mesh_publisher_renew_fn: an outbox for this program's events, with a new source; on disk, or
// in memory where that cannot be.
static mesh_outbox_t *
begin_outbox(void *arg)
{
    outlet_t *self = arg;
    char *problem = NULL;
    if (!self->spool)
        self->spool = mesh_spool_new(self->settings, &problem);
    mesh_outbox_t *outbox = self->spool ? mesh_spool_begin(self->spool, &problem) : NULL;
    if (outbox)
        return outbox;
    if (mesh_settings_flag(self->settings, "features/spool"))
        mesh_log_warning("spool-refused",
                         "%s; events wait in memory: what no broker has taken when the bridge "
                         "ends or is killed is lost",
                         problem);
    free(problem);
    return mesh_outbox_new(mesh_settings_bytes(self->settings, "bridge/store_bytes"));
}

outlet_t *
outlet_new(const mesh_settings_t *settings, json_t *metadata)
{
    char *error = NULL;
    redaction_t *redaction = redaction_new(settings, &error);
    if (!redaction) {
        mesh_log_error("redaction-refused", "%s", error);
        free(error);
        json_decref(metadata);
        return NULL;
    }
    outlet_t *self = zmalloc(sizeof *self);
    self->settings = settings;
    self->redaction = redaction;
    self->loop = zloop_new();
    self->signals = mesh_signals_new(self->loop, on_signal, self);
    char *host = mesh_paths_host(settings);
    mesh_link_identity_t identity = {
        .transport_type = "stdio",
        .host = host,
        .metadata = metadata,
    };
    self->link = mesh_link_new(self->loop, settings, &identity, &error);
    free(host);
    json_decref(metadata);
    if (!self->link) {
        mesh_log_error("link-refused", "%s", error);
        free(error);
        outlet_destroy(&self);
        return NULL;
    }
    mesh_outbox_t *outbox = begin_outbox(self);
    self->publisher = mesh_publisher_new_on(self->loop, self->link, &outbox);
    mesh_publisher_on_renewal(self->publisher, begin_outbox, self);
    if (self->spool)
        self->flusher = mesh_flusher_new(self->loop, self->link, self->spool);
    self->fallback = fallback_new(self->loop, self->link, settings);
    return self;
}

void
outlet_destroy(outlet_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        outlet_t *self = *self_p;
        fallback_destroy(&self->fallback);
        mesh_flusher_destroy(&self->flusher);
        mesh_publisher_destroy(&self->publisher);
        mesh_spool_destroy(&self->spool);
        mesh_link_destroy(&self->link);
        redaction_destroy(&self->redaction);
        mesh_signals_destroy(&self->signals);
        zloop_destroy(&self->loop);
        free(self);
        *self_p = NULL;
    }
}

zloop_t *
outlet_loop(outlet_t *self)
{
    return self->loop;
}

// Room was made at the cost of what the dead left: say so to who watches, once for each time.
static void
tell_lost(outlet_t *self, double timestamp)
{
    uint64_t lost = self->spool ? mesh_spool_events_lost(self->spool) : 0;
    if (lost == self->told_lost)
        return;
    char id[MESH_UUID_TEXT_SIZE + sizeof "spool-"] = "spool-";
    mesh_uuid_format(mesh_publisher_source(self->publisher), id + strlen(id));
    char message[128];
    (void) snprintf(message, sizeof message,
                    "%llu events that no broker had taken were given up: the spools are full",
                    (unsigned long long) (lost - self->told_lost));
    json_t *payload =
        json_pack("{s:s, s:s, s:s, s:s, s:I}", "alert_id", id, "rule", "spool", "severity",
                  "high", "message", message, "at_most", (json_int_t) (lost - self->told_lost));
    self->told_lost = lost;
    (void) mesh_publisher_publish(self->publisher, "mesh.alert_raised", NULL, NULL, timestamp,
                                  payload);
}

bool
outlet_publish(outlet_t *self, const char *type, const char *session_id, const char *request_id,
               double timestamp, json_t *payload)
{
    redaction_payload(self->redaction, payload);
    json_t *counts =
        streq(type, "aider.session_completed") ? redaction_take_counts(self->redaction) : NULL;
    if (counts)
        json_object_set_new(payload, "redactions", counts);
    uint64_t seq = mesh_publisher_publish(self->publisher, type, session_id, request_id,
                                          timestamp, payload);
    tell_lost(self, timestamp);
    return seq != 0;
}

redaction_t *
outlet_redaction(outlet_t *self)
{
    return self->redaction;
}

void
outlet_on_stop(outlet_t *self, outlet_stop_fn *fn, void *arg)
{
    self->on_stop = fn;
    self->on_stop_arg = arg;
}

// zloop_timer_fn
static int
on_over(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    outlet_t *self = arg;
    self->over = true;
    return -1;
}

// mesh_flusher_idle_fn: ends the loop at its next turn, since this may run within any handler.
static void
on_idle(void *arg)
{
    outlet_t *self = arg;
    (void) zloop_timer(self->loop, 0, 1, on_over, self);
}

// mesh_publisher_drained_fn
static void
on_drained(void *arg)
{
    outlet_t *self = arg;
    if (self->flusher && self->for_others)
        mesh_flusher_on_idle(self->flusher, on_idle, self);
    else
        on_idle(self);
}

static void
finish(outlet_t *self, int64_t within_ms, bool for_others)
{
    self->for_others = for_others;
    if (self->timer)
        (void) zloop_timer_end(self->loop, self->timer);
    self->timer = zloop_timer(self->loop, (size_t) within_ms, 1, on_over, self);
    if (mesh_publisher_waiting(self->publisher) == 0)
        on_drained(self);
    else
        mesh_publisher_on_drained(self->publisher, on_drained, self);
}

void
outlet_finish(outlet_t *self, int64_t within_ms, bool for_others)
{
    finish(self, within_ms, for_others);
}

bool
outlet_keeps(const outlet_t *self)
{
    return mesh_publisher_is_kept(self->publisher);
}

size_t
outlet_run(outlet_t *self)
{
    while (!self->over && !zsys_interrupted)
        (void) zloop_start(self->loop);
    return mesh_publisher_waiting(self->publisher);
}
