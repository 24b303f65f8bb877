// health - how the sse-bridge is: ready or not, as JSON
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_HEALTH_H
#define SSE_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "access.h"
#include "monitor_watch.h"
#include "stream_hub.h"
#include "transport_list.h"
#include "type_counts.h"

// The broker says where its head is every second: one that is late is no news, two are, and are
// told within three seconds.
enum { HEALTH_HEAD_FRESH_MS = 2500 };

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
    monitor_watch_t monitor;
    const event_ring_t *ring;
    size_t ring_limit_bytes;
    stream_hub_stats_t streams;
    const transport_list_t *transports;    // borrowed
    size_t sessions;
    size_t sessions_running;
    double events_per_second;
    double frames_per_second;
    uint64_t requests;
    uint64_t heads_late;
    uint64_t mute;                     // connections that ended without a request
    int64_t certificate_expires_s;     // Unix time; 0 without HTTPS
    const uint64_t *refused_access;    // borrowed; by access_verdict_t
    const type_counts_t *types;        // borrowed; events that came, by type
    uint64_t refused_limits;
    unsigned connections;
    size_t waiting;         // requests for events that wait for some
    uint64_t past_pages;    // of the journal, that were asked for
} health_facts_t;

// The parts of the mesh that can be amiss.
typedef enum {
    HEALTH_BRIDGE,
    HEALTH_BROKER,
    HEALTH_JOURNAL,
    HEALTH_MONITOR,    // without which streams are served all the same
    HEALTH_PARTS,
} health_part_t;

// "sse-bridge", "broker", "journal", "monitor"
const char *health_part_name(health_part_t part);

// What is wrong with a part, as a static sentence; NULL when nothing is, or it cannot be known
// because the broker is away.
const char *health_fault(const health_facts_t *facts, health_part_t part);

// How far the newest event that streams have seen is behind the newest that the broker has
// told of, as offsets; 0 where that is not known.
uint64_t health_lag(const health_facts_t *facts);

// Whether streams are served from a feed that is fresh, of a broker whose journal works. When
// not, *reason_p says why, borrowed.
bool health_is_ready(const health_facts_t *facts, const char **reason_p);

// The body of /health, which the caller owns.
json_t *health_report(const health_facts_t *facts);

#endif
