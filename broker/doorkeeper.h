// doorkeeper - answers libzmq's questions who may connect (ZAP, RFC 27), watches the key store
// SPDX-License-Identifier: MPL-2.0
//
// CURVE alone lets every client in. It refuses only when the socket has a ZAP domain, the
// domain is enforced, and a handler runs; doorkeeper_guard sets the first two, and where no
// handler runs nobody is let in.
#ifndef BROKER_DOORKEEPER_H
#define BROKER_DOORKEEPER_H

#include <czmq.h>

#include "gate.h"
#include "mesh/settings.h"

typedef struct doorkeeper doorkeeper_t;

// Called when connections must be closed, because a key that was let in no longer may, or
// because keys are in force from now on: the sockets are to be guarded anew. why is a phrase.
typedef void doorkeeper_changed_fn(void *arg, const char *why);

// Start to answer and to watch. broker/keys decides whether keys are in force: always, never
// (*self_p is NULL then), or as soon as the key store has a broker's key. Returns 0, or -1 with
// *error_p a sentence the caller frees. One in a process.
int doorkeeper_new(doorkeeper_t **self_p, zloop_t *loop, const mesh_settings_t *settings,
                   doorkeeper_changed_fn *changed, void *arg, char **error_p);
void doorkeeper_destroy(doorkeeper_t **self_p);

// Make socket a CURVE server behind this door. Before it binds. Does nothing while keys are not
// in force, or self is NULL.
void doorkeeper_guard(const doorkeeper_t *self, zsock_t *socket, gate_door_t door);

// Whether sockets are guarded now. A self of NULL never guards any.
bool doorkeeper_is_in_force(const doorkeeper_t *self);

// Whether a program that came in under the key of this name, "" for none, may stay.
bool doorkeeper_knows(const doorkeeper_t *self, const char *name);

#endif
