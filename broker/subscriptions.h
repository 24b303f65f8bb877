// subscriptions - how many prefixes each connection subscribes to
// SPDX-License-Identifier: MPL-2.0
//
// It need not be said when a connection ends: there is one entry for a descriptor, of 8 bytes a
// prefix, and the next connection that has it begins anew. Knows no sockets.
#ifndef BROKER_SUBSCRIPTIONS_H
#define BROKER_SUBSCRIPTIONS_H

#include <czmq.h>

typedef struct subscriptions subscriptions_t;

typedef enum {
    SUBSCRIPTIONS_WITHIN,     // the limit
    SUBSCRIPTIONS_PAST_IT,    // with this message, once for a connection: it is to be ended
    SUBSCRIPTIONS_REFUSED,    // the connection was past it before, or is gone
} subscriptions_outcome_t;

// limit is of different prefixes that one connection has at a time.
subscriptions_t *subscriptions_new(size_t limit);
void subscriptions_destroy(subscriptions_t **self_p);

// A message to an XPUB that passes every subscription on (ZMQ_XPUB_VERBOSER): 1 or 0, and a
// prefix that is wanted or no more. Anything else changes nothing.
//
// connection is what libzmq has for the sender and for nobody else while a frame of it is kept:
// *frame_p is taken where it is the first of its connection. socket says what is behind the
// descriptor (which is not negative) now. Messages may be read when their sender is gone;
// another one's connection is never said to be past the limit then.
subscriptions_outcome_t subscriptions_heard(subscriptions_t *self, int descriptor,
                                            const void *connection, uint64_t socket,
                                            zframe_t **frame_p);

// Every connection is closed.
void subscriptions_clear(subscriptions_t *self);

#endif
