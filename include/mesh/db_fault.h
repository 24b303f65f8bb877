// db_fault - what keeps a SQLite file of ours from being written or read
// SPDX-License-Identifier: MPL-2.0
//
// For programs that link the library mesh_db.
#ifndef MESH_DB_FAULT_H
#define MESH_DB_FAULT_H

#include <stddef.h>

struct sqlite3;

typedef enum {
    MESH_DB_SOUND,
    MESH_DB_FULL,         // no room
    MESH_DB_READ_ONLY,    // may not be written
    MESH_DB_IO_ERROR,
    MESH_DB_BUSY,       // another program writes to it
    MESH_DB_CORRUPT,    // it is none of ours, or a damaged one
    MESH_DB_NEWER,      // a later release has made it
} mesh_db_fault_t;

// "disk_full", "read_only", ...; "sound".
const char *mesh_db_fault_name(mesh_db_fault_t fault);

// What a result of SQLite other than success means, and into reason (of so many bytes) what
// SQLite and the system said of it. db may be NULL where none could be opened.
mesh_db_fault_t mesh_db_fault_of(struct sqlite3 *db, int rc, char *reason, size_t size);

#endif
