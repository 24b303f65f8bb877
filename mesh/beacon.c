// beacon - the datagram by which a broker says where it is: its bytes, and its keyed hash
// SPDX-License-Identifier: MPL-2.0
//
//    0  4   "AMBN"
//    4  1   version: 1
//    5  1   m, bytes of the mesh id: 1 to 64
//    6  1   e, bytes of the endpoint: 1 to 87
//    7  1   reserved: 0
//    8  8   time, Unix milliseconds
//   16  8   counter
//   24 16   broker id: UUID version 7, made at its start
//   40 32   the broker's public CURVE key
//   72  m   mesh id
//       e   control endpoint
//      32   keyed hash of all before: HMAC-SHA-512, its first 256 bits
//
// Integers are unsigned, in network byte order.
#include "mesh/beacon.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

enum {
    VERSION = 1,
    MESH_ID_SIZE_AT = 5,
    ENDPOINT_SIZE_AT = 6,
    RESERVED_AT = 7,
    TIME_AT = 8,
    COUNTER_AT = 16,
    BROKER_AT = 24,
    KEY_AT = 40,
    TEXTS_AT = 72,
    HASH_BYTES = crypto_auth_BYTES,
};

static_assert(crypto_auth_KEYBYTES == MESH_BEACON_SECRET_BYTES, "a secret is a key");
static_assert(TEXTS_AT + MESH_BEACON_MESH_ID_LIMIT + MESH_BEACON_ENDPOINT_LIMIT + HASH_BYTES ==
                  MESH_BEACON_LIMIT,
              "the longest beacon is as long as may be");

const char *
mesh_beacon_outcome_name(mesh_beacon_outcome_t outcome)
{
    static const char *const names[MESH_BEACON_OUTCOMES] = {
        "ok",     "malformed", "other-version", "other-mesh",  "wrong-hash",
        "skewed", "replayed",  "crowded",       "off-network", "other-broker",
    };
    assert(outcome < MESH_BEACON_OUTCOMES);
    return names[outcome];
}

static void
put_number(uint8_t *at, uint64_t number)
{
    for (int i = 7; i >= 0; i--, number >>= 8)
        at[i] = (uint8_t) (number & 0xff);
}

static uint64_t
get_number(const uint8_t *at)
{
    uint64_t number = 0;
    for (int i = 0; i < 8; i++)
        number = number << 8 | at[i];
    return number;
}

size_t
mesh_beacon_encode(const mesh_beacon_t *self,
                   const uint8_t secret[static MESH_BEACON_SECRET_BYTES],
                   uint8_t bytes[static MESH_BEACON_LIMIT])
{
    assert(self && secret && bytes);
    size_t mesh_id_bytes = strnlen(self->mesh_id, MESH_BEACON_MESH_ID_LIMIT + 1);
    size_t endpoint_bytes = strnlen(self->endpoint, MESH_BEACON_ENDPOINT_LIMIT + 1);
    if (mesh_id_bytes == 0 || mesh_id_bytes > MESH_BEACON_MESH_ID_LIMIT ||
        endpoint_bytes == 0 || endpoint_bytes > MESH_BEACON_ENDPOINT_LIMIT)
        return 0;
    memcpy(bytes, MESH_BEACON_MAGIC, strlen(MESH_BEACON_MAGIC));
    bytes[4] = VERSION;
    bytes[MESH_ID_SIZE_AT] = (uint8_t) mesh_id_bytes;
    bytes[ENDPOINT_SIZE_AT] = (uint8_t) endpoint_bytes;
    bytes[RESERVED_AT] = 0;
    put_number(bytes + TIME_AT, (uint64_t) self->time_ms);
    put_number(bytes + COUNTER_AT, self->counter);
    memcpy(bytes + BROKER_AT, self->broker.bytes, sizeof self->broker.bytes);
    memcpy(bytes + KEY_AT, self->server_key, sizeof self->server_key);
    memcpy(bytes + TEXTS_AT, self->mesh_id, mesh_id_bytes);
    memcpy(bytes + TEXTS_AT + mesh_id_bytes, self->endpoint, endpoint_bytes);
    size_t hashed_bytes = TEXTS_AT + mesh_id_bytes + endpoint_bytes;
    crypto_auth(bytes + hashed_bytes, bytes, hashed_bytes, secret);
    return hashed_bytes + HASH_BYTES;
}

// Printable ASCII without spaces: what may stand in a mesh id, an endpoint, and a log.
static bool
is_word(const uint8_t *text, size_t size_bytes)
{
    for (size_t i = 0; i < size_bytes; i++)
        if (text[i] < 0x21 || text[i] > 0x7e)
            return false;
    return true;
}

mesh_beacon_outcome_t
mesh_beacon_decode(mesh_beacon_t *self, const uint8_t *bytes, size_t size_bytes)
{
    assert(self && bytes);
    if (size_bytes < TEXTS_AT ||
        memcmp(bytes, MESH_BEACON_MAGIC, strlen(MESH_BEACON_MAGIC)) != 0)
        return MESH_BEACON_MALFORMED;
    if (bytes[4] != VERSION)
        return MESH_BEACON_OTHER_VERSION;
    size_t mesh_id_bytes = bytes[MESH_ID_SIZE_AT];
    size_t endpoint_bytes = bytes[ENDPOINT_SIZE_AT];
    const uint8_t *mesh_id = bytes + TEXTS_AT;
    uint64_t time_ms = get_number(bytes + TIME_AT);
    if (mesh_id_bytes == 0 || mesh_id_bytes > MESH_BEACON_MESH_ID_LIMIT ||
        endpoint_bytes == 0 || endpoint_bytes > MESH_BEACON_ENDPOINT_LIMIT ||
        size_bytes != TEXTS_AT + mesh_id_bytes + endpoint_bytes + HASH_BYTES ||
        bytes[RESERVED_AT] != 0 || time_ms > INT64_MAX ||
        !is_word(mesh_id, mesh_id_bytes + endpoint_bytes))
        return MESH_BEACON_MALFORMED;
    *self = (mesh_beacon_t){.time_ms = (int64_t) time_ms,
                            .counter = get_number(bytes + COUNTER_AT)};
    memcpy(self->broker.bytes, bytes + BROKER_AT, sizeof self->broker.bytes);
    memcpy(self->server_key, bytes + KEY_AT, sizeof self->server_key);
    memcpy(self->mesh_id, mesh_id, mesh_id_bytes);
    memcpy(self->endpoint, mesh_id + mesh_id_bytes, endpoint_bytes);
    return strncmp(self->endpoint, "tcp://", strlen("tcp://")) == 0 ? MESH_BEACON_OK
                                                                    : MESH_BEACON_MALFORMED;
}

bool
mesh_beacon_is_authentic(const uint8_t *bytes, size_t size_bytes,
                         const uint8_t secret[static MESH_BEACON_SECRET_BYTES])
{
    assert(bytes && secret && size_bytes > HASH_BYTES);
    size_t hashed_bytes = size_bytes - HASH_BYTES;
    return crypto_auth_verify(bytes + hashed_bytes, bytes, hashed_bytes, secret) == 0;
}
