// mesh_health - how the mesh itself is, as far as one member of it can tell
// SPDX-License-Identifier: MPL-2.0
//
// Knows no sockets and no clock. Times are CLOCK_MONOTONIC milliseconds. What went wrong once
// (a member lost, a gap) degrades the health for MESH_HEALTH_MEMORY_MS.
#ifndef MONITOR_MESH_HEALTH_H
#define MONITOR_MESH_HEALTH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "mesh/db_fault.h"
#include "observation.h"
#include "request_watch.h"

enum {
    MESH_HEALTH_MEMORY_MS = 60 * 1000,
    MESH_HEALTH_TRANSPORTS = 10 * 1000,    // known by name; more are counted as unknown
    MESH_HEALTH_CATCH_UP_MS = 5 * 1000,    // replaying for longer than this degrades
};

typedef enum {
    MESH_HEALTH_HEALTHY,
    MESH_HEALTH_DEGRADED,     // works, but something was lost or is slow
    MESH_HEALTH_UNHEALTHY,    // the broker is away
} mesh_health_status_t;

typedef struct mesh_health mesh_health_t;

// What the program counts beside the health's own.
typedef struct mesh_health_counts {
    request_watch_counts_t requests;
    uint64_t events_refused;    // events that could not be read
    uint64_t events_dropped;    // of the monitor's own, because the broker was away too long
    uint64_t lag;               // how far the monitor is behind the broker's newest offset
} mesh_health_counts_t;

// The health begins unhealthy: no broker has been heard.
mesh_health_t *mesh_health_new(int64_t now_ms);
void mesh_health_destroy(mesh_health_t **self_p);

// Take a mesh.transport_... observation of at_ms; any other is passed over.
void mesh_health_observe(mesh_health_t *self, const observation_t *observation, int64_t at_ms);

// Take the broker's own list of who is there ("transports" of a snapshot, borrowed) in place of
// what is known.
void mesh_health_replace(mesh_health_t *self, const json_t *transports);

void mesh_health_broker(mesh_health_t *self, bool up);
void mesh_health_catching_up(mesh_health_t *self, bool catching_up, int64_t now_ms);
void mesh_health_journal(mesh_health_t *self, bool up);
void mesh_health_state(mesh_health_t *self, mesh_db_fault_t fault);    // of what is kept
void mesh_health_gap(mesh_health_t *self, int64_t now_ms);             // events were lost
void mesh_health_event(mesh_health_t *self, bool late);                // one event was seen

mesh_health_status_t mesh_health_status(const mesh_health_t *self, int64_t now_ms);

// The payload of mesh.health. The caller owns the result.
json_t *mesh_health_payload(const mesh_health_t *self, const mesh_health_counts_t *counts,
                            int64_t now_ms);

#endif
