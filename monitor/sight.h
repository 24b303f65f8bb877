// sight - whether what is known of the mesh is fresh enough to say that something is missing
// SPDX-License-Identifier: MPL-2.0
//
// Silence is told from blindness here: while the broker is away, history is replayed, or this
// process itself did not run (stopped, or starved), an event may have happened and not been
// seen. Knows no sockets and no clock. Times are CLOCK_MONOTONIC milliseconds.
#ifndef MONITOR_SIGHT_H
#define MONITOR_SIGHT_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SIGHT_GRACE_MS = 2000,    // after an absence, for sources to send what they have kept
    SIGHT_STALL_MS = 2000,    // this long without a tick, and what waits is read first
    SIGHT_AGE_LIMIT_MS = 24 * 60 * 60 * 1000,
};

typedef struct sight {
    bool live;
    bool was_away;
    int64_t clear_from_ms;    // meaningful while live
    int64_t last_tick_ms;
} sight_t;

// Begin away.
void sight_begin(sight_t *self, int64_t now_ms);

// What the subscription says.
void sight_lost(sight_t *self);
void sight_behind(sight_t *self);
void sight_live(sight_t *self, int64_t now_ms);

// Time passes; called at least once a second while the process runs.
void sight_tick(sight_t *self, int64_t now_ms);

bool sight_is_live(const sight_t *self);

// Whether silence is silence now.
bool sight_is_clear(const sight_t *self, int64_t now_ms);

// How long ago a replayed event reached the broker, by the two wall clocks, Unix microseconds:
// 0 when they contradict each other, at most SIGHT_AGE_LIMIT_MS.
int64_t sight_age_ms(int64_t recorded_us, int64_t wall_us);

#endif
