// owners - which key each source is of
// SPDX-License-Identifier: MPL-2.0
#include "owners.h"

#include <assert.h>

#include <czmq.h>

#include "mesh/key_file.h"

typedef struct owned {
    mesh_uuid_t source;
    char user[MESH_KEY_NAME_LIMIT + 1];
    bool lent;    // the next key to speak for it has it
} owned_t;

struct owners {
    zhashx_t *young, *old;    // uuid -> owned_t; owned, with their items
    size_t limit;
};

static void
owned_destroy(void **item_p)
{
    free(*item_p);
    *item_p = NULL;
}

static zhashx_t *
new_table(void)
{
    zhashx_t *table = zhashx_new();
    zhashx_set_key_hasher(table, mesh_uuid_hash);
    zhashx_set_key_comparator(table, mesh_uuid_compare);
    zhashx_set_key_duplicator(table, NULL);
    zhashx_set_key_destructor(table, NULL);
    zhashx_set_destructor(table, owned_destroy);
    return table;
}

owners_t *
owners_new(size_t limit)
{
    assert(limit > 0);
    owners_t *self = zmalloc(sizeof *self);
    self->limit = limit;
    self->young = new_table();
    self->old = new_table();
    return self;
}

void
owners_destroy(owners_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        zhashx_destroy(&(*self_p)->young);
        zhashx_destroy(&(*self_p)->old);
        free(*self_p);
        *self_p = NULL;
    }
}

// Remember among the young; when those are full they become the old ones, and what was old and
// not spoken for since is forgotten.
static void
remember(owners_t *self, const mesh_uuid_t *source, const char *user, bool lent)
{
    if (zhashx_size(self->young) == self->limit) {
        zhashx_destroy(&self->old);
        self->old = self->young;
        self->young = new_table();
    }
    owned_t *owned = zmalloc(sizeof *owned);
    owned->source = *source;
    owned->lent = lent;
    snprintf(owned->user, sizeof owned->user, "%s", user);
    int rc = zhashx_insert(self->young, &owned->source, owned);
    assert(rc == 0);
}

bool
owners_admit(owners_t *self, const mesh_uuid_t *source, const char *user)
{
    assert(self && source && user && strlen(user) <= MESH_KEY_NAME_LIMIT);
    owned_t *young = zhashx_lookup(self->young, source);
    owned_t *owned = young ? young : zhashx_lookup(self->old, source);
    if (owned && !streq(owned->user, user)) {
        if (!owned->lent)
            return false;
        snprintf(owned->user, sizeof owned->user, "%s", user);
        owned->lent = false;
    }
    if (!young)
        remember(self, source, user, owned && owned->lent);
    return true;
}

void
owners_lend(owners_t *self, const mesh_uuid_t *source, const char *user)
{
    assert(self && source && user && strlen(user) <= MESH_KEY_NAME_LIMIT);
    if (!zhashx_lookup(self->young, source) && !zhashx_lookup(self->old, source))
        remember(self, source, user, true);
}
