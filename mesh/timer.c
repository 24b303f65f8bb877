// timer - a timer of a zloop that does not come any more once it was ended
// SPDX-License-Identifier: MPL-2.0
#include "mesh/timer.h"

#include <assert.h>

struct mesh_timer {
    zloop_t *loop;           // borrowed
    mesh_timer_t **place;    // borrowed; the owner's pointer to this; NULL when it was ended
    zloop_timer_fn *handler;
    void *arg;    // borrowed
    int id;
    bool once;
    mesh_timer_t *next;    // owned; among those ended
};

// Those ended, until their loop has certainly let go of them; of all loops of this thread, and
// reachable when a loop ends before.
static _Thread_local mesh_timer_t *ended;

// zloop_timer_fn: free one that was ended before this was planned. zloop goes through timers in
// the order in which they were made: it is past that one in this turn, and has forgotten it in
// any later one.
static int
on_free_due(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    for (mesh_timer_t **place = &ended; *place; place = &(*place)->next) {
        mesh_timer_t *self = *place;
        if (self == arg) {
            *place = self->next;
            free(self);
            return 0;
        }
    }
    return 0;
}

static void
bury(mesh_timer_t *self)
{
    *self->place = NULL;
    self->place = NULL;
    self->next = ended;
    ended = self;
    (void) zloop_timer(self->loop, 0, 1, on_free_due, self);
}

// zloop_timer_fn
static int
on_due(zloop_t *loop, int timer_id, void *arg)
{
    mesh_timer_t *self = arg;
    if (!self->place)
        return 0;
    if (self->once)
        bury(self);
    return self->handler(loop, timer_id, self->arg);
}

void
mesh_timer_start(mesh_timer_t **timer_p, zloop_t *loop, size_t delay_ms, bool once,
                 zloop_timer_fn *handler, void *arg)
{
    assert(timer_p && !*timer_p && loop && handler);
    mesh_timer_t *self = zmalloc(sizeof *self);
    *self = (mesh_timer_t){
        .loop = loop, .place = timer_p, .handler = handler, .arg = arg, .once = once};
    self->id = zloop_timer(loop, delay_ms, once ? 1 : 0, on_due, self);
    *timer_p = self;
}

void
mesh_timer_end(mesh_timer_t **timer_p)
{
    assert(timer_p);
    mesh_timer_t *self = *timer_p;
    if (self) {
        (void) zloop_timer_end(self->loop, self->id);
        bury(self);
    }
}
