// aider_chain - which model a person would fall back to, provider by provider
// SPDX-License-Identifier: MPL-2.0
#include "aider_chain.h"

#include <assert.h>
#include <czmq.h>
#include <stdbool.h>
#include <string.h>

struct aider_chain {
    char **entries;    // owned, as given; ends with NULL
};

aider_chain_t *
aider_chain_new(const char *const *models)
{
    aider_chain_t *self = zmalloc(sizeof *self);
    size_t count = 0;
    while (models && models[count])
        count++;
    self->entries = zmalloc((count + 1) * sizeof *self->entries);
    for (size_t i = 0; i < count; i++)
        self->entries[i] = strdup(models[i]);
    return self;
}

void
aider_chain_destroy(aider_chain_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        for (char **at = (*self_p)->entries; *at; at++)
            free(*at);
        free((*self_p)->entries);
        free(*self_p);
        *self_p = NULL;
    }
}

// The model of an entry of this provider's chain, of the common one for NULL; else NULL.
static const char *
model_of(const char *entry, const char *provider)
{
    const char *equals = strchr(entry, '=');
    if (!provider)
        return equals ? NULL : entry;
    size_t length = strlen(provider);
    bool own =
        equals && (size_t) (equals - entry) == length && !strncasecmp(entry, provider, length);
    return own ? equals + 1 : NULL;
}

static bool
has_chain(const aider_chain_t *self, const char *provider)
{
    for (char **at = self->entries; *at; at++) {
        if (model_of(*at, provider))
            return true;
    }
    return false;
}

const char *
aider_chain_next(const aider_chain_t *self, const char *model, const char *provider)
{
    assert(self && model);
    const char *whose = provider && has_chain(self, provider) ? provider : NULL;
    const char *first = NULL;
    bool found = false;
    for (char **at = self->entries; *at; at++) {
        const char *named = model_of(*at, whose);
        if (!named)
            continue;
        if (found)
            return named;
        first = first ? first : named;
        found = streq(named, model);
    }
    return found ? NULL : first;
}
