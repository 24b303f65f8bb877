// link_welcome - a broker's welcome, read
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_LINK_WELCOME_H
#define MESH_LINK_WELCOME_H

#include "mesh/link.h"

typedef struct link_welcome {
    mesh_welcome_t told;    // what listeners are told; borrows body and the endpoints
    int64_t heartbeat_ms, lost_after_ms;
    char *publish, *subscribe;    // owned
} link_welcome_t;

// endpoint is where the broker was found: the endpoints it names are seen from there. Returns
// 0, or -1 when a member is missing or wrong; link_welcome_clear in any case.
int link_welcome_read(link_welcome_t *self, const json_t *body, const char *endpoint);
void link_welcome_clear(link_welcome_t *self);

#endif
