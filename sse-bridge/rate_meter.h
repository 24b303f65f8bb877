// rate_meter - how fast a counter grows, over the last ten seconds
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_RATE_METER_H
#define SSE_RATE_METER_H

#include <stddef.h>
#include <stdint.h>

enum { RATE_METER_SAMPLES = 11 };

// Zeroed is ready for use.
typedef struct rate_meter {
    int64_t at_ms[RATE_METER_SAMPLES];
    uint64_t totals[RATE_METER_SAMPLES];
    size_t count;    // samples taken so far
} rate_meter_t;

// Note the counter's value; about once a second.
void rate_meter_sample(rate_meter_t *self, uint64_t total, int64_t now_ms);

// Growth per second between the oldest and the newest sample; 0 before there are two.
double rate_meter_per_second(const rate_meter_t *self);

#endif
