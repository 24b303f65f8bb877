// key_store - a directory of CURVE keys: the broker's, those it lets in, those it no longer
// does SPDX-License-Identifier: MPL-2.0
//
//   <dir>/broker.key              the broker's pair (0600)
//   <dir>/NAME.key                a program's pair with its role and the broker's public key
//   (0600):
//                                 what is carried to its host
//   <dir>/authorized/NAME.pub     the public half with its role: who may come in
//   <dir>/revoked/NAME.pub        who no longer may
//
// The files are CZMQ's certificates (zcert). Functions that fail return -1 or NULL with
// *error_p a sentence the caller frees.
#ifndef MESH_KEY_STORE_H
#define MESH_KEY_STORE_H

#include <stdbool.h>

#include <czmq.h>

#include "mesh/settings.h"

enum {
    MESH_KEY_NAME_LIMIT = 64,    // bytes of [A-Za-z0-9._-], not beginning with '.'
    MESH_KEYS_LIMIT = 10000,     // authorized keys that are read; more are an error
    MESH_KEY_TEXT_SIZE = 41,     // a key in Z85 and the NUL
};

typedef enum {
    MESH_ROLE_NONE,
    MESH_ROLE_PUBLISH,      // may publish
    MESH_ROLE_SUBSCRIBE,    // may subscribe, replay, ask for the snapshot, call
    MESH_ROLE_OPERATE,      // both, and answer calls
} mesh_role_t;

// "publish", "subscribe", "operate". MESH_ROLE_NONE for any other word.
mesh_role_t mesh_role_parse(const char *word);
const char *mesh_role_name(mesh_role_t role);

// An authorized or revoked key.
typedef struct mesh_key_entry {
    char name[MESH_KEY_NAME_LIMIT + 1];
    char public_key[MESH_KEY_TEXT_SIZE];
    mesh_role_t role;
    bool revoked;
} mesh_key_entry_t;

// The directory: setting mesh/keys_dir, else <state dir>/keys. It need not exist. The caller
// frees it.
char *mesh_key_store_dir(const mesh_settings_t *settings, char **error_p);

// Make NAME's pair and authorize it. The first key made also makes the broker's pair and, for
// this host's own programs, "local" with role operate. Refuses a name that is in use, also by a
// revoked key. *path_p is the file to carry to the program's host; the caller frees it.
int mesh_key_store_new(const char *dir, const char *name, mesh_role_t role, char **path_p,
                       char **error_p);

// Take NAME's authorization away.
int mesh_key_store_revoke(const char *dir, const char *name, char **error_p);

// All keys, by name, authorized ones first; *entries_p is an array of *count_p the caller
// frees. A directory that does not exist has none. A file that cannot be read as a key is an
// error: who may come in is never guessed.
int mesh_key_store_list(const char *dir, mesh_key_entry_t **entries_p, size_t *count_p,
                        char **error_p);

// The pair of DIR/NAME.key. *cert_p is NULL when there is no such file; the caller destroys it.
// A file that others may read is refused.
int mesh_key_store_load(const char *dir, const char *name, zcert_t **cert_p, char **error_p);

#endif
