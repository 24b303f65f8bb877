// monitor_watch - whether the mesh has a monitor, by what the broker hears of it
// SPDX-License-Identifier: MPL-2.0
//
// Knows no sockets and is told the time (CLOCK_MONOTONIC ms). A monitor is missed only where
// there was one: a mesh may do without.
#ifndef SSE_MONITOR_WATCH_H
#define SSE_MONITOR_WATCH_H

#include <stdint.h>

enum {
    // A program sends a heartbeat every second: one that is late is no news, two are.
    MONITOR_WATCH_SILENT_MS = 1750,
    // After another broker's welcome, its programs need a moment to find it too.
    MONITOR_WATCH_PATIENCE_MS = 5000,
};

typedef enum {
    MONITOR_WATCH_ABSENT,    // there was none since we started
    MONITOR_WATCH_ACTIVE,
    MONITOR_WATCH_SILENT,    // the broker knows it, but hears nothing
    MONITOR_WATCH_GONE,      // it left, or was lost
} monitor_watch_state_t;

typedef struct monitor_watch {
    monitor_watch_state_t state;
    int64_t patient_until_ms;
    int64_t silent_ms;    // while the state is SILENT: for how long, when that was last told
} monitor_watch_t;

// A broker has welcomed us.
void monitor_watch_welcomed(monitor_watch_t *self, int64_t now_ms);

// The broker knows so many monitors, of which the one heard last has said nothing for
// silent_ms; heartbeat_ms is how often it should.
void monitor_watch_told(monitor_watch_t *self, uint64_t programs, int64_t silent_ms,
                        int64_t heartbeat_ms, int64_t now_ms);

// "absent", "active", "silent", "gone"
const char *monitor_watch_name(monitor_watch_state_t state);

#endif
