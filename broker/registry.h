// registry - the programs of the mesh that have said hello, and which of them are overdue
// SPDX-License-Identifier: MPL-2.0
//
// Knows no sockets and is told the time (CLOCK_MONOTONIC ms).
#ifndef BROKER_REGISTRY_H
#define BROKER_REGISTRY_H

#include <czmq.h>
#include <jansson.h>

typedef struct registry registry_t;

enum { REGISTRY_ID_LIMIT = 128, REGISTRY_TEXT_LIMIT = 255 };

typedef struct peer {
    char *transport_id;    // owned
    char *user;            // owned; the name of the key it said hello under, "" without keys
    zframe_t *route;       // owned; how the control socket reaches it now
    int connection;        // the descriptor of that, -1 where it is not known
    json_t *hello;         // owned reference; its hello without "sources"
    int64_t heard_ms;
    double joined_at;    // Unix seconds
    bool known;    // others were told that it joined, or knew it before this broker's start
} peer_t;

typedef enum {
    REGISTRY_JOINED,       // new
    REGISTRY_RENEWED,      // it was here, or says that it was with the incarnation before this
                           // one
    REGISTRY_FULL,         // as many as may be
    REGISTRY_MALFORMED,    // a member is missing or wrong
} registry_outcome_t;

registry_t *registry_new(size_t limit);
void registry_destroy(registry_t **self_p);

// The peer of this id, however it speaks; NULL when there is none.
peer_t *registry_by_id(registry_t *self, const char *transport_id);

// Take a hello that came by route (copied); whether it may take the place of another one of its
// id is the caller's to decide. The user of a new peer is "". On REGISTRY_JOINED and
// REGISTRY_RENEWED *peer_p is its entry (borrowed); on REGISTRY_MALFORMED *wrong_p names the
// member (borrowed, static).
registry_outcome_t registry_hello(registry_t *self, const json_t *hello, zframe_t *route,
                                  int64_t now_ms, double now_s, peer_t **peer_p,
                                  const char **wrong_p);

// The peer that says this id by this route and was heard now; NULL when there is none.
peer_t *registry_heard(registry_t *self, const char *transport_id, zframe_t *route,
                       int64_t now_ms);

// The peer that speaks by this route; NULL when there is none.
peer_t *registry_by_route(registry_t *self, zframe_t *route);

// Remove a peer.
void registry_remove(registry_t *self, peer_t **peer_p);

// A peer last heard before deadline_ms; NULL when there is none. The caller removes it and asks
// again.
peer_t *registry_overdue(registry_t *self, int64_t deadline_ms);

// How many programs of a transport type are here for more than a question, and how long the one
// heard last has said nothing (0 when there is none).
size_t registry_silence(registry_t *self, const char *type, int64_t now_ms, int64_t *silent_ms);

// Walk: first, next, NULL at the end. Nothing may be removed meanwhile.
peer_t *registry_first(registry_t *self);
peer_t *registry_next(registry_t *self);
size_t registry_size(const registry_t *self);

const char *peer_type(const peer_t *self);
const char *peer_host(const peer_t *self);

// Whether the peer is here for a question only: nobody is told that it came or went.
bool peer_is_passing(const peer_t *self);

// Whether the peer answers calls of this name.
bool peer_serves(const peer_t *self, const char *service);

#endif
