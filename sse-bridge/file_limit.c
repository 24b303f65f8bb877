// file_limit - how many streams the kernel lets us have: each is an open file
// SPDX-License-Identifier: MPL-2.0
#include "file_limit.h"

#include "mesh/log.h"
#include "mesh/open_files.h"

size_t
file_limit_for(size_t clients, size_t spare)
{
    size_t allowed = mesh_open_files_raise(clients + spare);
    if (allowed >= clients + spare)
        return clients;
    size_t possible = allowed > spare ? allowed - spare : 1;
    mesh_log_warning("file-limit",
                     "http/clients is %zu, but %zu open files are allowed, enough for %zu",
                     clients, allowed, possible);
    return possible;
}
