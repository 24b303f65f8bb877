// open_files - how many files, and so connections, this process may have open
// SPDX-License-Identifier: MPL-2.0
#include "mesh/open_files.h"

#include <sys/resource.h>

size_t
mesh_open_files_raise(size_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return wanted;
    if (limit.rlim_cur >= wanted)
        return (size_t) limit.rlim_cur;
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = wanted < limit.rlim_max ? (rlim_t) wanted : limit.rlim_max;
    return (size_t) (setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : before);
}
