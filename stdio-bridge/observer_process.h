// observer_process - the observer's program, started beside a session that already runs
// SPDX-License-Identifier: MPL-2.0
//
// A program of its own, so that what it is linked with (ZeroMQ and thirty libraries below it)
// costs the session neither time nor memory, and a library that is missing costs it nothing.
#ifndef OBSERVER_PROCESS_H
#define OBSERVER_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "tap.h"

#define OBSERVER_PROGRAM "aidermesh-observer"

// Where the observer finds its ends of the tap.
enum { OBSERVER_BELL_FD = 3, OBSERVER_RING_FD = 4 };

// Become the observer's program, in this process: for mode ndjson, which wraps nothing. argv is
// the bridge's. Returns only when there is none, with errno.
void observer_process_become(char *const argv[]);

// Start it with the bridge's argv and environment, in a session of its own, with none of the
// user's descriptors (stderr only with keep_stderr), and let go of its ends of the tap.
// Returns its process id, or -1 with errno. That it could not be executed is only known by its
// exit status, 127.
pid_t observer_process_start(char *const argv[], tap_t *tap, bool keep_stderr);

#endif
