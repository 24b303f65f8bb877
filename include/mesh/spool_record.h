// spool_record - the bytes of a spool's file: its head, and one record for each event
// SPDX-License-Identifier: MPL-2.0
//
// The layout is drawn in docs/PROTOCOL.md. Knows no files: what is read is foreign, since
// another release, a crash or a broken disk may have written it.
#ifndef MESH_SPOOL_RECORD_H
#define MESH_SPOOL_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "mesh/topic.h"
#include "mesh/uuid.h"
#include "mesh/wire.h"

enum {
    MESH_SPOOL_HEAD_BYTES = 88,
    MESH_SPOOL_MARK_AT = 56,    // where the mark begins in the head
    MESH_SPOOL_MARK_BYTES = 32,
    MESH_SPOOL_RECORD_BYTES = 40,    // before topic and payload
    MESH_SPOOL_RECORD_MOST =
        MESH_SPOOL_RECORD_BYTES + MESH_TOPIC_SIZE + MESH_WIRE_PAYLOAD_LIMIT,
};

// How soon an event makes room for others where there is none.
typedef enum {
    MESH_RANK_FIRST,     // progress: what follows it says as much
    MESH_RANK_MIDDLE,    // the rest
    MESH_RANK_LAST,      // rate limits and errors
} mesh_rank_t;
enum { MESH_RANKS = MESH_RANK_LAST + 1 };

// What is written once, when the file is made.
typedef struct mesh_spool_head {
    mesh_uuid_t source;
    mesh_uuid_t boot;      // the run of the kernel; zero when it is not known
    int64_t created_us;    // Unix microseconds
} mesh_spool_head_t;

// What is written again as it changes.
typedef struct mesh_spool_mark {
    uint64_t forgotten;    // numbers up to here are acknowledged, whatever records there are
    uint64_t last;         // the last number given when this was written
} mesh_spool_mark_t;

typedef struct mesh_spool_record {
    uint64_t seq;
    uint32_t covers;    // at least 1, at most seq
    mesh_rank_t rank;
    int64_t timestamp_us;
    const char *topic;    // borrowed, as body; not NUL-terminated
    size_t topic_bytes;
    const char *body;    // the payload, without a header
    size_t body_bytes;
} mesh_spool_record_t;

void mesh_spool_head_encode(const mesh_spool_head_t *head,
                            uint8_t bytes[static MESH_SPOOL_MARK_AT]);
void mesh_spool_mark_encode(const mesh_spool_mark_t *mark,
                            uint8_t bytes[static MESH_SPOOL_MARK_BYTES]);

// Returns -1 when the bytes are not such a head, or of another version.
int mesh_spool_head_decode(mesh_spool_head_t *head,
                           const uint8_t bytes[static MESH_SPOOL_MARK_AT]);

// Returns -1 when the bytes are not a whole mark.
int mesh_spool_mark_decode(mesh_spool_mark_t *mark,
                           const uint8_t bytes[static MESH_SPOOL_MARK_BYTES]);

// How many bytes the record takes.
size_t mesh_spool_record_size(const mesh_spool_record_t *record);

// Write mesh_spool_record_size bytes. Topic and body are within their limits (asserted).
void mesh_spool_record_encode(const mesh_spool_record_t *record, uint8_t *bytes);

typedef enum {
    MESH_SPOOL_RECORD_OK,
    MESH_SPOOL_RECORD_SHORT,     // the bytes end within it; *wanted_bytes would be enough to go
                                 // on
    MESH_SPOOL_RECORD_BROKEN,    // no record, or one that is damaged
} mesh_spool_outcome_t;

// Read the record at the beginning of the bytes. On OK its topic and body point into them.
mesh_spool_outcome_t mesh_spool_record_decode(mesh_spool_record_t *record, const uint8_t *bytes,
                                              size_t size_bytes, size_t *wanted_bytes);

#endif
