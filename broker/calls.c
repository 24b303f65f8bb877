// calls - calls of services that wait for their answer
// SPDX-License-Identifier: MPL-2.0
#include "calls.h"

#include <assert.h>

struct calls {
    zlistx_t *open;    // call_t, oldest first; owned, with its items
    size_t limit;
    uint64_t last_number;
};

static void
destroy_item(void **item_p)
{
    call_t *call = *item_p;
    call_destroy(&call);
    *item_p = NULL;
}

calls_t *
calls_new(size_t limit)
{
    calls_t *self = zmalloc(sizeof *self);
    self->limit = limit;
    self->open = zlistx_new();
    zlistx_set_destructor(self->open, destroy_item);
    return self;
}

void
calls_destroy(calls_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        zlistx_destroy(&(*self_p)->open);
        free(*self_p);
        *self_p = NULL;
    }
}

uint64_t
calls_add(calls_t *self, uint64_t id, zframe_t *caller, int connection, const void *server,
          int64_t deadline_ms)
{
    if (zlistx_size(self->open) >= self->limit)
        return 0;
    call_t *call = zmalloc(sizeof *call);
    *call = (call_t){.number = ++self->last_number,
                     .id = id,
                     .caller = zframe_dup(caller),
                     .server = server,
                     .connection = connection,
                     .deadline_ms = deadline_ms};
    zlistx_add_end(self->open, call);
    return call->number;
}

static call_t *
take_current(calls_t *self)
{
    return zlistx_detach(self->open, zlistx_cursor(self->open));
}

call_t *
calls_take(calls_t *self, uint64_t number, const void *server)
{
    for (call_t *call = zlistx_first(self->open); call; call = zlistx_next(self->open))
        if (call->number == number && call->server == server)
            return take_current(self);
    return NULL;
}

call_t *
calls_take_expired(calls_t *self, int64_t now_ms)
{
    for (call_t *call = zlistx_first(self->open); call; call = zlistx_next(self->open))
        if (call->deadline_ms <= now_ms)
            return take_current(self);
    return NULL;
}

call_t *
calls_take_of(calls_t *self, const void *server)
{
    for (call_t *call = zlistx_first(self->open); call; call = zlistx_next(self->open))
        if (call->server == server)
            return take_current(self);
    return NULL;
}

void
call_destroy(call_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        zframe_destroy(&(*self_p)->caller);
        free(*self_p);
        *self_p = NULL;
    }
}
