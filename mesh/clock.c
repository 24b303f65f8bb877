// clock - the two clocks, read at the edges; modules that decide are told the time
// SPDX-License-Identifier: MPL-2.0
#include "mesh/clock.h"

#include <time.h>

uint64_t
mesh_clock_mono_ns(void)
{
    struct timespec now;
    (void) clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * 1000000000U + (uint64_t) now.tv_nsec;
}

int64_t
mesh_clock_unix_us(void)
{
    struct timespec now;
    (void) clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

double
mesh_clock_unix_s(void)
{
    struct timespec now;
    (void) clock_gettime(CLOCK_REALTIME, &now);
    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}
