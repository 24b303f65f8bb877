// lock_file - a lock that a process holds as long as it lives, and that others can look at
// SPDX-License-Identifier: MPL-2.0
//
// An open file description lock (fcntl, F_OFD_SETLK), because looking at one takes nothing: to
// try a flock is to hold it for a moment, and whoever starts in that moment believes that
// another was first.
#ifndef MESH_LOCK_FILE_H
#define MESH_LOCK_FILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
    MESH_LOCK_TEXT_SIZE = 128,    // with the NUL: what a holder may leave
    MESH_LOCK_BOOT_ID_SIZE = 64,
};

// What names this run of the kernel, so that another host has another; "" when it is not known.
void mesh_lock_file_boot_id(char text[static MESH_LOCK_BOOT_ID_SIZE]);

// Take the lock, making the file (0600) where there is none, and leave text in it (NULL leaves
// what is there). Returns a descriptor, whose closing or the process's end gives the lock back;
// or -1 with errno, which is EAGAIN when another has it.
int mesh_lock_file_take(const char *path, const char *text);

// Whether somebody has the lock. text, when not NULL, receives what the holder left, cut to
// size_bytes with its NUL; "" when nobody has it.
bool mesh_lock_file_is_held(const char *path, char *text, size_t size_bytes);

// A lock that we took, leaving text, as others can find it: {"file", "text", "boot_id",
// "device", "inode"}. Another holder of the same lock leaves another text. The caller owns it.
json_t *mesh_lock_file_describe(int fd, const char *path, const char *text);

// What a description says of its holder.
typedef enum {
    MESH_LOCK_HELD,       // it lives
    MESH_LOCK_FREE,       // it is gone
    MESH_LOCK_UNKNOWN,    // that cannot be told from here: another host, or another view of
                          // files
} mesh_lock_state_t;
mesh_lock_state_t mesh_lock_file_look(const json_t *description);

#endif
