// signals - SIGTERM, SIGINT and SIGHUP as events of a zloop
// SPDX-License-Identifier: MPL-2.0
//
// CZMQ's own handler stops a zloop at once and cannot drain; this takes the signals by signalfd
// instead.
#ifndef MESH_SIGNALS_H
#define MESH_SIGNALS_H

#include <czmq.h>

typedef struct mesh_signals mesh_signals_t;

// Called in the loop's thread with the signal's number. Returns 0 to keep the loop running, -1
// to end it.
typedef int mesh_signals_fn(int number, void *arg);

// Block SIGTERM, SIGINT and SIGHUP for the process, ignore SIGPIPE, and have each given to
// handler by loop. Call before any thread exists. Ends the process when the kernel refuses a
// signalfd.
//
// They stay blocked after mesh_signals_destroy, so that a second SIGTERM does not kill a
// program on its way out; a child must unblock them before it runs another program.
mesh_signals_t *mesh_signals_new(zloop_t *loop, mesh_signals_fn *handler, void *arg);
void mesh_signals_destroy(mesh_signals_t **self_p);

#endif
