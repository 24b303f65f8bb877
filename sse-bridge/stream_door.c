// stream_door - lets clients in: from a request for a stream to its socket in the hub, and back
// SPDX-License-Identifier: MPL-2.0
#include "stream_door.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <czmq.h>

#include "mesh/clock.h"
#include "stream_notice.h"

struct stream_door {
    stream_hub_t *hub;
    address_table_t *addresses;
    stream_door_limits_t limits;
    uint64_t refused;
};

// One stream on its way through the door; lives as long as libmicrohttpd's response.
typedef struct passage {
    stream_door_t *door;
    struct MHD_Connection *connection;
    stream_t *stream;                   // owned
    char address[ADDRESS_TEXT_SIZE];    // "" when it is not counted
} passage_t;

stream_door_t *
stream_door_new(stream_hub_t *hub, const stream_door_limits_t *limits)
{
    stream_door_t *self = calloc(1, sizeof *self);
    assert(self);
    self->hub = hub;
    self->limits = *limits;
    self->addresses = address_table_new(limits->clients_per_address);
    return self;
}

void
stream_door_destroy(stream_door_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        address_table_destroy(&(*self_p)->addresses);
        free(*self_p);
        *self_p = NULL;
    }
}

// MHD_ContentReaderCallback: the head has been sent, or the stream has ended.
static ssize_t
on_body_wanted(void *arg, uint64_t position, char *buffer, size_t buffer_bytes)
{
    passage_t *passage = arg;
    (void) position;
    (void) buffer;
    (void) buffer_bytes;
    if (passage->stream->state != STREAM_ADMITTED)
        return MHD_CONTENT_READER_END_OF_STREAM;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(passage->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    assert(info);
    // Before the hub has it: a stream may end in the call that attaches it.
    MHD_suspend_connection(passage->connection);
    stream_hub_attach(passage->door->hub, passage->stream, info->connect_fd, zclock_mono());
    return 0;
}

// MHD_ContentReaderFreeCallback: the connection is done with.
static void
on_body_done(void *arg)
{
    passage_t *passage = arg;
    stream_door_t *door = passage->door;
    stream_hub_release(door->hub, &passage->stream);
    if (passage->address[0] != '\0')
        address_table_give_back(door->addresses, passage->address);
    free(passage);
}

void
stream_door_ended(stream_t *stream)
{
    passage_t *passage = stream->connection;
    MHD_resume_connection(passage->connection);
}

static void
add_stream_headers(struct MHD_Response *response)
{
    http_answer_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                       "text/event-stream; charset=utf-8");
    http_answer_header(response, "X-Accel-Buffering", "no");
    http_answer_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

// A browser's EventSource never comes back after anything but 200: it is told in-band.
static enum MHD_Result
answer_no_room(stream_door_t *self, const http_peer_t *peer, unsigned status,
               const char *reason, const char *detail)
{
    self->refused++;
    const char *accept =
        MHD_lookup_connection_value(peer->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
    if (accept && strstr(accept, "text/event-stream")) {
        size_t bytes;
        char *frame =
            stream_notice_refused(reason, detail, self->limits.overload_retry_ms, &bytes);
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
    // The one byte of buffer is never used: the hub writes.
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, 1, on_body_wanted, passage, on_body_done);
    assert(response);
    // Its HTTP is still 1.1, but the body is ended by the connection's end and not in chunks,
    // whose framing would be the hub's to write.
    enum MHD_Result rc =
        MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    assert(rc == MHD_YES);
    add_stream_headers(response);
    char id[MESH_UUID_TEXT_SIZE];
    mesh_uuid_format(&passage->stream->client_id, id);
    http_answer_header(response, "X-Client-ID", id);
    return http_answer_send(peer, MHD_HTTP_OK, response);
}

static enum MHD_Result
admit(stream_door_t *self, const http_peer_t *peer, stream_query_t *query)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(peer->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    char address[ADDRESS_TEXT_SIZE];
    bool counted = address_text(info ? info->client_addr : NULL, address);
    if (counted && address_table_take(self->addresses, address) != 0)
        return answer_no_room(self, peer, MHD_HTTP_TOO_MANY_REQUESTS, "address_limit",
                              "this address has as many streams open as it may "
                              "(http/clients_per_address)");
    passage_t *passage = calloc(1, sizeof *passage);
    assert(passage);
    passage->door = self;
    passage->connection = peer->connection;
    if (counted)
        memcpy(passage->address, address, sizeof address);
    switch (stream_hub_admit(self->hub, query, passage, zclock_mono(), &passage->stream)) {
    case STREAM_HUB_ADMITTED:
        return answer_stream(peer, passage);
    case STREAM_HUB_FULL:
        on_body_done(passage);
        return answer_no_room(self, peer, MHD_HTTP_SERVICE_UNAVAILABLE, "overloaded",
                              "as many streams are open as may be (http/clients)");
    case STREAM_HUB_FILTERS_FULL:
        on_body_done(passage);
        return answer_no_room(self, peer, MHD_HTTP_SERVICE_UNAVAILABLE, "overloaded",
                              "as many different filters are in use as may be (http/filters)");
    default:
        on_body_done(passage);
        return answer_no_room(self, peer, MHD_HTTP_SERVICE_UNAVAILABLE, "stopping",
                              "the sse-bridge is stopping");
    }
}

enum MHD_Result
stream_door_answer(stream_door_t *self, const http_peer_t *peer, endpoint_t endpoint,
                   const char *query_text, bool without_body)
{
    stream_query_t query;
    char problem[STREAM_QUERY_PROBLEM_BYTES];
    const char *last_event_id =
        MHD_lookup_connection_value(peer->connection, MHD_HEADER_KIND, "Last-Event-ID");
    if (stream_query_parse(&query, endpoint, query_text, last_event_id, mesh_clock_unix_us(),
                           problem) != 0)
        return http_answer_send(peer, MHD_HTTP_BAD_REQUEST,
                                http_answer_problem(MHD_HTTP_BAD_REQUEST, problem));
    enum MHD_Result rc;
    if (stream_hub_is_over(self->hub, &query, zclock_mono())) {
        rc = http_answer_send(peer, MHD_HTTP_NO_CONTENT, http_answer_make(NULL, 0, NULL));
    } else if (without_body) {
        struct MHD_Response *response = http_answer_make(NULL, 0, NULL);
        add_stream_headers(response);
        rc = http_answer_send(peer, MHD_HTTP_OK, response);
    } else {
        rc = admit(self, peer, &query);
    }
    stream_query_clear(&query);
    return rc;
}

uint64_t
stream_door_refused(const stream_door_t *self)
{
    return self->refused;
}
