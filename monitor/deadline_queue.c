// deadline_queue - what is due next, of many
// SPDX-License-Identifier: MPL-2.0
#include "deadline_queue.h"

#include <assert.h>
#include <czmq.h>

enum { FIRST_CAPACITY = 64 };

struct deadline_queue {
    deadline_t **places;    // owned; the deadlines in it are borrowed; [0] is unused
    size_t size;
    size_t capacity;
};

deadline_queue_t *
deadline_queue_new(void)
{
    deadline_queue_t *self = zmalloc(sizeof *self);
    self->capacity = FIRST_CAPACITY;
    self->places = zmalloc(self->capacity * sizeof *self->places);
    return self;
}

void
deadline_queue_destroy(deadline_queue_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        free((*self_p)->places);
        free(*self_p);
        *self_p = NULL;
    }
}

static void
put(deadline_queue_t *self, size_t place, deadline_t *deadline)
{
    self->places[place] = deadline;
    deadline->place = place;
}

static void
rise(deadline_queue_t *self, deadline_t *deadline)
{
    size_t place = deadline->place;
    while (place > 1 && deadline->due_ms < self->places[place / 2]->due_ms) {
        put(self, place, self->places[place / 2]);
        place /= 2;
    }
    put(self, place, deadline);
}

static void
sink(deadline_queue_t *self, deadline_t *deadline)
{
    size_t place = deadline->place;
    for (;;) {
        size_t child = 2 * place;
        if (child > self->size)
            break;
        if (child < self->size && self->places[child + 1]->due_ms < self->places[child]->due_ms)
            child++;
        if (deadline->due_ms <= self->places[child]->due_ms)
            break;
        put(self, place, self->places[child]);
        place = child;
    }
    put(self, place, deadline);
}

static void
grow(deadline_queue_t *self)
{
    size_t capacity = 2 * self->capacity;
    deadline_t **places = zmalloc(capacity * sizeof *places);
    memcpy(places, self->places, self->capacity * sizeof *places);
    free(self->places);
    self->places = places;
    self->capacity = capacity;
}

void
deadline_queue_set(deadline_queue_t *self, deadline_t *deadline, int64_t due_ms)
{
    deadline->due_ms = due_ms;
    if (deadline->place == 0) {
        if (self->size + 1 == self->capacity)
            grow(self);
        self->size++;
        put(self, self->size, deadline);
    }
    rise(self, deadline);
    sink(self, deadline);
}

void
deadline_queue_remove(deadline_queue_t *self, deadline_t *deadline)
{
    if (deadline->place == 0)
        return;
    assert(self->places[deadline->place] == deadline);
    deadline_t *last = self->places[self->size];
    self->size--;
    if (last != deadline) {
        put(self, deadline->place, last);
        rise(self, last);
        sink(self, last);
    }
    deadline->place = 0;
}

deadline_t *
deadline_queue_first(const deadline_queue_t *self)
{
    return self->size > 0 ? self->places[1] : NULL;
}
