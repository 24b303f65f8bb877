// doorkeeper - answers libzmq's questions who may connect (ZAP, RFC 27) and watches the key
// store SPDX-License-Identifier: MPL-2.0
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

// Called when a key that was let in no longer may: its connections must be closed.
typedef void doorkeeper_revoked_fn(void *arg);

// Start to answer, when keys are in force. Returns 0 with *self_p NULL when they are not
// (broker/keys and whether there is a broker's key decide), or -1 with *error_p a sentence the
// caller frees. One in a process.
int doorkeeper_new(doorkeeper_t **self_p, zloop_t *loop, const mesh_settings_t *settings,
                   doorkeeper_revoked_fn *revoked, void *arg, char **error_p);
void doorkeeper_destroy(doorkeeper_t **self_p);

// Make socket a CURVE server behind this door. Before it binds. Does nothing when self is NULL.
void doorkeeper_guard(const doorkeeper_t *self, zsock_t *socket, gate_door_t door);

#endif
