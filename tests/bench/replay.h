// replay - pulls everything the broker keeps, as a subscriber that comes back does
// SPDX-License-Identifier: MPL-2.0
#ifndef BENCH_REPLAY_H
#define BENCH_REPLAY_H

#include "load.h"

// Pull from the broker at options->control for options->measure_ms, from the earliest event on
// and from there again at the end, and print what it took as one line of JSON. Returns 0 when
// every page followed the one before, else -1.
int replay_run(zloop_t *loop, const load_options_t *options);

#endif
