// checksum - tells a kept event from one that the disk has changed
// SPDX-License-Identifier: MPL-2.0
#include "checksum.h"

#include <endian.h>
#include <string.h>

// Each step can be undone when the word is known, so two different states never become one, and
// a change of one word is never forgotten.
static uint64_t
mix(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return sum ^ (sum >> 29);
}

uint64_t
checksum_add(uint64_t sum, const void *data, size_t bytes)
{
    const uint8_t *at = data;
    uint64_t word;
    sum = mix(sum, bytes);
    for (; bytes >= sizeof word; bytes -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        sum = mix(sum, le64toh(word));
    }
    if (bytes > 0) {
        word = 0;
        memcpy(&word, at, bytes);
        sum = mix(sum, le64toh(word));
    }
    return sum;
}
