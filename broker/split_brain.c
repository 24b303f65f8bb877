// split_brain - which other brokers of this mesh are there, and which of us stays
// SPDX-License-Identifier: MPL-2.0
#include "split_brain.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct split_brain {
    struct {
        mesh_uuid_t id;
        int64_t heard_ms;
    } others[SPLIT_BRAIN_LIMIT];
    size_t count;
};

split_brain_t *
split_brain_new(void)
{
    split_brain_t *self = calloc(1, sizeof *self);
    if (!self)
        abort();
    return self;
}

void
split_brain_destroy(split_brain_t **self_p)
{
    assert(self_p);
    free(*self_p);
    *self_p = NULL;
}

bool
split_brain_heard(split_brain_t *self, const mesh_uuid_t *other, int64_t now_ms)
{
    assert(self && other);
    for (size_t i = 0; i < self->count; i++) {
        if (mesh_uuid_equal(&self->others[i].id, other)) {
            self->others[i].heard_ms = now_ms;
            return false;
        }
    }
    if (self->count == SPLIT_BRAIN_LIMIT)
        return false;
    self->others[self->count].id = *other;
    self->others[self->count++].heard_ms = now_ms;
    return true;
}

bool
split_brain_gone(split_brain_t *self, mesh_uuid_t *other, int64_t now_ms)
{
    assert(self && other);
    for (size_t i = 0; i < self->count; i++) {
        if (now_ms - self->others[i].heard_ms < SPLIT_BRAIN_SILENT_MS)
            continue;
        *other = self->others[i].id;
        self->others[i] = self->others[--self->count];
        return true;
    }
    return false;
}

bool
split_brain_yields(const mesh_uuid_t *own, const mesh_uuid_t *other)
{
    return memcmp(other->bytes, own->bytes, sizeof own->bytes) < 0;
}
