// stream_door - lets clients in: from a request for a stream to its socket in the hub, and back
// SPDX-License-Identifier: MPL-2.0
#include "stream_door.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/socket.h>

#include <czmq.h>

#include "content_coding.h"
#include "mesh/clock.h"
#include "stream_notice.h"

enum { TLS_RECORD_BYTES = 16 * 1024 };    // the longest there is

// One stream on its way through the door; lives as long as libmicrohttpd's response, and, where
// it became our own, until the sweep after its end.
typedef struct passage {
    stream_door_t *door;
    struct MHD_Connection *connection;    // NULL once the stream is our own
    stream_t *stream;                     // owned
    client_place_t place;                 // by what it is counted
    bool warned;                          // that its token ends soon
    bool answered;                        // libmicrohttpd's response is no more
    bool suspended;                       // libmicrohttpd waits for us
    bool asking;                          // ... asks us at this moment
    int fd;                      // -1 before the stream is attached; owned where it is our own
    char *ticket;                // owned; NULL for none
    struct passage *previous;    // among those with a token_id
    struct passage *next;
    struct passage *next_over;    // among those to be swept
} passage_t;

struct stream_door {
    stream_hub_t *hub;
    access_t *access;
    client_limits_t *clients;
    stream_door_limits_t limits;
    passage_t *first;        // of those with a token_id
    passage_t *over;         // whose stream has ended, to be forgotten at the next sweep
    size_t own;              // streams whose socket is our own
    int64_t next_look_ms;    // when the next token ends, or is to be warned of
    uint64_t refused;
};

stream_door_t *
stream_door_new(stream_hub_t *hub, access_t *access, client_limits_t *clients,
                const stream_door_limits_t *limits)
{
    stream_door_t *self = calloc(1, sizeof *self);
    assert(self);
    self->hub = hub;
    self->limits = *limits;
    self->access = access;
    self->clients = clients;
    self->next_look_ms = INT64_MAX;
    return self;
}

void
stream_door_destroy(stream_door_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        stream_door_sweep(*self_p);
        assert((*self_p)->own == 0);
        free(*self_p);
        *self_p = NULL;
    }
}

static void
suspend(passage_t *passage)
{
    passage->suspended = true;
    MHD_suspend_connection(passage->connection);
}

static void
resume(passage_t *passage)
{
    passage->suspended = false;
    MHD_resume_connection(passage->connection);
}

static void
find_fd(passage_t *passage)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(passage->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    assert(info);
    passage->fd = info->connect_fd;
}

// MHD_ContentReaderCallback: the head has been sent, or the stream has ended. For libmicrohttpd
// the answer is over, and it closes its descriptor; by ours the stream goes on.
static ssize_t
on_body_wanted(void *arg, uint64_t position, char *buffer, size_t buffer_bytes)
{
    passage_t *passage = arg;
    (void) position;
    (void) buffer;
    (void) buffer_bytes;
    if (passage->stream->state != STREAM_ADMITTED)
        return MHD_CONTENT_READER_END_OF_STREAM;
    find_fd(passage);
    passage->fd = fcntl(passage->fd, F_DUPFD_CLOEXEC, 0);
    if (passage->fd < 0)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    passage->connection = NULL;
    passage->door->own++;
    stream_hub_attach(passage->door->hub, passage->stream, passage->fd, zclock_mono());
    return MHD_CONTENT_READER_END_OF_STREAM;
}

// MHD_ContentReaderCallback, over TLS: the head has been sent, or there is room for more.
static ssize_t
on_bytes_wanted(void *arg, uint64_t position, char *buffer, size_t buffer_bytes)
{
    passage_t *passage = arg;
    (void) position;
    if (passage->stream->state == STREAM_ADMITTED) {
        find_fd(passage);
        // How long a client may read nothing is for the ring to say.
        (void) MHD_set_connection_option(passage->connection, MHD_CONNECTION_OPTION_TIMEOUT,
                                         0U);
        suspend(passage);
        stream_hub_attach_pulled(passage->door->hub, passage->stream, passage->fd,
                                 zclock_mono());
        return 0;
    }
    passage->asking = true;
    size_t bytes = stream_hub_pull(passage->door->hub, passage->stream, buffer, buffer_bytes,
                                   zclock_mono());
    passage->asking = false;
    if (bytes > 0)
        return (ssize_t) bytes;
    if (passage->stream->state == STREAM_ENDED)
        return MHD_CONTENT_READER_END_OF_STREAM;
    suspend(passage);
    return 0;
}

static int64_t
unix_ms(void)
{
    return mesh_clock_unix_us() / 1000;
}

static void
link_token(stream_door_t *self, passage_t *passage)
{
    passage->next = self->first;
    if (self->first)
        self->first->previous = passage;
    self->first = passage;
}

static void
unlink_token(stream_door_t *self, passage_t *passage)
{
    if (passage->next)
        passage->next->previous = passage->previous;
    if (passage->previous)
        passage->previous->next = passage->next;
    else
        self->first = passage->next;
}

static void
leave(passage_t *passage)
{
    stream_door_t *door = passage->door;
    stream_hub_release(door->hub, &passage->stream);
    if (passage->place.token_id[0] != '\0')
        unlink_token(door, passage);
    client_limits_give_back(door->clients, &passage->place);
    if (passage->ticket)
        ticket_end(access_tickets(door->access), passage->ticket, passage, unix_ms());
    free(passage->ticket);
    passage->ticket = NULL;
    if (passage->answered)
        free(passage);
}

// MHD_ContentReaderFreeCallback: the connection is done with.
static void
on_body_done(void *arg)
{
    passage_t *passage = arg;
    passage->answered = true;
    if (!passage->connection) {
        // Our own, which may have ended and been swept before.
        if (!passage->stream)
            free(passage);
        return;
    }
    // Over TLS it is libmicrohttpd that sees a client go while it writes.
    passage->fd = -1;
    if (passage->stream)
        stream_hub_gone(passage->door->hub, passage->stream);
    leave(passage);
}

void
stream_door_ended(stream_t *stream)
{
    passage_t *passage = stream->connection;
    if (!passage->connection) {
        close(passage->fd);
        passage->door->own--;
        passage->next_over = passage->door->over;
        passage->door->over = passage;
    } else if (passage->suspended) {
        resume(passage);
    } else if (!passage->asking && passage->fd >= 0) {
        // Libmicrohttpd waits for a client that takes nothing: now it sees an end.
        (void) shutdown(passage->fd, SHUT_RDWR);
    }
}

void
stream_door_sweep(stream_door_t *self)
{
    while (self->over) {
        passage_t *passage = self->over;
        self->over = passage->next_over;
        leave(passage);
    }
}

size_t
stream_door_own(const stream_door_t *self)
{
    return self->own;
}

void
stream_door_has_some(stream_t *stream)
{
    passage_t *passage = stream->connection;
    if (passage->suspended)
        resume(passage);
}

static void
add_stream_headers(struct MHD_Response *response)
{
    http_answer_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                       "text/event-stream; charset=utf-8");
    http_answer_header(response, "X-Accel-Buffering", "no");
    http_answer_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

static content_coding_t
choose_coding(const stream_door_t *self, const http_peer_t *peer)
{
    const char *accept = MHD_lookup_connection_value(peer->connection, MHD_HEADER_KIND,
                                                     MHD_HTTP_HEADER_ACCEPT_ENCODING);
    return self->limits.gzip ? content_coding_choose(accept) : CONTENT_CODING_IDENTITY;
}

static void
add_coding(struct MHD_Response *response, content_coding_t coding)
{
    http_answer_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING);
    if (coding == CONTENT_CODING_GZIP)
        http_answer_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
}

// A browser's EventSource never comes back after anything but 200: it is told in-band.
static enum MHD_Result
answer_no_room(stream_door_t *self, const http_peer_t *peer, envelope_t envelope,
               unsigned status, const char *reason, const char *detail)
{
    self->refused++;
    const char *accept =
        MHD_lookup_connection_value(peer->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
    if (accept && strstr(accept, "text/event-stream")) {
        size_t bytes;
        char *frame = stream_notice_refused(envelope, reason, detail,
                                            self->limits.overload_retry_ms, &bytes);
        struct MHD_Response *response = http_answer_make(frame, bytes, NULL);
        add_stream_headers(response);
        return http_answer_send(peer, MHD_HTTP_OK, response);
    }
    char seconds[24];
    snprintf(seconds, sizeof seconds, "%lld",
             (long long) (self->limits.overload_retry_ms + 999) / 1000);
    struct MHD_Response *response = http_answer_problem(status, detail);
    http_answer_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    return http_answer_send(peer, status, response);
}

static enum MHD_Result
answer_stream(const http_peer_t *peer, passage_t *passage)
{
    // Without TLS the one byte of buffer is never used: the hub writes.
    bool encrypted = http_answer_is_encrypted(peer);
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, encrypted ? TLS_RECORD_BYTES : 1,
        encrypted ? on_bytes_wanted : on_body_wanted, passage, on_body_done);
    assert(response);
    // Its HTTP is still 1.1, but the body is ended by the connection's end and not in chunks,
    // whose framing would be the hub's to write.
    enum MHD_Result rc =
        MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    assert(rc == MHD_YES);
    add_stream_headers(response);
    add_coding(response,
               passage->stream->zipped ? CONTENT_CODING_GZIP : CONTENT_CODING_IDENTITY);
    char id[MESH_UUID_TEXT_SIZE];
    mesh_uuid_format(&passage->stream->client_id, id);
    http_answer_header(response, HTTP_ANSWER_CLIENT_ID, id);
    const char *verdict =
        stream_hub_verdict(passage->door->hub, passage->stream, zclock_mono());
    if (verdict)
        http_answer_header(response, HTTP_ANSWER_VERDICT, verdict);
    return http_answer_send(peer, MHD_HTTP_OK, response);
}

// Who comes in is counted by address and token. NULL when one of them has its limit, whose
// answer is *reason and *detail.
static passage_t *
enter(stream_door_t *self, const http_peer_t *peer, const access_grant_t *grant,
      const char **reason, const char **detail)
{
    client_place_t place;
    client_limits_verdict_t verdict =
        client_limits_take(self->clients, peer->address, grant->token_id, &place);
    if (verdict != CLIENT_LIMITS_ROOM) {
        *reason = client_limits_reason(verdict);
        *detail = client_limits_detail(verdict);
        return NULL;
    }
    passage_t *passage = calloc(1, sizeof *passage);
    assert(passage);
    passage->door = self;
    passage->connection = peer->connection;
    passage->fd = -1;
    passage->place = place;
    if (place.token_id[0] != '\0') {
        link_token(self, passage);
        if (grant->expires_s > 0)
            self->next_look_ms = 0;    // when it ends is found out by the next look
    }
    return passage;
}

// The stream that had the ticket until now gives way: a browser that reconnects may be here
// before its old connection is seen to be gone.
static void
take_ticket(stream_door_t *self, passage_t *passage, const char *ticket)
{
    passage->ticket = strdup(ticket);
    assert(passage->ticket);
    passage_t *before =
        ticket_begin(access_tickets(self->access), passage->ticket, passage, unix_ms());
    if (before)
        stream_hub_close(self->hub, before->stream, STREAM_REASON_REPLACED, zclock_mono());
}

static enum MHD_Result
admit(stream_door_t *self, const http_peer_t *peer, const access_grant_t *grant,
      const char *ticket, stream_query_t *query)
{
    const char *reason = "overloaded";
    const char *detail = NULL;
    passage_t *passage = enter(self, peer, grant, &reason, &detail);
    if (!passage)
        return answer_no_room(self, peer, query->envelope, MHD_HTTP_TOO_MANY_REQUESTS, reason,
                              detail);
    switch (stream_hub_admit(self->hub, query, passage, zclock_mono(), &passage->stream)) {
    case STREAM_HUB_ADMITTED:
        if (ticket)
            take_ticket(self, passage, ticket);
        if (choose_coding(self, peer) == CONTENT_CODING_GZIP)
            stream_hub_use_gzip(self->hub, passage->stream);
        return answer_stream(peer, passage);
    case STREAM_HUB_FULL:
        detail = "as many streams are open as may be (http/clients)";
        break;
    case STREAM_HUB_FILTERS_FULL:
        detail = "as many different filters are in use as may be (http/filters)";
        break;
    default:
        reason = "stopping";
        detail = "the sse-bridge is stopping";
    }
    on_body_done(passage);
    return answer_no_room(self, peer, query->envelope, MHD_HTTP_SERVICE_UNAVAILABLE, reason,
                          detail);
}

enum MHD_Result
stream_door_answer(stream_door_t *self, const http_peer_t *peer, const access_grant_t *grant,
                   const stream_request_t *request)
{
    stream_query_t query;
    char problem[STREAM_QUERY_PROBLEM_BYTES];
    const char *last_event_id =
        MHD_lookup_connection_value(peer->connection, MHD_HEADER_KIND, "Last-Event-ID");
    const stream_bounds_t bounds = {.items = grant->scopes, .count = grant->scope_count};
    stream_query_outcome_t outcome =
        stream_query_parse(&query, request->endpoint, request->query, last_event_id, &bounds,
                           mesh_clock_unix_us(), problem);
    if (outcome != STREAM_QUERY_OK) {
        unsigned status =
            outcome == STREAM_QUERY_OUTSIDE ? MHD_HTTP_FORBIDDEN : MHD_HTTP_BAD_REQUEST;
        return http_answer_send(peer, status, http_answer_problem(status, problem));
    }
    enum MHD_Result rc;
    if (stream_hub_is_over(self->hub, &query, zclock_mono())) {
        rc = http_answer_send(peer, MHD_HTTP_NO_CONTENT, http_answer_make(NULL, 0, NULL));
    } else if (choose_coding(self, peer) == CONTENT_CODING_NONE) {
        rc = http_answer_send(
            peer, MHD_HTTP_NOT_ACCEPTABLE,
            http_answer_problem(MHD_HTTP_NOT_ACCEPTABLE,
                                "Accept-Encoding rules out all there is: identity and gzip"));
    } else if (request->without_body) {
        struct MHD_Response *response = http_answer_make(NULL, 0, NULL);
        add_stream_headers(response);
        add_coding(response, choose_coding(self, peer));
        rc = http_answer_send(peer, MHD_HTTP_OK, response);
    } else {
        rc = admit(self, peer, grant, request->ticket, &query);
    }
    stream_query_clear(&query);
    return rc;
}

// Returns when to look again.
static int64_t
review(stream_door_t *self, passage_t *passage, int64_t now_ms)
{
    int64_t expires_s;
    int64_t mono_ms = zclock_mono();
    bool good = access_is_good(self->access, passage->place.token_id, now_ms, &expires_s);
    if (!good) {
        stream_hub_close(self->hub, passage->stream,
                         expires_s > 0 ? STREAM_REASON_EXPIRED : STREAM_REASON_REVOKED,
                         mono_ms);
        return INT64_MAX;
    }
    if (expires_s == 0)
        return INT64_MAX;
    int64_t warning_ms = (expires_s - ACCESS_WARNING_S) * 1000;
    if (now_ms < warning_ms)
        return warning_ms;
    if (!passage->warned) {
        passage->warned = true;
        stream_hub_warn(self->hub, passage->stream, STREAM_REASON_EXPIRED,
                        expires_s * 1000 - now_ms, mono_ms);
    }
    return expires_s * 1000;
}

void
stream_door_review(stream_door_t *self, bool all, int64_t now_ms)
{
    if (!all && now_ms < self->next_look_ms)
        return;
    self->next_look_ms = INT64_MAX;
    for (passage_t *passage = self->first; passage; passage = passage->next) {
        int64_t next_ms = review(self, passage, now_ms);
        if (next_ms < self->next_look_ms)
            self->next_look_ms = next_ms;
    }
}

uint64_t
stream_door_refused(const stream_door_t *self)
{
    return self->refused;
}
