// flusher - delivers what programs that died have left in their spools
// SPDX-License-Identifier: MPL-2.0
#include "mesh/flusher.h"

#include <assert.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "mesh/log.h"
#include "mesh/publisher.h"

enum {
    LOOK_EVERY_MS = 30 * 1000,    // for what died meanwhile
    HELD_PAUSE_MS = 1000,         // before what the broker counts as held is tried again
};

struct mesh_flusher {
    zloop_t *loop;                  // borrowed
    mesh_link_t *link;              // borrowed
    mesh_spool_t *spool;            // borrowed
    mesh_publisher_t *publisher;    // owned; of the spool at hand, NULL when there is none
    char *name;                     // owned; of the spool at hand, or of the last one
    size_t count;                   // of events that waited in it
    bool refused;                   // the spool at hand is to be given back
    bool skipped;                   // one was, since the first was looked for
    int timer;                      // 0 when none is planned
    zmq_pollitem_t
        bell;    // of a descriptor, owned, that is ready when there is something to do
    uint64_t events, spools;
    mesh_flusher_idle_fn *idle;
    void *idle_arg;    // borrowed
};

// Go on at the loop's next turn. By a descriptor: in the turn of zloop in which a timer's
// handler ends a socket or a timer, these may be called once more, so nothing is ended there.
static void
go_on(mesh_flusher_t *self)
{
    uint64_t one = 1;
    ssize_t written = write(self->bell.fd, &one, sizeof one);
    (void) written;    // full only when it rings already
}

// zloop_timer_fn
static int
on_timer(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    mesh_flusher_t *self = arg;
    self->timer = 0;
    go_on(self);
    return 0;
}

static void
plan_turn(mesh_flusher_t *self, size_t pause_ms)
{
    if (self->timer)
        (void) zloop_timer_end(self->loop, self->timer);
    self->timer = zloop_timer(self->loop, pause_ms, 1, on_timer, self);
}

// mesh_publisher_drained_fn
static void
on_drained(void *arg)
{
    go_on(arg);
}

// mesh_publisher_refused_fn
static void
on_refused(void *arg)
{
    mesh_flusher_t *self = arg;
    self->refused = true;
    go_on(self);
}

static void
end_spool(mesh_flusher_t *self)
{
    if (self->refused) {
        self->skipped = true;
    } else {
        mesh_log_info("spool-delivered", "%s: %zu events", self->name, self->count);
        self->events += self->count;
        self->spools++;
    }
    self->refused = false;
    mesh_publisher_destroy(&self->publisher);
}

static void
begin_spool(mesh_flusher_t *self)
{
    char *name = NULL;
    mesh_outbox_t *outbox = mesh_spool_take_dead(self->spool, self->name, &name);
    free(self->name);
    self->name = name;
    if (!outbox)
        return;
    self->count = mesh_outbox_count(outbox);
    self->publisher = mesh_publisher_new_on(self->loop, self->link, &outbox);
    mesh_publisher_on_drained(self->publisher, on_drained, self);
    mesh_publisher_on_refused(self->publisher, on_refused, self);
}

static void
take_turn(mesh_flusher_t *self)
{
    if (self->publisher && (self->refused || mesh_publisher_waiting(self->publisher) == 0))
        end_spool(self);
    // While no broker is there, its welcome goes on.
    if (self->publisher || !mesh_link_is_up(self->link))
        return;
    begin_spool(self);
    if (self->publisher)
        return;
    plan_turn(self, self->skipped ? HELD_PAUSE_MS : LOOK_EVERY_MS);
    mesh_flusher_idle_fn *idle = self->skipped ? NULL : self->idle;
    self->skipped = false;
    if (idle) {
        self->idle = NULL;
        idle(self->idle_arg);
    }
}

// zloop_fn
static int
on_bell(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    uint64_t count;
    if (read(item->fd, &count, sizeof count) == (ssize_t) sizeof count)
        take_turn(arg);
    return 0;
}

// of mesh_link_listener_t
static void
on_welcome(void *arg, const mesh_welcome_t *welcome)
{
    (void) welcome;
    mesh_flusher_t *self = arg;
    if (!self->publisher)
        go_on(self);
}

static const mesh_link_listener_t link_listener = {.on_welcome = on_welcome};

mesh_flusher_t *
mesh_flusher_new(zloop_t *loop, mesh_link_t *link, mesh_spool_t *spool)
{
    assert(loop && link && spool);
    mesh_flusher_t *self = zmalloc(sizeof *self);
    self->loop = loop;
    self->link = link;
    self->spool = spool;
    int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert(bell >= 0);
    self->bell = (zmq_pollitem_t){.fd = bell, .events = ZMQ_POLLIN};
    (void) zloop_poller(loop, &self->bell, on_bell, self);
    mesh_link_listen(link, &link_listener, self);
    go_on(self);
    return self;
}

void
mesh_flusher_destroy(mesh_flusher_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        mesh_flusher_t *self = *self_p;
        mesh_link_unlisten(self->link, &link_listener, self);
        mesh_publisher_destroy(&self->publisher);
        if (self->timer)
            (void) zloop_timer_end(self->loop, self->timer);
        zloop_poller_end(self->loop, &self->bell);
        (void) close(self->bell.fd);
        free(self->name);
        free(self);
        *self_p = NULL;
    }
}

void
mesh_flusher_on_idle(mesh_flusher_t *self, mesh_flusher_idle_fn *fn, void *arg)
{
    self->idle = fn;
    self->idle_arg = arg;
    // While a spool is at hand its end plans the next turn.
    if (fn && !self->publisher)
        go_on(self);
}

uint64_t
mesh_flusher_events(const mesh_flusher_t *self)
{
    return self->events;
}

uint64_t
mesh_flusher_spools(const mesh_flusher_t *self)
{
    return self->spools;
}
