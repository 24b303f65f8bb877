// stream_door - lets clients in: from a request for a stream to its socket in the hub, and back
// SPDX-License-Identifier: MPL-2.0
//
// libmicrohttpd sends the head of the response. When it asks for the body the connection is
// suspended and the hub writes to its socket; when the stream ends the connection is resumed
// and told that the body is over. "Connection: close" has the end of the connection end the
// body, so that what the hub writes needs no framing of HTTP's.
#ifndef SSE_STREAM_DOOR_H
#define SSE_STREAM_DOOR_H

#include "address_table.h"
#include "http_answer.h"
#include "stream_hub.h"

typedef struct stream_door stream_door_t;

typedef struct stream_door_limits {
    size_t clients_per_address;
    int64_t overload_retry_ms;    // told to those who find no room
} stream_door_limits_t;

// hub is borrowed, and its owner calls stream_door_ended. The door must outlive all
// connections.
stream_door_t *stream_door_new(stream_hub_t *hub, const stream_door_limits_t *limits);
void stream_door_destroy(stream_door_t **self_p);

// Answer a GET or HEAD (without_body) of an endpoint. query is what follows '?', or NULL.
enum MHD_Result stream_door_answer(stream_door_t *self, const http_peer_t *peer,
                                   endpoint_t endpoint, const char *query, bool without_body);

// The hub has ended a stream.
void stream_door_ended(stream_t *stream);

// Requests refused for want of room.
uint64_t stream_door_refused(const stream_door_t *self);

#endif
