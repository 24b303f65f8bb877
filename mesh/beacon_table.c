// beacon_table - which beacons are obeyed: the brokers heard, and what was ignored and why
// SPDX-License-Identifier: MPL-2.0
#include "mesh/beacon_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct heard {
    mesh_uuid_t broker;
    uint64_t counter;    // the highest
    int64_t time_ms;     // the highest
} heard_t;

struct mesh_beacon_table {
    char *mesh_id;    // owned
    uint8_t secret[MESH_BEACON_SECRET_BYTES];
    heard_t brokers[MESH_BEACON_BROKERS_LIMIT];
    size_t count;
    uint64_t counts[MESH_BEACON_OUTCOMES];
};

mesh_beacon_table_t *
mesh_beacon_table_new(const char *mesh_id,
                      const uint8_t secret[static MESH_BEACON_SECRET_BYTES])
{
    assert(mesh_id && secret);
    mesh_beacon_table_t *self = calloc(1, sizeof *self);
    if (!self)
        abort();
    self->mesh_id = strdup(mesh_id);
    memcpy(self->secret, secret, sizeof self->secret);
    return self;
}

void
mesh_beacon_table_destroy(mesh_beacon_table_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        free((*self_p)->mesh_id);
        free(*self_p);
        *self_p = NULL;
    }
}

static bool
is_skewed(int64_t time_ms, int64_t unix_ms)
{
    // Neither is negative, so the difference is one.
    int64_t apart_ms = time_ms - unix_ms;
    return apart_ms > MESH_BEACON_SKEW_MS || apart_ms < -MESH_BEACON_SKEW_MS;
}

// What is known of a broker; a fresh row when it is new; NULL when there is no room.
static heard_t *
row_of(mesh_beacon_table_t *self, const mesh_uuid_t *broker, int64_t unix_ms)
{
    heard_t *free_row = NULL;
    for (size_t i = 0; i < self->count; i++) {
        heard_t *row = &self->brokers[i];
        if (memcmp(&row->broker, broker, sizeof *broker) == 0)
            return row;
        if (row->time_ms < unix_ms && is_skewed(row->time_ms, unix_ms))
            free_row = row;
    }
    if (self->count < MESH_BEACON_BROKERS_LIMIT)
        free_row = &self->brokers[self->count++];
    if (free_row)
        *free_row = (heard_t){.broker = *broker};
    return free_row;
}

static mesh_beacon_outcome_t
judge(mesh_beacon_table_t *self, const uint8_t *bytes, size_t size_bytes, int64_t unix_ms,
      mesh_beacon_t *beacon)
{
    mesh_beacon_outcome_t outcome = mesh_beacon_decode(beacon, bytes, size_bytes);
    if (outcome != MESH_BEACON_OK)
        return outcome;
    if (strcmp(beacon->mesh_id, self->mesh_id) != 0)
        return MESH_BEACON_OTHER_MESH;
    if (!mesh_beacon_is_authentic(bytes, size_bytes, self->secret))
        return MESH_BEACON_WRONG_HASH;
    if (is_skewed(beacon->time_ms, unix_ms))
        return MESH_BEACON_SKEWED;
    heard_t *row = row_of(self, &beacon->broker, unix_ms);
    if (!row)
        return MESH_BEACON_CROWDED;
    if (beacon->counter <= row->counter)
        return MESH_BEACON_REPLAYED;
    row->counter = beacon->counter;
    if (beacon->time_ms > row->time_ms)
        row->time_ms = beacon->time_ms;
    return MESH_BEACON_OK;
}

mesh_beacon_outcome_t
mesh_beacon_table_take(mesh_beacon_table_t *self, const uint8_t *bytes, size_t size_bytes,
                       int64_t unix_ms, mesh_beacon_t *beacon)
{
    assert(self && bytes && unix_ms >= 0 && beacon);
    mesh_beacon_outcome_t outcome = judge(self, bytes, size_bytes, unix_ms, beacon);
    self->counts[outcome]++;
    return outcome;
}

void
mesh_beacon_table_ignored(mesh_beacon_table_t *self, mesh_beacon_outcome_t why)
{
    assert(self && why > MESH_BEACON_OK && why < MESH_BEACON_OUTCOMES);
    self->counts[why]++;
}

uint64_t
mesh_beacon_table_count(const mesh_beacon_table_t *self, mesh_beacon_outcome_t outcome)
{
    assert(self && outcome < MESH_BEACON_OUTCOMES);
    return self->counts[outcome];
}
