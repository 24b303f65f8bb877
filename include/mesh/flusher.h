// flusher - delivers what programs that died have left in their spools
// SPDX-License-Identifier: MPL-2.0
//
// Takes one spool after the other, the oldest first, under its lock, and publishes it beside
// whatever else goes over the link, with a window of its own. One that the broker still counts
// as held, by the program that died, is tried again.
#ifndef MESH_FLUSHER_H
#define MESH_FLUSHER_H

#include <czmq.h>

#include "mesh/link.h"
#include "mesh/spool.h"

typedef struct mesh_flusher mesh_flusher_t;

// loop, link and spool are borrowed and must outlive it. It begins when a broker is there, and
// looks again every now and then.
mesh_flusher_t *mesh_flusher_new(zloop_t *loop, mesh_link_t *link, mesh_spool_t *spool);
void mesh_flusher_destroy(mesh_flusher_t **self_p);

// Have fn called once, in the loop, when a broker is there and nothing is left that can be
// taken. NULL takes it back.
typedef void mesh_flusher_idle_fn(void *arg);
void mesh_flusher_on_idle(mesh_flusher_t *self, mesh_flusher_idle_fn *fn, void *arg);

// Events and spools that were delivered so far.
uint64_t mesh_flusher_events(const mesh_flusher_t *self);
uint64_t mesh_flusher_spools(const mesh_flusher_t *self);

#endif
