// group_index - which groups of streams an event may concern, found by its session
// SPDX-License-Identifier: MPL-2.0
#include "group_index.h"

#include <assert.h>
#include <stdlib.h>

#include <czmq.h>

struct group_index {
    zhashx_t *sessions;    // the first stream_group_t of each, borrowed
    stream_group_t *any;
};

group_index_t *
group_index_new(void)
{
    group_index_t *self = calloc(1, sizeof *self);
    assert(self);
    self->sessions = zhashx_new();
    return self;
}

void
group_index_destroy(group_index_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        zhashx_destroy(&(*self_p)->sessions);
        free(*self_p);
        *self_p = NULL;
    }
}

void
group_index_add(group_index_t *self, stream_group_t *group)
{
    const char *session = filter_only_session(group->filter);
    if (session) {
        group->next_indexed = zhashx_lookup(self->sessions, session);
        zhashx_update(self->sessions, session, group);
    } else {
        group->next_indexed = self->any;
        self->any = group;
    }
}

// Out of a chain; returns the chain's new beginning.
static stream_group_t *
without(stream_group_t *first, stream_group_t *group)
{
    stream_group_t **at = &first;
    while (*at != group) {
        assert(*at);
        at = &(*at)->next_indexed;
    }
    *at = group->next_indexed;
    group->next_indexed = NULL;
    return first;
}

void
group_index_remove(group_index_t *self, stream_group_t *group)
{
    const char *session = filter_only_session(group->filter);
    if (!session) {
        self->any = without(self->any, group);
        return;
    }
    stream_group_t *first = without(zhashx_lookup(self->sessions, session), group);
    if (first)
        zhashx_update(self->sessions, session, first);
    else
        zhashx_delete(self->sessions, session);
}

stream_group_t *
group_index_of_session(const group_index_t *self, const char *session)
{
    return zhashx_lookup(self->sessions, session);
}

stream_group_t *
group_index_of_any(const group_index_t *self)
{
    return self->any;
}
