// link_identity - who a program is in the mesh, as its hellos say it
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_LINK_IDENTITY_H
#define MESH_LINK_IDENTITY_H

#include "mesh/link.h"

typedef struct link_identity link_identity_t;

// A copy, with a transport id of its own ("stdio-0190...").
link_identity_t *link_identity_new(const mesh_link_identity_t *identity);
void link_identity_destroy(link_identity_t **self_p);

// Borrowed.
const char *link_identity_transport_id(const link_identity_t *self);
const char *link_identity_host(const link_identity_t *self);

// The members of a hello that say who we are, and in its metadata how the broker was found. The
// caller owns it.
json_t *link_identity_hello(const link_identity_t *self, const char *found_by);

#endif
