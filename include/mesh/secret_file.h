// secret_file - a file with one secret line, which only its owner may read
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_SECRET_FILE_H
#define MESH_SECRET_FILE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    MESH_SECRET_RANDOM_BYTES = 32,    // of a secret that is made; written as hex
    MESH_SECRET_LEAST_BYTES = 16,
    MESH_SECRET_MOST_BYTES = 256,
};

// What is wrong with a text as a secret, which the caller frees; NULL when nothing is.
char *mesh_secret_refusal(const char *text, size_t bytes);

// Read the secret at path. Refused are a link, a file of another user, one that others may use,
// and one that does not hold one line of MESH_SECRET_LEAST_BYTES to MESH_SECRET_MOST_BYTES
// printable characters. `what` names the file in errors ("the token file"). Returns the secret,
// the caller's to free; or NULL: where there is no file, *missing_p is true and *error_p is
// left alone, else *error_p is a sentence the caller frees.
char *mesh_secret_file_load(const char *path, const char *what, bool *missing_p,
                            char **error_p);

// The same, making a random secret first where there is none. Two processes that start at once
// agree on one: it is linked into place.
char *mesh_secret_file_load_or_make(const char *path, const char *what, char **error_p);

#endif
