// wire - the second frame of an event: a fixed header in network byte order, then the payload
// SPDX-License-Identifier: MPL-2.0
//
// The layout is drawn in docs/PROTOCOL.md; tests/fixtures/wire holds test vectors. The broker
// stamps the header in place, so an event crosses it without a copy and without a look into the
// payload.
#ifndef MESH_WIRE_H
#define MESH_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "mesh/uuid.h"

enum {
    MESH_WIRE_VERSION = 1,
    MESH_WIRE_HEADER_BYTES = 80,
    MESH_WIRE_PAYLOAD_LIMIT = 64 * 1024,
};

enum {
    MESH_WIRE_LATE = 1 << 0,    // recorded more than 60 s after its timestamp
    MESH_WIRE_UNCOMMITTED =
        1 << 1,    // forwarded while the journal could not be written: no cursor
};

typedef struct mesh_header {
    uint8_t flags;
    uint32_t covers;    // how many numbers of the source this event stands for; at least 1
    mesh_uuid_t source;
    uint64_t seq;            // the last number it covers; counts from 1 within the source
    int64_t timestamp_us;    // Unix microseconds, where the thing happened

    // What follows is zero from a publisher; the broker fills it in.
    uint64_t epoch;
    uint64_t offset;
    uint64_t previous;      // the offset sent before this one, of any type
    int64_t recorded_us;    // Unix microseconds, the broker's, never decreasing
} mesh_header_t;

// One event as programs see it: all pointers borrowed, valid for the call that shows it.
typedef struct mesh_event {
    mesh_header_t header;
    const char *topic;    // not NUL-terminated
    size_t topic_bytes;
    const char *payload;    // UTF-8 JSON, not NUL-terminated
    size_t payload_bytes;
} mesh_event_t;

typedef enum {
    MESH_WIRE_OK,
    MESH_WIRE_SHORT,              // fewer bytes than a header
    MESH_WIRE_VERSION_REFUSED,    // neither our version nor the one before
    MESH_WIRE_LENGTH_WRONG,       // the payload length in the header is not what follows it
    MESH_WIRE_TOO_LARGE,          // a payload over MESH_WIRE_PAYLOAD_LIMIT
    MESH_WIRE_COVERS_WRONG,       // covers is 0, or more than seq
    MESH_WIRE_RESERVED_SET,       // reserved bytes or flags that are not zero
} mesh_wire_outcome_t;

// The outcome's name for logs and refusals, e.g. "payload-too-large".
const char *mesh_wire_outcome_name(mesh_wire_outcome_t outcome);

// Write the header of an event whose payload has payload_bytes (at most
// MESH_WIRE_PAYLOAD_LIMIT, asserted).
void mesh_wire_encode(const mesh_header_t *header, size_t payload_bytes,
                      uint8_t bytes[static MESH_WIRE_HEADER_BYTES]);

// Read and check a whole body frame. *header is set only when the outcome is MESH_WIRE_OK; the
// payload is then frame + MESH_WIRE_HEADER_BYTES, of frame_bytes - MESH_WIRE_HEADER_BYTES
// bytes.
mesh_wire_outcome_t mesh_wire_decode(mesh_header_t *header, const uint8_t *frame,
                                     size_t frame_bytes);

// Write the broker's part (flags, epoch, offset, previous, recorded) into a body frame that
// mesh_wire_decode has accepted.
void mesh_wire_stamp(uint8_t *frame, const mesh_header_t *header);

#endif
