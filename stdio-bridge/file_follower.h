// file_follower - the bytes appended to a file, as they come
// SPDX-License-Identifier: MPL-2.0
//
// The file may not exist yet, may be truncated, and may be replaced by another of its name.
// What it held before the mark is not told. Reads never wait.
#ifndef FILE_FOLLOWER_H
#define FILE_FOLLOWER_H

#include "file_mark.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct file_follower file_follower_t;

typedef enum {
    FILE_FOLLOWER_BYTES,        // new bytes; ask again
    FILE_FOLLOWER_IDLE,         // nothing new now
    FILE_FOLLOWER_RESTARTED,    // another file, or the same cut short: what comes next is from
                                // its beginning, and an unfinished line is void; ask again
    FILE_FOLLOWER_FAILED,    // not now; file_follower_error says why, a later call tries again
} file_follower_outcome_t;

// Follow the file at path from where it stood when the mark was taken, or, where none was, from
// its present end. Never returns NULL.
file_follower_t *file_follower_new(const char *path, const file_mark_t *since);

// End the follower and set *self_p to NULL.
void file_follower_destroy(file_follower_t **self_p);

// A descriptor that becomes readable when there may be something to read; -1 when the system
// gives none or the file's directory does not exist: then call file_follower_read from time to
// time. It may change from -1 to a descriptor, never back.
int file_follower_fd(const file_follower_t *self);

// Take up to capacity new bytes into buffer; *size is 0 unless the outcome is BYTES. Call until
// it says IDLE or FAILED.
file_follower_outcome_t file_follower_read(file_follower_t *self, void *buffer, size_t capacity,
                                           size_t *size);

// Whether another follower, in whatever process, follows the same file now. Each holds a shared
// lock far behind the file's end, which hinders nobody who writes or reads.
bool file_follower_is_shared(const file_follower_t *self);

// Why the last call FAILED, for a person; "" when it did not.
const char *file_follower_error(const file_follower_t *self);

#endif
