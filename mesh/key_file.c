// key_file - the file of one CURVE key
// SPDX-License-Identifier: MPL-2.0
//
// Not zcert: it follows links, writes in place, prefers a file PATH_secret to the one it was
// asked for, and parses with zconfig alone (see zpl.c).
#include "mesh/key_file.h"
#include "mesh/zpl.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <czmq.h>

#include "text.h"

enum { KEY_BYTES = 32 };

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

bool
mesh_key_name_is_legal(const char *name)
{
    size_t length = strnlen(name, MESH_KEY_NAME_LIMIT + 1);
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return length > 0 && length <= MESH_KEY_NAME_LIMIT && name[0] != '.' &&
           strspn(name, allowed) == length;
}

void
mesh_key_file_make(mesh_key_file_t *self, const char *name, mesh_role_t role,
                   const mesh_key_file_t *broker)
{
    assert(self && mesh_key_name_is_legal(name));
    *self = (mesh_key_file_t){.role = role};
    memcpy(self->name, name, strlen(name) + 1);
    if (broker) {
        memcpy(self->server_key, broker->public_key, sizeof self->server_key);
        memcpy(self->mesh_secret, broker->mesh_secret, sizeof self->mesh_secret);
    } else {
        uint8_t secret[MESH_BEACON_SECRET_BYTES];
        randombytes_buf(secret, sizeof secret);
        sodium_bin2hex(self->mesh_secret, sizeof self->mesh_secret, secret, sizeof secret);
        explicit_bzero(secret, sizeof secret);
    }
    int rc = zmq_curve_keypair(self->public_key, self->secret_key);
    assert(rc == 0);
}

int
mesh_key_file_mesh_secret(const mesh_key_file_t *self,
                          uint8_t secret[static MESH_BEACON_SECRET_BYTES])
{
    size_t size = 0;
    return sodium_hex2bin(secret, MESH_BEACON_SECRET_BYTES, self->mesh_secret,
                          strlen(self->mesh_secret), NULL, &size, NULL) == 0 &&
                   size == MESH_BEACON_SECRET_BYTES
               ? 0
               : -1;
}

void
mesh_key_file_wipe(mesh_key_file_t *self)
{
    explicit_bzero(self, sizeof *self);
}

// ---- reading

// Take a value of limit bytes at most; -1 when it is longer, or the second of its name.
static int
take(char *out, size_t size, const char *value)
{
    if (*out || !*value || strlen(value) >= size)
        return -1;
    memcpy(out, value, strlen(value) + 1);
    return 0;
}

static int
take_key(char out[static MESH_KEY_TEXT_SIZE], const char *value)
{
    uint8_t bytes[KEY_BYTES];
    bool legal =
        strlen(value) == MESH_KEY_TEXT_SIZE - 1 && zmq_z85_decode(bytes, value) != NULL;
    explicit_bzero(bytes, sizeof bytes);
    return legal ? take(out, MESH_KEY_TEXT_SIZE, value) : -1;
}

typedef struct reader {
    mesh_key_file_t *file;    // borrowed
    const char *wrong;        // the item that is, NULL while none is; static
} reader_t;

// mesh_zpl_item_fn. What certificates of other makers have besides is let be.
static int
on_item(void *arg, int line, const char *key, const char *value)
{
    (void) line;
    reader_t *self = arg;
    mesh_key_file_t *file = self->file;
    if (streq(key, "metadata/name")) {
        if (!mesh_key_name_is_legal(value) || take(file->name, sizeof file->name, value) != 0)
            self->wrong = "name";
    } else if (streq(key, "metadata/role")) {
        if (file->role != MESH_ROLE_NONE || mesh_role_parse(value) == MESH_ROLE_NONE)
            self->wrong = "role";
        else
            file->role = mesh_role_parse(value);
    } else if (streq(key, "metadata/server-key")) {
        if (take_key(file->server_key, value) != 0)
            self->wrong = "server-key";
    } else if (streq(key, "metadata/mesh-secret")) {
        uint8_t secret[MESH_BEACON_SECRET_BYTES];
        if (take(file->mesh_secret, sizeof file->mesh_secret, value) != 0 ||
            mesh_key_file_mesh_secret(file, secret) != 0)
            self->wrong = "mesh-secret";
        explicit_bzero(secret, sizeof secret);
    } else if (streq(key, "curve/public-key")) {
        if (take_key(file->public_key, value) != 0)
            self->wrong = "public-key";
    } else if (streq(key, "curve/secret-key")) {
        if (take_key(file->secret_key, value) != 0)
            self->wrong = "secret-key";
    }
    return self->wrong ? -1 : 0;
}

int
mesh_key_file_parse(mesh_key_file_t *self, const char *text, size_t size_bytes, char **error_p)
{
    assert(self && text && error_p);
    *self = (mesh_key_file_t){.role = MESH_ROLE_NONE};
    reader_t reader = {.file = self};
    int line = 0;
    char *wrong = NULL;
    char derived[MESH_KEY_TEXT_SIZE] = "";
    if (size_bytes > MESH_KEY_FILE_LIMIT)
        *error_p = mesh_text_printf("it is longer than %d bytes", MESH_KEY_FILE_LIMIT);
    else if (mesh_zpl_read(text, size_bytes, on_item, &reader, &line, &wrong) != 0 && wrong)
        *error_p = mesh_text_printf("it is no key: line %d: %s", line, wrong);
    else if (reader.wrong)
        *error_p =
            mesh_text_printf("it is no key: its %s is wrong, or there twice", reader.wrong);
    else if (!*self->public_key)
        *error_p = mesh_text_printf("it is no key: it has no public-key");
    else if (*self->secret_key && (zmq_curve_public(derived, self->secret_key) != 0 ||
                                   !streq(derived, self->public_key)))
        *error_p = mesh_text_printf("its two halves do not belong together");
    else
        return 0;
    free(wrong);
    mesh_key_file_wipe(self);
    return -1;
}

// Returns NULL, or what is wrong with an open file.
static char *
refuse_file(int fd, bool secret)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return mesh_text_printf("%s", strerror(errno));
    if (!S_ISREG(status.st_mode))
        return mesh_text_printf("it is not a regular file");
    if (status.st_uid != geteuid() && status.st_uid != 0)
        return mesh_text_printf("it belongs to user %lu, not to %lu",
                                (unsigned long) status.st_uid, (unsigned long) geteuid());
    if (secret && (status.st_mode & 077))
        return mesh_text_printf("others may use it (mode %04o); chmod 600 it",
                                (unsigned) status.st_mode & 07777U);
    if (status.st_mode & 022)
        return mesh_text_printf("others may write it (mode %04o)",
                                (unsigned) status.st_mode & 07777U);
    return NULL;
}

static int
read_text(int fd, char *text, size_t size, size_t *length)
{
    *length = 0;
    ssize_t got = 1;
    while (got != 0 && *length < size) {
        got = read(fd, text + *length, size - *length);
        if (got < 0 && errno != EINTR)
            return -1;
        *length += got > 0 ? (size_t) got : 0;
    }
    return 0;
}

int
mesh_key_file_read(mesh_key_file_t *self, const char *path, bool secret, bool *found_p,
                   char **error_p)
{
    assert(self && path && found_p && error_p);
    // Not blocking, because the open of a FIFO would wait for a writer.
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    *found_p = fd >= 0 || errno != ENOENT;
    if (!*found_p)
        return 0;
    char text[MESH_KEY_FILE_LIMIT + 1];    // one byte too many shows that there are more
    size_t length = 0;
    char *wrong = NULL;
    if (fd < 0)
        wrong = mesh_text_printf("%s", errno == ELOOP ? "it is a link" : strerror(errno));
    else
        wrong = refuse_file(fd, secret);
    if (!wrong && read_text(fd, text, sizeof text, &length) != 0)
        wrong = mesh_text_printf("%s", strerror(errno));
    if (!wrong && mesh_key_file_parse(self, text, length, &wrong) == 0 && secret &&
        !*self->secret_key)
        wrong = mesh_text_printf("it has no secret-key");
    explicit_bzero(text, sizeof text);
    if (fd >= 0)
        (void) close(fd);
    if (!wrong)
        return 0;
    mesh_key_file_wipe(self);
    char *quoted = mesh_text_quoted(path);
    *error_p = mesh_text_printf("the key file %s cannot be used: %s", quoted, wrong);
    free(quoted);
    free(wrong);
    return -1;
}

// ---- writing

static void
format(const mesh_key_file_t *self, bool secret, char *out, size_t size)
{
    int length = snprintf(out, size, "metadata\n    name = \"%s\"\n", self->name);
    if (self->role != MESH_ROLE_NONE)
        length += snprintf(out + length, size - (size_t) length, "    role = \"%s\"\n",
                           mesh_role_name(self->role));
    if (secret && *self->server_key)
        length += snprintf(out + length, size - (size_t) length, "    server-key = \"%s\"\n",
                           self->server_key);
    if (secret && *self->mesh_secret)
        length += snprintf(out + length, size - (size_t) length, "    mesh-secret = \"%s\"\n",
                           self->mesh_secret);
    length += snprintf(out + length, size - (size_t) length, "curve\n    public-key = \"%s\"\n",
                       self->public_key);
    if (secret)
        length += snprintf(out + length, size - (size_t) length, "    secret-key = \"%s\"\n",
                           self->secret_key);
    assert((size_t) length < size);
}

// Make the name of a file in its directory durable.
static int
sync_directory_of(const char *path)
{
    char *copy = strdup(path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd >= 0 && fsync(fd) == 0 ? 0 : -1;
    if (fd >= 0)
        (void) close(fd);
    free(copy);
    return rc;
}

int
mesh_key_file_write(const mesh_key_file_t *self, const char *path, bool secret, char **error_p)
{
    assert(self && path && error_p);
    char text[1024];
    format(self, secret, text, sizeof text);
    // Begins with a dot, so that who lists the directory meanwhile does not take it for a key.
    char *slash = strrchr(path, '/');
    assert(slash);
    char *fresh = mesh_text_printf("%.*s/.%s.XXXXXX", (int) (slash - path), path, slash + 1);
    int fd = mkostemp(fresh, O_CLOEXEC);
    int kept_errno = errno;
    int rc = -1;
    if (fd >= 0) {
        errno = ENOSPC;    // what a short write means
        ssize_t length = (ssize_t) strlen(text);
        // The link, unlike a rename, leaves a file that is there already.
        rc = fchmod(fd, 0600) == 0 && write(fd, text, (size_t) length) == length &&
                     fsync(fd) == 0 && link(fresh, path) == 0 && sync_directory_of(path) == 0
                 ? 0
                 : -1;
        kept_errno = errno;
        (void) close(fd);
        (void) unlink(fresh);
    }
    explicit_bzero(text, sizeof text);
    free(fresh);
    if (rc != 0) {
        char *quoted = mesh_text_quoted(path);
        *error_p = mesh_text_printf("the key file %s cannot be written: %s", quoted,
                                    strerror(kept_errno));
        free(quoted);
    }
    return rc;
}
