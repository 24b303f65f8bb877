// tally - what was sent, what came back, in which order and after how long
// SPDX-License-Identifier: MPL-2.0
//
// Knows no sockets. Every event of a publisher carries its number; each subscriber must see
// each number once, in order.
#ifndef BENCH_TALLY_H
#define BENCH_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tally tally_t;

typedef struct tally_counts {
    uint64_t sent;         // events
    uint64_t delivered;    // events, times the subscribers that got them
    uint64_t missing;      // numbers skipped
    uint64_t repeated;     // numbers seen before, or out of their order
} tally_counts_t;

tally_t *tally_new(size_t publishers, size_t subscribers);
void tally_destroy(tally_t **self_p);

// The publisher's next number, which counts as sent.
uint64_t tally_send(tally_t *self, size_t publisher);

// A subscriber got a number.
void tally_receive(tally_t *self, size_t subscriber, size_t publisher, uint64_t number);

// Whether every subscriber has seen the newest number of every publisher: before
// tally_begin that all are connected, after it that nothing is under way.
bool tally_all_seen(const tally_t *self);

// From here on numbers may not be missing, and the counts begin at nothing. What was sent
// before must have been seen by all, or never come.
void tally_begin(tally_t *self);

// Events that the slowest subscriber still has to get.
uint64_t tally_under_way(const tally_t *self);

tally_counts_t tally_counts(const tally_t *self);

// Keep a latency, up to a fixed number of them; the value below which `share` of them lie, 0
// when there is none.
void tally_keep_latency(tally_t *self, int64_t latency_us);
uint32_t tally_latency_us(tally_t *self, double share);

#endif
