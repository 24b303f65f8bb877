// retention - which events the journal lets go of, a few at a time
// SPDX-License-Identifier: MPL-2.0
#include "retention.h"

#include <assert.h>
#include <string.h>

static const unsigned every_family = (1U << MESH_FAMILIES) - 1;

retention_t
retention_new(const retention_limits_t *limits)
{
    return (retention_t){.limits = *limits};
}

void
retention_begin(retention_t *self)
{
    memset(self->swept, 0, sizeof self->swept);
    self->next_family = 0;
}

// Past a limit of count or bytes the oldest go, whatever they are.
static int
trim_by_size(retention_t *self, journal_store_t *store, uint64_t rows, bool *done_p,
             bool *more_p)
{
    uint64_t used, wal, until;
    if (journal_store_bytes(store, &used, &wal) != 0)
        return -1;
    uint64_t events = journal_store_state(store)->events;
    bool too_many = events > self->limits.events;
    *done_p = (too_many || used > self->limits.bytes) && events > 0;
    if (!*done_p)
        return 0;
    // By count no more than there are too many; bytes come back by whole pages only.
    if (too_many && used <= self->limits.bytes && events - self->limits.events < rows)
        rows = events - self->limits.events;
    int rc = journal_store_trim(store, every_family, 0, INT64_MAX, rows, &until, more_p);
    *more_p = rc == 0;
    return rc;
}

// The families that are as old as this one is allowed to be are swept with it.
static unsigned
families_like(const retention_t *self, int family)
{
    unsigned mask = 0;
    for (int i = 0; i < MESH_FAMILIES; i++)
        if (self->limits.age_us[i] == self->limits.age_us[family] &&
            self->swept[i] == self->swept[family])
            mask |= 1U << i;
    return mask;
}

int
retention_step(retention_t *self, journal_store_t *store, int64_t now_us, uint64_t rows,
               bool *more_p)
{
    assert(self && store && rows > 0);
    bool done = false;
    *more_p = false;
    if (trim_by_size(self, store, rows, &done, more_p) != 0)
        return -1;
    if (done)
        return 0;
    int family = self->next_family;
    self->next_family = (family + 1) % MESH_FAMILIES;
    int64_t age_us = self->limits.age_us[family];
    if (age_us == 0 || now_us < INT64_MIN + age_us)
        return 0;
    unsigned mask = families_like(self, family);
    uint64_t until;
    if (journal_store_trim(store, mask, self->swept[family], now_us - age_us, rows, &until,
                           more_p) != 0)
        return -1;
    for (int i = 0; i < MESH_FAMILIES; i++)
        if (mask & (1U << i))
            self->swept[i] = until;
    if (*more_p)
        self->next_family = family;
    return 0;
}
