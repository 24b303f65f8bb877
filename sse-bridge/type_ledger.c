// type_ledger - per event type, what has been removed from the ring
// SPDX-License-Identifier: MPL-2.0
#include "type_ledger.h"

#include <assert.h>
#include <string.h>

uint16_t
type_ledger_number(type_ledger_t *self, const char *type)
{
    for (uint16_t number = 0; number < self->types; number++) {
        if (strcmp(self->names[number], type) == 0)
            return number;
    }
    if (self->types == TYPE_LEDGER_OTHER)
        return TYPE_LEDGER_OTHER;
    size_t bytes = strlen(type);
    assert(bytes < MESH_TYPE_SIZE);
    memcpy(self->names[self->types], type, bytes + 1);
    return self->types++;
}

const char *
type_ledger_name(const type_ledger_t *self, uint16_t number)
{
    return self->names[number];
}

void
type_removal_add(type_removal_t *self, uint64_t count, uint64_t offset, int64_t recorded_us)
{
    if (self->count == 0 || offset > self->offset)
        self->offset = offset;
    if (self->count == 0 || recorded_us > self->recorded_us)
        self->recorded_us = recorded_us;
    self->count += count;
}

void
type_ledger_remove(type_ledger_t *self, uint16_t number, uint64_t offset, int64_t recorded_us)
{
    type_removal_add(&self->removed[number], 1, offset, recorded_us);
}

void
type_ledger_remove_any(type_ledger_t *self, uint64_t count, uint64_t offset,
                       int64_t recorded_us)
{
    type_removal_add(&self->removed_any, count, offset, recorded_us);
}

void
type_ledger_date_any(type_ledger_t *self, int64_t recorded_us)
{
    if (self->removed_any.recorded_us == TYPE_LEDGER_TIME_UNKNOWN)
        self->removed_any.recorded_us = recorded_us;
}

void
type_ledger_remove_family(type_ledger_t *self, mesh_family_t family, uint64_t count,
                          uint64_t offset)
{
    type_removal_add(&self->removed_family[family], count, offset, TYPE_LEDGER_TIME_UNKNOWN);
}

void
type_ledger_date_families(type_ledger_t *self, uint64_t offset, int64_t recorded_us)
{
    for (int family = 0; family < MESH_FAMILIES; family++) {
        type_removal_t *removed = &self->removed_family[family];
        if (removed->recorded_us == TYPE_LEDGER_TIME_UNKNOWN && removed->offset <= offset)
            removed->recorded_us = recorded_us;
    }
}

void
type_ledger_forget(type_ledger_t *self)
{
    memset(self->removed, 0, sizeof self->removed);
    memset(self->removed_family, 0, sizeof self->removed_family);
    memset(&self->removed_any, 0, sizeof self->removed_any);
}

type_removal_t
type_ledger_removed(const type_ledger_t *self, type_ledger_match_fn *may_match,
                    type_ledger_match_family_fn *may_match_family, const void *arg)
{
    type_removal_t sum = self->removed_any;
    for (int number = 0; number < TYPE_LEDGER_TYPES; number++) {
        const type_removal_t *removed = &self->removed[number];
        if (removed->count > 0 &&
            (number == TYPE_LEDGER_OTHER || may_match(arg, self->names[number])))
            type_removal_add(&sum, removed->count, removed->offset, removed->recorded_us);
    }
    for (int family = 0; family < MESH_FAMILIES; family++) {
        const type_removal_t *removed = &self->removed_family[family];
        if (removed->count > 0 && may_match_family(arg, (mesh_family_t) family))
            type_removal_add(&sum, removed->count, removed->offset, removed->recorded_us);
    }
    return sum;
}
