// key - the CURVE key this program shows to the broker, where there is one
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_KEY_H
#define MESH_KEY_H

#include <czmq.h>

#include "mesh/beacon.h"
#include "mesh/settings.h"

typedef struct mesh_key mesh_key_t;

// Load the key of setting mesh/key, else "local" of the key store, where this host's broker
// made one (and broker/keys is not off). Returns 0 with *key_p the key, or NULL when there is
// none (the mesh is then spoken to without keys); or -1 with *error_p a sentence the caller
// frees.
int mesh_key_load(const mesh_settings_t *settings, mesh_key_t **key_p, char **error_p);
void mesh_key_destroy(mesh_key_t **self_p);

// Whether both are the same key for the same broker, or both are NULL.
bool mesh_key_equal(const mesh_key_t *self, const mesh_key_t *other);

// Have socket show the key, and accept only the broker the key was made for. Before it
// connects. Does nothing when self is NULL.
void mesh_key_arm(const mesh_key_t *self, zsock_t *socket);

// The mesh's secret that came with the key: MESH_BEACON_SECRET_BYTES, borrowed. NULL when self
// is NULL or its file has none.
const uint8_t *mesh_key_mesh_secret(const mesh_key_t *self);

// Whether a broker's public key (MESH_BEACON_KEY_BYTES) is that of the broker the key was made
// for.
bool mesh_key_is_for(const mesh_key_t *self, const uint8_t *server_key);

#endif
