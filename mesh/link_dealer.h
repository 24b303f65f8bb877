// link_dealer - the DEALER socket by which a link speaks to one broker at a time
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_LINK_DEALER_H
#define MESH_LINK_DEALER_H

#include <czmq.h>
#include <jansson.h>

#include "mesh/control.h"
#include "mesh/key.h"

typedef struct link_dealer link_dealer_t;

// Called from the loop: the connection stands; the broker says something (borrowed, NULL when
// it was no control message).
typedef void link_dealer_connected_fn(void *arg);
typedef void link_dealer_heard_fn(void *arg, const mesh_control_t *message);

// Without a connection. loop and arg are borrowed.
link_dealer_t *link_dealer_new(zloop_t *loop, link_dealer_connected_fn *connected,
                               link_dealer_heard_fn *heard, void *arg);
void link_dealer_destroy(link_dealer_t **self_p);

// Connect to an endpoint, and to nothing else any more, with a key (NULL without; borrowed for
// the call). What comes from what was connected before is not heard. A connection that is
// silent for lost_after_ms is given up and made anew.
void link_dealer_open(link_dealer_t *self, const char *endpoint, const mesh_key_t *key,
                      int64_t lost_after_ms);
void link_dealer_close(link_dealer_t *self);

// Whether there is a socket, connected or not; whether it is connected.
bool link_dealer_is_open(const link_dealer_t *self);
bool link_dealer_is_connected(const link_dealer_t *self);

// Send a message, or drop it where the broker does not read: what matters is said again or runs
// into its deadline. It must be open.
void link_dealer_send(link_dealer_t *self, const char *verb, const json_t *body);

#endif
