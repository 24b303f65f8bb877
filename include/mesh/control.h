// control - messages on the control sockets: "aidermesh/1", a verb, a JSON object, more
// SPDX-License-Identifier: MPL-2.0
//
// The verbs and their bodies are listed in docs/PROTOCOL.md.
#ifndef MESH_CONTROL_H
#define MESH_CONTROL_H

#include <czmq.h>
#include <jansson.h>

#define MESH_CONTROL_PROTOCOL "aidermesh/1"

enum {
    MESH_CONTROL_LIMIT = 1024 * 1024,    // bytes of one message, all frames
    MESH_CONTROL_VERB_SIZE = 32,
};

typedef enum {
    MESH_CONTROL_OK,
    MESH_CONTROL_VERSION,      // the first frame is not ours
    MESH_CONTROL_MALFORMED,    // too few frames, too large, no legal verb, or no JSON object
} mesh_control_outcome_t;

typedef struct mesh_control {
    char verb[MESH_CONTROL_VERB_SIZE];
    json_t *body;      // owned
    zmsg_t *frames;    // what followed the body; owned, never NULL
} mesh_control_t;

// Make a message. Borrows body; takes *frames_p, which may be NULL or point to NULL. The caller
// owns the result.
zmsg_t *mesh_control_pack(const char *verb, const json_t *body, zmsg_t **frames_p);

// Take a message apart (without a routing id: the caller pops that first). Takes *message_p. On
// MESH_CONTROL_OK the caller owns the members of *self and ends them with mesh_control_clear;
// on any other outcome there is nothing in it.
mesh_control_outcome_t mesh_control_unpack(mesh_control_t *self, zmsg_t **message_p);
void mesh_control_clear(mesh_control_t *self);

// Members of a body that came from outside. Each returns 0, or -1 when the member is missing or
// of another kind.
int mesh_control_get_text(const json_t *body, const char *name, size_t limit_bytes,
                          const char **value);
int mesh_control_get_number(const json_t *body, const char *name,
                            uint64_t *value);    // 0 to 2^63 - 1
int mesh_control_get_epoch(const json_t *body, const char *name,
                           uint64_t *value);    // 16 hexadecimal digits

// An epoch as JSON text. The caller owns the reference.
json_t *mesh_control_epoch(uint64_t epoch);

#endif
