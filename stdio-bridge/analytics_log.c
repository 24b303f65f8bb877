// analytics_log - the private analytics log that the bridge asks AIDER for
// SPDX-License-Identifier: MPL-2.0
#include "analytics_log.h"

#include <czmq.h>
#include <fcntl.h>

#include "mesh/paths.h"
#include "mesh/uuid.h"

#define VARIABLE "AIDER_ANALYTICS_LOG"

enum { PRIVATE_MODE = 0600 };

// Make the file. Returns its path, the caller's, or NULL.
static char *
make_file(const mesh_settings_t *settings)
{
    char *error = NULL;
    char *dir = mesh_paths_runtime_dir(settings, &error);
    if (!dir) {
        free(error);
        return NULL;
    }
    char id[MESH_UUID_TEXT_SIZE];
    mesh_uuid_t made = mesh_uuid_new();
    mesh_uuid_format(&made, id);
    char *path = NULL;
    if (asprintf(&path, "%s/analytics-%s.jsonl", dir, id) < 0)
        abort();
    free(dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, PRIVATE_MODE);
    if (fd < 0) {
        free(path);
        return NULL;
    }
    (void) close(fd);
    return path;
}

static char **
environment_with(const char *path)
{
    size_t count = 0;
    while (environ[count])
        count++;
    char **copy = zmalloc((count + 2) * sizeof *copy);
    memcpy(copy, environ, count * sizeof *copy);
    if (asprintf(&copy[count], VARIABLE "=%s", path) < 0)
        abort();
    return copy;
}

void
analytics_log_prepare(analytics_log_t *self, const mesh_settings_t *settings,
                      const aider_files_t *places)
{
    *self = (analytics_log_t){.environment = environ};
    if (places->analytics_log)
        return;
    self->path = make_file(settings);
    if (self->path)
        self->environment = environment_with(self->path);
}

void
analytics_log_release(analytics_log_t *self)
{
    if (self->environment && self->environment != environ) {
        char **last = self->environment;
        while (last[1])
            last++;
        free(*last);    // the only one that is ours
        free(self->environment);
    }
    free(self->path);
    *self = (analytics_log_t){0};
}

void
analytics_log_remove(const analytics_log_t *self)
{
    if (self->path)
        (void) unlink(self->path);
}
