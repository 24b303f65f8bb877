// health - how the sse-bridge is: ready or not, as JSON and as Prometheus text
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_HEALTH_H
#define SSE_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "stream_hub.h"

enum { HEALTH_HEAD_FRESH_MS = 3000 };    // the broker says where its head is every second

typedef enum {
    HEALTH_FEED_AWAY,           // no broker
    HEALTH_FEED_CATCHING_UP,    // replaying
    HEALTH_FEED_LIVE,
} health_feed_t;

// All that is shown, gathered by the caller.
typedef struct health_facts {
    double timestamp;    // Unix seconds
    double uptime_s;
    health_feed_t feed;
    int64_t heard_age_ms;    // since the broker was last heard; negative for never
    bool stopping;
    mesh_cursor_t head;    // of the broker, as far as known
    json_t *journal;       // borrowed; how the broker says its journal is; NULL for unknown
    const event_ring_t *ring;
    stream_hub_stats_t streams;
    size_t sessions;
    size_t sessions_running;
    double events_per_second;
    double frames_per_second;
    uint64_t requests;
    uint64_t heads_late;
    uint64_t refused_access;
    uint64_t refused_limits;
    unsigned connections;
} health_facts_t;

// Whether streams are served from a feed that is fresh. When not, *reason_p says why, borrowed.
bool health_is_ready(const health_facts_t *facts, const char **reason_p);

// The body of /health, which the caller owns.
json_t *health_report(const health_facts_t *facts);

// The body of /metrics, which the caller frees, and its length.
char *health_metrics(const health_facts_t *facts, size_t *bytes);

#endif
