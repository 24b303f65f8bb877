// events_door - GET /api/v1/events: one answer to each request, at once or when there is one
// SPDX-License-Identifier: MPL-2.0
//
// A request whose answer is not known yet has its connection suspended, and is answered when
// something matches, when its time is over, or when the program stops. Times are
// CLOCK_MONOTONIC milliseconds.
#ifndef SSE_EVENTS_DOOR_H
#define SSE_EVENTS_DOOR_H

#include "access.h"
#include "client_limits.h"
#include "http_answer.h"
#include "http_server.h"
#include "past.h"
#include "stream_hub.h"

typedef struct events_door events_door_t;

enum {
    EVENTS_DOOR_PULLS = 256,            // requests that are worked on or wait, at once
    EVENTS_DOOR_RETRY_S = 5,            // what those beyond a limit are told to wait
    EVENTS_DOOR_TURN_BUDGET = 16384,    // evaluations in one turn; see stream_group.h
};

// events_door_turn is to be called, once, in in_ms; what was asked for before is forgotten.
typedef void events_door_wants_fn(void *arg, int64_t in_ms);

// hub, access and clients, by which those who wait are counted, are borrowed.
events_door_t *events_door_new(stream_hub_t *hub, access_t *access, client_limits_t *clients,
                               events_door_wants_fn *wants, void *arg);

// Ask for what the ring holds no more; past is borrowed, and must hold until events_door_stop.
void events_door_use_past(events_door_t *self, past_t *past);

// No request may be left: events_door_stop, then the end of all connections.
void events_door_destroy(events_door_t **self_p);

// Answer a request that access has granted. query is what follows '?', or NULL.
enum MHD_Result events_door_answer(events_door_t *self, const http_peer_t *peer,
                                   const access_grant_t *grant, const http_request_t *request,
                                   const char *query);

// Something came, or is known now, that requests may wait for.
void events_door_news(events_door_t *self);

void events_door_turn(events_door_t *self, int64_t now_ms);

// Every second or so: let go of clients that went away.
void events_door_tick(events_door_t *self);

// Answer all now, with what there is.
void events_door_stop(events_door_t *self, int64_t now_ms);

size_t events_door_waiting(const events_door_t *self);

// Requests refused for want of room.
uint64_t events_door_refused(const events_door_t *self);

#endif
