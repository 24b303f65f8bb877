// receipts - what programs were given and are not known to have read
// SPDX-License-Identifier: MPL-2.0
//
// A message may be a mebibyte, and libzmq counts messages only: what waits for a program that
// asks without reading is bounded here. What is given carries a receipt, which its reader sends
// back; until then it counts against the limits of its connection and of all together. The
// unit, bytes or pages, is whoever's that gives. Knows no sockets.
#ifndef BROKER_RECEIPTS_H
#define BROKER_RECEIPTS_H

#include <czmq.h>

typedef struct receipts receipts_t;

typedef enum {
    RECEIPTS_FREE,      // it may be given
    RECEIPTS_UNREAD,    // this connection has too much unread
    RECEIPTS_FULL,      // all connections together have
} receipts_outcome_t;

// limit_of_one, of each connection, is at most limit.
receipts_t *receipts_new(size_t limit, size_t limit_of_one);
void receipts_destroy(receipts_t **self_p);

// Whether the connection that route leads to may be given something of this size.
receipts_outcome_t receipts_ask(receipts_t *self, zframe_t *route, size_t size);

// It goes there: after RECEIPTS_FREE only. route is copied; connection is the descriptor it
// asked by, -1 where that is not known. Returns the receipt to put into the message, a number
// above 0 that cannot be guessed.
uint64_t receipts_give(receipts_t *self, zframe_t *route, int connection, size_t size,
                       int64_t now_ms);

// The receipt came back by this route. Returns whether it was given there.
bool receipts_read(receipts_t *self, zframe_t *route, uint64_t receipt);

// Forget what went to connections that are gone, and so what waited for them.
typedef bool receipts_is_gone_fn(void *arg, zframe_t *route, int connection, int64_t given_ms);
void receipts_forget(receipts_t *self, receipts_is_gone_fn *is_gone, void *arg);

// Every connection is closed.
void receipts_clear(receipts_t *self);

// The sizes of what is unread, together.
size_t receipts_unread(const receipts_t *self);

#endif
