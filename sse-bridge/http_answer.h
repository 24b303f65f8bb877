// http_answer - responses with the headers that all of ours have
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_HTTP_ANSWER_H
#define SSE_HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include <netinet/in.h>

#include <jansson.h>
#include <microhttpd.h>

#include "request_rate.h"

// To whom: the connection, its client's address (as a trusted proxy tells it), and the origin
// whose pages may read the answer, or NULL.
typedef struct http_peer {
    struct MHD_Connection *connection;
    char address[INET6_ADDRSTRLEN];
    const char *allowed_origin;
    request_rate_left_t rate;         // zeroed where requests are not counted
    request_rate_t *rates;            // borrowed; where this one was, or NULL
    char caller[INET6_ADDRSTRLEN];    // ... as whose: a token's id, or the address
} http_peer_t;

// Headers of our own, which pages of an allowed origin may read.
#define HTTP_ANSWER_VERDICT "Aidermesh-Verdict"
#define HTTP_ANSWER_NEXT_CURSOR "Aidermesh-Next-Cursor"
#define HTTP_ANSWER_CLIENT_ID "X-Client-ID"

// Whether the client speaks TLS to us.
bool http_answer_is_encrypted(const http_peer_t *peer);

// Count a request as the caller's, whom peer names; and, where its answer comes only later,
// have that say what the caller has left by then.
void http_answer_count(http_peer_t *peer, request_rate_t *rates, int64_t now_ms);
void http_answer_count_again(http_peer_t *peer, int64_t now_ms);

// A response of body_bytes at body, from malloc, which is taken; NULL for none.
struct MHD_Response *http_answer_make(char *body, size_t body_bytes, const char *content_type);

void http_answer_header(struct MHD_Response *response, const char *name, const char *value);

// Add the headers that all answers have, queue the response and let go of it.
enum MHD_Result http_answer_send(const http_peer_t *peer, unsigned status,
                                 struct MHD_Response *response);

// Steals json.
enum MHD_Result http_answer_json(const http_peer_t *peer, unsigned status, json_t *json);

// A refusal (RFC 9457) to which headers can be added before it is sent. detail is a sentence.
struct MHD_Response *http_answer_problem(unsigned status, const char *detail);

#endif
