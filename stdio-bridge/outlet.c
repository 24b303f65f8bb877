// outlet - the bridge's way into the mesh: loop, link and publisher, and their end
// SPDX-License-Identifier: MPL-2.0
#include "outlet.h"

#include <assert.h>

#include "fallback.h"
#include "mesh/link.h"
#include "mesh/log.h"
#include "mesh/paths.h"
#include "mesh/publisher.h"
#include "mesh/signals.h"

enum { STOP_WITHIN_MS = 700 };    // of the second that SIGTERM gives

struct outlet {
    zloop_t *loop;                  // owned
    mesh_signals_t *signals;        // owned
    mesh_link_t *link;              // owned
    mesh_publisher_t *publisher;    // owned
    fallback_t *fallback;           // owned; NULL where no broker is to be started
    outlet_stop_fn *on_stop;
    void *on_stop_arg;    // borrowed
    int timer;            // of outlet_finish; 0 when none
    bool over;
};

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
    outlet_finish(self, STOP_WITHIN_MS);
    return self->over ? -1 : 0;
}

outlet_t *
outlet_new(const mesh_settings_t *settings, json_t *metadata)
{
    outlet_t *self = zmalloc(sizeof *self);
    self->loop = zloop_new();
    self->signals = mesh_signals_new(self->loop, on_signal, self);
    char *host = mesh_paths_host(settings);
    char *error = NULL;
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
    self->publisher = mesh_publisher_new(self->loop, self->link,
                                         mesh_settings_bytes(settings, "bridge/store_bytes"));
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
        mesh_publisher_destroy(&self->publisher);
        mesh_link_destroy(&self->link);
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

void
outlet_publish(outlet_t *self, const char *type, const char *session_id, const char *request_id,
               double timestamp, json_t *payload)
{
    (void) mesh_publisher_publish(self->publisher, type, session_id, request_id, timestamp,
                                  payload);
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

// mesh_publisher_drained_fn: ends the loop at its next turn, since this may run within any
// handler.
static void
on_drained(void *arg)
{
    outlet_t *self = arg;
    (void) zloop_timer(self->loop, 0, 1, on_over, self);
}

void
outlet_finish(outlet_t *self, int64_t within_ms)
{
    if (self->timer)
        (void) zloop_timer_end(self->loop, self->timer);
    self->timer = zloop_timer(self->loop, (size_t) within_ms, 1, on_over, self);
    if (mesh_publisher_waiting(self->publisher) == 0)
        on_drained(self);
    else
        mesh_publisher_on_drained(self->publisher, on_drained, self);
}

size_t
outlet_run(outlet_t *self)
{
    while (!self->over && !zsys_interrupted)
        (void) zloop_start(self->loop);
    return mesh_publisher_waiting(self->publisher);
}
