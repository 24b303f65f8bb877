// open_files - how many files, and so connections, this process may have open
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_OPEN_FILES_H
#define MESH_OPEN_FILES_H

#include <stddef.h>

// Raise the soft limit (RLIMIT_NOFILE) to wanted, as far as the hard one allows; never lowers
// it. Returns how many files may be open then.
size_t mesh_open_files_raise(size_t wanted);

#endif
