// rivalry - another broker of the mesh is heard: it is told, and the younger makes room
// SPDX-License-Identifier: MPL-2.0
//
// Owns the beacons, what is known of other brokers, and the handover to an elder one. Ends the
// loop when this broker has given all that it has.
#ifndef BROKER_RIVALRY_H
#define BROKER_RIVALRY_H

#include <czmq.h>

#include "desk.h"
#include "mesh/settings.h"
#include "mesh/uuid.h"
#include "relay.h"

typedef struct rivalry rivalry_t;

// Begin to send beacons and to listen, where that is configured; id is this broker's, all are
// borrowed.
rivalry_t *rivalry_new(zloop_t *loop, const mesh_settings_t *settings, const char *host,
                       const mesh_uuid_t *id, relay_t *relay, desk_t *desk);
void rivalry_destroy(rivalry_t **self_p);

#endif
