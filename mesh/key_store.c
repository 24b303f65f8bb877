// key_store - a directory of CURVE keys
// SPDX-License-Identifier: MPL-2.0
#include "mesh/key_store.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mesh/paths.h"
#include "text.h"

static const char PUBLIC_SUFFIX[] = ".pub";

char *
mesh_key_store_dir(const mesh_settings_t *settings, char **error_p)
{
    assert(settings && error_p);
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

// ---- the directories

static int
refuse(const char *path, const char *what, char **error_p)
{
    char *quoted = mesh_text_quoted(path);
    *error_p = mesh_text_printf("the key store's %s cannot be used: %s", quoted, what);
    free(quoted);
    return -1;
}

// Open a directory of the store that nobody else can write to. *fd_p stays -1 when there is
// none.
static int
open_dir(const char *path, int *fd_p, char **error_p)
{
    struct stat status;
    *fd_p = -1;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : refuse(path, strerror(errno), error_p);
    int rc = 0;
    if (fstat(fd, &status) != 0)
        rc = refuse(path, strerror(errno), error_p);
    else if (status.st_uid != geteuid() && status.st_uid != 0)
        rc = refuse(path, "it belongs to another user", error_p);
    else if (status.st_mode & 022)
        rc = refuse(path, "others may write to it; chmod 700 it", error_p);
    if (rc == 0)
        *fd_p = fd;
    else
        (void) close(fd);
    return rc;
}

static int
make_dir(const char *path, char **error_p)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return 0;
    return refuse(path, strerror(errno), error_p);
}

// Make what is missing of the store and lock it: who changes it is alone. Returns the lock, to
// be closed, or -1.
static int
enter(const char *dir, char **error_p)
{
    char *authorized = mesh_text_printf("%s/authorized", dir);
    char *revoked = mesh_text_printf("%s/revoked", dir);
    int lock = -1;
    if (make_dir(dir, error_p) == 0 && open_dir(dir, &lock, error_p) == 0 && lock >= 0) {
        int held;
        do
            held = flock(lock, LOCK_EX);
        while (held != 0 && errno == EINTR);
        if (held != 0)
            (void) refuse(dir, strerror(errno), error_p);
        if (held != 0 || make_dir(authorized, error_p) != 0 ||
            make_dir(revoked, error_p) != 0) {
            (void) close(lock);
            lock = -1;
        }
    }
    free(authorized);
    free(revoked);
    return lock;
}

static int
sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd >= 0 ? fsync(fd) : -1;
    if (fd >= 0)
        (void) close(fd);
    return rc;
}

// ---- one key

int
mesh_key_store_load(const char *dir, const char *name, mesh_key_file_t *pair, bool *found_p,
                    char **error_p)
{
    assert(dir && name && pair && found_p && error_p);
    char *path = mesh_text_printf("%s/%s.key", dir, name);
    int rc = mesh_key_file_read(pair, path, true, found_p, error_p);
    free(path);
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
        struct stat status;
        taken = taken || lstat(paths[i], &status) == 0;
        free(paths[i]);
    }
    return taken;
}

// Make a pair and write its files. What is left by a crash between the two can be seen and
// revoked, which the other order would not allow.
static int
make_and_authorize(const char *dir, const char *name, mesh_role_t role,
                   const mesh_key_file_t *broker, char **path_p, char **error_p)
{
    mesh_key_file_t pair;
    mesh_key_file_make(&pair, name, role, broker);
    char *public_path = mesh_text_printf("%s/authorized/%s.pub", dir, name);
    char *path = mesh_text_printf("%s/%s.key", dir, name);
    int rc = mesh_key_file_write(&pair, public_path, false, error_p);
    if (rc == 0 && mesh_key_file_write(&pair, path, true, error_p) != 0) {
        (void) unlink(public_path);
        rc = -1;
    }
    if (rc == 0 && path_p) {
        *path_p = path;
        path = NULL;
    }
    free(path);
    free(public_path);
    mesh_key_file_wipe(&pair);
    return rc;
}

// The broker's pair, which is made when there is none. The caller wipes it.
static int
ensure_broker(const char *dir, mesh_key_file_t *broker, char **error_p)
{
    bool found;
    if (mesh_key_store_load(dir, "broker", broker, &found, error_p) != 0)
        return -1;
    int rc = 0;
    if (!found) {
        mesh_key_file_make(broker, "broker", MESH_ROLE_NONE, NULL);
        char *path = mesh_text_printf("%s/broker.key", dir);
        rc = mesh_key_file_write(broker, path, true, error_p);
        free(path);
    }
    return rc;
}

int
mesh_key_store_new(const char *dir, const char *name, mesh_role_t role, char **path_p,
                   char **error_p)
{
    assert(dir && name && role != MESH_ROLE_NONE && path_p && error_p);
    if (!mesh_key_name_is_legal(name) || strcmp(name, "broker") == 0 ||
        strcmp(name, "local") == 0) {
        char *quoted = mesh_text_quoted(name);
        *error_p = mesh_text_printf(
            "%s is not a name for a key; allowed are 1 to %d letters, digits, '.', "
            "'_' and '-', and neither \"broker\" nor \"local\"",
            quoted, MESH_KEY_NAME_LIMIT);
        free(quoted);
        return -1;
    }
    int lock = enter(dir, error_p);
    if (lock < 0)
        return -1;
    mesh_key_file_t broker = {.role = MESH_ROLE_NONE};
    int rc = -1;
    if (is_taken(dir, name))
        *error_p = mesh_text_printf("there is a key \"%s\" already, or there was one", name);
    else if (ensure_broker(dir, &broker, error_p) == 0 &&
             (is_taken(dir, "local") ||
              make_and_authorize(dir, "local", MESH_ROLE_OPERATE, &broker, NULL, error_p) == 0))
        rc = make_and_authorize(dir, name, role, &broker, path_p, error_p);
    mesh_key_file_wipe(&broker);
    (void) close(lock);
    return rc;
}

int
mesh_key_store_revoke(const char *dir, const char *name, char **error_p)
{
    assert(dir && name && error_p);
    if (!mesh_key_name_is_legal(name)) {
        char *quoted = mesh_text_quoted(name);
        *error_p = mesh_text_printf("%s is not a name for a key", quoted);
        free(quoted);
        return -1;
    }
    char *authorized = mesh_text_printf("%s/authorized", dir);
    char *revoked = mesh_text_printf("%s/revoked", dir);
    char *from = mesh_text_printf("%s/%s.pub", authorized, name);
    char *to = mesh_text_printf("%s/%s.pub", revoked, name);
    struct stat status;
    int rc = -1, lock = -1;
    if (lstat(from, &status) != 0 && errno == ENOENT)
        *error_p = mesh_text_printf("there is no authorized key \"%s\"", name);
    else if ((lock = enter(dir, error_p)) >= 0) {
        rc = rename(from, to) == 0 && sync_dir(authorized) == 0 && sync_dir(revoked) == 0 ? 0
                                                                                          : -1;
        if (rc != 0)
            (void) refuse(from, strerror(errno), error_p);
        (void) close(lock);
    }
    free(from);
    free(to);
    free(authorized);
    free(revoked);
    return rc;
}

// ---- all keys

typedef struct listing {
    mesh_key_entry_t *entries;    // owned
    size_t count, capacity;
    char *complaint;    // owned; about the first file that is no key
} listing_t;

static mesh_key_entry_t *
add_entry(listing_t *self)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? self->capacity * 2 : 16;
        self->entries = realloc(self->entries, self->capacity * sizeof *self->entries);
        assert(self->entries);
    }
    return &self->entries[self->count++];
}

static void
complain(listing_t *self, char *complaint)
{
    if (self->complaint)
        free(complaint);
    else
        self->complaint = complaint;
}

// Add the key of one file. One that is gone since the directory was read is none.
static void
add_file(listing_t *self, const char *path, const char *name, bool revoked)
{
    mesh_key_file_t file;
    bool found;
    char *error = NULL;
    int rc = mesh_key_file_read(&file, path, false, &found, &error);
    if (rc == 0 && !found)
        return;
    mesh_key_entry_t *entry = add_entry(self);
    *entry = (mesh_key_entry_t){.role = MESH_ROLE_NONE, .revoked = revoked};
    memcpy(entry->name, name, strlen(name) + 1);
    if (rc == 0 && file.role == MESH_ROLE_NONE) {
        error = mesh_text_printf("the key file \"%s\" cannot be used: it has no role", path);
        rc = -1;
    }
    if (rc == 0) {
        entry->role = file.role;
        memcpy(entry->public_key, file.public_key, sizeof entry->public_key);
        mesh_key_file_wipe(&file);
    } else {
        complain(self, error);
    }
}

// Copy the NAME of NAME.pub. False when the file's name is not so formed.
static bool
read_name(const char *file_name, char name[static MESH_KEY_NAME_LIMIT + 1])
{
    size_t length = strlen(file_name), suffix = strlen(PUBLIC_SUFFIX);
    if (length <= suffix || length > MESH_KEY_NAME_LIMIT + suffix ||
        strcmp(file_name + length - suffix, PUBLIC_SUFFIX) != 0)
        return false;
    memcpy(name, file_name, length - suffix);
    name[length - suffix] = '\0';
    return mesh_key_name_is_legal(name);
}

// Add the keys of one directory. Returns 0 also when there is no such directory.
static int
add_directory(listing_t *self, const char *dir, bool revoked, char **error_p)
{
    int fd;
    if (open_dir(dir, &fd, error_p) != 0)
        return -1;
    if (fd < 0)
        return 0;
    DIR *directory = fdopendir(fd);
    assert(directory);
    int rc = 0;
    size_t before = self->count;
    struct dirent *file;
    errno = 0;
    while (rc == 0 && (file = readdir(directory))) {
        char name[MESH_KEY_NAME_LIMIT + 1];
        char *path = mesh_text_printf("%s/%s", dir, file->d_name);
        char *quoted = mesh_text_quoted(path);
        if (file->d_name[0] == '.')
            ;    // the directories themselves, and what is being written
        else if (!read_name(file->d_name, name))
            complain(self, mesh_text_printf("the key store's %s is no NAME.pub", quoted));
        else if (self->count - before == MESH_KEYS_LIMIT)
            rc = refuse(dir, "it has more than 2000 keys", error_p);
        else
            add_file(self, path, name, revoked);
        free(quoted);
        free(path);
        errno = 0;
    }
    if (rc == 0 && errno != 0)
        rc = refuse(dir, strerror(errno), error_p);
    closedir(directory);
    return rc;
}

static_assert(MESH_KEYS_LIMIT == 2000, "said in words above");

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
    listing_t listing = {NULL, 0, 0, NULL};
    char *authorized = mesh_text_printf("%s/authorized", dir);
    char *revoked = mesh_text_printf("%s/revoked", dir);
    int fd;
    int rc = open_dir(dir, &fd, error_p);
    if (fd >= 0)
        (void) close(fd);
    if (rc == 0)
        rc = add_directory(&listing, authorized, false, error_p);
    if (rc == 0)
        rc = add_directory(&listing, revoked, true, error_p);
    free(authorized);
    free(revoked);
    if (rc != 0) {
        free(listing.complaint);
        free(listing.entries);
        return -1;
    }
    if (listing.count > 0)
        qsort(listing.entries, listing.count, sizeof *listing.entries, compare_entries);
    *entries_p = listing.entries;
    *count_p = listing.count;
    *error_p = listing.complaint;
    return 0;
}
