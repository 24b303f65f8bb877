// http_routes - which path is answered how, and who may ask
// SPDX-License-Identifier: MPL-2.0
#include "http_routes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "address_table.h"
#include "http_sign_in.h"
#include "http_target.h"
#include "mesh/clock.h"
#include "metrics.h"
#include "openapi.h"

typedef enum {
    ROUTE_NONE,
    ROUTE_STREAM,
    ROUTE_EVENTS,
    ROUTE_SESSIONS,
    ROUTE_SESSION,
    ROUTE_TRANSPORTS,
    ROUTE_HEALTH,
    ROUTE_LIVE,
    ROUTE_READY,
    ROUTE_OPENAPI,
    ROUTE_METRICS,
    ROUTE_SIGN_IN,
    ROUTE_TICKET,
} route_t;

#define ALLOWED_TO_READ "GET, HEAD, OPTIONS"
#define ALLOWED_TO_POST "POST, OPTIONS"

static const char session_path[] = "/api/v1/sessions/";

struct http_routes {
    access_t *access;
    stream_door_t *door;
    events_door_t *events;
    http_lists_t lists;
    request_rate_t *rate;    // owned
    const char *base_path;
    http_routes_facts_fn *facts;
    void *arg;
    uint64_t refused[ACCESS_VERDICTS];
};

// One request on its way to its answer.
typedef struct visit {
    http_routes_t *routes;
    const http_request_t *request;
    http_peer_t peer;
    http_target_t target;
    route_t route;
    endpoint_t endpoint;
    access_grant_t grant;
} visit_t;

http_routes_t *
http_routes_new(access_t *access, stream_door_t *door, events_door_t *events,
                const http_lists_t *lists, const mesh_settings_t *settings,
                http_routes_facts_fn *facts, void *arg)
{
    http_routes_t *self = calloc(1, sizeof *self);
    assert(self);
    self->access = access;
    self->door = door;
    self->events = events;
    self->lists = *lists;
    self->rate =
        request_rate_new((uint64_t) mesh_settings_number(settings, "http/api_requests"),
                         mesh_settings_ms(settings, "http/api_window"));
    self->base_path = mesh_settings_string(settings, "http/base_path");
    self->facts = facts;
    self->arg = arg;
    return self;
}

void
http_routes_destroy(http_routes_t **self_p)
{
    assert(self_p);
    if (*self_p)
        request_rate_destroy(&(*self_p)->rate);
    free(*self_p);
    *self_p = NULL;
}

static route_t
find_route(const http_target_t *target, endpoint_t *endpoint)
{
    static const struct {
        const char *path;
        route_t route;
    } routes[] = {
        {"/health", ROUTE_HEALTH},
        {"/livez", ROUTE_LIVE},
        {"/readyz", ROUTE_READY},
        {"/metrics", ROUTE_METRICS},
        {"/api/v1/signin", ROUTE_SIGN_IN},
        {"/api/v1/ticket", ROUTE_TICKET},
        {"/openapi.json", ROUTE_OPENAPI},
        {"/api/v1/events", ROUTE_EVENTS},
        {"/api/v1/sessions", ROUTE_SESSIONS},
        {"/api/v1/transports", ROUTE_TRANSPORTS},
    };
    if (endpoint_of_path(target->path, target->path_bytes, endpoint) == 0)
        return ROUTE_STREAM;
    for (size_t at = 0; at < sizeof routes / sizeof routes[0]; at++) {
        if (strlen(routes[at].path) == target->path_bytes &&
            memcmp(routes[at].path, target->path, target->path_bytes) == 0)
            return routes[at].route;
    }
    size_t before = sizeof session_path - 1;
    if (target->path_bytes > before && memcmp(target->path, session_path, before) == 0 &&
        !memchr(target->path + before, '/', target->path_bytes - before))
        return ROUTE_SESSION;
    return ROUTE_NONE;
}

static const char *
header_of(const visit_t *visit, const char *name)
{
    return MHD_lookup_connection_value(visit->peer.connection, MHD_HEADER_KIND, name);
}

static bool
is_method(const visit_t *visit, const char *method)
{
    return strcmp(visit->request->method, method) == 0;
}

static bool
takes_post(route_t route)
{
    return route == ROUTE_SIGN_IN || route == ROUTE_TICKET;
}

// What only says how the program is can be asked by who watches it, without a token.
static bool
needs_token(route_t route)
{
    return route != ROUTE_HEALTH && route != ROUTE_LIVE && route != ROUTE_READY &&
           route != ROUTE_OPENAPI;
}

static mesh_scope_area_t
area_of(route_t route)
{
    if (route == ROUTE_SESSIONS || route == ROUTE_SESSION || route == ROUTE_TRANSPORTS)
        return MESH_SCOPE_API;
    return route == ROUTE_METRICS ? MESH_SCOPE_METRICS : MESH_SCOPE_EVENTS;
}

static enum MHD_Result
answer_options(const visit_t *visit)
{
    const char *allowed = takes_post(visit->route) ? ALLOWED_TO_POST : ALLOWED_TO_READ;
    struct MHD_Response *response = http_answer_make(NULL, 0, NULL);
    http_answer_header(response, MHD_HTTP_HEADER_ALLOW, allowed);
    if (visit->peer.allowed_origin) {
        http_answer_header(response, "Access-Control-Allow-Methods", allowed);
        http_answer_header(response, "Access-Control-Allow-Headers",
                           "Authorization, Cache-Control, Content-Type, Last-Event-ID");
        http_answer_header(response, "Access-Control-Max-Age", "600");
    }
    return http_answer_send(&visit->peer, MHD_HTTP_NO_CONTENT, response);
}

static enum MHD_Result
answer_problem(const visit_t *visit, unsigned status, const char *detail)
{
    struct MHD_Response *response = http_answer_problem(status, detail);
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        http_answer_header(response, MHD_HTTP_HEADER_ALLOW,
                           takes_post(visit->route) ? ALLOWED_TO_POST : ALLOWED_TO_READ);
    // Where the next request begins is as doubtful as this one.
    if (visit->request->head_problem)
        http_answer_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    return http_answer_send(&visit->peer, status, response);
}

static enum MHD_Result
answer_health(const visit_t *visit)
{
    const http_routes_t *self = visit->routes;
    health_facts_t facts = {0};
    self->facts(self->arg, &facts);
    const char *reason;
    bool ready = health_is_ready(&facts, &reason);
    unsigned status = ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
    if (visit->route == ROUTE_HEALTH)
        return http_answer_json(&visit->peer, status, health_report(&facts));
    if (visit->route == ROUTE_METRICS) {
        size_t bytes;
        char *text = metrics_write(&facts, &bytes);
        return http_answer_send(
            &visit->peer, MHD_HTTP_OK,
            http_answer_make(text, bytes, "text/plain; version=0.0.4; charset=utf-8"));
    }
    if (!ready)
        return answer_problem(visit, status, reason);
    return http_answer_json(&visit->peer, status, json_pack("{s:s}", "status", "ready"));
}

static enum MHD_Result
answer_refused(const visit_t *visit, access_verdict_t verdict, int64_t now_ms)
{
    unsigned status = verdict == ACCESS_NO_SCOPE     ? MHD_HTTP_FORBIDDEN
                      : verdict == ACCESS_GUESSING   ? MHD_HTTP_TOO_MANY_REQUESTS
                      : verdict == ACCESS_NO_TICKETS ? MHD_HTTP_SERVICE_UNAVAILABLE
                                                     : MHD_HTTP_UNAUTHORIZED;
    struct MHD_Response *response = http_answer_problem(status, access_refusal(verdict));
    if (status == MHD_HTTP_UNAUTHORIZED)
        http_answer_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
                           "Bearer realm=\"aidermesh\"");
    int64_t wait_ms = verdict == ACCESS_GUESSING
                          ? access_wait_ms(visit->routes->access, visit->peer.address, now_ms)
                          : 0;
    if (wait_ms > 0 || verdict == ACCESS_NO_TICKETS) {
        char seconds[24];
        (void) snprintf(seconds, sizeof seconds, "%lld", (long long) wait_ms / 1000 + 1);
        http_answer_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
    return http_answer_send(&visit->peer, status, response);
}

// The Origin of a page that is not ours; NULL for our own, and for who sends none.
static const char *
foreign_origin(const visit_t *visit)
{
    const char *origin = header_of(visit, "Origin");
    const char *host = header_of(visit, MHD_HTTP_HEADER_HOST);
    return origin && !http_sign_in_is_same_site(origin, host) ? origin : NULL;
}

static access_verdict_t
decide(visit_t *visit, int64_t now_ms)
{
    const access_shown_t shown = {
        .authorization = header_of(visit, MHD_HTTP_HEADER_AUTHORIZATION),
        .cookie = MHD_lookup_connection_value(visit->peer.connection, MHD_COOKIE_KIND,
                                              HTTP_SIGN_IN_COOKIE),
        // Good for streams only.
        .ticket = visit->route == ROUTE_STREAM ? visit->target.ticket : NULL,
        .path_query = visit->target.plain,
        .origin = foreign_origin(visit),
        .address = visit->peer.address,
    };
    return access_decide(visit->routes->access, &shown, area_of(visit->route), now_ms,
                         &visit->grant);
}

static enum MHD_Result
answer_post(const visit_t *visit, int64_t now_ms)
{
    http_routes_t *self = visit->routes;
    const char *origin = foreign_origin(visit);
    if (visit->request->body_too_long)
        return answer_problem(visit, MHD_HTTP_CONTENT_TOO_LARGE,
                              "a body has at most 64 KiB, and says how long it is");
    // A browser shows its cookie also when a foreign page asks; that page's Origin gives it
    // away.
    if (origin && !visit->peer.allowed_origin)
        return answer_problem(visit, MHD_HTTP_FORBIDDEN,
                              "pages of this origin may not ask for this (http/allow_origins)");
    return visit->route == ROUTE_SIGN_IN
               ? http_sign_in_answer(self->access, &visit->peer, &visit->grant, self->base_path,
                                     now_ms)
               : http_sign_in_ticket(self->access, &visit->peer, &visit->grant, visit->request,
                                     origin, self->base_path, now_ms);
}

static enum MHD_Result
answer_list(const visit_t *visit)
{
    const http_lists_t *lists = &visit->routes->lists;
    if (visit->route == ROUTE_SESSIONS)
        return http_lists_sessions(lists, &visit->peer, &visit->grant);
    if (visit->route == ROUTE_TRANSPORTS)
        return http_lists_transports(lists, &visit->peer, &visit->grant);
    size_t before = sizeof session_path - 1;
    return http_lists_session(lists, &visit->peer, &visit->grant, visit->target.path + before,
                              visit->target.path_bytes - before);
}

static enum MHD_Result
answer_read(const visit_t *visit)
{
    if (visit->route == ROUTE_LIVE)
        return http_answer_json(&visit->peer, MHD_HTTP_OK,
                                json_pack("{s:s}", "status", "alive"));
    if (visit->route == ROUTE_OPENAPI)
        return http_answer_json(&visit->peer, MHD_HTTP_OK,
                                openapi_document(visit->routes->base_path));
    if (visit->route == ROUTE_EVENTS)
        return events_door_answer(visit->routes->events, &visit->peer, &visit->grant,
                                  visit->request, visit->target.query);
    if (area_of(visit->route) == MESH_SCOPE_API)
        return answer_list(visit);
    if (visit->route != ROUTE_STREAM)
        return answer_health(visit);
    const char *authorization = header_of(visit, MHD_HTTP_HEADER_AUTHORIZATION);
    bool by_ticket = visit->target.ticket[0] != '\0' && !(authorization && *authorization);
    const stream_request_t request = {
        .endpoint = visit->endpoint,
        .query = visit->target.query,
        .ticket = by_ticket ? visit->target.ticket : NULL,
        .without_body = is_method(visit, MHD_HTTP_METHOD_HEAD),
    };
    return stream_door_answer(visit->routes->door, &visit->peer, &visit->grant, &request);
}

// The API's requests are counted; streams, and what watches the program, are not.
static bool
is_counted(route_t route)
{
    return takes_post(route) || route == ROUTE_EVENTS || area_of(route) == MESH_SCOPE_API;
}

// By token, so that many behind one proxy do not share; by address where it is the mesh's own.
static void
count_request(visit_t *visit)
{
    const char *token_id = visit->grant.token_id;
    (void) snprintf(visit->peer.caller, sizeof visit->peer.caller, "%s",
                    *token_id ? token_id : visit->peer.address);
    http_answer_count(&visit->peer, visit->routes->rate, zclock_mono());
}

static enum MHD_Result
answer(visit_t *visit)
{
    int64_t now_ms = mesh_clock_unix_us() / 1000;
    if (visit->route == ROUTE_NONE)
        return answer_problem(
            visit, MHD_HTTP_NOT_FOUND,
            "there is nothing here; what there is: /events, /events/aider, "
            "/events/errors, /events/progress, /events/mesh, /health, "
            "/livez, /readyz, /metrics, /openapi.json, /api/v1/events, /api/v1/sessions, "
            "/api/v1/transports, /api/v1/signin, /api/v1/ticket");
    if (is_method(visit, MHD_HTTP_METHOD_OPTIONS))
        return answer_options(visit);
    bool reads =
        is_method(visit, MHD_HTTP_METHOD_GET) || is_method(visit, MHD_HTTP_METHOD_HEAD);
    if (takes_post(visit->route) ? !is_method(visit, MHD_HTTP_METHOD_POST) : !reads)
        return answer_problem(visit, MHD_HTTP_METHOD_NOT_ALLOWED,
                              takes_post(visit->route) ? "allowed here are " ALLOWED_TO_POST
                                                       : "allowed here are " ALLOWED_TO_READ);
    if (needs_token(visit->route)) {
        access_verdict_t verdict = decide(visit, now_ms);
        if (verdict != ACCESS_GRANTED) {
            visit->routes->refused[verdict]++;
            return answer_refused(visit, verdict, now_ms);
        }
    }
    if (is_counted(visit->route)) {
        count_request(visit);
        if (visit->peer.rate.retry_in_s > 0)
            return answer_problem(visit, MHD_HTTP_TOO_MANY_REQUESTS,
                                  "more requests were made than http/api_requests allows; "
                                  "Retry-After says when to ask again");
    }
    return takes_post(visit->route) ? answer_post(visit, now_ms) : answer_read(visit);
}

enum MHD_Result
http_routes_answer(void *routes, const http_request_t *request)
{
    http_routes_t *self = routes;
    visit_t visit = {
        .routes = self, .request = request, .peer = {.connection = request->connection}};
    if (request->head_problem)
        return answer_problem(&visit, MHD_HTTP_BAD_REQUEST, request->head_problem);
    char peer_address[ADDRESS_TEXT_SIZE];
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    (void) address_text(info ? info->client_addr : NULL, peer_address);
    access_client(self->access, peer_address, header_of(&visit, "X-Forwarded-For"),
                  visit.peer.address);
    visit.peer.allowed_origin =
        access_allowed_origin(self->access, header_of(&visit, "Origin"));
    if (!access_answers_host(self->access, header_of(&visit, MHD_HTTP_HEADER_HOST)))
        return answer_problem(&visit, MHD_HTTP_FORBIDDEN,
                              "requests to this host are not answered: allowed are localhost, "
                              "127.0.0.1, [::1] and the names in http/allow_hosts");
    http_target_parse(&visit.target, request->target, self->base_path);
    visit.route = find_route(&visit.target, &visit.endpoint);
    enum MHD_Result rc = answer(&visit);
    http_target_clear(&visit.target);
    return rc;
}

const uint64_t *
http_routes_refused(const http_routes_t *self)
{
    return self->refused;
}
