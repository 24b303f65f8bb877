// spool - the directory of a user's spools: one file for each source that is not delivered yet
// SPDX-License-Identifier: MPL-2.0
//
// A program that begins makes a file of its own and holds its lock; what one that died has left
// is taken over by others, one at a time, and delivered under its own source. Files are named
// for their source, so their names are in the order of their age. Past spool/total_bytes what
// the dead left is reduced, the oldest first, to its last event, which covers the others; past
// spool/files the oldest is removed. Both are counted.
#ifndef MESH_SPOOL_H
#define MESH_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "mesh/outbox.h"
#include "mesh/settings.h"

typedef struct mesh_spool mesh_spool_t;

// The directory, made where it is missing. Returns NULL with *problem_p, a sentence the caller
// frees, when there can be none: it is no private directory, or on a file system whose locks or
// contents are not this host's alone and spool/anywhere is off.
mesh_spool_t *mesh_spool_new(const mesh_settings_t *settings, char **problem_p);
void mesh_spool_destroy(mesh_spool_t **self_p);

// Where it is. Borrowed.
const char *mesh_spool_dir(const mesh_spool_t *self);

// An outbox on a new file, with a source of its own. The spool must outlive it. Returns NULL
// with *problem_p as above.
mesh_outbox_t *mesh_spool_begin(mesh_spool_t *self, char **problem_p);

// Take over the oldest file that nobody holds, among those whose names are after a name (NULL:
// among all), with its name in *name_p, which the caller frees. Files in which nothing waits
// are removed on the way. NULL when there is none.
mesh_outbox_t *mesh_spool_take_dead(mesh_spool_t *self, const char *after, char **name_p);

// Remove the events of a session from every file that nobody holds. *held_p is how many files
// somebody holds: their holders alone can do the same there (mesh_outbox_forget). Returns how
// many events there were.
size_t mesh_spool_forget(mesh_spool_t *self, const char *session_id, size_t *held_p);

// What one file is, as far as it can be told without taking it.
typedef struct mesh_spool_entry {
    char *name;    // owned
    uint64_t bytes;
    double age_s;    // since it was last written
    bool held;
} mesh_spool_entry_t;

// All files, by name, for mesh_spool_list_free. Never NULL.
mesh_spool_entry_t *mesh_spool_list(const mesh_spool_t *self, size_t *count_p);
void mesh_spool_list_free(mesh_spool_entry_t **entries_p, size_t count);

// Events that were given up, in files of the dead, for want of room; and how many such files.
uint64_t mesh_spool_events_lost(const mesh_spool_t *self);
uint64_t mesh_spool_files_cut(const mesh_spool_t *self);

// The name of a file system, by its number in statfs, on which a spool is refused; else NULL.
const char *mesh_spool_refused_file_system(uint64_t type);

#endif
