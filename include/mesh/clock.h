// clock - the two clocks, read at the edges; modules that decide are told the time
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_CLOCK_H
#define MESH_CLOCK_H

#include <stdint.h>

// Nanoseconds of CLOCK_MONOTONIC, which does not jump and stands still while the machine
// sleeps. For order and time-outs. Milliseconds of the same clock are CZMQ's zclock_mono().
uint64_t mesh_clock_mono_ns(void);

// Microseconds since 1970 by the wall clock, which can jump: for what is shown or recorded.
int64_t mesh_clock_unix_us(void);

// The same in seconds, as in an event's `timestamp`.
double mesh_clock_unix_s(void);

#endif
