// receipts - what programs were given and are not known to have read
// SPDX-License-Identifier: MPL-2.0
#include "receipts.h"

#include <assert.h>

#include "mesh/uuid.h"

typedef struct given {
    zframe_t *route;    // owned
    uint64_t receipt;
    size_t size;
    int connection;    // -1 where it is not known
    int64_t given_ms;
} given_t;

struct receipts {
    zlistx_t *unread;    // given_t, oldest first; owned, with its items
    size_t unread_size, limit, limit_of_one;
};

static void
given_destroy(void **item_p)
{
    given_t *given = *item_p;
    zframe_destroy(&given->route);
    free(given);
    *item_p = NULL;
}

receipts_t *
receipts_new(size_t limit, size_t limit_of_one)
{
    assert(limit_of_one > 0 && limit_of_one <= limit);
    receipts_t *self = zmalloc(sizeof *self);
    self->limit = limit;
    self->limit_of_one = limit_of_one;
    self->unread = zlistx_new();
    zlistx_set_destructor(self->unread, given_destroy);
    return self;
}

void
receipts_destroy(receipts_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        zlistx_destroy(&(*self_p)->unread);
        free(*self_p);
        *self_p = NULL;
    }
}

receipts_outcome_t
receipts_ask(receipts_t *self, zframe_t *route, size_t size)
{
    assert(self && route);
    size_t unread_of_one = 0;
    for (const given_t *given = zlistx_first(self->unread); given;
         given = zlistx_next(self->unread))
        if (zframe_eq(given->route, route))
            unread_of_one += given->size;
    if (size > self->limit_of_one - unread_of_one)
        return RECEIPTS_UNREAD;
    return size > self->limit - self->unread_size ? RECEIPTS_FULL : RECEIPTS_FREE;
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
receipts_give(receipts_t *self, zframe_t *route, int connection, size_t size, int64_t now_ms)
{
    assert(receipts_ask(self, route, size) == RECEIPTS_FREE);
    given_t *given = zmalloc(sizeof *given);
    given->route = zframe_dup(route);
    given->receipt = new_receipt();
    given->size = size;
    given->connection = connection;
    given->given_ms = now_ms;
    zlistx_add_end(self->unread, given);
    self->unread_size += size;
    return given->receipt;
}

// What a handle of the list leads to is unread no more.
static void
let_go(receipts_t *self, void *handle)
{
    const given_t *given = zlistx_handle_item(handle);
    self->unread_size -= given->size;
    zlistx_delete(self->unread, handle);
}

bool
receipts_read(receipts_t *self, zframe_t *route, uint64_t receipt)
{
    for (const given_t *given = zlistx_first(self->unread); given;
         given = zlistx_next(self->unread)) {
        if (given->receipt != receipt || !zframe_eq(given->route, route))
            continue;
        let_go(self, zlistx_cursor(self->unread));
        return true;
    }
    return false;
}

void
receipts_forget(receipts_t *self, receipts_is_gone_fn *is_gone, void *arg)
{
    const given_t *given = zlistx_first(self->unread);
    while (given) {
        void *handle = zlistx_cursor(self->unread);
        bool gone = is_gone(arg, given->route, given->connection, given->given_ms);
        given = zlistx_next(self->unread);
        if (gone)
            let_go(self, handle);
    }
}

void
receipts_clear(receipts_t *self)
{
    zlistx_purge(self->unread);
    self->unread_size = 0;
}

size_t
receipts_unread(const receipts_t *self)
{
    return self->unread_size;
}
