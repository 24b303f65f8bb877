// guess_limit - how often an address may show a wrong token
// SPDX-License-Identifier: MPL-2.0
#include "guess_limit.h"

#include <assert.h>
#include <stdlib.h>

#include <czmq.h>

// Each failure pushes `clear` on by EVERY; at the limit it lies MOST * EVERY ahead.
typedef struct guesser {
    int64_t clear_ms;    // when nothing is held against it any more
    char *address;       // owned
    void *place;         // in the order of failures
} guesser_t;

struct guess_limit {
    zhashx_t *by_address;    // guesser_t, owned
    zlistx_t *order;         // the same; who failed longest ago is first
};

static void
guesser_destroy(void **item_p)
{
    guesser_t *guesser = *item_p;
    free(guesser->address);
    free(guesser);
    *item_p = NULL;
}

guess_limit_t *
guess_limit_new(void)
{
    guess_limit_t *self = calloc(1, sizeof *self);
    assert(self);
    self->by_address = zhashx_new();
    self->order = zlistx_new();
    zhashx_set_destructor(self->by_address, guesser_destroy);
    return self;
}

void
guess_limit_destroy(guess_limit_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        zlistx_destroy(&(*self_p)->order);
        zhashx_destroy(&(*self_p)->by_address);
        free(*self_p);
        *self_p = NULL;
    }
}

static void
forget(guess_limit_t *self, const guesser_t *guesser)
{
    zlistx_detach(self->order, guesser->place);
    zhashx_delete(self->by_address, guesser->address);
}

// Who has nothing held against him, and at the limit who failed longest ago.
static void
make_room(guess_limit_t *self, int64_t now_ms)
{
    const guesser_t *oldest;
    while ((oldest = zlistx_first(self->order)) &&
           (oldest->clear_ms <= now_ms || guess_limit_size(self) >= GUESS_LIMIT_ADDRESSES))
        forget(self, oldest);
}

int64_t
guess_limit_wait_ms(const guess_limit_t *self, const char *address, int64_t now_ms)
{
    const guesser_t *guesser = zhashx_lookup(self->by_address, address);
    int64_t most_ms = (int64_t) (GUESS_LIMIT_MOST - 1) * GUESS_LIMIT_EVERY_MS;
    int64_t wait_ms = guesser ? guesser->clear_ms - now_ms - most_ms : 0;
    return wait_ms > 0 ? wait_ms : 0;
}

void
guess_limit_failed(guess_limit_t *self, const char *address, int64_t now_ms)
{
    guesser_t *guesser = zhashx_lookup(self->by_address, address);
    if (guesser) {
        zlistx_move_end(self->order, guesser->place);
    } else {
        make_room(self, now_ms);
        guesser = calloc(1, sizeof *guesser);
        assert(guesser);
        guesser->address = strdup(address);
        guesser->place = zlistx_add_end(self->order, guesser);
        zhashx_insert(self->by_address, address, guesser);
    }
    int64_t from_ms = guesser->clear_ms > now_ms ? guesser->clear_ms : now_ms;
    guesser->clear_ms = from_ms + GUESS_LIMIT_EVERY_MS;
}

size_t
guess_limit_size(const guess_limit_t *self)
{
    return zhashx_size(self->by_address);
}
