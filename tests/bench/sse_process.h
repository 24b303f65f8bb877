// sse_process - what a process has used: CPU time, and memory
// SPDX-License-Identifier: MPL-2.0
#ifndef BENCH_SSE_PROCESS_H
#define BENCH_SSE_PROCESS_H

#include <sys/types.h>

typedef struct sse_process_memory {
    long rss_kib, pss_kib;    // 0 when the process is gone
} sse_process_memory_t;

// CPU time of all its threads, in seconds; 0 when it is gone.
double sse_process_cpu_s(pid_t process);

sse_process_memory_t sse_process_memory(pid_t process);

#endif
