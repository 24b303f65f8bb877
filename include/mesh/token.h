// token - the secret that HTTP clients show; made at first start, kept in <state dir>/token
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_TOKEN_H
#define MESH_TOKEN_H

#include <stdbool.h>

#include "mesh/settings.h"

// The token of the setting http/token_value, else of the file (mode 0600), making it first when
// there is none (two processes that start at once agree on one: it is linked into place).
// Returns it, the caller's to free, or NULL with *error_p a sentence the caller frees: a file
// that others may read, or that does not hold one line of 16 to 256 printable characters, is
// refused.
char *mesh_token_load_or_make(const mesh_settings_t *settings, char **error_p);

// As above, and fail when there is none.
char *mesh_token_load(const mesh_settings_t *settings, char **error_p);

// Whether http/token_value, where it is set, can be a token. Returns 0, or -1 with *error_p a
// sentence that the caller frees.
int mesh_token_check(const mesh_settings_t *settings, char **error_p);

// Compare in time that depends only on the length of what was given.
bool mesh_token_equal(const char *token, const char *given);

#endif
