// monitor_watch - whether the mesh has a monitor, by what the broker hears of it
// SPDX-License-Identifier: MPL-2.0
#include "monitor_watch.h"

enum { USUAL_HEARTBEAT_MS = 1000 };

void
monitor_watch_welcomed(monitor_watch_t *self, int64_t now_ms)
{
    self->patient_until_ms = now_ms + MONITOR_WATCH_PATIENCE_MS;
}

// Where heartbeats are rarer than usual, more silence is nothing.
static int64_t
most_silence_ms(int64_t heartbeat_ms)
{
    int64_t beyond_ms = MONITOR_WATCH_SILENT_MS - USUAL_HEARTBEAT_MS;
    return heartbeat_ms > USUAL_HEARTBEAT_MS ? heartbeat_ms + beyond_ms
                                             : MONITOR_WATCH_SILENT_MS;
}

void
monitor_watch_told(monitor_watch_t *self, uint64_t programs, int64_t silent_ms,
                   int64_t heartbeat_ms, int64_t now_ms)
{
    if (programs > 0 && silent_ms <= most_silence_ms(heartbeat_ms)) {
        self->state = MONITOR_WATCH_ACTIVE;
        return;
    }
    if (programs > 0) {
        self->state = MONITOR_WATCH_SILENT;
        self->silent_ms = silent_ms;
    } else if (self->state != MONITOR_WATCH_ABSENT && now_ms >= self->patient_until_ms) {
        self->state = MONITOR_WATCH_GONE;
    }
}

const char *
monitor_watch_name(monitor_watch_state_t state)
{
    static const char *const names[] = {
        [MONITOR_WATCH_ABSENT] = "absent",
        [MONITOR_WATCH_ACTIVE] = "active",
        [MONITOR_WATCH_SILENT] = "silent",
        [MONITOR_WATCH_GONE] = "gone",
    };
    return names[state];
}
