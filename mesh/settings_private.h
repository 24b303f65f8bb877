// settings_private - what the bodies of settings.h share: values by row of the table
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_SETTINGS_PRIVATE_H
#define MESH_SETTINGS_PRIVATE_H

#include "mesh/settings.h"

enum {
    // A value that is not secret must fit a line of a ZPL file together with its key.
    MESH_SETTINGS_VALUE_BYTES = 900,
    MESH_SETTINGS_SECRET_BYTES = 64 * 1024,
    MESH_SETTINGS_FILE_BYTES = 1024 * 1024,
};

// The row of a key, or NULL.
const mesh_setting_t *mesh_settings_row(const char *key);

// A copy to try changes on; and the exchange of both contents when all went well.
mesh_settings_t *mesh_settings_copy(const mesh_settings_t *self);
void mesh_settings_swap(mesh_settings_t *self, mesh_settings_t *other);

// Set the value of a row. origin is copied. Returns 0, or -1 with *error_p a sentence, that
// does not say where the value comes from, for the caller to free.
int mesh_settings_put(mesh_settings_t *self, const mesh_setting_t *row, const char *value,
                      const char *origin, char **error_p);

// The value of a row as written, secrets too. Borrowed.
const char *mesh_settings_text(const mesh_settings_t *self, const mesh_setting_t *row);

// "unknown setting ...; the nearest known is ...". The caller frees it.
char *mesh_settings_unknown_key(const char *key);

// "AIDERMESH_HTTP_PORT" for "http/port". The caller frees it.
char *mesh_settings_variable(const mesh_setting_t *row);

#endif
