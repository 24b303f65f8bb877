// welcomes - answers to hellos that wait until the journal knows the sources they name
// SPDX-License-Identifier: MPL-2.0
#include "welcomes.h"

#include <assert.h>

typedef struct waiting {
    welcome_t welcome;
    uint64_t after;
    int64_t since_ms;
} waiting_t;

struct welcomes {
    zlistx_t *waiting;    // waiting_t, the first first; owned, with its items
};

static void
waiting_destroy(void **item_p)
{
    waiting_t *item = *item_p;
    zframe_destroy(&item->welcome.route);
    json_decref(item->welcome.next);
    free(item);
    *item_p = NULL;
}

welcomes_t *
welcomes_new(void)
{
    welcomes_t *self = zmalloc(sizeof *self);
    self->waiting = zlistx_new();
    zlistx_set_destructor(self->waiting, waiting_destroy);
    return self;
}

void
welcomes_destroy(welcomes_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        zlistx_destroy(&(*self_p)->waiting);
        free(*self_p);
        *self_p = NULL;
    }
}

void
welcomes_add(welcomes_t *self, zframe_t *route, uint64_t id, json_t *next, uint64_t after,
             int64_t now_ms)
{
    assert(self && route && next);
    waiting_t *item = zmalloc(sizeof *item);
    item->welcome = (welcome_t){.route = zframe_dup(route), .next = next, .id = id};
    item->after = after;
    item->since_ms = now_ms;
    (void) zlistx_add_end(self->waiting, item);
}

bool
welcomes_take_due(welcomes_t *self, uint64_t ended, int64_t now_ms, welcome_t *welcome)
{
    assert(self && welcome);
    bool crowded = zlistx_size(self->waiting) > WELCOMES_LIMIT;
    for (waiting_t *item = zlistx_first(self->waiting); item;
         item = zlistx_next(self->waiting)) {
        if (!crowded && item->after > ended && now_ms - item->since_ms < WELCOMES_WAIT_MS)
            continue;
        *welcome = item->welcome;
        (void) zlistx_detach_cur(self->waiting);
        free(item);
        return true;
    }
    return false;
}

void
welcomes_clear(welcomes_t *self)
{
    zlistx_purge(self->waiting);
}
