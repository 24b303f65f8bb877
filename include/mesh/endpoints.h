// endpoints - what an endpoint means to one who reads it
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_ENDPOINTS_H
#define MESH_ENDPOINTS_H

enum { MESH_PORT_PUBLISH = 5771, MESH_PORT_SUBSCRIBE = 5772, MESH_PORT_CONTROL = 5773 };

enum { MESH_ENDPOINT_LIMIT = 512 };    // bytes of an endpoint that is believed

// A seed as a control endpoint: tcp://HOST[:PORT] (port 5773 when absent), ipc://PATH or
// inproc://NAME. The caller frees it. NULL when it is none of these.
char *mesh_endpoints_of_seed(const char *seed);

// What `named` in a welcome means to one who reached the broker at `reached`: a tcp host "*" or
// "0.0.0.0" or "[::]" is replaced by that of `reached`, which is 127.0.0.1 when reached is no
// tcp endpoint. The caller frees it. NULL when named is no endpoint.
char *mesh_endpoints_resolve(const char *named, const char *reached);

#endif
