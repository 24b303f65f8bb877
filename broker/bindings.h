// bindings - binds a socket to its configured endpoints, or the default one
// SPDX-License-Identifier: MPL-2.0
#ifndef BROKER_BINDINGS_H
#define BROKER_BINDINGS_H

#include <czmq.h>

#include "mesh/settings.h"

// Whether the setting `key` has only endpoints that may be bound: tcp:// and ipc://, and where
// there are no keys (guarded is false) and broker/insecure is false, only such that stay on
// this host. Returns 0, or -1 with *error_p a sentence the caller frees.
int bindings_check(const mesh_settings_t *settings, const char *key, bool guarded,
                   char **error_p);

// Bind socket to what the setting `key` (a LIST of endpoints) says, or to
// ipc://<runtime_dir>/<name> when it is empty. Returns the first endpoint as clients are to be
// told of it (with the port that was chosen where it was 0 or '*'), which the caller frees; or
// NULL with *error_p a sentence the caller frees: an endpoint that cannot be bound, or that
// bindings_check refuses; socket is guarded when it is a CURVE server.
char *bindings_bind(zsock_t *socket, const mesh_settings_t *settings, const char *key,
                    const char *runtime_dir, const char *name, char **error_p);

#endif
