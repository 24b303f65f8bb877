// calls - calls of services that wait for their answer
// SPDX-License-Identifier: MPL-2.0
//
// Knows no sockets and is told the time (CLOCK_MONOTONIC ms).
#ifndef BROKER_CALLS_H
#define BROKER_CALLS_H

#include <czmq.h>

typedef struct calls calls_t;

typedef struct call {
    uint64_t number;       // ours, told to the service
    uint64_t id;           // the caller's
    zframe_t *caller;      // owned; its route
    const void *server;    // borrowed, only compared: who was asked
    int connection;        // the caller's descriptor, -1 where it is not known
    int64_t deadline_ms;
} call_t;

calls_t *calls_new(size_t limit);
void calls_destroy(calls_t **self_p);

// Note a call; caller is copied. Returns its number, from 1, or 0 when as many are open as may
// be.
uint64_t calls_add(calls_t *self, uint64_t id, zframe_t *caller, int connection,
                   const void *server, int64_t deadline_ms);

// Take out the call of this number that this server was asked; any whose deadline is not after
// now_ms; any that this server was asked. NULL when there is none. The caller of these owns the
// call and ends it with call_destroy.
call_t *calls_take(calls_t *self, uint64_t number, const void *server);
call_t *calls_take_expired(calls_t *self, int64_t now_ms);
call_t *calls_take_of(calls_t *self, const void *server);

void call_destroy(call_t **self_p);

#endif
