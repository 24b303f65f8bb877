// beacon - the datagram by which a broker says where it is: its bytes, and its keyed hash
// SPDX-License-Identifier: MPL-2.0
//
// Knows no sockets and no clock. The bytes are drawn in docs/PROTOCOL.md and in mesh/beacon.c.
#ifndef MESH_BEACON_H
#define MESH_BEACON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mesh/uuid.h"

enum {
    MESH_BEACON_LIMIT = 255,    // bytes; zbeacon ends the process at one more
    MESH_BEACON_SECRET_BYTES = 32,
    MESH_BEACON_KEY_BYTES = 32,
    MESH_BEACON_MESH_ID_LIMIT = 64,    // bytes
    MESH_BEACON_ENDPOINT_LIMIT = 87,
};

// What every beacon begins with.
#define MESH_BEACON_MAGIC "AMBN"

typedef struct mesh_beacon {
    mesh_uuid_t broker;    // version 7: made at the broker's start, so that the elder is less
    uint8_t server_key[MESH_BEACON_KEY_BYTES];    // the broker's public CURVE key
    int64_t time_ms;                              // Unix
    uint64_t counter;                             // rises with each beacon of a broker
    char mesh_id[MESH_BEACON_MESH_ID_LIMIT + 1];
    char endpoint[MESH_BEACON_ENDPOINT_LIMIT + 1];    // control: tcp://ADDRESS:PORT
} mesh_beacon_t;

// Why a beacon is not obeyed.
typedef enum {
    MESH_BEACON_OK,
    MESH_BEACON_MALFORMED,
    MESH_BEACON_OTHER_VERSION,
    MESH_BEACON_OTHER_MESH,      // another mesh id
    MESH_BEACON_WRONG_HASH,      // not made with the mesh's secret, or altered
    MESH_BEACON_SKEWED,          // its time and ours are more than 120 s apart
    MESH_BEACON_REPLAYED,        // its counter has been heard before
    MESH_BEACON_CROWDED,         // more brokers than are kept in mind
    MESH_BEACON_OFF_NETWORK,     // its sender is not in the network of mesh/beacon_interface
    MESH_BEACON_OTHER_BROKER,    // it names another key than the one our key was made for
    MESH_BEACON_OUTCOMES,
} mesh_beacon_outcome_t;

// "ok", "malformed", "other-version", "other-mesh", "wrong-hash", "skewed", ...
const char *mesh_beacon_outcome_name(mesh_beacon_outcome_t outcome);

// Write the beacon with its keyed hash. Returns its size, or 0 when the mesh id or the endpoint
// is empty or longer than its limit.
size_t mesh_beacon_encode(const mesh_beacon_t *self,
                          const uint8_t secret[static MESH_BEACON_SECRET_BYTES],
                          uint8_t bytes[static MESH_BEACON_LIMIT]);

// Read a datagram. Returns MESH_BEACON_OK, MALFORMED or OTHER_VERSION; on OK the hash is not
// checked yet.
mesh_beacon_outcome_t mesh_beacon_decode(mesh_beacon_t *self, const uint8_t *bytes,
                                         size_t size_bytes);

// Whether the datagram, which mesh_beacon_decode has read, was made with this secret.
bool mesh_beacon_is_authentic(const uint8_t *bytes, size_t size_bytes,
                              const uint8_t secret[static MESH_BEACON_SECRET_BYTES]);

#endif
