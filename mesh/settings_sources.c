// settings_sources - configuration files and the environment, read into settings
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <czmq.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "mesh/nearest.h"
#include "mesh/zpl.h"
#include "settings_private.h"
#include "text.h"

// Variables that begin as ours but are no settings: they say where settings are, or that there
// is nothing to do.
static const char *const passed_over[] = {"AIDERMESH_CONFIG", "AIDERMESH_ENV", NULL};

static const struct {
    const char *variable, *key;
} short_names[] = {
    {"AIDERMESH_SEEDS", "mesh/seeds"},
    {"AIDERMESH_HOST", "mesh/host"},
    {NULL, NULL},
};

// Read at most limit_bytes of a file. Returns the content, ended by NUL, for the caller to
// free, or NULL with *error_p what is wrong, for the caller to free.
static char *
read_whole_file(const char *path, size_t limit_bytes, size_t *size_p, char **error_p)
{
    // Not blocking, because the open of a FIFO would wait for a writer.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) {
        *error_p = mesh_text_printf("cannot read it: %s", strerror(errno));
        if (fd >= 0)
            (void) close(fd);
        return NULL;
    }
    char *content = NULL;
    size_t size = 0;
    if (!S_ISREG(status.st_mode)) {
        *error_p = mesh_text_printf("it is not a regular file");
        goto done;
    }
    content = zmalloc(limit_bytes + 2);
    for (;;) {
        ssize_t got = read(fd, content + size, limit_bytes + 1 - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            *error_p = mesh_text_printf("cannot read it: %s", strerror(errno));
        if (got <= 0)
            break;
        size += (size_t) got;
    }
    if (!*error_p && size > limit_bytes)
        *error_p = mesh_text_printf("it has more than %zu bytes", limit_bytes);
done:
    (void) close(fd);
    if (*error_p) {
        free(content);
        return NULL;
    }
    *size_p = size;
    return content;
}

typedef struct file_reading {
    mesh_settings_t *settings;
    const char *origin;
    bool *seen;    // the rows that had a value already; owned
    int line;
    char *error;
} file_reading_t;

static bool
is_section(const char *key)
{
    size_t length = strlen(key);
    for (const mesh_setting_t *row = mesh_settings_table; row->key; row++) {
        if (strncmp(row->key, key, length) == 0 && row->key[length] == '/')
            return true;
    }
    return false;
}

static int
on_item(void *arg, int line, const char *key, const char *value)
{
    file_reading_t *reading = arg;
    reading->line = line;
    if (!*value && is_section(key))
        return 0;
    const mesh_setting_t *row = mesh_settings_row(key);
    if (!row) {
        reading->error = mesh_settings_unknown_key(key);
        return -1;
    }
    if (reading->seen[row - mesh_settings_table]) {
        reading->error = mesh_text_printf("%s is set twice in this file", row->key);
        return -1;
    }
    reading->seen[row - mesh_settings_table] = true;
    return mesh_settings_put(reading->settings, row, value, reading->origin, &reading->error);
}

int
mesh_settings_read_zpl(mesh_settings_t *self, const char *text, size_t size_bytes,
                       const char *name, char **error_p)
{
    assert(self && text && name && error_p);
    char *origin = mesh_text_printf("file %s", name);
    file_reading_t reading = {.settings = mesh_settings_copy(self), .origin = origin};
    size_t rows = 0;
    while (mesh_settings_table[rows].key)
        rows++;
    reading.seen = zmalloc(rows + 1);
    int rc = mesh_zpl_read(text, size_bytes, on_item, &reading, &reading.line, &reading.error);
    if (rc == 0)
        mesh_settings_swap(self, reading.settings);
    else {
        char *quoted = mesh_text_quoted(name);
        *error_p =
            mesh_text_printf("file %s, line %d: %s", quoted, reading.line, reading.error);
        free(quoted);
    }
    free(reading.error);
    free(reading.seen);
    free(origin);
    mesh_settings_destroy(&reading.settings);
    return rc;
}

static int
read_one_file(mesh_settings_t *self, const char *path, char **error_p)
{
    size_t size_bytes = 0;
    char *error = NULL;
    char *text = read_whole_file(path, MESH_SETTINGS_FILE_BYTES, &size_bytes, &error);
    if (!text) {
        char *quoted = mesh_text_quoted(path);
        *error_p = mesh_text_printf("file %s: %s", quoted, error);
        free(quoted);
        free(error);
        return -1;
    }
    int rc = mesh_settings_read_zpl(self, text, size_bytes, path, error_p);
    free(text);
    return rc;
}

// "aidermesh.cfg" and "lab" make "aidermesh.lab.cfg"; a name without an extension gets ".lab".
static char *
overlay_path(const char *path, const char *environment_name)
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash ? slash : path, '.');
    size_t stem = dot ? (size_t) (dot - path) : strlen(path);
    return mesh_text_printf("%.*s.%s%s", (int) stem, path, environment_name, path + stem);
}

int
mesh_settings_read_file(mesh_settings_t *self, const char *path, const char *environment_name,
                        char **error_p)
{
    assert(self && path && error_p);
    if (environment_name && (!*environment_name || strchr(environment_name, '/') ||
                             !mesh_text_is_plain(environment_name))) {
        char *quoted = mesh_text_quoted(environment_name);
        *error_p = mesh_text_printf("%s is no name of an environment, allowed: a word without "
                                    "'/', as in aidermesh.WORD.cfg",
                                    quoted);
        free(quoted);
        return -1;
    }
    mesh_settings_t *copy = mesh_settings_copy(self);
    int rc = read_one_file(copy, path, error_p);
    if (rc == 0 && environment_name) {
        char *overlay = overlay_path(path, environment_name);
        struct stat status;
        if (lstat(overlay, &status) == 0 || errno != ENOENT)
            rc = read_one_file(copy, overlay, error_p);
        free(overlay);
    }
    if (rc == 0)
        mesh_settings_swap(self, copy);
    mesh_settings_destroy(&copy);
    return rc;
}

// The row a variable's name stands for, or NULL. *file_p says whether it names a file that
// holds the value.
static const mesh_setting_t *
row_of_variable(const char *name, bool *file_p)
{
    *file_p = false;
    for (size_t i = 0; short_names[i].variable; i++) {
        if (streq(name, short_names[i].variable))
            return mesh_settings_row(short_names[i].key);
    }
    for (const mesh_setting_t *row = mesh_settings_table; row->key; row++) {
        char *variable = mesh_settings_variable(row);
        size_t length = strlen(variable);
        bool same = strncmp(name, variable, length) == 0;
        *file_p = same && row->secret && streq(name + length, "_FILE");
        same = same && (name[length] == '\0' || *file_p);
        free(variable);
        if (same)
            return row;
    }
    return NULL;
}

// Keep known in nearest when it is nearer to name than what stands there.
static void
keep_nearer(char nearest[static MESH_NEAREST_BYTES + 1], const char *name, const char *known)
{
    if (!*nearest || mesh_edit_distance(name, known) < mesh_edit_distance(name, nearest))
        (void) snprintf(nearest, MESH_NEAREST_BYTES + 1, "%s", known);
}

static char *
unknown_variable(const char *name)
{
    char nearest[MESH_NEAREST_BYTES + 1] = "";
    for (size_t i = 0; passed_over[i]; i++)
        keep_nearer(nearest, name, passed_over[i]);
    for (size_t i = 0; short_names[i].variable; i++)
        keep_nearer(nearest, name, short_names[i].variable);
    for (const mesh_setting_t *row = mesh_settings_table; row->key; row++) {
        char *variable = mesh_settings_variable(row);
        keep_nearer(nearest, name, variable);
        free(variable);
    }
    char *quoted = mesh_text_quoted(name);
    char *error = mesh_text_printf("environment: unknown variable %s; the nearest known is %s",
                                   quoted, nearest);
    free(quoted);
    return error;
}

// Put the first line of the file at path, as the value of a row.
static int
put_from_file(mesh_settings_t *self, const mesh_setting_t *row, const char *path,
              const char *origin, char **error_p)
{
    size_t size_bytes = 0;
    char *error = NULL;
    char *text = read_whole_file(path, MESH_SETTINGS_SECRET_BYTES, &size_bytes, &error);
    int rc = -1;
    if (!text) {
        char *quoted = mesh_text_quoted(path);
        *error_p = mesh_text_printf("file %s: %s", quoted, error);
        free(quoted);
        free(error);
    } else if (strlen(text) != size_bytes)
        *error_p =
            mesh_text_printf("%s is ***, allowed: UTF-8 without control characters", row->key);
    else {
        text[strcspn(text, "\r\n")] = '\0';
        rc = mesh_settings_put(self, row, text, origin, error_p);
    }
    free(text);
    return rc;
}

static int
read_variable(mesh_settings_t *self, const char *name, const char *value, char **error_p)
{
    for (size_t i = 0; passed_over[i]; i++) {
        if (streq(name, passed_over[i]))
            return 0;
    }
    bool file = false;
    const mesh_setting_t *row = row_of_variable(name, &file);
    if (!row) {
        *error_p = unknown_variable(name);
        return -1;
    }
    char *origin = mesh_text_printf("environment %s", name);
    char *error = NULL;
    const char *before = mesh_settings_origin(self, row->key);
    if (strncmp(before, "environment ", strlen("environment ")) == 0)
        error = mesh_text_printf("%s is set by %s as well", row->key,
                                 before + strlen("environment "));
    else if (file)
        (void) put_from_file(self, row, value, origin, &error);
    else
        (void) mesh_settings_put(self, row, value, origin, &error);
    if (error)
        *error_p = mesh_text_printf("%s: %s", origin, error);
    int rc = error ? -1 : 0;
    free(error);
    free(origin);
    return rc;
}

void
mesh_settings_read_what_is_right(mesh_settings_t *self, char *const environment[],
                                 mesh_settings_wrong_fn *wrong, void *arg)
{
    assert(self && environment && wrong);
    for (size_t i = 0; environment[i]; i++) {
        char *one[] = {environment[i], NULL};
        char *error = NULL;
        if (mesh_settings_read_environment(self, one, &error) != 0)
            wrong(arg, error);
        free(error);
    }
}

int
mesh_settings_read_environment(mesh_settings_t *self, char *const environment[], char **error_p)
{
    assert(self && environment && error_p);
    mesh_settings_t *copy = mesh_settings_copy(self);
    int rc = 0;
    for (size_t i = 0; environment[i] && rc == 0; i++) {
        const char *equals = strchr(environment[i], '=');
        if (!equals || strncmp(environment[i], "AIDERMESH_", strlen("AIDERMESH_")) != 0)
            continue;
        char *name = strndup(environment[i], (size_t) (equals - environment[i]));
        rc = read_variable(copy, name, equals + 1, error_p);
        free(name);
    }
    if (rc == 0)
        mesh_settings_swap(self, copy);
    mesh_settings_destroy(&copy);
    return rc;
}
