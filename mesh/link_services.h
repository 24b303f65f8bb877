// link_services - what other programs of the mesh may ask of this one, through its link
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_LINK_SERVICES_H
#define MESH_LINK_SERVICES_H

#include "mesh/link.h"

typedef struct link_services link_services_t;

link_services_t *link_services_new(void);
void link_services_destroy(link_services_t **self_p);

// Add a service, of which there may be 8; arg is borrowed.
void link_services_add(link_services_t *self, const char *name, mesh_link_service_fn *answer,
                       void *arg);

// Their names, as a hello says them: an array the caller owns.
json_t *link_services_names(const link_services_t *self);

// The body of the answer to a "serve" message, which the caller owns: a result, or a code and
// a message. NULL when the message is not one that can be answered.
json_t *link_services_answer(const link_services_t *self, const json_t *body);

#endif
