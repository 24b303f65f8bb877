// stream_door - lets clients in: from a request for a stream to its socket in the hub, and back
// SPDX-License-Identifier: MPL-2.0
//
// libmicrohttpd sends the head of the response. When it asks for the body it is told that there
// is none, and lets go of the connection without shutting it down (MHD_USE_TURBO), while the
// hub writes on to the same socket by a descriptor of our own: so a stream costs libmicrohttpd
// nothing, neither memory nor a place among those that wait. Over TLS it asks for the bytes,
// and the connection is suspended while there are none; who was resumed in one turn of the hub
// is asked in one run of libmicrohttpd. "Connection: close" has the end of the connection end
// the body, so that what the hub writes needs no framing of HTTP's.
#ifndef SSE_STREAM_DOOR_H
#define SSE_STREAM_DOOR_H

#include "access.h"
#include "client_limits.h"
#include "http_answer.h"
#include "stream_hub.h"

typedef struct stream_door stream_door_t;

typedef struct stream_door_limits {
    int64_t overload_retry_ms;    // told to those who find no room
    bool gzip;                    // for those who take it
} stream_door_limits_t;

// hub, access and clients are borrowed, and the hub's owner calls stream_door_ended. The door
// must outlive all connections.
stream_door_t *stream_door_new(stream_hub_t *hub, access_t *access, client_limits_t *clients,
                               const stream_door_limits_t *limits);
void stream_door_destroy(stream_door_t **self_p);

// A request for a stream. All borrowed.
typedef struct stream_request {
    endpoint_t endpoint;
    const char *query;     // what follows '?', or NULL
    const char *ticket;    // that let it in, or NULL
    bool without_body;     // a HEAD
} stream_request_t;

// Answer a request that access has granted.
enum MHD_Result stream_door_answer(stream_door_t *self, const http_peer_t *peer,
                                   const access_grant_t *grant,
                                   const stream_request_t *request);

// Called every second: streams whose token is no longer good are closed, those whose token ends
// within a minute are told. all: tokens have come or gone, look at every one.
void stream_door_review(stream_door_t *self, bool all, int64_t unix_ms);

// The hub has ended a stream; has something for one that is pulled.
void stream_door_ended(stream_t *stream);
void stream_door_has_some(stream_t *stream);

// Forget the streams that have ended: called soon after any that the hub may have ended, but
// not from within its work.
void stream_door_sweep(stream_door_t *self);

// Streams that are no connections of libmicrohttpd's any more.
size_t stream_door_own(const stream_door_t *self);

// Requests refused for want of room.
uint64_t stream_door_refused(const stream_door_t *self);

#endif
