// type_ledger - per event type, what has been removed from the ring
// SPDX-License-Identifier: MPL-2.0
//
// A client that comes back is told the truth about its own events: that progress has been
// removed says nothing to one that follows errors. Types are numbered as they are met; past
// TYPE_LEDGER_TYPES all further ones share the last number, for which every filter must answer.
#ifndef SSE_TYPE_LEDGER_H
#define SSE_TYPE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "mesh/family.h"
#include "mesh/topic.h"

enum { TYPE_LEDGER_TYPES = 128, TYPE_LEDGER_OTHER = TYPE_LEDGER_TYPES - 1 };

// The time of what was removed before it came to us.
#define TYPE_LEDGER_TIME_UNKNOWN INT64_MAX

// What was removed: how many events at most, and the newest of them.
typedef struct type_removal {
    uint64_t count;    // 0: nothing
    uint64_t offset;
    int64_t recorded_us;
} type_removal_t;

typedef struct type_ledger {
    char names[TYPE_LEDGER_TYPES][MESH_TYPE_SIZE];
    type_removal_t removed[TYPE_LEDGER_TYPES];
    type_removal_t removed_any;    // of types we cannot know: removed before it came to us
    type_removal_t removed_family[MESH_FAMILIES];    // the same, of a family
    uint16_t types;
} type_ledger_t;

// The number of a legal type.
uint16_t type_ledger_number(type_ledger_t *self, const char *type);

// Its name; "" for TYPE_LEDGER_OTHER.
const char *type_ledger_name(const type_ledger_t *self, uint16_t number);

// One event of a type went.
void type_ledger_remove(type_ledger_t *self, uint16_t number, uint64_t offset,
                        int64_t recorded_us);

// Up to count events of any type, the newest at offset, are not to be had. Their time may be
// TYPE_LEDGER_TIME_UNKNOWN; type_ledger_date_any then says that it was not after recorded_us.
void type_ledger_remove_any(type_ledger_t *self, uint64_t count, uint64_t offset,
                            int64_t recorded_us);
void type_ledger_date_any(type_ledger_t *self, int64_t recorded_us);

// The same of one family: all up to offset are not to be had; up to count are not accounted for
// yet. type_ledger_date_families says that events up to offset came not after recorded_us.
void type_ledger_remove_family(type_ledger_t *self, mesh_family_t family, uint64_t count,
                               uint64_t offset);
void type_ledger_date_families(type_ledger_t *self, uint64_t offset, int64_t recorded_us);

// Add to what was removed.
void type_removal_add(type_removal_t *self, uint64_t count, uint64_t offset,
                      int64_t recorded_us);

// Forget all removals, as with a new epoch; the numbers stay.
void type_ledger_forget(type_ledger_t *self);

// The removals of all types and families that are accepted, together.
typedef bool type_ledger_match_fn(const void *arg, const char *type);
typedef bool type_ledger_match_family_fn(const void *arg, mesh_family_t family);
type_removal_t type_ledger_removed(const type_ledger_t *self, type_ledger_match_fn *may_match,
                                   type_ledger_match_family_fn *may_match_family,
                                   const void *arg);

#endif
