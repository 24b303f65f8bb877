// spool_file - one source's events on disk: locked for life, appended to, cut where it is torn
// SPDX-License-Identifier: MPL-2.0
//
// What was appended survives the process, not a loss of power: nothing is synced. One process
// holds the file's lock as long as it lives (an open file description lock). Knows what is
// written, not what it means. One spool_file belongs to one thread.
#ifndef MESH_SPOOL_FILE_H
#define MESH_SPOOL_FILE_H

#include <stdbool.h>

#include "mesh/spool_record.h"

// What the name of a file ends with while it is being written.
#define MESH_SPOOL_BEGUN ".new"

typedef struct mesh_spool_file mesh_spool_file_t;

// Make a new file (0600), locked, for a source. Returns NULL with errno.
mesh_spool_file_t *mesh_spool_file_new(const char *path, const mesh_uuid_t *source);

// Take over a file that nobody holds. Returns NULL with errno: EAGAIN when somebody holds it,
// EBADMSG when it is no spool.
mesh_spool_file_t *mesh_spool_file_open(const char *path);

// Let go of the file, which stays as it is.
void mesh_spool_file_destroy(mesh_spool_file_t **self_p);

// Take the file out of its directory. Returns 0, or -1 with errno.
int mesh_spool_file_remove(mesh_spool_file_t *self);

const mesh_spool_head_t *mesh_spool_file_head(const mesh_spool_file_t *self);

// The file's name without its directory. Borrowed.
const char *mesh_spool_file_name(const mesh_spool_file_t *self);

// The mark, as it was last written; zeros in a file where it cannot be read.
const mesh_spool_mark_t *mesh_spool_file_mark(const mesh_spool_file_t *self);
int mesh_spool_file_set_mark(mesh_spool_file_t *self, const mesh_spool_mark_t *mark);

// Where the first record is, and where the next one goes.
uint64_t mesh_spool_file_begin(const mesh_spool_file_t *self);
uint64_t mesh_spool_file_end(const mesh_spool_file_t *self);

// Append a record. Returns 0 with its place in *at, or -1 with errno: then nothing was.
int mesh_spool_file_append(mesh_spool_file_t *self, const mesh_spool_record_t *record,
                           uint64_t *at);

// Read the record at a place; *next is the place after it. Its texts are valid until the next
// call. Returns 0, or -1 at the end and where there is no whole record.
int mesh_spool_file_read(mesh_spool_file_t *self, uint64_t at, mesh_spool_record_t *record,
                         uint64_t *next);

// Cut off what follows a place, and what was written beyond the end. Returns 0, or -1.
int mesh_spool_file_cut(mesh_spool_file_t *self, uint64_t at);

// Begin a new file of the same head beside this one, into which what is still wanted is
// appended. Returns NULL with errno.
mesh_spool_file_t *mesh_spool_file_copy_new(const mesh_spool_file_t *self);

// Put the copy, which is taken and set to NULL, in the file's place, in one step. Returns 0, or
// -1 with errno: then the file is as before, and the copy is gone.
int mesh_spool_file_replace(mesh_spool_file_t *self, mesh_spool_file_t **copy_p);

// Whether somebody holds the file at path.
bool mesh_spool_file_is_held(const char *path);

#endif
