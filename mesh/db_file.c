// db_file - opens a SQLite file of ours
// SPDX-License-Identifier: MPL-2.0
#include "mesh/db_file.h"

#include <assert.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PRIVATE_MODE = 0600 };

// The path with the links of its directory followed, which SQLITE_OPEN_NOFOLLOW would refuse
// too; as it is where there is no such directory. For the caller to free.
static char *
follow_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    char *directory = NULL, *result = NULL;
    if (asprintf(&directory, "%.*s.", (int) (name - path), path) < 0)
        abort();
    char *followed = realpath(directory, NULL);
    if (asprintf(&result, "%s%s%s", followed ? followed : "", followed ? "/" : "",
                 followed ? name : path) < 0)
        abort();
    free(followed);
    free(directory);
    return result;
}

int
mesh_db_file_open(const char *path, int flags, struct sqlite3 **db_p)
{
    assert(path && db_p);
    char *followed = follow_directory(path);
    // Only one that is new: closing a file gives up the locks that the process has on it. Where
    // it cannot be made, SQLite says why.
    int fd = -1;
    if (flags & SQLITE_OPEN_CREATE)
        fd = open(followed, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, PRIVATE_MODE);
    if (fd >= 0)
        (void) close(fd);
    int rc = sqlite3_open_v2(followed, db_p, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
                             NULL);
    free(followed);
    return rc;
}
