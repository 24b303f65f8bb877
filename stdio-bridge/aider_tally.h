// aider_tally - which source has told a fact how often, so that it is reported once
// SPDX-License-Identifier: MPL-2.0
#ifndef AIDER_TALLY_H
#define AIDER_TALLY_H

#include "aider_facts.h"

#include <stdbool.h>

enum { AIDER_TALLY_KEYS = 64 };    // different kinds of failure told apart within one request

typedef struct aider_tally {
    unsigned facts[AIDER_FACT_COUNT][AIDER_SOURCE_COUNT];
    struct {
        unsigned key;
        unsigned counts[AIDER_SOURCE_COUNT];
    } failures[AIDER_TALLY_KEYS];
    unsigned failure_count;
} aider_tally_t;

// Count a fact that a source tells; key tells failures apart, 0 for all else. Returns true when
// no other source has told it before. Past the limit of keys a failure counts as new when the
// console tells it, and as known when another does.
bool aider_tally_count(aider_tally_t *self, const aider_fact_t *fact, unsigned key,
                       aider_source_t source);

// From here on all sources have told the same.
void aider_tally_level(aider_tally_t *self);

#endif
