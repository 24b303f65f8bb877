// timer - a timer of a zloop that does not come any more once it was ended
// SPDX-License-Identifier: MPL-2.0
#include "mesh/timer.h"

#include <assert.h>

struct mesh_timer {
    zloop_t *loop;           // borrowed
    mesh_timer_t **place;    // borrowed; the owner's pointer to this; NULL when it is over
    zloop_timer_fn *handler;
    void *arg;    // borrowed
    int id;
    mesh_timer_t *next;    // owned; among those that are over
    bool once;
};

// Those that are over, of this thread: to be used again, and never freed, since zloop may still
// come with them, in an order that it does not promise. They are as many as once were at a
// time.
static _Thread_local mesh_timer_t *over;

static void
let_go(mesh_timer_t *self)
{
    *self->place = NULL;
    self->place = NULL;
    self->next = over;
    over = self;
}

// zloop_timer_fn
static int
on_due(zloop_t *loop, int timer_id, void *arg)
{
    mesh_timer_t *self = arg;
    // It was ended in this turn, and may be another timer already.
    if (!self->place || self->loop != loop || self->id != timer_id)
        return 0;
    zloop_timer_fn *handler = self->handler;
    void *handler_arg = self->arg;
    if (self->once)
        let_go(self);
    return handler(loop, timer_id, handler_arg);
}

void
mesh_timer_start(mesh_timer_t **timer_p, zloop_t *loop, size_t delay_ms, bool once,
                 zloop_timer_fn *handler, void *arg)
{
    assert(timer_p && !*timer_p && loop && handler);
    mesh_timer_t *self = over;
    if (self)
        over = self->next;
    else
        self = zmalloc(sizeof *self);
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
        let_go(self);
    }
}
