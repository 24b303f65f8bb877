// latency - how long things took, and below what most of them lie
// SPDX-License-Identifier: MPL-2.0
#ifndef BENCH_LATENCY_H
#define BENCH_LATENCY_H

#include <stdint.h>

typedef struct latency latency_t;

latency_t *latency_new(void);
void latency_destroy(latency_t **self_p);

// Keep one, up to a fixed number of them; a negative one is 0, since the clock may be set while
// we measure.
void latency_keep(latency_t *self, int64_t latency_us);

// The value below which `share` (0 to 1) of them lie, 0 when there is none.
uint32_t latency_us(latency_t *self, double share);

#endif
