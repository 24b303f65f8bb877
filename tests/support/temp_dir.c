// temp_dir - a fresh directory for one test, removed with all it holds
// SPDX-License-Identifier: MPL-2.0
#include "temp_dir.h"

#include <assert.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

char *
temp_dir_new(void)
{
    const char *base = getenv("TMPDIR");
    char *path = NULL;
    if (asprintf(&path, "%s/aidermesh-test-XXXXXX", base && *base ? base : "/tmp") < 0)
        abort();
    if (!mkdtemp(path)) {
        perror(path);
        abort();
    }
    return path;
}

static int
remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void) status;
    (void) kind;
    (void) walk;
    return remove(path);
}

void
temp_dir_destroy(char **path_p)
{
    assert(path_p);
    if (*path_p) {
        (void) nftw(*path_p, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        free(*path_p);
        *path_p = NULL;
    }
}

char *
temp_dir_file(const char *dir, const char *name)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", dir, name) < 0)
        abort();
    return path;
}
