// journal_batch - events on their way into the journal, or what late joiners are shown first
// SPDX-License-Identifier: MPL-2.0
//
// Made and ended in the broker's thread. While the journal's thread has it, that only reads it.
#ifndef BROKER_JOURNAL_BATCH_H
#define BROKER_JOURNAL_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mesh/family.h"
#include "mesh/uuid.h"
#include "record.h"

typedef struct journal_entry {
    record_t *record;    // held by whoever made the batch; NULL: only the number counts
    bool registers;      // without a record: a hello has named the source
    mesh_uuid_t source;
    uint64_t seq;
    int64_t recorded_us;
    mesh_family_t family;
} journal_entry_t;

typedef enum {
    JOURNAL_BATCH_EVENTS,    // entries to append, in the order of their offsets
    JOURNAL_BATCH_LATEST,    // records that are now the newest of their type in their session
    JOURNAL_BATCH_FORGET,    // sessions of which nothing that came before is to be kept
    JOURNAL_BATCH_TOLD,      // ... and that of these the event is kept which says so
} journal_batch_kind_t;

typedef struct journal_batch journal_batch_t;

struct journal_batch {
    journal_batch_t *next;    // the journal's, while it has the batch
    journal_batch_kind_t kind;
    uint64_t era;    // in which openings of the journal the offsets were given
    bool kept;       // how it ended
    size_t count;
    journal_entry_t *entries;    // of a LATEST only the records count

    // Of a LATEST: sessions of which nothing is to be kept apart any more, and the offset up to
    // which, with it, the newest are kept. Of a FORGET and a TOLD: which they are about.
    char **forgotten;
    size_t forgotten_count;
    uint64_t through;

    void *owner;    // of whoever made the batch
};

#endif
