// forgotten - the sessions whose events are let go when they come
// SPDX-License-Identifier: MPL-2.0
#include "forgotten.h"

#include <assert.h>
#include <czmq.h>

typedef struct entry {
    bool noted;
    char session[];
} entry_t;

struct forgotten {
    zhashx_t *places;     // session -> its handle in entries; borrowed keys
    zlistx_t *entries;    // entry_t, owned, in the order in which they were forgotten
    size_t limit;
};

static void
entry_destroy(void **item_p)
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
    self->entries = zlistx_new();
    zlistx_set_destructor(self->entries, entry_destroy);
    return self;
}

void
forgotten_destroy(forgotten_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        zhashx_destroy(&(*self_p)->places);
        zlistx_destroy(&(*self_p)->entries);
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
    zlistx_delete(self->entries, place);
}

bool
forgotten_add(forgotten_t *self, const char *session)
{
    if (forgotten_has(self, session))
        return false;
    if (zhashx_size(self->places) >= self->limit)
        forgotten_remove(self, forgotten_first(self));
    size_t bytes = strlen(session) + 1;
    entry_t *entry = zmalloc(sizeof *entry + bytes);
    memcpy(entry->session, session, bytes);
    void *place = zlistx_add_end(self->entries, entry);
    int rc = zhashx_insert(self->places, entry->session, place);
    assert(rc == 0);
    return true;
}

bool
forgotten_has(const forgotten_t *self, const char *session)
{
    return zhashx_size(self->places) > 0 && zhashx_lookup(self->places, session) != NULL;
}

static entry_t *
find(const forgotten_t *self, const char *session)
{
    void *place = zhashx_lookup(self->places, session);
    return place ? zlistx_handle_item(place) : NULL;
}

void
forgotten_note(forgotten_t *self, const char *session, bool noted)
{
    entry_t *entry = find(self, session);
    if (entry)
        entry->noted = noted;
}

bool
forgotten_is_noted(const forgotten_t *self, const char *session)
{
    const entry_t *entry = find(self, session);
    return entry && entry->noted;
}

size_t
forgotten_size(const forgotten_t *self)
{
    return zhashx_size(self->places);
}

const char *
forgotten_first(forgotten_t *self)
{
    const entry_t *entry = zlistx_first(self->entries);
    return entry ? entry->session : NULL;
}

const char *
forgotten_next(forgotten_t *self)
{
    const entry_t *entry = zlistx_next(self->entries);
    return entry ? entry->session : NULL;
}
