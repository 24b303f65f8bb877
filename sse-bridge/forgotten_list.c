// forgotten_list - the sessions that were forgotten, and how many of their events are missing
// SPDX-License-Identifier: MPL-2.0
#include "forgotten_list.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <czmq.h>

typedef struct forgotten {
    char session[MESH_SESSION_SIZE];
    uint64_t removed;
    uint64_t last;
    int64_t recorded_us;
    json_t *types;    // owned
} forgotten_t;

struct forgotten_list {
    zlistx_t *entries;        // forgotten_t, owned, the first told first
    type_removal_t others;    // of those that had to make room
};

static void
forgotten_destroy(void **item_p)
{
    forgotten_t *entry = *item_p;
    if (entry) {
        json_decref(entry->types);
        free(entry);
        *item_p = NULL;
    }
}

forgotten_list_t *
forgotten_list_new(void)
{
    forgotten_list_t *self = calloc(1, sizeof *self);
    assert(self);
    self->entries = zlistx_new();
    zlistx_set_destructor(self->entries, forgotten_destroy);
    return self;
}

void
forgotten_list_destroy(forgotten_list_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        zlistx_destroy(&(*self_p)->entries);
        free(*self_p);
        *self_p = NULL;
    }
}

void
forgotten_list_clear(forgotten_list_t *self)
{
    zlistx_purge(self->entries);
    self->others = (type_removal_t){0};
}

static forgotten_t *
find(forgotten_list_t *self, const char *session)
{
    forgotten_t *entry = zlistx_first(self->entries);
    while (entry && strcmp(entry->session, session) != 0)
        entry = zlistx_next(self->entries);
    return entry;
}

void
forgotten_list_add(forgotten_list_t *self, const char *session, uint64_t removed, uint64_t last,
                   const json_t *types, int64_t recorded_us)
{
    assert(self && session && strlen(session) < MESH_SESSION_SIZE);
    forgotten_t *entry = find(self, session);
    if (removed == 0 || (entry && entry->removed >= removed))
        return;
    if (!entry) {
        if (zlistx_size(self->entries) == FORGOTTEN_LIST_LIMIT) {
            const forgotten_t *oldest = zlistx_first(self->entries);
            type_removal_add(&self->others, oldest->removed, oldest->last, oldest->recorded_us);
            (void) zlistx_delete(self->entries, zlistx_cursor(self->entries));
        }
        entry = calloc(1, sizeof *entry);
        assert(entry);
        memcpy(entry->session, session, strlen(session) + 1);
        (void) zlistx_add_end(self->entries, entry);
    }
    entry->removed = removed;
    entry->last = last;
    entry->recorded_us = recorded_us;
    json_decref(entry->types);
    entry->types = json_deep_copy(types);
}

// How many of the entry's events might have been shown. What its types do not account for is of
// any type.
static uint64_t
count_matching(forgotten_t *entry, forgotten_list_match_fn *may_match, const void *arg)
{
    uint64_t matching = 0, known = 0;
    const char *type;
    json_t *value;
    json_object_foreach(entry->types, type, value)
    {
        uint64_t count =
            json_integer_value(value) > 0 ? (uint64_t) json_integer_value(value) : 0;
        bool other = strcmp(type, "other") == 0;
        known += count;
        if (may_match(arg, entry->session, other ? "" : type))
            matching += count;
    }
    if (known < entry->removed && may_match(arg, entry->session, ""))
        matching += entry->removed - known;
    return matching;
}

type_removal_t
forgotten_list_missing(const forgotten_list_t *self, uint64_t after,
                       forgotten_list_match_fn *may_match, const void *arg)
{
    type_removal_t sum = {0};
    if (self->others.count > 0 && self->others.offset > after)
        sum = self->others;
    for (forgotten_t *entry = zlistx_first(self->entries); entry;
         entry = zlistx_next(self->entries)) {
        uint64_t count = entry->last > after ? count_matching(entry, may_match, arg) : 0;
        if (count > 0)
            type_removal_add(&sum, count, entry->last, entry->recorded_us);
    }
    return sum;
}

size_t
forgotten_list_size(const forgotten_list_t *self)
{
    return zlistx_size(self->entries);
}
