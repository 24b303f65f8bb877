// key - the CURVE key this program shows to the broker, where there is one
// SPDX-License-Identifier: MPL-2.0
#include "mesh/key.h"

#include <assert.h>

#include "mesh/key_store.h"
#include "text.h"

struct mesh_key {
    zcert_t *cert;                          // owned
    char server_key[MESH_KEY_TEXT_SIZE];    // the broker's public key
};

// The directory and the name of a file DIR/NAME.key.
static int
split_path(const char *path, char **dir_p, char **name_p, char **error_p)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    size_t length = strlen(base);
    if (length <= strlen(".key") || !streq(base + length - strlen(".key"), ".key")) {
        *error_p = mesh_text_printf("mesh/key: \"%s\" does not end in .key", path);
        return -1;
    }
    *dir_p = slash ? strndup(path, (size_t) (slash - path)) : strdup(".");
    *name_p = strndup(base, length - strlen(".key"));
    return 0;
}

static int
load(const char *dir, const char *name, mesh_key_t **key_p, char **error_p)
{
    zcert_t *cert = NULL;
    if (mesh_key_store_load(dir, name, &cert, error_p) != 0)
        return -1;
    if (!cert)
        return 0;
    const char *server_key = zcert_meta(cert, "server-key");
    if (!server_key || strlen(server_key) != MESH_KEY_TEXT_SIZE - 1) {
        *error_p =
            mesh_text_printf("%s/%s.key: it does not say which broker it is for", dir, name);
        zcert_destroy(&cert);
        return -1;
    }
    mesh_key_t *self = zmalloc(sizeof *self);
    self->cert = cert;
    memcpy(self->server_key, server_key, sizeof self->server_key);
    *key_p = self;
    return 0;
}

int
mesh_key_load(const mesh_settings_t *settings, mesh_key_t **key_p, char **error_p)
{
    assert(settings && key_p && error_p);
    *key_p = NULL;
    const char *path = mesh_settings_string(settings, "mesh/key");
    char *dir = NULL, *name = NULL;
    int rc = 0;
    if (*path) {
        rc = split_path(path, &dir, &name, error_p);
    } else {
        dir = mesh_key_store_dir(settings, error_p);
        name = strdup("local");
        rc = dir ? 0 : -1;
    }
    if (rc == 0)
        rc = load(dir, name, key_p, error_p);
    if (rc == 0 && *path && !*key_p) {
        *error_p = mesh_text_printf("mesh/key: there is no file \"%s\"", path);
        rc = -1;
    }
    free(dir);
    free(name);
    return rc;
}

void
mesh_key_destroy(mesh_key_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        zcert_destroy(&(*self_p)->cert);
        free(*self_p);
        *self_p = NULL;
    }
}

void
mesh_key_arm(const mesh_key_t *self, zsock_t *socket)
{
    if (self) {
        zcert_apply(self->cert, socket);
        zsock_set_curve_serverkey(socket, self->server_key);
    }
}
