// journal_fault - what keeps the journal from being written or read
// SPDX-License-Identifier: MPL-2.0
#include "journal_fault.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

const char *
journal_fault_name(journal_fault_t fault)
{
    static const char *const names[] = {
        [JOURNAL_SOUND] = "sound",         [JOURNAL_FULL] = "disk_full",
        [JOURNAL_READ_ONLY] = "read_only", [JOURNAL_IO_ERROR] = "io_error",
        [JOURNAL_BUSY] = "busy",           [JOURNAL_CORRUPT] = "corrupt",
    };
    return names[fault];
}

static journal_fault_t
classify(int rc, int system_error)
{
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return JOURNAL_FULL;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return JOURNAL_READ_ONLY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return JOURNAL_BUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA:
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
    case SQLITE_ERROR:    // no such table, no such column
        return JOURNAL_CORRUPT;
    default:
        break;
    }
    // What SQLite calls an I/O error, or not being able to open, has a cause that it keeps.
    if (system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG)
        return JOURNAL_FULL;
    if (system_error == EROFS || system_error == EACCES || system_error == EPERM)
        return JOURNAL_READ_ONLY;
    return JOURNAL_IO_ERROR;
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

journal_fault_t
journal_fault_of(struct sqlite3 *db, int rc, char *reason, size_t size)
{
    int system_error = db ? system_error_of(db) : 0;
    snprintf(reason, size, "%s (%d)%s%s", db ? sqlite3_errmsg(db) : sqlite3_errstr(rc), rc,
             system_error ? ": " : "", system_error ? strerror(system_error) : "");
    return classify(rc, system_error);
}
