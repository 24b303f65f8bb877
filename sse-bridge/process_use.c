// process_use - what this process has used of the machine
// SPDX-License-Identifier: MPL-2.0
#include "process_use.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/resource.h>

static double
seconds_of(struct timeval time)
{
    return (double) time.tv_sec + (double) time.tv_usec / 1e6;
}

// The second number of /proc/self/statm, in pages.
static double
resident_bytes(void)
{
    char line[256] = "";
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    const char *pages = fgets(line, sizeof line, file) ? strchr(line, ' ') : NULL;
    fclose(file);
    return pages ? strtod(pages, NULL) * (double) sysconf(_SC_PAGESIZE) : 0;
}

process_use_t
process_use_now(void)
{
    process_use_t use = {.resident_bytes = resident_bytes()};
    struct rusage used;
    if (getrusage(RUSAGE_SELF, &used) == 0)
        use.cpu_s = seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        use.file_limit = (double) limit.rlim_cur;
    return use;
}
