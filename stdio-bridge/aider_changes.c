// aider_changes - what a session has changed: the files edited, and how many commits
// SPDX-License-Identifier: MPL-2.0
#include "aider_changes.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static bool
is_known(const aider_changes_t *self, const char *path)
{
    size_t i;
    const json_t *file;
    json_array_foreach(self->files, i, file)
    {
        if (!strcmp(json_string_value(file), path))
            return true;
    }
    return false;
}

void
aider_changes_edit(aider_changes_t *self, const char *path)
{
    assert(self && path);
    self->edited = true;
    if (!self->files)
        self->files = json_array();
    if (is_known(self, path))
        return;
    // A path that is no UTF-8 cannot be named either.
    json_t *file =
        json_array_size(self->files) < AIDER_CHANGES_FILES_MOST ? json_string(path) : NULL;
    if (file)
        json_array_append_new(self->files, file);
    else
        self->unnamed = true;
}

void
aider_changes_commit(aider_changes_t *self)
{
    assert(self);
    self->commits++;
}

static json_t *
summary(const aider_changes_t *self)
{
    char text[96];
    size_t count = json_array_size(self->files);
    (void) snprintf(text, sizeof text, "%s%zu file%s edited, %u commit%s",
                    self->unnamed ? "more than " : "", count, count == 1 ? "" : "s",
                    self->commits, self->commits == 1 ? "" : "s");
    json_t *list = json_array();
    size_t i;
    json_t *file;
    json_array_foreach(self->files, i, file)
    {
        json_array_append_new(list,
                              json_pack("{s:O, s:s}", "name", file, "operation", "edited"));
    }
    return json_pack("{s:s, s:o}", "summary", text, "files", list);
}

void
aider_changes_set(const aider_changes_t *self, json_t *payload)
{
    assert(self && payload);
    json_object_set_new(payload, "changes_detected", json_boolean(self->edited));
    if (self->edited)
        json_object_set_new(payload, "changes_summary", summary(self));
}

void
aider_changes_clear(aider_changes_t *self)
{
    assert(self);
    json_decref(self->files);
    *self = (aider_changes_t){0};
}
