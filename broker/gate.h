// gate - who may come in, by which door: decides handshakes and verbs by the authorized keys
// SPDX-License-Identifier: MPL-2.0
//
// Knows no sockets and no files.
#ifndef BROKER_GATE_H
#define BROKER_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mesh/key_store.h"

typedef struct gate gate_t;

typedef enum {
    GATE_PUBLISH,      // the publish socket
    GATE_SUBSCRIBE,    // the subscribe socket
    GATE_CONTROL,      // the control socket
    GATE_DOORS,
} gate_door_t;

enum {
    GATE_USER_SIZE = 16 + MESH_KEY_NAME_LIMIT + 1,    // "<role>/<name>" and the NUL
    GATE_PUBLIC_KEY_BYTES = 32,
};

typedef enum {
    GATE_SAME,       // nobody came, nobody went
    GATE_CHANGED,    // nobody who was let in has to go
    GATE_MUST_GO,    // a key that was let in is no longer authorized, or has another role: its
                     // connections must be closed, and gate counts on it that all are
} gate_change_t;

gate_t *gate_new(void);
void gate_destroy(gate_t **self_p);

// The ZAP domain of a door: what its socket is set to.
const char *gate_domain(gate_door_t door);

// Take the authorized ones of entries in place of what was known. One without a role leaves the
// key of its name as it was: its file cannot be read, so that nothing is known of a change. Of
// two names for one key the first in entries stands.
gate_change_t gate_replace(gate_t *self, const mesh_key_entry_t entries[], size_t count);

// Decide a handshake. domain and mechanism are of the ZAP request, not NUL-terminated; key is
// the client's public key. Returns whether it may come in, and then writes "<role>/<name>" to
// user.
bool gate_admit(gate_t *self, const char *domain, size_t domain_bytes, const char *mechanism,
                size_t mechanism_bytes, const uint8_t *key, size_t key_bytes,
                char user[static GATE_USER_SIZE]);

// Whether there is an authorized key of this name.
bool gate_knows(const gate_t *self, const char *name);

// The role in a user id that gate_admit wrote; MESH_ROLE_NONE for anything else.
mesh_role_t gate_role(const char *user);

// The name of the key in it (borrowed from user); "" for anything else.
const char *gate_name(const char *user);

// Whether a role may use a verb of the control socket.
bool gate_allows(mesh_role_t role, const char *verb);

// Handshakes refused in its life.
uint64_t gate_refused(const gate_t *self);

#endif
