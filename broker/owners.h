// owners - which key each source is of: the first that spoke for it
// SPDX-License-Identifier: MPL-2.0
//
// Knows no sockets.
#ifndef BROKER_OWNERS_H
#define BROKER_OWNERS_H

#include <stdbool.h>
#include <stddef.h>

#include "mesh/uuid.h"

typedef struct owners owners_t;

// Remembers at least the limit sources spoken for last, and at most twice as many.
owners_t *owners_new(size_t limit);
void owners_destroy(owners_t **self_p);

// Whether the key named user may speak for the source; it is the owner's from then on, also
// while no program holds it. user is at most MESH_KEY_NAME_LIMIT bytes.
bool owners_admit(owners_t *self, const mesh_uuid_t *source, const char *user);

// As owners_admit for a broker that gives away what it has of others' sources: a source that is
// nobody's yet is its, until another key speaks for it.
void owners_lend(owners_t *self, const mesh_uuid_t *source, const char *user);

#endif
