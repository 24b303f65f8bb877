// http_lists - GET of what the sse-bridge knows: sessions, one of them, and transports
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_HTTP_LISTS_H
#define SSE_HTTP_LISTS_H

#include "access.h"
#include "http_answer.h"
#include "session_list.h"
#include "transport_list.h"

// All borrowed.
typedef struct http_lists {
    session_list_t *sessions;
    const transport_list_t *transports;
} http_lists_t;

// Answer a request that access has granted.
enum MHD_Result http_lists_sessions(const http_lists_t *self, const http_peer_t *peer,
                                    const access_grant_t *grant);
enum MHD_Result http_lists_transports(const http_lists_t *self, const http_peer_t *peer,
                                      const access_grant_t *grant);

// id is what stands in the path, id_bytes long, still percent-encoded.
enum MHD_Result http_lists_session(const http_lists_t *self, const http_peer_t *peer,
                                   const access_grant_t *grant, const char *id,
                                   size_t id_bytes);

#endif
