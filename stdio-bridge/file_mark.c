// file_mark - which file stood at a path at a moment, and how long it was
// SPDX-License-Identifier: MPL-2.0
#include "file_mark.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

file_mark_t
file_mark_take(const char *path)
{
    struct stat status;
    if (!path)
        return (file_mark_t){0};
    if (stat(path, &status) != 0)
        return (file_mark_t){.taken = errno == ENOENT || errno == ENOTDIR};
    return (file_mark_t){
        .taken = true,
        .there = true,
        .device = status.st_dev,
        .inode = status.st_ino,
        .size_bytes = status.st_size,
    };
}

int64_t
file_mark_since(const file_mark_t *self, const struct stat *status)
{
    assert(self && status);
    if (!self->taken)
        return status->st_size;
    bool same = self->there && self->device == status->st_dev && self->inode == status->st_ino;
    return same && status->st_size >= self->size_bytes ? self->size_bytes : 0;
}
