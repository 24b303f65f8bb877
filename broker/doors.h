// doors - the broker's three sockets: guarded, bound, and bound anew when keys have changed
// SPDX-License-Identifier: MPL-2.0
#ifndef BROKER_DOORS_H
#define BROKER_DOORS_H

#include <czmq.h>
#include <jansson.h>

#include "desk.h"
#include "mesh/settings.h"
#include "relay.h"

typedef struct doors doors_t;

// The sockets are the relay's and the desk's. endpoints is an object that is told where they
// are bound; on_change is called when that may have changed. All are borrowed.
typedef void doors_change_fn(void *arg);
doors_t *doors_new(zloop_t *loop, const mesh_settings_t *settings, const char *runtime_dir,
                   relay_t *relay, desk_t *desk, json_t *endpoints, doors_change_fn *on_change,
                   void *arg);
void doors_destroy(doors_t **self_p);

// Bind all. Returns an exit status: MESH_EXIT_STOPPED, or that of why it could not be, which is
// logged.
int doors_open(doors_t *self);

// Whether they could not be bound again: the loop has ended by that.
bool doors_failed(const doors_t *self);

// Whether the settings name only what may be bound. Returns 0, or -1 with *error_p a sentence
// that the caller frees.
int doors_check(const mesh_settings_t *settings, bool guarded, char **error_p);

#endif
