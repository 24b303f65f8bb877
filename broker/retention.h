// retention - which events the journal lets go of, a few at a time
// SPDX-License-Identifier: MPL-2.0
//
// By age, which may differ by family; by bytes and by count, then the oldest of all go first.
// Works on a store, in the thread that has it, and is told the time.
#ifndef BROKER_RETENTION_H
#define BROKER_RETENTION_H

#include <stdbool.h>
#include <stdint.h>

#include "journal_store.h"
#include "mesh/family.h"

typedef struct retention_limits {
    int64_t age_us[MESH_FAMILIES];    // 0: whatever its age
    uint64_t events;
    uint64_t bytes;
} retention_limits_t;

typedef struct retention {
    retention_limits_t limits;
    uint64_t
        swept[MESH_FAMILIES];    // up to here nothing of the family is left that is too old
    int next_family;             // whose turn it is
} retention_t;

retention_t retention_new(const retention_limits_t *limits);

// Another journal was opened: nothing is known of what it holds.
void retention_begin(retention_t *self);

// Take one step, which looks at no more than `rows` events. now_us is the broker's time as it
// is recorded. *more_p: there is more to do now. Returns 0, or -1 after a fault of the store.
int retention_step(retention_t *self, journal_store_t *store, int64_t now_us, uint64_t rows,
                   bool *more_p);

#endif
