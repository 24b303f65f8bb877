// wire - the second frame of an event: a fixed header in network byte order, then the payload
// SPDX-License-Identifier: MPL-2.0
//
//  0        1        2                 4                                   8
//  +--------+--------+-----------------+-----------------------------------+
//  |version |flags   |reserved 0       |covers                             |
//  +--------+--------+-----------------+-----------------------------------+   8
//  |source (UUID, 16 bytes)                                                |
//  +-----------------------------------------------------------------------+  24
//  |seq                                                                    |
//  +-----------------------------------------------------------------------+  32
//  |timestamp, Unix microseconds                                           |
//  +-----------------------------------------------------------------------+  40
//  |epoch                                                                  |
//  +-----------------------------------------------------------------------+  48
//  |offset                                                  the broker's   |
//  +-----------------------------------------------------------------------+  56
//  |previous                                                               |
//  +-----------------------------------------------------------------------+  64
//  |recorded, Unix microseconds                                            |
//  +-----------------------------------+-----------------------------------+  72
//  |payload length                     |reserved 0                         |
//  +-----------------------------------+-----------------------------------+  80
//  |payload: UTF-8 JSON                                                    |
#include "mesh/wire.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

enum {
    AT_VERSION = 0,
    AT_FLAGS = 1,
    AT_RESERVED_16 = 2,
    AT_COVERS = 4,
    AT_SOURCE = 8,
    AT_SEQ = 24,
    AT_TIMESTAMP = 32,
    AT_EPOCH = 40,
    AT_OFFSET = 48,
    AT_PREVIOUS = 56,
    AT_RECORDED = 64,
    AT_PAYLOAD_BYTES = 72,
    AT_RESERVED_32 = 76,
};

static const uint8_t known_flags = MESH_WIRE_LATE | MESH_WIRE_UNCOMMITTED;

static void
put_u32(uint8_t *at, uint32_t value)
{
    value = htobe32(value);
    memcpy(at, &value, sizeof value);
}

static void
put_u64(uint8_t *at, uint64_t value)
{
    value = htobe64(value);
    memcpy(at, &value, sizeof value);
}

static uint32_t
get_u32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return be32toh(value);
}

static uint64_t
get_u64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return be64toh(value);
}

const char *
mesh_wire_outcome_name(mesh_wire_outcome_t outcome)
{
    switch (outcome) {
    case MESH_WIRE_OK:
        return "ok";
    case MESH_WIRE_SHORT:
        return "header-short";
    case MESH_WIRE_VERSION_REFUSED:
        return "version-refused";
    case MESH_WIRE_LENGTH_WRONG:
        return "payload-length-wrong";
    case MESH_WIRE_TOO_LARGE:
        return "payload-too-large";
    case MESH_WIRE_COVERS_WRONG:
        return "covers-wrong";
    case MESH_WIRE_RESERVED_SET:
        return "reserved-bits-set";
    }
    return "unknown";
}

void
mesh_wire_encode(const mesh_header_t *header, size_t payload_bytes,
                 uint8_t bytes[static MESH_WIRE_HEADER_BYTES])
{
    assert(payload_bytes <= MESH_WIRE_PAYLOAD_LIMIT);
    memset(bytes, 0, MESH_WIRE_HEADER_BYTES);
    bytes[AT_VERSION] = MESH_WIRE_VERSION;
    put_u32(bytes + AT_COVERS, header->covers);
    memcpy(bytes + AT_SOURCE, header->source.bytes, MESH_UUID_BYTES);
    put_u64(bytes + AT_SEQ, header->seq);
    put_u64(bytes + AT_TIMESTAMP, (uint64_t) header->timestamp_us);
    put_u32(bytes + AT_PAYLOAD_BYTES, (uint32_t) payload_bytes);
    mesh_wire_stamp(bytes, header);
}

mesh_wire_outcome_t
mesh_wire_decode(mesh_header_t *header, const uint8_t *frame, size_t frame_bytes)
{
    assert(header && (frame || frame_bytes == 0));
    // The version leads, so that even a frame of another layout is refused by the right name.
    if (frame_bytes > 0 && frame[AT_VERSION] != MESH_WIRE_VERSION)
        return MESH_WIRE_VERSION_REFUSED;
    if (frame_bytes < MESH_WIRE_HEADER_BYTES)
        return MESH_WIRE_SHORT;
    size_t payload_bytes = frame_bytes - MESH_WIRE_HEADER_BYTES;
    if (payload_bytes > MESH_WIRE_PAYLOAD_LIMIT)
        return MESH_WIRE_TOO_LARGE;
    if (get_u32(frame + AT_PAYLOAD_BYTES) != payload_bytes)
        return MESH_WIRE_LENGTH_WRONG;
    if (frame[AT_RESERVED_16] || frame[AT_RESERVED_16 + 1] || get_u32(frame + AT_RESERVED_32) ||
        (frame[AT_FLAGS] & ~known_flags))
        return MESH_WIRE_RESERVED_SET;
    uint32_t covers = get_u32(frame + AT_COVERS);
    uint64_t seq = get_u64(frame + AT_SEQ);
    if (covers == 0 || covers > seq)
        return MESH_WIRE_COVERS_WRONG;

    header->flags = frame[AT_FLAGS];
    header->covers = covers;
    memcpy(header->source.bytes, frame + AT_SOURCE, MESH_UUID_BYTES);
    header->seq = seq;
    header->timestamp_us = (int64_t) get_u64(frame + AT_TIMESTAMP);
    header->epoch = get_u64(frame + AT_EPOCH);
    header->offset = get_u64(frame + AT_OFFSET);
    header->previous = get_u64(frame + AT_PREVIOUS);
    header->recorded_us = (int64_t) get_u64(frame + AT_RECORDED);
    return MESH_WIRE_OK;
}

void
mesh_wire_stamp(uint8_t *frame, const mesh_header_t *header)
{
    frame[AT_FLAGS] = header->flags;
    put_u64(frame + AT_EPOCH, header->epoch);
    put_u64(frame + AT_OFFSET, header->offset);
    put_u64(frame + AT_PREVIOUS, header->previous);
    put_u64(frame + AT_RECORDED, (uint64_t) header->recorded_us);
}
