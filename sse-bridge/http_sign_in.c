// http_sign_in - what browsers get for a token: a cookie, and tickets for their EventSource
// SPDX-License-Identifier: MPL-2.0
#include "http_sign_in.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "event_types.h"
#include "http_target.h"

bool
http_sign_in_is_same_site(const char *origin, const char *host)
{
    const char *name = strstr(origin, "://");
    return name && host && strcasecmp(name + 3, host) == 0;
}

// Whether the client speaks TLS to us, or to the proxy in front.
static bool
is_secure(const http_peer_t *peer)
{
    const char *scheme =
        MHD_lookup_connection_value(peer->connection, MHD_HEADER_KIND, "X-Forwarded-Proto");
    return http_answer_is_encrypted(peer) || (scheme && strcasecmp(scheme, "https") == 0);
}

enum MHD_Result
http_sign_in_answer(const access_t *access, const http_peer_t *peer,
                    const access_grant_t *grant, const char *base_path, int64_t now_ms)
{
    char value[ACCESS_COOKIE_SIZE];
    int64_t lasts_s = access_sign_in(access, grant, now_ms, value);
    char *cookie = NULL;
    int rc = asprintf(&cookie,
                      HTTP_SIGN_IN_COOKIE "=%s; Path=%s/; Max-Age=%lld; HttpOnly; "
                                          "SameSite=Strict%s",
                      value, base_path, (long long) lasts_s, is_secure(peer) ? "; Secure" : "");
    assert(rc >= 0);
    struct MHD_Response *response = http_answer_make(NULL, 0, NULL);
    http_answer_header(response, MHD_HTTP_HEADER_SET_COOKIE, cookie);
    free(cookie);
    return http_answer_send(peer, MHD_HTTP_NO_CONTENT, response);
}

static enum MHD_Result
refuse(const http_peer_t *peer, const char *detail)
{
    return http_answer_send(peer, MHD_HTTP_BAD_REQUEST,
                            http_answer_problem(MHD_HTTP_BAD_REQUEST, detail));
}

// Whether a URL is a stream of ours that can stand in a request line as it is.
static bool
is_stream(const char *url, const http_target_t *target)
{
    endpoint_t endpoint;
    for (const char *at = url; *at; at++)
        if (*at <= ' ' || *at >= 0x7f || *at == '#')
            return false;
    return endpoint_of_path(target->path, target->path_bytes, &endpoint) == 0;
}

enum MHD_Result
http_sign_in_ticket(access_t *access, const http_peer_t *peer, const access_grant_t *grant,
                    const http_request_t *request, const char *origin, const char *base_path,
                    int64_t now_ms)
{
    static const char form[] =
        "the body is to be {\"url\": \"/events?types=aider.*\"}, with the path and query of a "
        "stream, percent-encoded";
    json_t *body = json_loadb(request->body, request->body_bytes, 0, NULL);
    const char *url = json_string_value(json_object_get(body, "url"));
    http_target_t target;
    http_target_parse(&target, url ? url : "", base_path);
    if (!url || json_object_size(body) != 1 || !is_stream(url, &target)) {
        http_target_clear(&target);
        json_decref(body);
        return refuse(peer, form);
    }
    const ticket_claim_t claim = {
        .path_query = target.plain, .origin = origin ? origin : "", .address = peer->address};
    char ticket[TICKET_SIZE];
    ticket_make(access_tickets(access), &claim, grant->token_id, now_ms, ticket);
    char *with_ticket = NULL;
    int rc = asprintf(&with_ticket, "%s%s%cticket=%s", base_path, target.plain,
                      strchr(target.plain, '?') ? '&' : '?', ticket);
    assert(rc >= 0);
    json_t *answer = json_pack("{s:s, s:s, s:i}", "ticket", ticket, "url", with_ticket,
                               "expires_in", TICKET_GOOD_MS / 1000);
    free(with_ticket);
    http_target_clear(&target);
    json_decref(body);
    return http_answer_json(peer, MHD_HTTP_CREATED, answer);
}
