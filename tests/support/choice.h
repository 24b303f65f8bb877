// choice - what a model does next: from a seeded generator in tests, from the input in fuzzers
// SPDX-License-Identifier: MPL-2.0
#ifndef TESTS_CHOICE_H
#define TESTS_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct choice {
    uint64_t state;         // of the generator; used when data is NULL
    const uint8_t *data;    // borrowed
    size_t left;            // bytes of data, or choices the generator has left
} choice_t;

static inline choice_t
choice_of_seed(uint64_t seed, size_t choices)
{
    return (choice_t){.state = seed * 2 + 1, .left = choices};
}

static inline choice_t
choice_of_bytes(const uint8_t *data, size_t bytes)
{
    return (choice_t){.data = data, .left = bytes};
}

static inline bool
choice_is_over(const choice_t *self)
{
    return self->left == 0;
}

// A number below `below`, at most 256; 0 when the choices are over.
static inline uint32_t
choose(choice_t *self, uint32_t below)
{
    if (self->left == 0)
        return 0;
    self->left--;
    if (self->data)
        return *self->data++ % below;
    // xorshift64*: the high bits are the good ones.
    self->state ^= self->state >> 12;
    self->state ^= self->state << 25;
    self->state ^= self->state >> 27;
    return (uint32_t) ((self->state * UINT64_C(0x2545f4914f6cdd1d)) >> 40) % below;
}

#endif
