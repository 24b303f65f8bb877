// journal_forgotten - a session that is forgotten: what was removed of it, and how far that is
// SPDX-License-Identifier: MPL-2.0
#include "journal_forgotten.h"

#include <assert.h>
#include <string.h>

journal_forgotten_t
journal_forgotten_new(const char *session)
{
    journal_forgotten_t self = {.state = JOURNAL_FORGOTTEN_REMOVING, .types = json_object()};
    assert(strlen(session) < sizeof self.session);
    memcpy(self.session, session, strlen(session) + 1);
    return self;
}

void
journal_forgotten_clear(journal_forgotten_t *self)
{
    json_decref(self->types);
    self->types = NULL;
}

journal_forgotten_t
journal_forgotten_copy(const journal_forgotten_t *self)
{
    journal_forgotten_t copy = *self;
    // References are not counted across threads.
    copy.types = json_deep_copy(self->types);
    return copy;
}

void
journal_forgotten_count(journal_forgotten_t *self, const char *type, uint64_t offset)
{
    json_t *known = json_object_get(self->types, type);
    if (!known && json_object_size(self->types) >= JOURNAL_FORGOTTEN_TYPES) {
        type = "other";
        known = json_object_get(self->types, type);
    }
    json_object_set_new(self->types, type, json_integer(json_integer_value(known) + 1));
    self->removed++;
    if (self->first == 0 || offset < self->first)
        self->first = offset;
    if (offset > self->last)
        self->last = offset;
}

bool
journal_forgotten_matches(const char *session, const void *bytes, size_t size,
                          mesh_topic_t *topic)
{
    return mesh_topic_parse(topic, bytes, size) == 0 && strcmp(topic->session, session) == 0;
}
