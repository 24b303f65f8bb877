// subscriptions - how many prefixes each connection subscribes to
// SPDX-License-Identifier: MPL-2.0
#include "subscriptions.h"

#include <assert.h>
#include <stdbool.h>

#include <sodium.h>

typedef struct entry {
    zframe_t *first;           // owned
    const void *connection;    // nobody else's as long as first is here
    uint64_t socket;           // behind the descriptor, then
    bool past;
    size_t count;
    uint64_t prefixes[];    // what each is hashed to
} entry_t;

struct subscriptions {
    entry_t **entries;    // by descriptor, NULL where none was heard of; owned
    size_t room;
    size_t limit;
    uint8_t key[crypto_shorthash_KEYBYTES];    // so that nobody finds prefixes that collide
};

subscriptions_t *
subscriptions_new(size_t limit)
{
    assert(limit > 0);
    subscriptions_t *self = zmalloc(sizeof *self);
    self->limit = limit;
    crypto_shorthash_keygen(self->key);
    return self;
}

void
subscriptions_clear(subscriptions_t *self)
{
    for (size_t i = 0; i < self->room; i++) {
        if (self->entries[i])
            zframe_destroy(&self->entries[i]->first);
        free(self->entries[i]);
    }
    free(self->entries);
    self->entries = NULL;
    self->room = 0;
}

void
subscriptions_destroy(subscriptions_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        subscriptions_clear(*self_p);
        free(*self_p);
        *self_p = NULL;
    }
}

static void
make_room(subscriptions_t *self, size_t descriptor)
{
    size_t room = self->room ? self->room : 64;
    while (room <= descriptor)
        room *= 2;
    entry_t **entries = realloc(self->entries, room * sizeof(entry_t *));
    if (!entries)
        abort();
    memset(entries + self->room, 0, (room - self->room) * sizeof(entry_t *));
    self->entries = entries;
    self->room = room;
}

static entry_t *
entry_at(subscriptions_t *self, size_t descriptor)
{
    if (descriptor >= self->room)
        make_room(self, descriptor);
    entry_t *entry = self->entries[descriptor];
    if (!entry)
        entry = self->entries[descriptor] =
            zmalloc(sizeof *entry + self->limit * sizeof entry->prefixes[0]);
    return entry;
}

static uint64_t
hash(const subscriptions_t *self, const uint8_t *prefix, size_t bytes)
{
    uint64_t value;
    _Static_assert(sizeof value == crypto_shorthash_BYTES, "a hash is of 64 bits");
    (void) crypto_shorthash((unsigned char *) &value, prefix, bytes, self->key);
    return value;
}

// Returns false where there is no room for the prefix.
static bool
change(entry_t *entry, size_t limit, bool wanted, uint64_t prefix)
{
    size_t at = 0;
    while (at < entry->count && entry->prefixes[at] != prefix)
        at++;
    bool known = at < entry->count;
    if (wanted && !known) {
        if (entry->count == limit)
            return false;
        entry->prefixes[entry->count++] = prefix;
    } else if (!wanted && known) {
        entry->prefixes[at] = entry->prefixes[--entry->count];
    }
    return true;
}

subscriptions_outcome_t
subscriptions_heard(subscriptions_t *self, int descriptor, const void *connection,
                    uint64_t socket, zframe_t **frame_p)
{
    assert(self && descriptor >= 0 && connection && frame_p && *frame_p);
    const uint8_t *message = zframe_data(*frame_p);
    size_t bytes = zframe_size(*frame_p);
    if (bytes == 0 || message[0] > 1)
        return SUBSCRIPTIONS_WITHIN;
    entry_t *entry = entry_at(self, (size_t) descriptor);
    if (entry->connection == connection && entry->past)
        return SUBSCRIPTIONS_REFUSED;
    bool wanted = message[0] == 1;
    uint64_t prefix = hash(self, message + 1, bytes - 1);
    if (entry->connection != connection) {
        zframe_destroy(&entry->first);
        entry->first = *frame_p;
        *frame_p = NULL;
        entry->connection = connection;
        entry->socket = socket;
        entry->past = false;
        entry->count = 0;
    }
    if (change(entry, self->limit, wanted, prefix))
        return SUBSCRIPTIONS_WITHIN;
    entry->past = true;
    return socket == entry->socket ? SUBSCRIPTIONS_PAST_IT : SUBSCRIPTIONS_REFUSED;
}
