// token_store - tokens that were made by hand: hashed, scoped, listed and revoked
// SPDX-License-Identifier: MPL-2.0
#include "mesh/token_store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>
#include <sodium.h>

#include "mesh/paths.h"
#include "text.h"
#include "whole_file.h"

enum {
    VERSION = 1,
    ID_BYTES = (MESH_TOKEN_ID_SIZE - 1) / 2,
    SECRET_BYTES = 32,
    TOKEN_SIZE = 4 + MESH_TOKEN_ID_SIZE + 2 * SECRET_BYTES + 1,    // amt_ID_SECRET and NUL
};

static const char prefix[] = "amt_";

struct mesh_token_store {
    mesh_token_entry_t *entries;         // owned, in the order in which they were made
    const mesh_token_entry_t **by_id;    // owned; the same, by id
    size_t count;
};

static void
hash_token(const char *token, uint8_t hash[static MESH_TOKEN_HASH_BYTES])
{
    (void) crypto_generichash(hash, MESH_TOKEN_HASH_BYTES, (const unsigned char *) token,
                              strlen(token), NULL, 0);
}

char *
mesh_token_store_path(const mesh_settings_t *settings, char **error_p)
{
    char *directory = mesh_paths_state_dir(settings, error_p);
    if (!directory)
        return NULL;
    char *path = mesh_text_printf("%s/tokens.json", directory);
    free(directory);
    return path;
}

// ---- from the file

static bool
read_text(const json_t *json, const char *member, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(json, member));
    if (!text || strlen(text) >= size || !mesh_text_is_plain(text))
        return false;
    (void) snprintf(out, size, "%s", text);
    return true;
}

static bool
read_time(const json_t *json, const char *member, int64_t *time_s)
{
    const json_t *value = json_object_get(json, member);
    *time_s = json_integer_value(value);
    return json_is_integer(value) && *time_s >= 0;
}

static bool
read_hex(const char *text, uint8_t *out, size_t bytes)
{
    size_t got = 0;
    return strlen(text) == 2 * bytes &&
           sodium_hex2bin(out, bytes, text, 2 * bytes, NULL, &got, NULL) == 0 && got == bytes;
}

// Returns NULL, or what is wrong, which the caller frees.
static char *
read_scopes(mesh_token_entry_t *self, const json_t *scopes)
{
    size_t count = json_array_size(scopes);
    if (count == 0 || count > MESH_TOKEN_SCOPES)
        return mesh_text_printf("it has %zu scopes; allowed are 1 to %d", count,
                                MESH_TOKEN_SCOPES);
    for (size_t at = 0; at < count; at++) {
        const char *text = json_string_value(json_array_get(scopes, at));
        char *error = NULL;
        if (!text)
            return mesh_text_printf("a scope is no text");
        mesh_scope_t *scope = mesh_scope_parse(text, &error);
        if (!scope)
            return error;
        self->scope_texts[at] = strdup(text);
        self->scopes[at] = scope;
        self->scope_count = at + 1;
    }
    return NULL;
}

static char *
read_entry(mesh_token_entry_t *self, const json_t *json)
{
    uint8_t id[ID_BYTES];
    const char *hash = json_string_value(json_object_get(json, "hash"));
    if (!read_text(json, "id", self->id, sizeof self->id) || !read_hex(self->id, id, sizeof id))
        return mesh_text_printf("its \"id\" is not 12 hex digits");
    if (!read_text(json, "name", self->name, sizeof self->name))
        return mesh_text_printf("its \"name\" is no text of at most %d bytes",
                                MESH_TOKEN_NAME_BYTES);
    if (!hash || !read_hex(hash, self->hash, sizeof self->hash))
        return mesh_text_printf("its \"hash\" is not 64 hex digits");
    if (!read_time(json, "made", &self->made_s) ||
        !read_time(json, "expires", &self->expires_s))
        return mesh_text_printf("its \"made\" or \"expires\" is no time");
    return read_scopes(self, json_object_get(json, "scopes"));
}

static int
compare_ids(const void *left, const void *right)
{
    const mesh_token_entry_t *const *a = left;
    const mesh_token_entry_t *const *b = right;
    return strcmp((*a)->id, (*b)->id);
}

// Returns false when an id is there twice.
static bool
make_index(mesh_token_store_t *self)
{
    for (size_t at = 0; at < self->count; at++)
        self->by_id[at] = &self->entries[at];
    qsort(self->by_id, self->count, sizeof *self->by_id, compare_ids);
    for (size_t at = 1; at < self->count; at++)
        if (strcmp(self->by_id[at - 1]->id, self->by_id[at]->id) == 0)
            return false;
    return true;
}

static mesh_token_store_t *
read_entries(const json_t *list, char **error_p)
{
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count > MESH_TOKENS_LIMIT) {
        *error_p = mesh_text_printf("\"tokens\" is no array of at most %d", MESH_TOKENS_LIMIT);
        return NULL;
    }
    mesh_token_store_t *self = calloc(1, sizeof *self);
    assert(self);
    self->entries = calloc(count ? count : 1, sizeof *self->entries);
    self->by_id = calloc(count ? count : 1, sizeof *self->by_id);
    assert(self->entries && self->by_id);
    for (size_t at = 0; at < count; at++) {
        char *wrong = read_entry(&self->entries[at], json_array_get(list, at));
        self->count = at + 1;
        if (!wrong)
            continue;
        *error_p = mesh_text_printf("token %zu: %s", at + 1, wrong);
        free(wrong);
        mesh_token_store_destroy(&self);
        return NULL;
    }
    if (!make_index(self)) {
        *error_p = mesh_text_printf("an \"id\" is there twice");
        mesh_token_store_destroy(&self);
    }
    return self;
}

mesh_token_store_t *
mesh_token_store_parse(const char *text, size_t bytes, char **error_p)
{
    assert(text && error_p);
    *error_p = NULL;
    json_error_t problem;
    json_t *json = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &problem);
    mesh_token_store_t *self = NULL;
    if (!json)
        *error_p = mesh_text_printf("not JSON: %s", problem.text);
    else if (json_integer_value(json_object_get(json, "version")) != VERSION)
        *error_p = mesh_text_printf("\"version\" is not %d", VERSION);
    else
        self = read_entries(json_object_get(json, "tokens"), error_p);
    json_decref(json);
    return self;
}

// All of the file, which the caller frees; NULL where there is none, or with *wrong_p.
static char *
read_file(const char *path, size_t *bytes, char **wrong_p)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        if (errno != ENOENT)
            *wrong_p =
                mesh_text_printf("%s", errno == ELOOP ? "it is a link" : strerror(errno));
        return NULL;
    }
    struct stat status;
    char *text = NULL;
    if (fstat(fd, &status) != 0)
        *wrong_p = mesh_text_printf("%s", strerror(errno));
    else if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || status.st_mode & 077)
        *wrong_p = mesh_text_printf("it is no file of ours with mode 0600");
    else if (status.st_size > MESH_TOKEN_STORE_BYTES)
        *wrong_p = mesh_text_printf("it is longer than %d bytes", MESH_TOKEN_STORE_BYTES);
    else {
        text = malloc((size_t) status.st_size + 1);
        assert(text);
        ssize_t got = read(fd, text, (size_t) status.st_size);
        *bytes = got > 0 ? (size_t) got : 0;
    }
    (void) close(fd);
    return text;
}

mesh_token_store_t *
mesh_token_store_load(const char *path, char **error_p)
{
    assert(path && error_p);
    *error_p = NULL;
    char *wrong = NULL;
    size_t bytes = 0;
    char *text = read_file(path, &bytes, &wrong);
    mesh_token_store_t *self = NULL;
    if (text) {
        self = mesh_token_store_parse(text, bytes, &wrong);
    } else if (!wrong) {
        static const char empty[] = "{\"version\":1,\"tokens\":[]}";
        self = mesh_token_store_parse(empty, sizeof empty - 1, &wrong);
    }
    free(text);
    if (wrong) {
        char *quoted = mesh_text_quoted(path);
        *error_p = mesh_text_printf("the tokens in %s cannot be used: %s", quoted, wrong);
        free(quoted);
        free(wrong);
    }
    return self;
}

static void
entry_clear(mesh_token_entry_t *self)
{
    for (size_t at = 0; at < MESH_TOKEN_SCOPES; at++) {
        free(self->scope_texts[at]);
        mesh_scope_destroy(&self->scopes[at]);
    }
}

void
mesh_token_store_destroy(mesh_token_store_t **self_p)
{
    assert(self_p);
    mesh_token_store_t *self = *self_p;
    if (!self)
        return;
    for (size_t at = 0; at < self->count; at++)
        entry_clear(&self->entries[at]);
    free(self->entries);
    free(self->by_id);
    free(self);
    *self_p = NULL;
}

size_t
mesh_token_store_size(const mesh_token_store_t *self)
{
    return self->count;
}

const mesh_token_entry_t *
mesh_token_store_entry(const mesh_token_store_t *self, size_t at)
{
    assert(at < self->count);
    return &self->entries[at];
}

const mesh_token_entry_t *
mesh_token_store_by_id(const mesh_token_store_t *self, const char *id)
{
    mesh_token_entry_t wanted = {.id = ""};
    if (self->count == 0 || strlen(id) >= sizeof wanted.id)
        return NULL;
    memcpy(wanted.id, id, strlen(id) + 1);
    const mesh_token_entry_t *key = &wanted;
    const mesh_token_entry_t **found =
        bsearch(&key, self->by_id, self->count, sizeof *self->by_id, compare_ids);
    return found ? *found : NULL;
}

const mesh_token_entry_t *
mesh_token_store_find(const mesh_token_store_t *self, const char *token)
{
    assert(self && token);
    if (strlen(token) != TOKEN_SIZE - 1 || strncmp(token, prefix, sizeof prefix - 1) != 0)
        return NULL;
    char id[MESH_TOKEN_ID_SIZE];
    (void) snprintf(id, sizeof id, "%s", token + sizeof prefix - 1);
    const mesh_token_entry_t *entry = mesh_token_store_by_id(self, id);
    uint8_t hash[MESH_TOKEN_HASH_BYTES];
    hash_token(token, hash);
    return entry && sodium_memcmp(hash, entry->hash, sizeof hash) == 0 ? entry : NULL;
}

// ---- to the file

static json_t *
entry_json(const mesh_token_entry_t *entry)
{
    char hash[2 * MESH_TOKEN_HASH_BYTES + 1];
    sodium_bin2hex(hash, sizeof hash, entry->hash, sizeof entry->hash);
    json_t *scopes = json_array();
    for (size_t at = 0; at < entry->scope_count; at++)
        json_array_append_new(scopes, json_string(entry->scope_texts[at]));
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:o}", "id", entry->id, "name", entry->name,
                     "hash", hash, "made", (json_int_t) entry->made_s, "expires",
                     (json_int_t) entry->expires_s, "scopes", scopes);
}

// All entries but `without`, and `with`; either may be NULL.
static int
write_store(const mesh_token_store_t *self, const char *path, const mesh_token_entry_t *without,
            const mesh_token_entry_t *with, char **error_p)
{
    json_t *list = json_array();
    for (size_t at = 0; at < self->count; at++)
        if (&self->entries[at] != without)
            json_array_append_new(list, entry_json(&self->entries[at]));
    if (with)
        json_array_append_new(list, entry_json(with));
    json_t *json = json_pack("{s:i, s:o}", "version", VERSION, "tokens", list);
    char *text = json_dumps(json, JSON_INDENT(2));
    assert(text);
    json_decref(json);
    int rc = mesh_whole_file_write(path, text, strlen(text), true);
    if (rc != 0)
        *error_p = mesh_text_printf("cannot write \"%s\": %s", path, strerror(errno));
    free(text);
    return rc;
}

// Who changes the file is alone. Returns the lock, to be closed, or -1.
static int
lock_store(const char *path, char **error_p)
{
    char *lock_path = mesh_text_printf("%s.lock", path);
    int fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int rc = fd;
    while (fd >= 0 && (rc = flock(fd, LOCK_EX)) != 0 && errno == EINTR)
        ;
    if (rc < 0) {
        *error_p = mesh_text_printf("cannot lock \"%s\": %s", lock_path, strerror(errno));
        if (fd >= 0)
            (void) close(fd);
        fd = -1;
    }
    free(lock_path);
    return fd;
}

static void
make_token(mesh_token_entry_t *entry, char token[static TOKEN_SIZE])
{
    uint8_t random[ID_BYTES + SECRET_BYTES];
    char secret[2 * SECRET_BYTES + 1];
    randombytes_buf(random, sizeof random);
    sodium_bin2hex(entry->id, sizeof entry->id, random, ID_BYTES);
    sodium_bin2hex(secret, sizeof secret, random + ID_BYTES, SECRET_BYTES);
    (void) snprintf(token, TOKEN_SIZE, "%s%s_%s", prefix, entry->id, secret);
    hash_token(token, entry->hash);
    sodium_memzero(random, sizeof random);
    sodium_memzero(secret, sizeof secret);
}

static int
fill_entry(mesh_token_entry_t *entry, const char *name, const char *const scopes[],
           size_t scope_count, char **error_p)
{
    if (strlen(name) > MESH_TOKEN_NAME_BYTES || !mesh_text_is_plain(name)) {
        char *quoted = mesh_text_quoted(name);
        *error_p =
            mesh_text_printf("the name %s is not allowed; it has at most %d bytes and no "
                             "control characters",
                             quoted, MESH_TOKEN_NAME_BYTES);
        free(quoted);
        return -1;
    }
    (void) snprintf(entry->name, sizeof entry->name, "%s", name);
    json_t *list = json_array();
    for (size_t at = 0; at < scope_count; at++)
        json_array_append_new(list, json_string(scopes[at]));
    *error_p = read_scopes(entry, list);
    json_decref(list);
    return *error_p ? -1 : 0;
}

static int
add(const char *path, const mesh_token_entry_t *entry, char **error_p)
{
    mesh_token_store_t *store = mesh_token_store_load(path, error_p);
    if (!store)
        return -1;
    int rc = -1;
    bool taken = false;
    for (size_t at = 0; at < store->count; at++)
        taken = taken || (*entry->name && strcmp(store->entries[at].name, entry->name) == 0);
    if (store->count >= MESH_TOKENS_LIMIT)
        *error_p = mesh_text_printf(
            "there are %d tokens already, as many as may be; revoke one", MESH_TOKENS_LIMIT);
    else if (taken)
        *error_p = mesh_text_printf("there is a token named \"%s\" already", entry->name);
    else
        rc = write_store(store, path, NULL, entry, error_p);
    mesh_token_store_destroy(&store);
    return rc;
}

char *
mesh_token_store_new(const char *path, const char *name, const char *const scopes[],
                     size_t scope_count, int64_t now_s, int64_t expires_s, char **error_p)
{
    assert(path && name && error_p);
    *error_p = NULL;
    mesh_token_entry_t entry = {.made_s = now_s, .expires_s = expires_s};
    char token[TOKEN_SIZE] = "";
    int rc = fill_entry(&entry, name, scopes, scope_count, error_p);
    int lock_fd = rc == 0 ? lock_store(path, error_p) : -1;
    if (lock_fd >= 0) {
        make_token(&entry, token);
        rc = add(path, &entry, error_p);
        (void) close(lock_fd);
    }
    entry_clear(&entry);
    char *result = rc == 0 && lock_fd >= 0 ? strdup(token) : NULL;
    sodium_memzero(token, sizeof token);
    return result;
}

int
mesh_token_store_revoke(const char *path, const char *id_or_name, char **error_p)
{
    assert(path && id_or_name && error_p);
    *error_p = NULL;
    int lock_fd = lock_store(path, error_p);
    if (lock_fd < 0)
        return -1;
    int rc = -1;
    mesh_token_store_t *store = mesh_token_store_load(path, error_p);
    if (store) {
        const mesh_token_entry_t *entry = mesh_token_store_by_id(store, id_or_name);
        for (size_t at = 0; at < store->count && !entry; at++)
            if (*id_or_name && strcmp(store->entries[at].name, id_or_name) == 0)
                entry = &store->entries[at];
        if (entry) {
            rc = write_store(store, path, entry, NULL, error_p);
        } else {
            char *quoted = mesh_text_quoted(id_or_name);
            *error_p = mesh_text_printf("there is no token with the id or name %s; \"aidermesh "
                                        "token list\" shows them",
                                        quoted);
            free(quoted);
        }
    }
    mesh_token_store_destroy(&store);
    (void) close(lock_fd);
    return rc;
}
