// topics - what topic frames say, remembered for those that come again
// SPDX-License-Identifier: MPL-2.0
#include "topics.h"

#include <assert.h>
#include <czmq.h>

#include "checksum.h"

enum {
    SETS = 512,          // a power of two
    WAYS = 2,            // of topics with the same hash, those read last
    TEXT_BYTES = 120,    // longer ones are read each time
};

typedef struct known {
    size_t bytes;    // of text; 0 for nothing
    char text[TEXT_BYTES];
    topics_entry_t entry;
} known_t;

struct topics {
    known_t *sets[SETS];     // owned, WAYS of each; NULL before the first
    topics_entry_t other;    // what was read last and is not remembered
};

topics_t *
topics_new(void)
{
    return zmalloc(sizeof(topics_t));
}

void
topics_destroy(topics_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        for (size_t i = 0; i < SETS; i++)
            free((*self_p)->sets[i]);
        free(*self_p);
        *self_p = NULL;
    }
}

// Types that are no events of the order: a publisher who sent them would speak for the broker
// or an sse-bridge.
static bool
is_reserved(const char *type)
{
    return streq(type, "mesh.head") || strncmp(type, "stream.", strlen("stream.")) == 0;
}

static const topics_entry_t *
parse(topics_entry_t *entry, const void *text, size_t bytes)
{
    if (mesh_topic_parse(&entry->parts, text, bytes) != 0)
        return NULL;
    entry->family = mesh_family_of(entry->parts.type);
    entry->reserved = is_reserved(entry->parts.type);
    return entry;
}

const topics_entry_t *
topics_read(topics_t *self, const void *text, size_t bytes)
{
    if (bytes == 0 || bytes > TEXT_BYTES)
        return parse(&self->other, text, bytes);
    known_t **set = &self->sets[checksum_add(0, text, bytes) & (SETS - 1)];
    if (!*set)
        *set = zmalloc(WAYS * sizeof **set);
    known_t *last = *set;
    for (int i = 0; i < WAYS; i++, last++)
        if (last->bytes == bytes && memcmp(last->text, text, bytes) == 0)
            return &last->entry;
    // The first makes room for the one before it: what comes often is found again at once.
    if (!parse(&self->other, text, bytes))
        return NULL;
    memmove(*set + 1, *set, (WAYS - 1) * sizeof **set);
    (*set)->bytes = bytes;
    memcpy((*set)->text, text, bytes);
    (*set)->entry = self->other;
    return &(*set)->entry;
}
