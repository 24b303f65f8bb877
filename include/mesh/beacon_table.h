// beacon_table - which beacons are obeyed: the brokers heard, and what was ignored and why
// SPDX-License-Identifier: MPL-2.0
//
// Knows no sockets and is told the time.
#ifndef MESH_BEACON_TABLE_H
#define MESH_BEACON_TABLE_H

#include "mesh/beacon.h"

typedef struct mesh_beacon_table mesh_beacon_table_t;

enum {
    MESH_BEACON_SKEW_MS = 120 * 1000,    // how far a beacon's time may be from ours
    MESH_BEACON_BROKERS_LIMIT = 64,      // brokers kept in mind
};

// Both are copied.
mesh_beacon_table_t *
mesh_beacon_table_new(const char *mesh_id,
                      const uint8_t secret[static MESH_BEACON_SECRET_BYTES]);
void mesh_beacon_table_destroy(mesh_beacon_table_t **self_p);

// Judge a datagram that came at unix_ms by our clock, and count it. *beacon is filled when it
// could be read (any outcome but MALFORMED and OTHER_VERSION).
//
// A broker is forgotten, to make room, when its last beacon is so old that each that was ever
// sent is SKEWED now: forgetting lets no beacon be replayed.
mesh_beacon_outcome_t mesh_beacon_table_take(mesh_beacon_table_t *self, const uint8_t *bytes,
                                             size_t size_bytes, int64_t unix_ms,
                                             mesh_beacon_t *beacon);

// Count a beacon that was ignored for a reason the table does not know.
void mesh_beacon_table_ignored(mesh_beacon_table_t *self, mesh_beacon_outcome_t why);

// How many came to this.
uint64_t mesh_beacon_table_count(const mesh_beacon_table_t *self,
                                 mesh_beacon_outcome_t outcome);

#endif
