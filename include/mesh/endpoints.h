// endpoints - where the broker's sockets are: what to try, and what its answer means
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_ENDPOINTS_H
#define MESH_ENDPOINTS_H

#include <czmq.h>

#include "mesh/settings.h"

enum { MESH_PORT_PUBLISH = 5771, MESH_PORT_SUBSCRIBE = 5772, MESH_PORT_CONTROL = 5773 };

// The control endpoints to try, in this order, as text in a list (autofree; the caller destroys
// it): the seeds of mesh/seeds where there are any, and then nothing else; otherwise that of
// the discovery file's broker, and that of the runtime directory. A seed is tcp://HOST[:PORT]
// (port 5773 when absent), ipc://PATH or inproc://NAME. Returns NULL with *error_p a sentence
// the caller frees when a seed is none of these or no directory can be used.
zlist_t *mesh_endpoints_control(const mesh_settings_t *settings, char **error_p);

// What `named` in a welcome means to one who reached the broker at `reached`: a tcp host "*" or
// "0.0.0.0" or "[::]" is replaced by that of `reached`, which is 127.0.0.1 when reached is no
// tcp endpoint. The caller frees it. NULL when named is no endpoint.
char *mesh_endpoints_resolve(const char *named, const char *reached);

#endif
