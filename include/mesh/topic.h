// topic - the first frame of an event: <type>/<host>/<session_id>
// SPDX-License-Identifier: MPL-2.0
//
// A ZeroMQ subscription is a prefix of this frame: "aider." selects a family, "mesh.health/" a
// type, "aider.error_occurred/build-7/" a type on one host. So that a prefix means what it
// says, every byte of a part that is not an ASCII letter, digit, '.', '_', '-', '~' or ':' is
// written as %XX with upper-case digits. The bytes are drawn in docs/PROTOCOL.md.
#ifndef MESH_TOPIC_H
#define MESH_TOPIC_H

#include <stdbool.h>
#include <stddef.h>

enum {
    MESH_TYPE_SIZE = 65,        // 64 bytes of [a-z0-9._] and the NUL
    MESH_HOST_SIZE = 256,       // 255 bytes, decoded
    MESH_SESSION_SIZE = 129,    // 128 bytes, decoded
    MESH_TOPIC_SIZE = 64 + 1 + 3 * 255 + 1 + 3 * 128 + 1,    // the longest encoding and the NUL
};

typedef struct mesh_topic {
    char type[MESH_TYPE_SIZE];
    char host[MESH_HOST_SIZE];
    char session[MESH_SESSION_SIZE];    // "" for an event of no session
} mesh_topic_t;

// Whether text is a legal event type: 1 to 64 bytes of [a-z0-9._], beginning with a letter.
bool mesh_topic_type_is_legal(const char *text);

// Write the topic and a NUL into text. session may be NULL. Returns its length in bytes, or 0
// when the type is not legal, the host empty, or a part too long or not UTF-8.
size_t mesh_topic_format(char text[static MESH_TOPIC_SIZE], const char *type, const char *host,
                         const char *session);

// Read a topic frame. Returns 0, or -1 when it is anything mesh_topic_format cannot have
// written.
int mesh_topic_parse(mesh_topic_t *self, const char *text, size_t text_bytes);

#endif
