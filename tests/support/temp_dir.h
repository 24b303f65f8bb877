// temp_dir - a fresh directory for one test, removed with all it holds
// SPDX-License-Identifier: MPL-2.0
#ifndef TESTS_TEMP_DIR_H
#define TESTS_TEMP_DIR_H

// Make a fresh directory (mode 0700) under $TMPDIR, or /tmp. The caller owns the returned path
// and ends directory and path with temp_dir_destroy. Fails the process when it cannot be made.
char *temp_dir_new(void);

// Remove the directory with all it holds, free the path and set *path_p to NULL.
void temp_dir_destroy(char **path_p);

// "<dir>/<name>"; the caller frees it.
char *temp_dir_file(const char *dir, const char *name);

#endif
