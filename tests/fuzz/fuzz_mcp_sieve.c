// fuzz_mcp_sieve - any bytes, however cut, come out once, in order, and of the same kinds
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mcp_sieve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// For each byte of the input, whether it came out within a message.
static void
take_parts(mcp_sieve_t *sieve, const uint8_t *data, size_t size, uint8_t *kinds, size_t *at_p)
{
    mcp_sieve_part_t part;
    while (mcp_sieve_next(sieve, &part)) {
        assert(part.size > 0);
        if (part.added) {
            assert(!part.message && part.size == 1);
            continue;
        }
        assert(part.size <= size - *at_p);
        assert(memcmp(part.bytes, data + *at_p, part.size) == 0);
        memset(kinds + *at_p, part.message, part.size);
        *at_p += part.size;
    }
}

static void
sift(const uint8_t *data, size_t size, size_t step, uint8_t *kinds)
{
    mcp_sieve_t *sieve = mcp_sieve_new();
    size_t taken = 0;
    for (size_t at = 0; at < size; at += step) {
        mcp_sieve_feed(sieve, data + at, size - at < step ? size - at : step);
        take_parts(sieve, data, size, kinds, &taken);
    }
    mcp_sieve_finish(sieve);
    take_parts(sieve, data, size, kinds, &taken);
    assert(taken == size);
    mcp_sieve_destroy(&sieve);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    // Below the limit of what is held, the cuts change nothing.
    if (size < 2 || size > MCP_SIEVE_FEED_BYTES)
        return 0;
    uint8_t *whole = malloc(size);
    uint8_t *cut = malloc(size);
    if (!whole || !cut)
        abort();
    sift(data + 1, size - 1, size, whole);
    sift(data + 1, size - 1, (size_t) data[0] % 32 + 1, cut);
    assert(memcmp(whole, cut, size - 1) == 0);
    free(whole);
    free(cut);
    return 0;
}
