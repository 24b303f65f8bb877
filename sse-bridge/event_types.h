// event_types - the types that streams may ask for, and what each stream's path stands for
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_EVENT_TYPES_H
#define SSE_EVENT_TYPES_H

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    ENDPOINT_ALL,
    ENDPOINT_AIDER,
    ENDPOINT_ERRORS,
    ENDPOINT_PROGRESS,
    ENDPOINT_MESH,
    ENDPOINTS,
    ENDPOINT_ONCE = ENDPOINTS,    // /api/v1/events: one answer, and none of the streams
} endpoint_t;

typedef struct endpoint_info {
    const char *path;            // "/events/aider"
    const char *name;            // as in /health and /metrics: "aider_events"
    const char *const *types;    // patterns, ended by NULL; none for all
} endpoint_info_t;

const endpoint_info_t *endpoint_info(endpoint_t endpoint);

// Find the stream of a path of path_bytes. Returns 0, or -1 when there is none.
int endpoint_of_path(const char *path, size_t path_bytes, endpoint_t *endpoint);

// Whether a stream may ask for this type, or prefix with '*': one that is known, or one of a
// family that is not ours ("acme.deployed").
bool event_type_may_be_asked(const char *pattern);

// The types that are known, one by one; NULL after the last.
const char *event_type_known(size_t index);

// What may be asked for, in words, for a refusal.
const char *event_types_allowed(void);

#endif
