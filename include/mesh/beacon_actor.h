// beacon_actor - sends and hears beacons, in a thread of its own
// SPDX-License-Identifier: MPL-2.0
//
// zbeacon stops sending when nobody reads what it hears, and ends the process when it is told
// something wrong. So it is read by an actor that never waits for us: what we do not take in
// time is lost, and counted in what comes next. One actor in a process: CZMQ has one interface
// for all of it.
#ifndef MESH_BEACON_ACTOR_H
#define MESH_BEACON_ACTOR_H

#include <czmq.h>

#include "mesh/beacon.h"
#include "mesh/settings.h"

typedef struct mesh_beacon_actor mesh_beacon_actor_t;

// Start to listen by the settings mesh/mesh_id and mesh/beacon_*. Returns NULL with *error_p a
// sentence the caller frees when one of them is not as it must be.
mesh_beacon_actor_t *
mesh_beacon_actor_new(const mesh_settings_t *settings,
                      const uint8_t secret[static MESH_BEACON_SECRET_BYTES], char **error_p);
void mesh_beacon_actor_destroy(mesh_beacon_actor_t **self_p);

// Readable when there is a report. Borrowed.
zsock_t *mesh_beacon_actor_socket(mesh_beacon_actor_t *self);

typedef struct mesh_beacon_report {
    enum {
        MESH_BEACON_REPORT_HEARD,        // a beacon; outcome tells whether to obey it
        MESH_BEACON_REPORT_INTERFACE,    // the address in use has changed
    } kind;
    mesh_beacon_outcome_t outcome;
    uint64_t count;    // how many beacons came to this outcome; of those that are ignored at
                       // most one in a second is reported
    mesh_beacon_t beacon;    // where outcome is neither MALFORMED nor OTHER_VERSION
    char sender[16];         // its IPv4 address, as text
    char address[16];    // of INTERFACE: "" when there is none to use, or the port is another's
} mesh_beacon_report_t;

// Take one report. Returns -1 when none waits.
int mesh_beacon_actor_receive(mesh_beacon_actor_t *self, mesh_beacon_report_t *report);

// Send a beacon now: what mesh_beacon_encode has written. It is lost when there is no
// interface.
void mesh_beacon_actor_send(mesh_beacon_actor_t *self, const uint8_t *bytes, size_t size_bytes);

#endif
