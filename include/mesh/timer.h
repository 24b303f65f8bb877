// timer - a timer of a zloop that does not come any more once it was ended
// SPDX-License-Identifier: MPL-2.0
//
// zloop_timer_end takes effect at the end of the loop's turn: ended from within the handler of
// another timer, one that is due in the same turn still comes, to whoever has been freed
// meanwhile. This one does not. For what may be ended at any moment, by any handler; an owner
// that lives as long as its loop can do with zloop's own. One thread, that of the loop.
#ifndef MESH_TIMER_H
#define MESH_TIMER_H

#include <czmq.h>

typedef struct mesh_timer mesh_timer_t;

// Have handler called by loop after delay_ms, once, or every delay_ms until it is ended.
// *timer_p, which must be NULL, is the timer, and is NULL again when it is over: where it comes
// once, before its handler is called. timer_p and arg are borrowed until then.
void mesh_timer_start(mesh_timer_t **timer_p, zloop_t *loop, size_t delay_ms, bool once,
                      zloop_timer_fn *handler, void *arg);

// End it, and set *timer_p to NULL, which it may be already.
void mesh_timer_end(mesh_timer_t **timer_p);

#endif
