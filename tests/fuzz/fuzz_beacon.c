// fuzz_beacon - no datagram is read beyond its end, and none without the secret is obeyed
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/beacon.h"
#include "mesh/beacon_table.h"

// Not the secret of the seeds: whatever the fuzzer makes of them, it cannot be authentic.
static const uint8_t secret[MESH_BEACON_SECRET_BYTES] = {0x5a, 0xa5, 0x17};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mesh_beacon_t beacon;
    mesh_beacon_table_t *table = mesh_beacon_table_new("default", secret);
    mesh_beacon_outcome_t outcome =
        mesh_beacon_table_take(table, data, size, 1795349840000, &beacon);
    assert(outcome != MESH_BEACON_OK);
    assert(mesh_beacon_table_count(table, outcome) == 1);
    if (mesh_beacon_decode(&beacon, data, size) == MESH_BEACON_OK) {
        // What was read is written as the same bytes, but for the hash.
        uint8_t bytes[MESH_BEACON_LIMIT];
        size_t written = mesh_beacon_encode(&beacon, secret, bytes);
        assert(written == size && memcmp(bytes, data, size - 32) == 0);
        assert(mesh_beacon_table_take(table, bytes, written, beacon.time_ms, &beacon) !=
               MESH_BEACON_WRONG_HASH);
    }
    mesh_beacon_table_destroy(&table);
    return 0;
}
