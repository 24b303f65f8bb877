// fuzz_sse_reader - any bytes, in any pieces, give the same events, and none past the limit
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sse_reader.h"

enum { LIMIT = 512 };

// A sum over all that was seen, in which order and place count.
static void
add(uint64_t *sum, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        *sum = (*sum ^ (unsigned char) text[i]) * UINT64_C(1099511628211);
    *sum = (*sum ^ 0x100) * UINT64_C(1099511628211);
}

static void
on_event(void *arg, const sse_event_t *event)
{
    assert(event->data_bytes < LIMIT);
    assert(strlen(event->id) <= SSE_READER_NAME_LIMIT);
    assert(strlen(event->type) <= SSE_READER_NAME_LIMIT && *event->type);
    assert(!strpbrk(event->id, "\r\n") && !strpbrk(event->type, "\r\n"));
    assert(event->data[event->data_bytes] == '\0');
    add(arg, event->id, strlen(event->id));
    add(arg, event->type, strlen(event->type));
    add(arg, event->data, event->data_bytes);
}

static uint64_t
read_in_pieces(const char *bytes, size_t size, size_t piece)
{
    uint64_t sum = 0;
    sse_reader_t *reader = sse_reader_new(LIMIT, on_event, &sum);
    for (size_t at = 0; at < size; at += piece)
        sse_reader_feed(reader, bytes + at, size - at < piece ? size - at : piece);
    add(&sum, sse_reader_last_id(reader), strlen(sse_reader_last_id(reader)));
    sum ^= (uint64_t) sse_reader_retry_ms(reader) ^ sse_reader_skipped(reader) << 32;
    sse_reader_destroy(&reader);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    // The first byte says how large the pieces are.
    const char *bytes = (const char *) data + 1;
    uint64_t whole = read_in_pieces(bytes, size - 1, size);
    uint64_t pieces = read_in_pieces(bytes, size - 1, (size_t) data[0] + 1);
    if (whole != pieces)
        abort();
    return 0;
}
