// link_listeners - the parts of a program that a link tells what it hears
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_LINK_LISTENERS_H
#define MESH_LINK_LISTENERS_H

#include "mesh/link.h"

typedef struct link_listeners {
    struct {
        const mesh_link_listener_t *calls;    // borrowed
        void *arg;                            // borrowed
    } rows[8];
    size_t count;
} link_listeners_t;

// Add one more, of at most 8; take one away, if it is there.
void link_listeners_add(link_listeners_t *self, const mesh_link_listener_t *calls, void *arg);
void link_listeners_remove(link_listeners_t *self, const mesh_link_listener_t *calls,
                           void *arg);

// Tell them all, in the order in which they came.
void link_listeners_welcome(const link_listeners_t *self, const mesh_welcome_t *welcome);
void link_listeners_away(const link_listeners_t *self);
void link_listeners_message(const link_listeners_t *self, const char *verb, const json_t *body);

// Have them add what they have to say to a hello or heartbeat.
void link_listeners_heartbeat(const link_listeners_t *self, json_t *body);

#endif
