// desk - answers what programs say on the control socket
// SPDX-License-Identifier: MPL-2.0
//
// Owns the control socket, the registry and the open calls. The messages are listed in
// docs/PROTOCOL.md.
#ifndef BROKER_DESK_H
#define BROKER_DESK_H

#include <czmq.h>

#include "mesh/settings.h"
#include "registry.h"
#include "relay.h"

typedef struct desk desk_t;

typedef struct desk_identity {
    const char *broker_id;
    const char *incarnation;
    json_t *endpoints;    // object with "publish" and "subscribe"
} desk_identity_t;

// Create the desk with its socket, not bound. relay, identity and its members are borrowed.
// on_change is called when a program has come or gone.
typedef void desk_change_fn(void *arg);
desk_t *desk_new(zloop_t *loop, const mesh_settings_t *settings, relay_t *relay,
                 const desk_identity_t *identity, desk_change_fn *on_change, void *arg);
void desk_destroy(desk_t **self_p);

// Close the socket, with all connections, and open a new one, not bound. Programs find back and
// say hello again.
void desk_renew_socket(desk_t *self);

// Part with the programs whose key may no longer be used, as if they were lost. may_stay is
// asked by the name of the key.
typedef bool desk_may_stay_fn(void *arg, const char *user);
void desk_dismiss(desk_t *self, desk_may_stay_fn *may_stay, void *arg);

// Borrowed, until it is renewed: to bind.
zsock_t *desk_socket(desk_t *self);
registry_t *desk_registry(desk_t *self);

// Another broker of the mesh takes over.
typedef enum {
    DESK_STAYS,       // it does not
    DESK_PREPARES,    // it is given what we have: who is new is sent there
    DESK_LEAVES,      // it has all: everybody is
} desk_yielding_t;
void desk_yield(desk_t *self, desk_yielding_t yielding, const char *control);

// relay_events_t: tell the holder of a source what was taken of it, or what is missing.
void desk_acknowledge(void *desk, const void *holder, const mesh_uuid_t *source);
void desk_ask_again(void *desk, const void *holder, const mesh_uuid_t *source, uint64_t from);

// relay_events_t: a session is forgotten, or could not be.
void desk_forgotten(void *desk, const journal_forgotten_t *what, json_t *range);
void desk_forget_failed(void *desk, const char *session);

// relay_events_t: who waits for its welcome may be due.
void desk_ended(void *desk);

#endif
