// forgotten - the sessions whose events are let go when they come
// SPDX-License-Identifier: MPL-2.0
#include "forgotten.h"

#include <assert.h>
#include <czmq.h>

struct forgotten {
    zhashx_t *places;      // session -> its handle in sessions; borrowed keys
    zlistx_t *sessions;    // char *, owned, in the order in which they were forgotten
    size_t limit;
};

static void
text_destroy(void **item_p)
{
    free(*item_p);
    *item_p = NULL;
}

forgotten_t *
forgotten_new(size_t limit)
{
    assert(limit > 0);
    forgotten_t *self = zmalloc(sizeof *self);
    self->limit = limit;
    self->places = zhashx_new();
    zhashx_set_key_duplicator(self->places, NULL);
    zhashx_set_key_destructor(self->places, NULL);
    self->sessions = zlistx_new();
    zlistx_set_destructor(self->sessions, text_destroy);
    return self;
}

void
forgotten_destroy(forgotten_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        zhashx_destroy(&(*self_p)->places);
        zlistx_destroy(&(*self_p)->sessions);
        free(*self_p);
        *self_p = NULL;
    }
}

void
forgotten_remove(forgotten_t *self, const char *session)
{
    void *place = zhashx_lookup(self->places, session);
    if (!place)
        return;
    zhashx_delete(self->places, session);
    zlistx_delete(self->sessions, place);
}

bool
forgotten_add(forgotten_t *self, const char *session)
{
    if (forgotten_has(self, session))
        return false;
    if (zhashx_size(self->places) >= self->limit)
        forgotten_remove(self, zlistx_first(self->sessions));
    char *text = strdup(session);
    void *place = zlistx_add_end(self->sessions, text);
    int rc = zhashx_insert(self->places, text, place);
    assert(rc == 0);
    return true;
}

bool
forgotten_has(const forgotten_t *self, const char *session)
{
    return zhashx_size(self->places) > 0 && zhashx_lookup(self->places, session) != NULL;
}

size_t
forgotten_size(const forgotten_t *self)
{
    return zhashx_size(self->places);
}

const char *
forgotten_first(forgotten_t *self)
{
    return zlistx_first(self->sessions);
}

const char *
forgotten_next(forgotten_t *self)
{
    return zlistx_next(self->sessions);
}
