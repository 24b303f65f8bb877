// db_fault - what keeps a SQLite file of ours from being written or read
// SPDX-License-Identifier: MPL-2.0
#include "mesh/db_fault.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

const char *
mesh_db_fault_name(mesh_db_fault_t fault)
{
    static const char *const names[] = {
        [MESH_DB_SOUND] = "sound",         [MESH_DB_FULL] = "disk_full",
        [MESH_DB_READ_ONLY] = "read_only", [MESH_DB_IO_ERROR] = "io_error",
        [MESH_DB_BUSY] = "busy",           [MESH_DB_CORRUPT] = "corrupt",
        [MESH_DB_NEWER] = "newer",
    };
    return names[fault];
}

static mesh_db_fault_t
classify(int rc, int system_error)
{
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return MESH_DB_FULL;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return MESH_DB_READ_ONLY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return MESH_DB_BUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA:
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
    case SQLITE_ERROR:    // no such table, no such column
        return MESH_DB_CORRUPT;
    default:
        break;
    }
    // What SQLite calls an I/O error, or not being able to open, has a cause that it keeps.
    if (system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG)
        return MESH_DB_FULL;
    if (system_error == EROFS || system_error == EACCES || system_error == EPERM)
        return MESH_DB_READ_ONLY;
    return MESH_DB_IO_ERROR;
}

// What the system said when SQLite failed; 0 when it said nothing. The connection forgets it
// when something succeeds afterwards, the files remember.
static int
system_error_of(sqlite3 *db)
{
    static const int files[] = {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER};
    int error = sqlite3_system_errno(db);
    for (size_t i = 0; i < sizeof files / sizeof files[0] && error == 0; i++) {
        sqlite3_file *file = NULL;
        if (sqlite3_file_control(db, "main", files[i], &file) == SQLITE_OK && file &&
            file->pMethods)
            (void) file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
    }
    return error;
}

mesh_db_fault_t
mesh_db_fault_of(struct sqlite3 *db, int rc, char *reason, size_t size)
{
    int system_error = db ? system_error_of(db) : 0;
    snprintf(reason, size, "%s (%d)%s%s", db ? sqlite3_errmsg(db) : sqlite3_errstr(rc), rc,
             system_error ? ": " : "", system_error ? strerror(system_error) : "");
    return classify(rc, system_error);
}
