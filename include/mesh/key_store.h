// key_store - a directory of CURVE keys: the broker's, those it lets in, those it did once
// SPDX-License-Identifier: MPL-2.0
//
//   <dir>/broker.key            the broker's pair
//   <dir>/NAME.key              a program's pair with its role and the broker's public key:
//   what
//                               is carried to the program's host
//   <dir>/authorized/NAME.pub   the public half with its role: who may come in
//   <dir>/revoked/NAME.pub      who no longer may
//
// A store that others may write to, or that is a link, is refused: who can write there decides
// who comes in. Functions that fail return -1 or NULL with *error_p a sentence the caller
// frees.
#ifndef MESH_KEY_STORE_H
#define MESH_KEY_STORE_H

#include "mesh/key_file.h"
#include "mesh/settings.h"

enum { MESH_KEYS_LIMIT = 2000 };    // in each of the two directories; more are an error

// An authorized or revoked key. One with MESH_ROLE_NONE has a file that cannot be read as a
// key.
typedef struct mesh_key_entry {
    char name[MESH_KEY_NAME_LIMIT + 1];
    char public_key[MESH_KEY_TEXT_SIZE];
    mesh_role_t role;
    bool revoked;
} mesh_key_entry_t;

// The directory: setting mesh/keys_dir, else <state dir>/keys. It need not exist. The caller
// frees it.
char *mesh_key_store_dir(const mesh_settings_t *settings, char **error_p);

// Make NAME's pair and authorize it. The first call also makes the broker's pair and, for this
// host's own programs, "local" with role operate. Refuses a name that is in use, also by a
// revoked key. *path_p is the file to carry to the program's host; the caller frees it. Calls
// of several processes wait for each other.
int mesh_key_store_new(const char *dir, const char *name, mesh_role_t role, char **path_p,
                       char **error_p);

// Take NAME's authorization away.
int mesh_key_store_revoke(const char *dir, const char *name, char **error_p);

// All keys, by name, authorized ones first; *entries_p is an array of *count_p the caller
// frees. A directory that does not exist has none. What one file is wrong with is *error_p also
// where 0 is returned (else *error_p is NULL): it must not hide the others.
int mesh_key_store_list(const char *dir, mesh_key_entry_t **entries_p, size_t *count_p,
                        char **error_p);

// The pair of DIR/NAME.key; *found_p says whether there is such a file. The caller wipes it.
int mesh_key_store_load(const char *dir, const char *name, mesh_key_file_t *pair, bool *found_p,
                        char **error_p);

#endif
