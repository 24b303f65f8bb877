// replays - pages of the past that were given and are not known to be read
// SPDX-License-Identifier: MPL-2.0
#include "replays.h"

#include <assert.h>

#include "mesh/uuid.h"

typedef struct given {
    zframe_t *route;    // owned
    uint64_t receipt;
    int connection;    // -1 where it is not known
    int64_t given_ms;
} given_t;

struct replays {
    zlistx_t *unread;    // given_t, oldest first; owned, with its items
    size_t limit;
};

static void
given_destroy(void **item_p)
{
    given_t *given = *item_p;
    zframe_destroy(&given->route);
    free(given);
    *item_p = NULL;
}

replays_t *
replays_new(size_t limit)
{
    assert(limit > 0);
    replays_t *self = zmalloc(sizeof *self);
    self->limit = limit;
    self->unread = zlistx_new();
    zlistx_set_destructor(self->unread, given_destroy);
    return self;
}

void
replays_destroy(replays_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        zlistx_destroy(&(*self_p)->unread);
        free(*self_p);
        *self_p = NULL;
    }
}

// The list's cursor stands on what is returned.
static given_t *
find(replays_t *self, zframe_t *route)
{
    given_t *given = zlistx_first(self->unread);
    while (given && !zframe_eq(given->route, route))
        given = zlistx_next(self->unread);
    return given;
}

replays_outcome_t
replays_ask(replays_t *self, zframe_t *route)
{
    assert(self && route);
    if (find(self, route))
        return REPLAYS_UNREAD;
    return zlistx_size(self->unread) >= self->limit ? REPLAYS_FULL : REPLAYS_FREE;
}

// 48 bits, which every JSON library keeps as they are.
static uint64_t
new_receipt(void)
{
    uint64_t receipt = 0;
    while (receipt == 0) {
        mesh_uuid_t uuid = mesh_uuid_new();
        for (size_t i = sizeof uuid.bytes - 6; i < sizeof uuid.bytes; i++)
            receipt = receipt << 8 | uuid.bytes[i];
    }
    return receipt;
}

uint64_t
replays_give(replays_t *self, zframe_t *route, int connection, int64_t now_ms)
{
    assert(replays_ask(self, route) == REPLAYS_FREE);
    given_t *given = zmalloc(sizeof *given);
    given->route = zframe_dup(route);
    given->receipt = new_receipt();
    given->connection = connection;
    given->given_ms = now_ms;
    zlistx_add_end(self->unread, given);
    return given->receipt;
}

bool
replays_read(replays_t *self, zframe_t *route, uint64_t receipt)
{
    const given_t *given = find(self, route);
    if (!given || given->receipt != receipt)
        return false;
    zlistx_delete(self->unread, zlistx_cursor(self->unread));
    return true;
}

void
replays_forget(replays_t *self, replays_is_gone_fn *is_gone, void *arg)
{
    const given_t *given = zlistx_first(self->unread);
    while (given) {
        void *handle = zlistx_cursor(self->unread);
        bool gone = is_gone(arg, given->route, given->connection, given->given_ms);
        given = zlistx_next(self->unread);
        if (gone)
            zlistx_delete(self->unread, handle);
    }
}

void
replays_clear(replays_t *self)
{
    zlistx_purge(self->unread);
}

size_t
replays_unread(const replays_t *self)
{
    return zlistx_size(self->unread);
}
