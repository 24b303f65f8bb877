// whole_file - a small file that is replaced as a whole: a reader finds the old or the new one
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_WHOLE_FILE_H
#define MESH_WHOLE_FILE_H

#include <stdbool.h>
#include <stddef.h>

// Put bytes where path is, as a file of mode 0600; durable where `durable`. Returns 0, or -1
// with errno, and then what was there is there still.
int mesh_whole_file_write(const char *path, const char *bytes, size_t size, bool durable);

#endif
