// sse_feed - the ways by which the events of a bench get into an event stream server
// SPDX-License-Identifier: MPL-2.0
#ifndef BENCH_SSE_FEED_H
#define BENCH_SSE_FEED_H

#include <czmq.h>

#include "sse_message.h"

typedef struct sse_feed sse_feed_t;

typedef enum {
    SSE_FEED_LINES,    // "CHANNEL PAYLOAD" LF over TCP: what our own plain servers take
    SSE_FEED_POSTS,    // POST /pub/CHANNEL, one after the other on one connection: nchan
    SSE_FEED_MESH,     // event frames to a broker's publish socket, without a hello
} sse_feed_kind_t;

// place is a port of loopback, or an endpoint. Returns NULL, having said why on stderr, when
// it cannot be used.
sse_feed_t *sse_feed_new(zloop_t *loop, sse_feed_kind_t kind, const char *place,
                         size_t payload_bytes);
void sse_feed_destroy(sse_feed_t **self_p);

// Whether what is sent will not be lost.
bool sse_feed_is_ready(const sse_feed_t *self);

// Send an event; let go what was gathered. May wait for the server to take it.
void sse_feed_send(sse_feed_t *self, const sse_message_t *message);
void sse_feed_flush(sse_feed_t *self);

#endif
