// bindings - binds a socket to its configured endpoints, or the default one
// SPDX-License-Identifier: MPL-2.0
#ifndef BROKER_BINDINGS_H
#define BROKER_BINDINGS_H

#include <czmq.h>

#include "mesh/settings.h"

// Bind socket to what the setting `key` (a LIST of endpoints) says, or to
// ipc://<runtime_dir>/<name> when it is empty. Returns the first endpoint as clients are to be
// told of it (with the port that was chosen where it was 0 or '*'), which the caller frees; or
// NULL with *error_p a sentence the caller frees: an endpoint that cannot be bound, that is no
// tcp:// or ipc://, or that other hosts can reach while socket is no
// CURVE server and broker/insecure is false.
char *bindings_bind(zsock_t *socket, const mesh_settings_t *settings, const char *key,
                    const char *runtime_dir, const char *name, char **error_p);

#endif
