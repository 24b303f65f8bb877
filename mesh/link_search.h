// link_search - a link's way of looking for a broker: places to try, and beacons to listen for
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_LINK_SEARCH_H
#define MESH_LINK_SEARCH_H

#include <czmq.h>

#include "mesh/key.h"
#include "mesh/lookup.h"

typedef struct link_search link_search_t;

// A broker that was not known was heard: it has been added to what is tried.
typedef void link_search_fn(void *arg);

// settings and key (NULL without keys) are borrowed. endpoint, where it is not NULL, is the
// only place. Returns NULL with *error_p a sentence the caller frees.
link_search_t *link_search_new(zloop_t *loop, const mesh_settings_t *settings,
                               const mesh_key_t *key, const char *endpoint,
                               link_search_fn *heard, void *arg, char **error_p);
void link_search_destroy(link_search_t **self_p);

// Use another key from now on (borrowed), before the one in use is destroyed.
void link_search_set_key(link_search_t *self, const mesh_key_t *key);

mesh_lookup_t *link_search_lookup(link_search_t *self);

// Listen for beacons from now on, where there is a key with the mesh's secret, no seed, and
// features/beacon is on; or listen no more.
void link_search_listen(link_search_t *self, bool listen);

#endif
