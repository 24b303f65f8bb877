// process_use - what this process has used of the machine
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_PROCESS_USE_H
#define SSE_PROCESS_USE_H

typedef struct process_use {
    double cpu_s;    // user and system
    double resident_bytes;
    double file_limit;    // descriptors that it may have open
} process_use_t;

// Ask the kernel. What it does not tell is 0.
process_use_t process_use_now(void);

#endif
