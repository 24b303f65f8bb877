// sse_message - the payload of a bench's event: which one it is, and when it was sent
// SPDX-License-Identifier: MPL-2.0
//
//     {"message":"n=000000000042 s=00007 t=0000001790000000 tests for …","stage":"banner"}
//
// What follows the time is words in an order that differs from event to event, so that it can
// be packed as prose can: to about a third.
// A legal payload of aider.session_progress, and fixed in its places: read without a parser.
#ifndef BENCH_SSE_MESSAGE_H
#define BENCH_SSE_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

enum {
    SSE_MESSAGE_LEAST_BYTES = 96,
    SSE_MESSAGE_MOST_BYTES = 4096,
    SSE_MESSAGE_CHANNELS = 100000,    // as many as its places hold
};

typedef struct sse_message {
    uint64_t number;     // of its channel, from 1
    uint32_t channel;    // a session
    int64_t sent_us;     // CLOCK_MONOTONIC, of this machine
} sse_message_t;

// Write the text that is the value of "message", with a NUL, to out, which has room for bytes
// (SSE_MESSAGE_LEAST_BYTES to SSE_MESSAGE_MOST_BYTES); or the whole payload, bytes long,
// without a NUL.
void sse_message_text(const sse_message_t *self, char *out, size_t bytes);
void sse_message_payload(const sse_message_t *self, char *out, size_t bytes);

// Read the beginning of a payload. Returns 0, or -1 when it is another.
int sse_message_read(sse_message_t *self, const char *payload, size_t bytes);

int64_t sse_message_now_us(void);

#endif
