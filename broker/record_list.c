// record_list - records held together, in their order: the events of one answer
// SPDX-License-Identifier: MPL-2.0
#include "record_list.h"

#include <assert.h>
#include <stdlib.h>

#include <czmq.h>

enum { FIRST_ROOM = 64 };

struct record_list {
    record_t **records;    // owned, count of them held
    size_t count, room;
};

record_list_t *
record_list_new(void)
{
    record_list_t *self = zmalloc(sizeof *self);
    self->room = FIRST_ROOM;
    self->records = zmalloc(self->room * sizeof(record_t *));
    return self;
}

void
record_list_destroy(record_list_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        record_list_cut(*self_p, 0);
        free((*self_p)->records);
        free(*self_p);
        *self_p = NULL;
    }
}

void
record_list_add(record_list_t *self, record_t *record)
{
    assert(self && record);
    if (self->count == self->room) {
        self->room *= 2;
        self->records = realloc(self->records, self->room * sizeof(record_t *));
        assert(self->records);
    }
    self->records[self->count++] = record_hold(record);
}

void
record_list_cut(record_list_t *self, size_t count)
{
    assert(count <= self->count);
    while (self->count > count)
        record_release(&self->records[--self->count]);
}

size_t
record_list_count(const record_list_t *self)
{
    return self->count;
}

const record_t *
record_list_at(const record_list_t *self, size_t index)
{
    assert(index < self->count);
    return self->records[index];
}
