// tap_record - one entry of the tap: which stream, when, what was lost before it, its bytes
// SPDX-License-Identifier: MPL-2.0
//
//   0        4    5    6     8                16               24               32
//   | length | kind | 0 | mark | time_ns        | lost_bytes     | status | 0     | bytes ...
//
// In the machine's own byte order, since both ends are the same program on the same machine.
#ifndef TAP_RECORD_H
#define TAP_RECORD_H

#include <stddef.h>
#include <stdint.h>

enum {
    TAP_RECORD_HEADER_BYTES = 32,
    TAP_RECORD_ALIGNMENT = 32,    // so that a header never lies across the end of the ring
    TAP_RECORD_BYTES_MOST = 64 * 1024,
};

typedef enum {
    TAP_STDIN = 0,     // what the command was given
    TAP_STDOUT = 1,    // what it wrote
    TAP_STDERR = 2,
    TAP_ENDED = 3,      // the command ended; status is as wait(2) gives it
    TAP_PADDING = 4,    // nothing; up to the end of the ring
} tap_kind_t;

typedef struct tap_record {
    tap_kind_t kind;
    uint64_t time_ns;       // CLOCK_MONOTONIC
    uint64_t lost_bytes;    // of this stream, passed on but not copied, since its last record
    int32_t status;         // of TAP_ENDED
    const uint8_t *bytes;
    uint32_t length;
} tap_record_t;

// How much room a record with so many bytes takes, rounded up to the alignment.
size_t tap_record_room(size_t length);

// Write header and bytes to at, which has tap_record_room(length) bytes of room.
void tap_record_encode(const tap_record_t *self, uint8_t *at);

// Read a record from size bytes; bytes then points into them. Returns the room it takes, or 0
// when there is no whole, sound record.
size_t tap_record_decode(tap_record_t *self, const uint8_t *from, size_t size);

#endif
