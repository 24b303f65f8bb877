// http_routes - which path is answered how, and who may ask
// SPDX-License-Identifier: MPL-2.0
#include "http_routes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ALLOWED_METHODS "GET, HEAD, OPTIONS"

typedef enum {
    ROUTE_NONE,
    ROUTE_STREAM,
    ROUTE_HEALTH,
    ROUTE_LIVE,
    ROUTE_READY,
    ROUTE_METRICS
} route_t;

struct http_routes {
    const access_t *access;
    stream_door_t *door;
    http_routes_facts_fn *facts;
    void *arg;
    uint64_t refused;
};

http_routes_t *
http_routes_new(const access_t *access, stream_door_t *door, http_routes_facts_fn *facts,
                void *arg)
{
    http_routes_t *self = calloc(1, sizeof *self);
    assert(self);
    self->access = access;
    self->door = door;
    self->facts = facts;
    self->arg = arg;
    return self;
}

void
http_routes_destroy(http_routes_t **self_p)
{
    assert(self_p);
    free(*self_p);
    *self_p = NULL;
}

void
http_routes_use(http_routes_t *self, const access_t *access)
{
    self->access = access;
}

static route_t
find_route(const char *path, size_t path_bytes, endpoint_t *endpoint)
{
    static const struct {
        const char *path;
        route_t route;
    } routes[] = {
        {"/health", ROUTE_HEALTH},
        {"/livez", ROUTE_LIVE},
        {"/readyz", ROUTE_READY},
        {"/metrics", ROUTE_METRICS},
    };
    if (endpoint_of_path(path, path_bytes, endpoint) == 0)
        return ROUTE_STREAM;
    for (size_t at = 0; at < sizeof routes / sizeof routes[0]; at++) {
        if (strlen(routes[at].path) == path_bytes &&
            memcmp(routes[at].path, path, path_bytes) == 0)
            return routes[at].route;
    }
    return ROUTE_NONE;
}

// What only says how the program is can be asked by who watches it, without the token.
static bool
needs_token(route_t route)
{
    return route == ROUTE_STREAM || route == ROUTE_METRICS;
}

static enum MHD_Result
answer_options(const http_peer_t *peer)
{
    struct MHD_Response *response = http_answer_make(NULL, 0, NULL);
    http_answer_header(response, MHD_HTTP_HEADER_ALLOW, ALLOWED_METHODS);
    if (peer->allowed_origin) {
        http_answer_header(response, "Access-Control-Allow-Methods", ALLOWED_METHODS);
        http_answer_header(response, "Access-Control-Allow-Headers",
                           "Authorization, Cache-Control, Last-Event-ID");
        http_answer_header(response, "Access-Control-Max-Age", "600");
    }
    return http_answer_send(peer, MHD_HTTP_NO_CONTENT, response);
}

static enum MHD_Result
answer_problem(const http_peer_t *peer, unsigned status, const char *detail)
{
    struct MHD_Response *response = http_answer_problem(status, detail);
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        http_answer_header(response, MHD_HTTP_HEADER_ALLOW, ALLOWED_METHODS);
    if (status == MHD_HTTP_UNAUTHORIZED)
        http_answer_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
                           "Bearer realm=\"aidermesh\"");
    return http_answer_send(peer, status, response);
}

static enum MHD_Result
answer_health(const http_routes_t *self, const http_peer_t *peer, route_t route)
{
    health_facts_t facts = {0};
    self->facts(self->arg, &facts);
    const char *reason;
    bool ready = health_is_ready(&facts, &reason);
    unsigned status = ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
    if (route == ROUTE_HEALTH)
        return http_answer_json(peer, status, health_report(&facts));
    if (route == ROUTE_METRICS) {
        size_t bytes;
        char *text = health_metrics(&facts, &bytes);
        return http_answer_send(
            peer, MHD_HTTP_OK,
            http_answer_make(text, bytes, "text/plain; version=0.0.4; charset=utf-8"));
    }
    if (!ready)
        return answer_problem(peer, status, reason);
    json_t *json = json_object();
    json_object_set_new(json, "status", json_string("ready"));
    return http_answer_json(peer, status, json);
}

static enum MHD_Result
answer_live(const http_peer_t *peer)
{
    json_t *json = json_object();
    json_object_set_new(json, "status", json_string("alive"));
    return http_answer_json(peer, MHD_HTTP_OK, json);
}

enum MHD_Result
http_routes_answer(void *routes, const http_request_t *request)
{
    http_routes_t *self = routes;
    http_peer_t peer = {.connection = request->connection};
    peer.allowed_origin = access_allowed_origin(
        self->access,
        MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Origin"));
    if (!access_answers_host(self->access,
                             MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
                                                         MHD_HTTP_HEADER_HOST)))
        return answer_problem(
            &peer, MHD_HTTP_FORBIDDEN,
            "without a token only requests to localhost, 127.0.0.1 or [::1] are answered");
    size_t path_bytes = strcspn(request->target, "?");
    const char *query =
        request->target[path_bytes] == '?' ? request->target + path_bytes + 1 : NULL;
    endpoint_t endpoint = ENDPOINT_ALL;
    route_t route = find_route(request->target, path_bytes, &endpoint);
    if (route == ROUTE_NONE)
        return answer_problem(&peer, MHD_HTTP_NOT_FOUND,
                              "there is nothing here; what there is: /events, /events/aider, "
                              "/events/errors, /events/progress, /events/mesh, /health, "
                              "/livez, /readyz, /metrics");
    if (strcmp(request->method, MHD_HTTP_METHOD_OPTIONS) == 0)
        return answer_options(&peer);
    bool head = strcmp(request->method, MHD_HTTP_METHOD_HEAD) == 0;
    if (!head && strcmp(request->method, MHD_HTTP_METHOD_GET) != 0)
        return answer_problem(&peer, MHD_HTTP_METHOD_NOT_ALLOWED,
                              "allowed here are " ALLOWED_METHODS);
    if (needs_token(route)) {
        access_verdict_t verdict = access_decide(
            self->access, MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
                                                      MHD_HTTP_HEADER_AUTHORIZATION));
        if (verdict != ACCESS_GRANTED) {
            self->refused++;
            return answer_problem(&peer, MHD_HTTP_UNAUTHORIZED, access_refusal(verdict));
        }
    }
    if (route == ROUTE_STREAM)
        return stream_door_answer(self->door, &peer, endpoint, query, head);
    return route == ROUTE_LIVE ? answer_live(&peer) : answer_health(self, &peer, route);
}

uint64_t
http_routes_refused(const http_routes_t *self)
{
    return self->refused;
}
