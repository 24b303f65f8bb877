// scope - what a token is good for: areas of the HTTP side, and which events of them
// SPDX-License-Identifier: MPL-2.0
//
//   AREA[,AREA...][;types=TYPE,...][;host=HOST,...][;session=SESSION,...]
//
// Areas are `events` (streams, and the events of the API), `api` (what else the API tells) and
// `metrics`; `*` is all of them. A type may end in '*'. In a value ',', ';' and '%' are written
// as %2C, %3B and %25. Values of one list are OR, lists are AND, and the scopes of a token are
// OR.
#ifndef MESH_SCOPE_H
#define MESH_SCOPE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    MESH_SCOPE_VALUES = 32,    // in one list
    MESH_SCOPE_VALUE_BYTES = 256,
    MESH_SCOPE_BYTES = 2048,    // of a scope as text
};

typedef enum {
    MESH_SCOPE_EVENTS = 1,
    MESH_SCOPE_API = 2,
    MESH_SCOPE_METRICS = 4,
    MESH_SCOPE_ALL = 7,
} mesh_scope_area_t;

typedef enum {
    MESH_SCOPE_TYPE,
    MESH_SCOPE_HOST,
    MESH_SCOPE_SESSION,
    MESH_SCOPE_LISTS,
} mesh_scope_list_t;

typedef struct mesh_scope mesh_scope_t;

// Read a scope. Returns it, or NULL with *error_p a sentence the caller frees, which names what
// is wrong and what is allowed.
mesh_scope_t *mesh_scope_parse(const char *text, char **error_p);
void mesh_scope_destroy(mesh_scope_t **self_p);

bool mesh_scope_has_area(const mesh_scope_t *self, mesh_scope_area_t area);

// Whether it has no list, so that all events are within.
bool mesh_scope_is_whole(const mesh_scope_t *self);

// The values of a list, decoded; none means that anything is good.
size_t mesh_scope_size(const mesh_scope_t *self, mesh_scope_list_t list);
const char *mesh_scope_value(const mesh_scope_t *self, mesh_scope_list_t list, size_t at);

// Whether a host or session that a client names is within the scope.
bool mesh_scope_takes(const mesh_scope_t *self, mesh_scope_list_t list, const char *value);

// The list's name: "types", "host", "session".
const char *mesh_scope_list_name(mesh_scope_list_t list);

#endif
