// http_routes - which path is answered how, and who may ask
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_HTTP_ROUTES_H
#define SSE_HTTP_ROUTES_H

#include "access.h"
#include "events_door.h"
#include "health.h"
#include "http_lists.h"
#include "http_server.h"
#include "stream_door.h"

typedef struct http_routes http_routes_t;

// Gathers what /health and its like show.
typedef void http_routes_facts_fn(void *arg, health_facts_t *facts);

// All are borrowed, and so are the settings (http/base_path).
http_routes_t *http_routes_new(access_t *access, stream_door_t *door, events_door_t *events,
                               const http_lists_t *lists, const mesh_settings_t *settings,
                               http_routes_facts_fn *facts, void *arg);
void http_routes_destroy(http_routes_t **self_p);

// http_server_answer_fn
enum MHD_Result http_routes_answer(void *routes, const http_request_t *request);

// Requests refused for want of a good token, by access_verdict_t; borrowed.
const uint64_t *http_routes_refused(const http_routes_t *self);

#endif
