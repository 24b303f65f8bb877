// events_door - GET /api/v1/events: one answer to each request, at once or when there is one
// SPDX-License-Identifier: MPL-2.0
#include "events_door.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>

#include <czmq.h>

#include "event_pull.h"
#include "mesh/clock.h"

// One request whose answer is not known yet.
typedef struct waiter {
    http_later_t later;
    events_door_t *door;
    http_peer_t peer;      // its origin is ours
    char *origin;          // owned; NULL for none
    event_pull_t *pull;    // owned
    char token_id[MESH_TOKEN_ID_SIZE];
    client_place_t place;    // by what it is counted while it is suspended
    event_pull_outcome_t outcome;
    bool suspended;
    bool ndjson;
    struct waiter *previous;    // among those that are suspended
    struct waiter *next;
} waiter_t;

struct events_door {
    stream_hub_t *hub;
    access_t *access;
    client_limits_t *clients;
    past_t *past;    // borrowed; NULL before the mesh is joined, when nobody is answered
    events_door_wants_fn *wants;
    void *arg;
    waiter_t *first;
    waiter_t *last;
    size_t waiting;
    int64_t due_ms;    // when the next turn was asked for; INT64_MAX for none
    bool stopping;
    uint64_t refused;
};

events_door_t *
events_door_new(stream_hub_t *hub, access_t *access, client_limits_t *clients,
                events_door_wants_fn *wants, void *arg)
{
    events_door_t *self = calloc(1, sizeof *self);
    assert(self);
    self->hub = hub;
    self->access = access;
    self->clients = clients;
    self->wants = wants;
    self->arg = arg;
    self->due_ms = INT64_MAX;
    return self;
}

void
events_door_use_past(events_door_t *self, past_t *past)
{
    self->past = past;
}

void
events_door_destroy(events_door_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        assert(!(*self_p)->first);
        free(*self_p);
        *self_p = NULL;
    }
}

static void
want_turn(events_door_t *self, int64_t due_ms, int64_t now_ms)
{
    if (due_ms >= self->due_ms)
        return;
    self->due_ms = due_ms;
    self->wants(self->arg, due_ms > now_ms ? due_ms - now_ms : 0);
}

// Of event_pull_world_t.
static resume_world_t
known(const void *arg, const resume_ask_t *ask, const filter_t *filter)
{
    return stream_hub_known(arg, ask, filter, zclock_mono());
}

static const past_page_t *
page(void *arg, const mesh_cursor_t *after)
{
    return past_read(arg, after, zclock_mono());
}

static event_pull_outcome_t
step(waiter_t *waiter, int64_t now_ms, int64_t *budget)
{
    const events_door_t *self = waiter->door;
    const event_pull_world_t world = {
        .ring = stream_hub_ring(self->hub),
        .sessions = stream_hub_sessions(self->hub),
        .known = known,
        .arg = self->hub,
        .page = page,
        .page_arg = self->past,
    };
    waiter->outcome = event_pull_step(waiter->pull, &world, self->stopping, now_ms, budget);
    return waiter->outcome;
}

// ---- answers

// Ask again in so many seconds.
static enum MHD_Result
answer_later(const http_peer_t *peer, unsigned status, int retry_s, const char *detail)
{
    char seconds[16];
    (void) snprintf(seconds, sizeof seconds, "%d", retry_s);
    struct MHD_Response *response = http_answer_problem(status, detail);
    http_answer_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    return http_answer_send(peer, status, response);
}

static enum MHD_Result
answer(waiter_t *waiter)
{
    int64_t expires_s;
    // It may have waited for long.
    if (waiter->token_id[0] != '\0' && !access_is_good(waiter->door->access, waiter->token_id,
                                                       mesh_clock_unix_us() / 1000, &expires_s))
        return http_answer_send(
            &waiter->peer, MHD_HTTP_UNAUTHORIZED,
            http_answer_problem(MHD_HTTP_UNAUTHORIZED, access_refusal(ACCESS_WRONG_TOKEN)));
    if (waiter->outcome != EVENT_PULL_DONE)
        return answer_later(&waiter->peer, MHD_HTTP_SERVICE_UNAVAILABLE, 1,
                            "the broker is away, so that it cannot be said what follows the "
                            "cursor");
    event_pull_answer_t text = event_pull_finish(waiter->pull);
    char cursor[MESH_CURSOR_SIZE];
    mesh_cursor_format(&text.next, cursor);
    struct MHD_Response *response = http_answer_make(
        text.text, text.bytes, waiter->ndjson ? "application/x-ndjson" : "application/json");
    http_answer_header(response, HTTP_ANSWER_VERDICT, text.verdict);
    http_answer_header(response, HTTP_ANSWER_NEXT_CURSOR, cursor);
    http_answer_header(response, MHD_HTTP_HEADER_VARY, "Accept");
    return http_answer_send(&waiter->peer, MHD_HTTP_OK, response);
}

static void
waiter_destroy(waiter_t *waiter)
{
    event_pull_destroy(&waiter->pull);
    free(waiter->origin);
    free(waiter);
}

// http_later_t: the connection was resumed.
static enum MHD_Result
on_resumed(http_later_t *later)
{
    waiter_t *waiter = (waiter_t *) later;
    http_answer_count_again(&waiter->peer, zclock_mono());
    return answer(waiter);
}

static void
on_over(http_later_t *later)
{
    waiter_t *waiter = (waiter_t *) later;
    assert(!waiter->suspended);
    waiter_destroy(waiter);
}

// ---- those that wait

static void
suspend(waiter_t *waiter)
{
    events_door_t *self = waiter->door;
    waiter->suspended = true;
    waiter->previous = self->last;
    if (self->last)
        self->last->next = waiter;
    else
        self->first = waiter;
    self->last = waiter;
    self->waiting++;
    MHD_suspend_connection(waiter->peer.connection);
}

static void
resume(waiter_t *waiter)
{
    events_door_t *self = waiter->door;
    if (waiter->next)
        waiter->next->previous = waiter->previous;
    else
        self->last = waiter->previous;
    if (waiter->previous)
        waiter->previous->next = waiter->next;
    else
        self->first = waiter->next;
    waiter->next = NULL;
    waiter->previous = NULL;
    waiter->suspended = false;
    self->waiting--;
    client_limits_give_back(self->clients, &waiter->place);
    MHD_resume_connection(waiter->peer.connection);
}

static bool
is_over(event_pull_outcome_t outcome)
{
    return outcome == EVENT_PULL_DONE || outcome == EVENT_PULL_UNKNOWN;
}

static void
want_turn_for(const waiter_t *waiter, int64_t now_ms)
{
    want_turn(waiter->door,
              waiter->outcome == EVENT_PULL_MORE ? now_ms : event_pull_due_ms(waiter->pull),
              now_ms);
}

void
events_door_turn(events_door_t *self, int64_t now_ms)
{
    self->due_ms = INT64_MAX;
    int64_t budget = EVENTS_DOOR_TURN_BUDGET;
    waiter_t *last = self->last;
    for (waiter_t *waiter = self->first, *next; waiter; waiter = next) {
        next = waiter == last ? NULL : waiter->next;
        // Who finds the budget used up is before the others in the next turn.
        if (budget <= 0) {
            want_turn(self, now_ms, now_ms);
            break;
        }
        if (is_over(step(waiter, now_ms, &budget))) {
            resume(waiter);
            continue;
        }
        want_turn_for(waiter, now_ms);
        if (waiter->outcome == EVENT_PULL_MORE)
            break;
    }
}

void
events_door_news(events_door_t *self)
{
    if (self->first)
        want_turn(self, INT64_MIN, INT64_MIN);
}

void
events_door_tick(events_door_t *self)
{
    for (waiter_t *waiter = self->first, *next; waiter; waiter = next) {
        next = waiter->next;
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(waiter->peer.connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        char byte;
        ssize_t bytes = recv(info->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        // libmicrohttpd sees the same when it has the connection again.
        if (bytes == 0 || (bytes < 0 && errno != EAGAIN && errno != EWOULDBLOCK))
            resume(waiter);
    }
    events_door_news(self);
}

void
events_door_stop(events_door_t *self, int64_t now_ms)
{
    self->stopping = true;
    while (self->first) {
        int64_t budget = EVENTS_DOOR_TURN_BUDGET;
        // What is not found by now is for the next answer, of another program.
        (void) step(self->first, now_ms, &budget);
        resume(self->first);
    }
}

// ---- requests

static bool
wants_ndjson(const stream_query_t *query, const http_peer_t *peer)
{
    const char *accept =
        MHD_lookup_connection_value(peer->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
    return query->once.format == STREAM_FORMAT_NDJSON ||
           (query->once.format == STREAM_FORMAT_UNSAID && accept &&
            strstr(accept, "application/x-ndjson"));
}

static waiter_t *
waiter_new(events_door_t *self, const http_peer_t *peer, const access_grant_t *grant,
           stream_query_t *query)
{
    waiter_t *waiter = calloc(1, sizeof *waiter);
    assert(waiter);
    waiter->later = (http_later_t){.answer = on_resumed, .over = on_over};
    waiter->door = self;
    waiter->peer = *peer;
    if (peer->allowed_origin) {
        waiter->origin = strdup(peer->allowed_origin);
        assert(waiter->origin);
        waiter->peer.allowed_origin = waiter->origin;
    }
    memcpy(waiter->token_id, grant->token_id, sizeof waiter->token_id);
    waiter->ndjson = wants_ndjson(query, peer);
    waiter->pull = event_pull_new(query, waiter->ndjson, zclock_mono());
    return waiter;
}

// Whether one more may wait; where it may not, it is answered so.
static bool
find_room(waiter_t *waiter, const access_grant_t *grant, enum MHD_Result *rc)
{
    events_door_t *self = waiter->door;
    if (self->waiting >= EVENTS_DOOR_PULLS) {
        *rc = answer_later(&waiter->peer, MHD_HTTP_SERVICE_UNAVAILABLE, EVENTS_DOOR_RETRY_S,
                           "as many requests wait for events as may (256)");
        return false;
    }
    client_limits_verdict_t verdict = client_limits_take(self->clients, waiter->peer.address,
                                                         grant->token_id, &waiter->place);
    if (verdict == CLIENT_LIMITS_ROOM)
        return true;
    *rc = answer_later(&waiter->peer, MHD_HTTP_TOO_MANY_REQUESTS, EVENTS_DOOR_RETRY_S,
                       client_limits_detail(verdict));
    return false;
}

enum MHD_Result
events_door_answer(events_door_t *self, const http_peer_t *peer, const access_grant_t *grant,
                   const http_request_t *request, const char *query_text)
{
    stream_query_t query;
    char problem[STREAM_QUERY_PROBLEM_BYTES];
    const char *last_event_id =
        MHD_lookup_connection_value(peer->connection, MHD_HEADER_KIND, "Last-Event-ID");
    const stream_bounds_t bounds = {.items = grant->scopes, .count = grant->scope_count};
    stream_query_outcome_t outcome =
        stream_query_parse(&query, ENDPOINT_ONCE, query_text, last_event_id, &bounds,
                           mesh_clock_unix_us(), problem);
    if (outcome != STREAM_QUERY_OK) {
        unsigned status =
            outcome == STREAM_QUERY_OUTSIDE ? MHD_HTTP_FORBIDDEN : MHD_HTTP_BAD_REQUEST;
        return http_answer_send(peer, status, http_answer_problem(status, problem));
    }
    waiter_t *waiter = waiter_new(self, peer, grant, &query);
    stream_query_clear(&query);
    int64_t now_ms = zclock_mono();
    int64_t budget = EVENTS_DOOR_TURN_BUDGET;
    enum MHD_Result rc = MHD_YES;
    if (is_over(step(waiter, now_ms, &budget))) {
        rc = answer(waiter);
        waiter_destroy(waiter);
    } else if (find_room(waiter, grant, &rc)) {
        *request->later = &waiter->later;
        suspend(waiter);
        want_turn_for(waiter, now_ms);
    } else {
        self->refused++;
        waiter_destroy(waiter);
    }
    return rc;
}

size_t
events_door_waiting(const events_door_t *self)
{
    return self->waiting;
}

uint64_t
events_door_refused(const events_door_t *self)
{
    return self->refused;
}
