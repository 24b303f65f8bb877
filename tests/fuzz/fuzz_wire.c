// fuzz_wire - any bytes as a body frame are read or refused, and what is read is written again
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    // A copy of its own size, so that one byte read past the end is seen.
    uint8_t *frame = malloc(size);
    if (size)
        memcpy(frame, data, size);
    mesh_header_t header;
    mesh_wire_outcome_t outcome = mesh_wire_decode(&header, frame, size);
    assert(strcmp(mesh_wire_outcome_name(outcome), "unknown") != 0);
    if (outcome == MESH_WIRE_OK) {
        assert(header.covers > 0 && header.covers <= header.seq);
        uint8_t again[MESH_WIRE_HEADER_BYTES];
        mesh_wire_encode(&header, size - MESH_WIRE_HEADER_BYTES, again);
        assert(memcmp(again, data, sizeof again) == 0);
        mesh_wire_stamp(frame, &header);
        assert(memcmp(frame, data, size) == 0);
    }
    free(frame);
    return 0;
}
