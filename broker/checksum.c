// checksum - tells kept bytes from ones that the disk has changed
// SPDX-License-Identifier: MPL-2.0
#include "checksum.h"

#include <endian.h>
#include <string.h>

enum { LANES = 4 };

// Each step can be undone when the word is known, so two different states never become one, and
// a change of one word is never forgotten.
static uint64_t
mix(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return sum ^ (sum >> 29);
}

static uint64_t
word_at(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return le64toh(word);
}

uint64_t
checksum_add(uint64_t sum, const void *data, size_t bytes)
{
    const uint8_t *at = data;
    sum = mix(sum, bytes);
    // Words in turn go to sums that do not wait for one another.
    uint64_t lanes[LANES] = {sum, ~sum, sum + 1, ~sum - 1};
    for (; bytes >= LANES * sizeof sum; bytes -= LANES * sizeof sum, at += LANES * sizeof sum)
        for (size_t i = 0; i < LANES; i++)
            lanes[i] = mix(lanes[i], word_at(at + i * sizeof sum));
    for (size_t i = 0; i < LANES; i++)
        sum = mix(sum, lanes[i]);
    for (; bytes >= sizeof sum; bytes -= sizeof sum, at += sizeof sum)
        sum = mix(sum, word_at(at));
    if (bytes > 0) {
        uint64_t word = 0;
        memcpy(&word, at, bytes);
        sum = mix(sum, le64toh(word));
    }
    return sum;
}
