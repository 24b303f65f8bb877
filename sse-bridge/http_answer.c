// http_answer - responses with the headers that all of ours have
// SPDX-License-Identifier: MPL-2.0
#include "http_answer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool
http_answer_is_encrypted(const http_peer_t *peer)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(peer->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return info && info->tls_session;
}

void
http_answer_count(http_peer_t *peer, request_rate_t *rates, int64_t now_ms)
{
    peer->rates = rates;
    peer->rate = request_rate_take(rates, peer->caller, now_ms);
}

void
http_answer_count_again(http_peer_t *peer, int64_t now_ms)
{
    if (peer->rates)
        peer->rate = request_rate_look(peer->rates, peer->caller, now_ms);
}

struct MHD_Response *
http_answer_make(char *body, size_t body_bytes, const char *content_type)
{
    struct MHD_Response *response =
        body ? MHD_create_response_from_buffer(body_bytes, body, MHD_RESPMEM_MUST_FREE)
             : MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    assert(response);
    if (content_type)
        http_answer_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    return response;
}

void
http_answer_header(struct MHD_Response *response, const char *name, const char *value)
{
    enum MHD_Result rc = MHD_add_response_header(response, name, value);
    assert(rc == MHD_YES);    // all names and values are ours
}

static void
add_number(struct MHD_Response *response, const char *name, uint64_t number)
{
    char text[24];
    (void) snprintf(text, sizeof text, "%" PRIu64, number);
    http_answer_header(response, name, text);
}

static void
add_rate(struct MHD_Response *response, const request_rate_left_t *rate)
{
    add_number(response, "RateLimit-Limit", rate->requests);
    add_number(response, "RateLimit-Remaining", rate->left);
    add_number(response, "RateLimit-Reset", rate->full_in_s);
    if (rate->retry_in_s > 0)
        add_number(response, MHD_HTTP_HEADER_RETRY_AFTER, rate->retry_in_s);
}

enum MHD_Result
http_answer_send(const http_peer_t *peer, unsigned status, struct MHD_Response *response)
{
    http_answer_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    http_answer_header(response, "X-Content-Type-Options", "nosniff");
    http_answer_header(response, "Referrer-Policy", "no-referrer");
    http_answer_header(response, "X-Frame-Options", "DENY");
    http_answer_header(response, "Content-Security-Policy",
                       "default-src 'none'; frame-ancestors 'none'");
    http_answer_header(response, "Cross-Origin-Resource-Policy",
                       peer->allowed_origin ? "cross-origin" : "same-origin");
    http_answer_header(response, MHD_HTTP_HEADER_VARY, "Origin");
    if (peer->allowed_origin) {
        http_answer_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_ORIGIN,
                           peer->allowed_origin);
        http_answer_header(response, "Access-Control-Expose-Headers",
                           HTTP_ANSWER_VERDICT ", " HTTP_ANSWER_NEXT_CURSOR
                                               ", " HTTP_ANSWER_CLIENT_ID ", Retry-After"
                                               ", RateLimit-Limit, RateLimit-Remaining"
                                               ", RateLimit-Reset");
    }
    if (peer->rate.requests > 0)
        add_rate(response, &peer->rate);
    enum MHD_Result rc = MHD_queue_response(peer->connection, status, response);
    MHD_destroy_response(response);
    return rc;
}

enum MHD_Result
http_answer_json(const http_peer_t *peer, unsigned status, json_t *json)
{
    // The shortest that gives a double of 15 digits back: 0.1 is 0.1, and a time has its ten
    // microseconds.
    char *body = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    assert(body);
    json_decref(json);
    return http_answer_send(peer, status,
                            http_answer_make(body, strlen(body), "application/json"));
}

struct MHD_Response *
http_answer_problem(unsigned status, const char *detail)
{
    json_t *json = json_object();
    json_object_set_new(json, "type", json_string("about:blank"));
    json_object_set_new(json, "title", json_string(MHD_get_reason_phrase_for(status)));
    json_object_set_new(json, "status", json_integer(status));
    json_object_set_new(json, "detail", json_string(detail));
    char *body = json_dumps(json, JSON_INDENT(2));
    assert(body);
    json_decref(json);
    return http_answer_make(body, strlen(body), "application/problem+json");
}
