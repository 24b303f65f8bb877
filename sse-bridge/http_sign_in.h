// http_sign_in - what browsers get for a token: a cookie, and tickets for their EventSource
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_HTTP_SIGN_IN_H
#define SSE_HTTP_SIGN_IN_H

#include <stdbool.h>

#include "access.h"
#include "http_answer.h"
#include "http_server.h"

#define HTTP_SIGN_IN_COOKIE "aidermesh"

// POST /api/v1/signin: 204 with a cookie in the name of the grant.
enum MHD_Result http_sign_in_answer(const access_t *access, const http_peer_t *peer,
                                    const access_grant_t *grant, const char *base_path,
                                    int64_t now_ms);

// POST /api/v1/ticket with {"url": "/events?types=aider.*"}: 201 with the ticket, and the URL
// that carries it.
enum MHD_Result http_sign_in_ticket(access_t *access, const http_peer_t *peer,
                                    const access_grant_t *grant, const http_request_t *request,
                                    const char *origin, const char *base_path, int64_t now_ms);

// Whether an Origin (http://host:port) is of the host that a request was made to.
bool http_sign_in_is_same_site(const char *origin, const char *host);

#endif
