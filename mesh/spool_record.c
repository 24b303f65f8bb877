// spool_record - the bytes of a spool's file: its head, and one record for each event
// SPDX-License-Identifier: MPL-2.0
#include "mesh/spool_record.h"

#include <assert.h>
#include <endian.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

//  head, 88 bytes                          record, 40 bytes, then topic and payload
//   0  8  "AMSPOOL" and the version, 1      0  8  checksum of all that follows
//   8 16  source                            8  4  bytes of topic and payload
//  24  8  created                          12  2  bytes of the topic
//  32 16  boot                             14  1  rank
//  48  8  checksum of bytes 0 to 47        15  1  reserved, 0
//  56  8  forgotten  \                     16  8  seq
//  64  8  last        | the mark           24  8  timestamp
//  72  8  reserved, 0 |                    32  4  covers
//  80  8  checksum of bytes 56 to 79       36  4  reserved, 0
enum { CHECKSUM_BYTES = 8, MAGIC_BYTES = 8 };

static const uint8_t magic[MAGIC_BYTES] = {'A', 'M', 'S', 'P', 'O', 'O', 'L', 1};

static_assert(crypto_shorthash_BYTES == CHECKSUM_BYTES, "SipHash-2-4 gives eight bytes");
static_assert(MESH_TOPIC_SIZE <= UINT16_MAX, "a topic's length has two bytes");

static void
put32(uint8_t *bytes, uint32_t value)
{
    value = htobe32(value);
    memcpy(bytes, &value, sizeof value);
}

static void
put64(uint8_t *bytes, uint64_t value)
{
    value = htobe64(value);
    memcpy(bytes, &value, sizeof value);
}

static uint32_t
get32(const uint8_t *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return be32toh(value);
}

static uint64_t
get64(const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return be64toh(value);
}

// Nobody is kept out by it, so its key is no secret: it finds what was written by halves.
static void
put_checksum(uint8_t *at, const uint8_t *bytes, size_t size_bytes)
{
    static const uint8_t key[crypto_shorthash_KEYBYTES] = {0};
    (void) crypto_shorthash(at, bytes, size_bytes, key);
}

static bool
has_checksum(const uint8_t *at, const uint8_t *bytes, size_t size_bytes)
{
    uint8_t right[CHECKSUM_BYTES];
    put_checksum(right, bytes, size_bytes);
    return memcmp(at, right, sizeof right) == 0;
}

void
mesh_spool_head_encode(const mesh_spool_head_t *head, uint8_t bytes[static MESH_SPOOL_MARK_AT])
{
    memcpy(bytes, magic, sizeof magic);
    memcpy(bytes + 8, head->source.bytes, MESH_UUID_BYTES);
    put64(bytes + 24, (uint64_t) head->created_us);
    memcpy(bytes + 32, head->boot.bytes, MESH_UUID_BYTES);
    put_checksum(bytes + 48, bytes, 48);
}

int
mesh_spool_head_decode(mesh_spool_head_t *head, const uint8_t bytes[static MESH_SPOOL_MARK_AT])
{
    if (memcmp(bytes, magic, sizeof magic) != 0 || !has_checksum(bytes + 48, bytes, 48))
        return -1;
    memcpy(head->source.bytes, bytes + 8, MESH_UUID_BYTES);
    head->created_us = (int64_t) get64(bytes + 24);
    memcpy(head->boot.bytes, bytes + 32, MESH_UUID_BYTES);
    return mesh_uuid_is_zero(&head->source) ? -1 : 0;
}

void
mesh_spool_mark_encode(const mesh_spool_mark_t *mark,
                       uint8_t bytes[static MESH_SPOOL_MARK_BYTES])
{
    put64(bytes, mark->forgotten);
    put64(bytes + 8, mark->last);
    put64(bytes + 16, 0);
    put_checksum(bytes + 24, bytes, 24);
}

int
mesh_spool_mark_decode(mesh_spool_mark_t *mark,
                       const uint8_t bytes[static MESH_SPOOL_MARK_BYTES])
{
    if (!has_checksum(bytes + 24, bytes, 24))
        return -1;
    mark->forgotten = get64(bytes);
    mark->last = get64(bytes + 8);
    return mark->last >= mark->forgotten ? 0 : -1;
}

size_t
mesh_spool_record_size(const mesh_spool_record_t *record)
{
    return MESH_SPOOL_RECORD_BYTES + record->topic_bytes + record->body_bytes;
}

void
mesh_spool_record_encode(const mesh_spool_record_t *record, uint8_t *bytes)
{
    assert(record->topic_bytes < MESH_TOPIC_SIZE &&
           record->body_bytes <= MESH_WIRE_PAYLOAD_LIMIT);
    put32(bytes + 8, (uint32_t) (record->topic_bytes + record->body_bytes));
    bytes[12] = (uint8_t) (record->topic_bytes >> 8);
    bytes[13] = (uint8_t) record->topic_bytes;
    bytes[14] = (uint8_t) record->rank;
    bytes[15] = 0;
    put64(bytes + 16, record->seq);
    put64(bytes + 24, (uint64_t) record->timestamp_us);
    put32(bytes + 32, record->covers);
    put32(bytes + 36, 0);
    memcpy(bytes + MESH_SPOOL_RECORD_BYTES, record->topic, record->topic_bytes);
    memcpy(bytes + MESH_SPOOL_RECORD_BYTES + record->topic_bytes, record->body,
           record->body_bytes);
    put_checksum(bytes, bytes + CHECKSUM_BYTES,
                 mesh_spool_record_size(record) - CHECKSUM_BYTES);
}

mesh_spool_outcome_t
mesh_spool_record_decode(mesh_spool_record_t *record, const uint8_t *bytes, size_t size_bytes,
                         size_t *wanted_bytes)
{
    assert(record && wanted_bytes);
    *wanted_bytes = MESH_SPOOL_RECORD_BYTES;
    if (size_bytes < MESH_SPOOL_RECORD_BYTES)
        return MESH_SPOOL_RECORD_SHORT;
    size_t content_bytes = get32(bytes + 8);
    size_t topic_bytes = ((size_t) bytes[12] << 8) | bytes[13];
    if (topic_bytes >= MESH_TOPIC_SIZE || content_bytes < topic_bytes ||
        content_bytes - topic_bytes > MESH_WIRE_PAYLOAD_LIMIT)
        return MESH_SPOOL_RECORD_BROKEN;
    *wanted_bytes = MESH_SPOOL_RECORD_BYTES + content_bytes;
    if (size_bytes < *wanted_bytes)
        return MESH_SPOOL_RECORD_SHORT;
    if (!has_checksum(bytes, bytes + CHECKSUM_BYTES, *wanted_bytes - CHECKSUM_BYTES))
        return MESH_SPOOL_RECORD_BROKEN;
    *record = (mesh_spool_record_t){
        .seq = get64(bytes + 16),
        .covers = get32(bytes + 32),
        .rank = bytes[14],
        .timestamp_us = (int64_t) get64(bytes + 24),
        .topic = (const char *) bytes + MESH_SPOOL_RECORD_BYTES,
        .topic_bytes = topic_bytes,
        .body = (const char *) bytes + MESH_SPOOL_RECORD_BYTES + topic_bytes,
        .body_bytes = content_bytes - topic_bytes,
    };
    bool sound = bytes[14] < MESH_RANKS && bytes[15] == 0 && get32(bytes + 36) == 0 &&
                 record->covers > 0 && record->covers <= record->seq;
    return sound ? MESH_SPOOL_RECORD_OK : MESH_SPOOL_RECORD_BROKEN;
}
