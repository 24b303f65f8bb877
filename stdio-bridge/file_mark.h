// file_mark - which file stood at a path at a moment, and how long it was
// SPDX-License-Identifier: MPL-2.0
//
// Taken before a command starts, it tells what the command itself has written since. Plain
// memory, which may be handed to another process.
#ifndef FILE_MARK_H
#define FILE_MARK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

typedef struct file_mark {
    bool taken;    // someone has looked
    bool there;    // and there was a file
    uint64_t device;
    uint64_t inode;
    int64_t size_bytes;
} file_mark_t;

// Look at path, which may be NULL: then, and where one cannot look, nothing is taken.
file_mark_t file_mark_take(const char *path);

// Where in the file of this status what was written since the mark begins: behind all of it
// when no mark was taken, at 0 when it is another file than then, or shorter.
int64_t file_mark_since(const file_mark_t *self, const struct stat *status);

#endif
