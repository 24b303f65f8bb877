// replays - pages of the past that were given and are not known to be read
// SPDX-License-Identifier: MPL-2.0
//
// A page may be a mebibyte, and libzmq counts messages only: what waits for a program that asks
// without reading is bounded here. Each page carries a receipt, which its reader sends back;
// until then a connection is given no other page, and all connections together are given
// `limit`. Knows no sockets.
#ifndef BROKER_REPLAYS_H
#define BROKER_REPLAYS_H

#include <czmq.h>

typedef struct replays replays_t;

typedef enum {
    REPLAYS_FREE,      // a page may be given
    REPLAYS_UNREAD,    // this connection has not read the one before
    REPLAYS_FULL,      // as many as may be are unread
} replays_outcome_t;

replays_t *replays_new(size_t limit);
void replays_destroy(replays_t **self_p);

// Whether the connection that route leads to may be given a page.
replays_outcome_t replays_ask(replays_t *self, zframe_t *route);

// A page goes there: after REPLAYS_FREE only. route is copied; connection is the descriptor it
// asked by, -1 where that is not known. Returns the receipt to put into the page, a number
// above 0 that cannot be guessed.
uint64_t replays_give(replays_t *self, zframe_t *route, int connection, int64_t now_ms);

// The receipt came back by this route. Returns whether there was such a page.
bool replays_read(replays_t *self, zframe_t *route, uint64_t receipt);

// Forget the pages of connections that are gone, and so what waited for them.
typedef bool replays_is_gone_fn(void *arg, zframe_t *route, int connection, int64_t given_ms);
void replays_forget(replays_t *self, replays_is_gone_fn *is_gone, void *arg);

// Every connection is closed.
void replays_clear(replays_t *self);

size_t replays_unread(const replays_t *self);

#endif
