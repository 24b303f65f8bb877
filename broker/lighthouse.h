// lighthouse - sends this broker's beacons, and hears those of other brokers
// SPDX-License-Identifier: MPL-2.0
#ifndef BROKER_LIGHTHOUSE_H
#define BROKER_LIGHTHOUSE_H

#include <czmq.h>

#include "mesh/beacon.h"
#include "mesh/settings.h"

typedef struct lighthouse lighthouse_t;

// Another broker of this mesh was heard. beacon is borrowed.
typedef void lighthouse_fn(void *arg, const mesh_beacon_t *beacon);

// Begin to send, when features/beacon is on, there is a broker's key with the mesh's secret,
// and an endpoint of broker/bind_control can be reached from other hosts. Returns NULL when
// not; what is wrong, where something is, is logged. settings are borrowed.
lighthouse_t *lighthouse_new(zloop_t *loop, const mesh_settings_t *settings,
                             const mesh_uuid_t *broker, lighthouse_fn *heard, void *arg);
void lighthouse_destroy(lighthouse_t **self_p);

// The endpoint to be named in beacons, for one who binds `bound`: bound itself, or address in
// place of a host that stands for all. Returns -1 when bound cannot be reached from other
// hosts, names no port, or is too long.
int lighthouse_endpoint(const char *bound, const char *address,
                        char endpoint[static MESH_BEACON_ENDPOINT_LIMIT + 1]);

#endif
