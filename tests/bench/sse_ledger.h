// sse_ledger - which numbers of which channels each client of a load has had
// SPDX-License-Identifier: MPL-2.0
//
// Knows no sockets. A client follows one channel, or all; it must see each number of a channel
// once, in order, from 1 on.
#ifndef BENCH_SSE_LEDGER_H
#define BENCH_SSE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sse_ledger sse_ledger_t;

#define SSE_LEDGER_ALL UINT32_MAX    // every channel

typedef struct sse_ledger_counts {
    uint64_t sent;         // events
    uint64_t delivered;    // events, times the clients that got them
    uint64_t owed;         // ... that are to get them
    uint64_t missing;      // numbers skipped
    uint64_t repeated;     // numbers seen before, or out of their order
    uint64_t strange;      // of a channel that the client does not follow, or never sent
} sse_ledger_counts_t;

sse_ledger_t *sse_ledger_new(size_t clients, size_t channels);
void sse_ledger_destroy(sse_ledger_t **self_p);

// Say what a client follows, before anything is sent; or that nothing is owed to it any more.
void sse_ledger_follow(sse_ledger_t *self, size_t client, uint32_t channel);
void sse_ledger_excuse(sse_ledger_t *self, size_t client);

// The channel's next number, which counts as sent.
uint64_t sse_ledger_send(sse_ledger_t *self, uint32_t channel);

// A client got a number. Returns whether it was the next one.
bool sse_ledger_receive(sse_ledger_t *self, size_t client, uint32_t channel, uint64_t number);

// Whether every client that is not excused has all that was sent; how many have not.
size_t sse_ledger_waiting(const sse_ledger_t *self);

sse_ledger_counts_t sse_ledger_counts(const sse_ledger_t *self);

#endif
