// key - the CURVE key this program shows to the broker, where there is one
// SPDX-License-Identifier: MPL-2.0
#include "mesh/key.h"

#include <assert.h>

#include "mesh/key_store.h"
#include "text.h"

struct mesh_key {
    mesh_key_file_t pair;
    uint8_t server_key[MESH_BEACON_KEY_BYTES];
    uint8_t mesh_secret[MESH_BEACON_SECRET_BYTES];
    bool has_secret;
};

// The file, for the caller to free; *configured_p says whether it was named.
static char *
find(const mesh_settings_t *settings, bool *configured_p, char **error_p)
{
    const char *path = mesh_settings_string(settings, "mesh/key");
    *configured_p = *path != '\0';
    if (*configured_p)
        return strdup(path);
    char *dir = mesh_key_store_dir(settings, error_p);
    char *local = dir ? mesh_text_printf("%s/local.key", dir) : NULL;
    free(dir);
    return local;
}

int
mesh_key_load(const mesh_settings_t *settings, mesh_key_t **key_p, char **error_p)
{
    assert(settings && key_p && error_p);
    *key_p = NULL;
    bool configured, found;
    if (!*mesh_settings_string(settings, "mesh/key") &&
        streq(mesh_settings_string(settings, "broker/keys"), "off"))
        return 0;
    char *path = find(settings, &configured, error_p);
    if (!path)
        return -1;
    mesh_key_t *self = zmalloc(sizeof *self);
    int rc = mesh_key_file_read(&self->pair, path, true, &found, error_p);
    char *quoted = mesh_text_quoted(path);
    if (rc == 0 && !found && configured) {
        *error_p = mesh_text_printf("mesh/key: there is no file %s", quoted);
        rc = -1;
    } else if (rc == 0 && found && !*self->pair.server_key) {
        *error_p = mesh_text_printf("the key file %s cannot be used: it does not say which "
                                    "broker it is for (server-key)",
                                    quoted);
        rc = -1;
    }
    free(quoted);
    free(path);
    if (rc == 0 && found) {
        const uint8_t *decoded = zmq_z85_decode(self->server_key, self->pair.server_key);
        assert(decoded);
        self->has_secret = mesh_key_file_mesh_secret(&self->pair, self->mesh_secret) == 0;
        *key_p = self;
    } else {
        mesh_key_destroy(&self);
    }
    return rc;
}

void
mesh_key_destroy(mesh_key_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        mesh_key_file_wipe(&(*self_p)->pair);
        explicit_bzero((*self_p)->mesh_secret, sizeof(*self_p)->mesh_secret);
        free(*self_p);
        *self_p = NULL;
    }
}

bool
mesh_key_equal(const mesh_key_t *self, const mesh_key_t *other)
{
    if (!self || !other)
        return self == other;
    return streq(self->pair.public_key, other->pair.public_key) &&
           streq(self->pair.server_key, other->pair.server_key);
}

void
mesh_key_arm(const mesh_key_t *self, zsock_t *socket)
{
    if (self) {
        zsock_set_curve_publickey(socket, self->pair.public_key);
        zsock_set_curve_secretkey(socket, self->pair.secret_key);
        zsock_set_curve_serverkey(socket, self->pair.server_key);
    }
}

const uint8_t *
mesh_key_mesh_secret(const mesh_key_t *self)
{
    return self && self->has_secret ? self->mesh_secret : NULL;
}

bool
mesh_key_is_for(const mesh_key_t *self, const uint8_t *server_key)
{
    return memcmp(self->server_key, server_key, sizeof self->server_key) == 0;
}
