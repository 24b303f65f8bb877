// latency - how long things took, and below what most of them lie
// SPDX-License-Identifier: MPL-2.0
#include "latency.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

enum { LATENCIES_LIMIT = 4 * 1000 * 1000 };

struct latency {
    uint32_t *values;    // owned; microseconds
    size_t count;
    bool sorted;
};

latency_t *
latency_new(void)
{
    latency_t *self = calloc(1, sizeof *self);
    assert(self);
    self->values = calloc(LATENCIES_LIMIT, sizeof *self->values);
    assert(self->values);
    return self;
}

void
latency_destroy(latency_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        free((*self_p)->values);
        free(*self_p);
        *self_p = NULL;
    }
}

void
latency_keep(latency_t *self, int64_t latency_us)
{
    if (self->count == LATENCIES_LIMIT)
        return;
    self->values[self->count++] = latency_us < 0            ? 0
                                  : latency_us > UINT32_MAX ? UINT32_MAX
                                                            : (uint32_t) latency_us;
    self->sorted = false;
}

static int
compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *) left, b = *(const uint32_t *) right;
    return (a > b) - (a < b);
}

uint32_t
latency_us(latency_t *self, double share)
{
    assert(share >= 0 && share <= 1);
    if (self->count == 0)
        return 0;
    if (!self->sorted)
        qsort(self->values, self->count, sizeof *self->values, compare);
    self->sorted = true;
    size_t at = (size_t) (share * (double) self->count);
    return self->values[at < self->count ? at : self->count - 1];
}
