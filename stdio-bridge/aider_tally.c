// aider_tally - which source has told a fact how often, so that it is reported once
// SPDX-License-Identifier: MPL-2.0
#include "aider_tally.h"

#include <assert.h>
#include <string.h>

// Count one in counts. Returns true when no count was as high before.
static bool
count(unsigned counts[AIDER_SOURCE_COUNT], aider_source_t source)
{
    unsigned highest = 0;
    for (int i = 0; i < AIDER_SOURCE_COUNT; i++)
        highest = counts[i] > highest ? counts[i] : highest;
    return ++counts[source] > highest;
}

bool
aider_tally_count(aider_tally_t *self, const aider_fact_t *fact, unsigned key,
                  aider_source_t source)
{
    assert(self && fact && source < AIDER_SOURCE_COUNT);
    if (fact->kind != AIDER_FACT_FAILURE)
        return count(self->facts[fact->kind], source);
    for (unsigned i = 0; i < self->failure_count; i++) {
        if (self->failures[i].key == key)
            return count(self->failures[i].counts, source);
    }
    if (self->failure_count == AIDER_TALLY_KEYS)
        return source == AIDER_SOURCE_CONSOLE;
    self->failures[self->failure_count].key = key;
    return count(self->failures[self->failure_count++].counts, source);
}

void
aider_tally_level(aider_tally_t *self)
{
    assert(self);
    memset(self, 0, sizeof *self);
}
