// token_store - tokens that were made by hand: hashed, scoped, listed and revoked
// SPDX-License-Identifier: MPL-2.0
//
// One JSON file, <state dir>/tokens.json (0600), replaced as a whole. It holds no token, only a
// hash of each (BLAKE2b, 256 bits, of 256 random bits: nothing to guess and nothing to salt). A
// token reads "amt_<id>_<64 hex digits>"; the id finds it in the file and names it in lists and
// logs. Functions that fail return -1 or NULL with *error_p a sentence the caller frees.
#ifndef MESH_TOKEN_STORE_H
#define MESH_TOKEN_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "mesh/scope.h"
#include "mesh/settings.h"

enum {
    MESH_TOKENS_LIMIT = 1000,    // in the file; one more is refused
    MESH_TOKEN_SCOPES = 16,
    MESH_TOKEN_NAME_BYTES = 64,
    MESH_TOKEN_ID_SIZE = 13,    // 12 hex digits and NUL
    MESH_TOKEN_HASH_BYTES = 32,
    MESH_TOKEN_STORE_BYTES = 4 * 1024 * 1024,    // of the file; a longer one is refused
};

typedef struct mesh_token_entry {
    char id[MESH_TOKEN_ID_SIZE];
    char name[MESH_TOKEN_NAME_BYTES + 1];
    uint8_t hash[MESH_TOKEN_HASH_BYTES];
    int64_t made_s;                             // Unix seconds
    int64_t expires_s;                          // 0: never
    char *scope_texts[MESH_TOKEN_SCOPES];       // owned, as they were given
    mesh_scope_t *scopes[MESH_TOKEN_SCOPES];    // owned
    size_t scope_count;
} mesh_token_entry_t;

typedef struct mesh_token_store mesh_token_store_t;

// <state dir>/tokens.json; the caller frees it.
char *mesh_token_store_path(const mesh_settings_t *settings, char **error_p);

// Read the file. One that does not exist is an empty store; one that others may use, or that is
// not what we write, is an error: a token must not become good, or stay good, by damage.
mesh_token_store_t *mesh_token_store_load(const char *path, char **error_p);
void mesh_token_store_destroy(mesh_token_store_t **self_p);

// The same, from the file's bytes.
mesh_token_store_t *mesh_token_store_parse(const char *text, size_t bytes, char **error_p);

size_t mesh_token_store_size(const mesh_token_store_t *self);
const mesh_token_entry_t *mesh_token_store_entry(const mesh_token_store_t *self, size_t at);

// The entry of this token, whether it has expired or not; NULL when it is none of ours. The
// time it takes does not tell how much of the token was right.
const mesh_token_entry_t *mesh_token_store_find(const mesh_token_store_t *self,
                                                const char *token);
const mesh_token_entry_t *mesh_token_store_by_id(const mesh_token_store_t *self,
                                                 const char *id);

// Make a token and add it to the file. name may be ""; expires_s 0 is never. Returns the token,
// which is shown once and kept nowhere; the caller frees it. Calls of several processes wait
// for each other.
char *mesh_token_store_new(const char *path, const char *name, const char *const scopes[],
                           size_t scope_count, int64_t now_s, int64_t expires_s,
                           char **error_p);

// Take the token with this id, or the one with this name, out of the file.
int mesh_token_store_revoke(const char *path, const char *id_or_name, char **error_p);

#endif
