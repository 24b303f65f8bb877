// welcomes - answers to hellos that wait until the journal knows the sources they name
// SPDX-License-Identifier: MPL-2.0
//
// A program sends events from its welcome on. If the broker is killed then, the one after it
// knows from the journal that the source said hello, and that none of its numbers may be left
// out, however late the next hello comes. Knows no sockets and is told the time
// (CLOCK_MONOTONIC ms).
#ifndef BROKER_WELCOMES_H
#define BROKER_WELCOMES_H

#include <czmq.h>
#include <jansson.h>

enum {
    // A journal that stands still keeps nobody waiting for longer, nor more than so many.
    WELCOMES_WAIT_MS = 500,
    WELCOMES_LIMIT = 1000,
};

typedef struct welcomes welcomes_t;

// Both members are the receiver's.
typedef struct welcome {
    zframe_t *route;
    json_t *next;    // what is wanted next of each source
    uint64_t id;     // of the hello
} welcome_t;

welcomes_t *welcomes_new(void);
void welcomes_destroy(welcomes_t **self_p);

// One who is to be welcomed when so many have ended. route is copied, next is stolen.
void welcomes_add(welcomes_t *self, zframe_t *route, uint64_t id, json_t *next, uint64_t after,
                  int64_t now_ms);

// The first who is due, when so many have ended. Returns false when nobody is.
bool welcomes_take_due(welcomes_t *self, uint64_t ended, int64_t now_ms, welcome_t *welcome);

// Every connection is closed.
void welcomes_clear(welcomes_t *self);

#endif
