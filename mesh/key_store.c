// key_store - a directory of CURVE keys
// SPDX-License-Identifier: MPL-2.0
#include "mesh/key_store.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "mesh/paths.h"
#include "text.h"

enum { FILE_LIMIT = 64 * 1024 };    // bytes; a certificate has some hundred

static const char *const role_names[] = {"none", "publish", "subscribe", "operate"};

mesh_role_t
mesh_role_parse(const char *word)
{
    for (mesh_role_t role = MESH_ROLE_PUBLISH; role <= MESH_ROLE_OPERATE; role++)
        if (streq(word, role_names[role]))
            return role;
    return MESH_ROLE_NONE;
}

const char *
mesh_role_name(mesh_role_t role)
{
    return role_names[role];
}

static bool
name_is_legal(const char *name)
{
    size_t length = strnlen(name, MESH_KEY_NAME_LIMIT + 1);
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return length > 0 && length <= MESH_KEY_NAME_LIMIT && name[0] != '.' &&
           strspn(name, allowed) == length;
}

char *
mesh_key_store_dir(const mesh_settings_t *settings, char **error_p)
{
    const char *dir = mesh_settings_string(settings, "mesh/keys_dir");
    if (*dir)
        return strdup(dir);
    char *state = mesh_paths_state_dir(settings, error_p);
    if (!state)
        return NULL;
    char *path = mesh_text_printf("%s/keys", state);
    free(state);
    return path;
}

static bool
exists(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static int
make_dir(const char *path, char **error_p)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return 0;
    *error_p = mesh_text_printf("%s: %s", path, strerror(errno));
    return -1;
}

static int
make_dirs(const char *dir, char **error_p)
{
    char *authorized = mesh_text_printf("%s/authorized", dir);
    char *revoked = mesh_text_printf("%s/revoked", dir);
    int rc = make_dir(dir, error_p) != 0 || make_dir(authorized, error_p) != 0 ||
                     make_dir(revoked, error_p) != 0
                 ? -1
                 : 0;
    free(authorized);
    free(revoked);
    return rc;
}

// Read a certificate. *cert_p stays NULL when there is no such file.
static int
read_cert(const char *path, bool secret, zcert_t **cert_p, char **error_p)
{
    struct stat status;
    *cert_p = NULL;
    if (lstat(path, &status) != 0) {
        if (errno == ENOENT)
            return 0;
        *error_p = mesh_text_printf("%s: %s", path, strerror(errno));
        return -1;
    }
    if (!S_ISREG(status.st_mode) || status.st_size > FILE_LIMIT) {
        *error_p = mesh_text_printf("%s: not a file of at most %d bytes", path, FILE_LIMIT);
        return -1;
    }
    if (secret && (status.st_mode & 077)) {
        *error_p = mesh_text_printf("%s: others may read it; chmod 600 it", path);
        return -1;
    }
    *cert_p = zcert_load(path);
    if (*cert_p)
        return 0;
    *error_p = mesh_text_printf("%s: not a CURVE certificate", path);
    return -1;
}

int
mesh_key_store_load(const char *dir, const char *name, zcert_t **cert_p, char **error_p)
{
    assert(dir && name && cert_p && error_p);
    char *path = mesh_text_printf("%s/%s.key", dir, name);
    int rc = read_cert(path, true, cert_p, error_p);
    free(path);
    return rc;
}

// Make a pair and write its secret file. The caller destroys the certificate.
static zcert_t *
make_pair(const char *dir, const char *name, mesh_role_t role, const char *server_key,
          char **path_p, char **error_p)
{
    zcert_t *cert = zcert_new();
    assert(cert);
    zcert_set_meta(cert, "name", "%s", name);
    if (role != MESH_ROLE_NONE)
        zcert_set_meta(cert, "role", "%s", mesh_role_name(role));
    if (server_key)
        zcert_set_meta(cert, "server-key", "%s", server_key);
    char *path = mesh_text_printf("%s/%s.key", dir, name);
    if (zcert_save_secret(cert, path) != 0) {
        *error_p = mesh_text_printf("%s: cannot be written: %s", path, strerror(errno));
        zcert_destroy(&cert);
    }
    if (cert && path_p)
        *path_p = path;
    else
        free(path);
    return cert;
}

static int
make_and_authorize(const char *dir, const char *name, mesh_role_t role, const char *server_key,
                   char **path_p, char **error_p)
{
    zcert_t *cert = make_pair(dir, name, role, server_key, path_p, error_p);
    if (!cert)
        return -1;
    // Written beside and renamed into place: the broker reads the directory at any time.
    char *fresh = mesh_text_printf("%s/.%s.pub", dir, name);
    char *path = mesh_text_printf("%s/authorized/%s.pub", dir, name);
    int rc = zcert_save_public(cert, fresh) == 0 && rename(fresh, path) == 0 ? 0 : -1;
    if (rc != 0)
        *error_p = mesh_text_printf("%s: cannot be written: %s", path, strerror(errno));
    free(path);
    free(fresh);
    zcert_destroy(&cert);
    return rc;
}

static bool
is_taken(const char *dir, const char *name)
{
    char *const paths[] = {
        mesh_text_printf("%s/%s.key", dir, name),
        mesh_text_printf("%s/authorized/%s.pub", dir, name),
        mesh_text_printf("%s/revoked/%s.pub", dir, name),
    };
    bool taken = false;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        taken = taken || exists(paths[i]);
        free(paths[i]);
    }
    return taken;
}

// The broker's public key, as text; its pair is made when there is none.
static int
ensure_broker(const char *dir, char server_key[static MESH_KEY_TEXT_SIZE], char **error_p)
{
    zcert_t *cert = NULL;
    if (mesh_key_store_load(dir, "broker", &cert, error_p) != 0)
        return -1;
    bool fresh = !cert;
    if (fresh)
        cert = make_pair(dir, "broker", MESH_ROLE_NONE, NULL, NULL, error_p);
    if (!cert)
        return -1;
    memcpy(server_key, zcert_public_txt(cert), MESH_KEY_TEXT_SIZE);
    zcert_destroy(&cert);
    return fresh
               ? make_and_authorize(dir, "local", MESH_ROLE_OPERATE, server_key, NULL, error_p)
               : 0;
}

int
mesh_key_store_new(const char *dir, const char *name, mesh_role_t role, char **path_p,
                   char **error_p)
{
    assert(dir && name && role != MESH_ROLE_NONE && path_p && error_p);
    char server_key[MESH_KEY_TEXT_SIZE];
    if (!name_is_legal(name) || streq(name, "broker") || streq(name, "local")) {
        char *quoted = mesh_text_quoted(name);
        *error_p = mesh_text_printf(
            "%s is not a name for a key; allowed are 1 to %d letters, digits, '.', "
            "'_' and '-', and neither \"broker\" nor \"local\"",
            quoted, MESH_KEY_NAME_LIMIT);
        free(quoted);
        return -1;
    }
    if (make_dirs(dir, error_p) != 0)
        return -1;
    if (is_taken(dir, name)) {
        *error_p = mesh_text_printf("there is a key \"%s\" already, or there was one", name);
        return -1;
    }
    if (ensure_broker(dir, server_key, error_p) != 0)
        return -1;
    return make_and_authorize(dir, name, role, server_key, path_p, error_p);
}

int
mesh_key_store_revoke(const char *dir, const char *name, char **error_p)
{
    assert(dir && name && error_p);
    if (!name_is_legal(name)) {
        char *quoted = mesh_text_quoted(name);
        *error_p = mesh_text_printf("%s is not a name for a key", quoted);
        free(quoted);
        return -1;
    }
    char *from = mesh_text_printf("%s/authorized/%s.pub", dir, name);
    char *to = mesh_text_printf("%s/revoked/%s.pub", dir, name);
    int rc = rename(from, to);
    if (rc != 0 && errno == ENOENT)
        *error_p = mesh_text_printf("there is no authorized key \"%s\"", name);
    else if (rc != 0)
        *error_p = mesh_text_printf("%s: %s", from, strerror(errno));
    free(from);
    free(to);
    return rc;
}

typedef struct listing {
    mesh_key_entry_t *entries;    // owned
    size_t count, capacity;
} listing_t;

static int
read_entry(mesh_key_entry_t *entry, const char *path, const char *name, char **error_p)
{
    zcert_t *cert = NULL;
    if (read_cert(path, false, &cert, error_p) != 0)
        return -1;
    if (!cert)
        return 1;    // gone since the directory was read
    const char *role = zcert_meta(cert, "role");
    entry->role = role ? mesh_role_parse(role) : MESH_ROLE_NONE;
    memcpy(entry->public_key, zcert_public_txt(cert), sizeof entry->public_key);
    memcpy(entry->name, name, strlen(name) + 1);
    zcert_destroy(&cert);
    if (entry->role != MESH_ROLE_NONE)
        return 0;
    *error_p = mesh_text_printf("%s: its role is none of publish, subscribe, operate", path);
    return -1;
}

// Add the keys of one directory. Returns 0 also when there is no such directory.
static int
add_directory(listing_t *self, const char *dir, bool revoked, char **error_p)
{
    DIR *directory = opendir(dir);
    if (!directory) {
        if (errno == ENOENT)
            return 0;
        *error_p = mesh_text_printf("%s: %s", dir, strerror(errno));
        return -1;
    }
    int rc = 0;
    struct dirent *file;
    while (rc == 0 && (file = readdir(directory))) {
        size_t length = strlen(file->d_name);
        if (file->d_name[0] == '.' || length <= strlen(".pub") ||
            length > MESH_KEY_NAME_LIMIT + strlen(".pub") ||
            !streq(file->d_name + length - strlen(".pub"), ".pub"))
            continue;
        if (self->count == MESH_KEYS_LIMIT) {
            *error_p = mesh_text_printf("%s: more than %d keys", dir, MESH_KEYS_LIMIT);
            rc = -1;
            break;
        }
        if (self->count == self->capacity) {
            self->capacity = self->capacity ? self->capacity * 2 : 16;
            self->entries = realloc(self->entries, self->capacity * sizeof *self->entries);
            assert(self->entries);
        }
        char *path = mesh_text_printf("%s/%s", dir, file->d_name);
        char *name = strndup(file->d_name, length - strlen(".pub"));
        mesh_key_entry_t *entry = &self->entries[self->count];
        *entry = (mesh_key_entry_t){.revoked = revoked};
        int read = read_entry(entry, path, name, error_p);
        if (read == 0)
            self->count++;
        else if (read < 0)
            rc = -1;
        free(name);
        free(path);
    }
    closedir(directory);
    return rc;
}

static int
compare_entries(const void *left, const void *right)
{
    const mesh_key_entry_t *a = left, *b = right;
    return a->revoked != b->revoked ? (int) a->revoked - (int) b->revoked
                                    : strcmp(a->name, b->name);
}

int
mesh_key_store_list(const char *dir, mesh_key_entry_t **entries_p, size_t *count_p,
                    char **error_p)
{
    assert(dir && entries_p && count_p && error_p);
    listing_t listing = {NULL, 0, 0};
    char *authorized = mesh_text_printf("%s/authorized", dir);
    char *revoked = mesh_text_printf("%s/revoked", dir);
    int rc = add_directory(&listing, authorized, false, error_p);
    if (rc == 0)
        rc = add_directory(&listing, revoked, true, error_p);
    free(authorized);
    free(revoked);
    if (rc != 0) {
        free(listing.entries);
        return -1;
    }
    if (listing.count > 0)
        qsort(listing.entries, listing.count, sizeof *listing.entries, compare_entries);
    *entries_p = listing.entries;
    *count_p = listing.count;
    return 0;
}
