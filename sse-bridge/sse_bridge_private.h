// sse_bridge_private - what the two files of sse_bridge share
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_SSE_BRIDGE_PRIVATE_H
#define SSE_SSE_BRIDGE_PRIVATE_H

#include "access.h"
#include "events_door.h"
#include "http_routes.h"
#include "http_server.h"
#include "mesh/link.h"
#include "mesh/signals.h"
#include "mesh/subscriber.h"
#include "mesh/timer.h"
#include "past_link.h"
#include "rate_meter.h"
#include "stream_door.h"
#include "stream_hub.h"
#include "tls_credentials.h"

typedef struct sse_bridge sse_bridge_t;

struct sse_bridge {
    mesh_settings_t *reloaded;    // owned; NULL before the first reload
    zloop_t *loop;                // owned, as all below
    mesh_signals_t *signals;
    mesh_link_t *link;
    json_t *journal;    // how the broker's is; NULL before it said
    monitor_watch_t monitor;
    int64_t heartbeat_ms;    // of the mesh's programs, as the broker says
    size_t ring_bytes;
    mesh_subscriber_t *subscriber;
    past_link_t *past;
    access_t *access;
    tls_credentials_t *tls;    // NULL without HTTPS
    stream_hub_t *hub;
    client_limits_t *client_limits;    // of both doors
    stream_door_t *door;
    events_door_t *events_door;
    mesh_timer_t *answers_timer;    // when the next request that waits is looked at
    http_routes_t *routes;
    http_server_t *server;
    uint16_t port;
    size_t clients;
    mesh_cursor_t before_first;         // of what the broker kept when it welcomed us
    uint64_t removed[MESH_FAMILIES];    // ... and had removed, of each family
    bool removed_known;
    zmq_pollitem_t hub_poll;
    type_counts_t types;
    transport_list_t *transports;
    rate_meter_t events;
    rate_meter_t frames;
    int64_t started_ms;
    bool turn_wanted;    // by the hub, when what is being read has been
    bool was_ready;
    bool stopping;
};

// sse_bridge.c: write what waits.
void sse_bridge_turn(sse_bridge_t *self);

// sse_bridge_feed.c

// Join the mesh: what it says goes to the hub and the lists from then on. Returns 0, or -1 with
// *error_p, which the caller frees.
int sse_bridge_join(sse_bridge_t *self, const mesh_settings_t *settings, char **error_p);

// Tell the hub how the feed is now.
void sse_bridge_note_feed(sse_bridge_t *self);

#endif
