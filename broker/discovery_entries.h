// discovery_entries - what the discovery file says of this broker and its sse-bridges
// SPDX-License-Identifier: MPL-2.0
#ifndef BROKER_DISCOVERY_ENTRIES_H
#define BROKER_DISCOVERY_ENTRIES_H

#include <jansson.h>

#include "registry.h"

// The entries to write: those of `others` that are neither ours (broker_id, or registered here)
// nor older than 30 s, then one for each registered sse-bridge whose hello has metadata.http
// {host, port}, then the broker's with its endpoints. The broker's start_time is 0, the oldest,
// so that a reader who takes the youngest entry, as the predecessor's does, finds the HTTP
// side. All borrowed; the caller owns the result.
json_t *discovery_entries(const json_t *others, const char *broker_id, const char *host,
                          json_t *endpoints, registry_t *registry, double now_s);

// Only those of others: what is left when this broker goes.
json_t *discovery_entries_without(const json_t *others, const char *broker_id, double now_s);

#endif
