// file_limit - how many streams the kernel lets us have: each is an open file
// SPDX-License-Identifier: MPL-2.0
#include "file_limit.h"

#include <sys/resource.h>

#include "mesh/log.h"

size_t
file_limit_for(size_t clients, size_t spare)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t) (clients + spare);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return clients;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == wanted)
        return clients;
    size_t possible = limit.rlim_cur > spare ? (size_t) (limit.rlim_cur - spare) : 1;
    mesh_log_warning("file-limit",
                     "http/clients is %zu, but %llu open files are allowed, enough for %zu",
                     clients, (unsigned long long) limit.rlim_cur, possible);
    return possible;
}
