// discovery_entries - what the discovery file says of this broker and of its sse-bridges
// SPDX-License-Identifier: MPL-2.0
#ifndef BROKER_DISCOVERY_ENTRIES_H
#define BROKER_DISCOVERY_ENTRIES_H

#include <jansson.h>
#include <stdbool.h>

#include "registry.h"

// What the broker says of itself. All borrowed.
typedef struct discovery_self {
    const char *broker_id;
    const char *host;
    const char *mesh_id;
    json_t *endpoints;    // "publish", "subscribe", "control"
    json_t *lock;         // what mesh_lock_file_describe gave
    double started_s;     // Unix
    bool fallback;
} discovery_self_t;

// The entries to write: those of `others` that are not ours and whose writer lives
// (mesh_discovery_life), then one for each registered sse-bridge whose hello has metadata
// http_port and http_address, then the broker's. The broker's start_time is 0, the oldest, so
// that a reader who takes the youngest entry, as the predecessor's does, finds the HTTP side.
// All borrowed; the caller owns the result.
json_t *discovery_entries(const json_t *others, const discovery_self_t *self,
                          registry_t *registry, double now_s);

// Only those of others: what is left when this broker goes.
json_t *discovery_entries_without(const json_t *others, const char *broker_id, double now_s);

// Whether entries that were read have all that discovery_entries would write of us, however old
// their heartbeats.
bool discovery_entries_have(const json_t *entries, const discovery_self_t *self,
                            registry_t *registry);

#endif
