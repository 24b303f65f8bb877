// sse_process - what a process has used: CPU time, and memory
// SPDX-License-Identifier: MPL-2.0
#include "sse_process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double
sse_process_cpu_s(pid_t process)
{
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return 0;
    return (double) used.tv_sec + (double) used.tv_nsec / 1e9;
}

sse_process_memory_t
sse_process_memory(pid_t process)
{
    sse_process_memory_t memory = {0};
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%ld/smaps_rollup", (long) process);
    FILE *file = fopen(path, "re");
    if (!file)
        return memory;
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, "Rss:", 4) == 0)
            memory.rss_kib = strtol(line + 4, NULL, 10);
        else if (strncmp(line, "Pss:", 4) == 0)
            memory.pss_kib = strtol(line + 4, NULL, 10);
    }
    (void) fclose(file);
    return memory;
}
