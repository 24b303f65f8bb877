// stream - one client that follows events, and the lists that streams stand in
// SPDX-License-Identifier: MPL-2.0
#include "stream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void
list_remove(stream_list_t *list, stream_t *stream)
{
    if (stream->previous)
        stream->previous->next = stream->next;
    else
        list->first = stream->next;
    if (stream->next)
        stream->next->previous = stream->previous;
    else
        list->last = stream->previous;
}

void
stream_move(stream_t *self, stream_list_t *list)
{
    if (self->list)
        list_remove(self->list, self);
    self->list = list;
    self->next = NULL;
    self->previous = NULL;
    if (!list)
        return;
    self->previous = list->last;
    if (list->last)
        list->last->next = self;
    else
        list->first = self;
    list->last = self;
}

void
stream_add_own(stream_t *self, const char *bytes, size_t count)
{
    size_t left = stream_own_left(self);
    char *memory = malloc(left + count);
    assert(memory);
    if (left > 0)
        memcpy(memory, self->own + self->own_sent, left);
    memcpy(memory + left, bytes, count);
    free(self->own_memory);
    self->own_memory = memory;
    self->own = memory;
    self->own_bytes = left + count;
    self->own_sent = 0;
}

void
stream_set_own(stream_t *self, const char *text)
{
    assert(stream_own_left(self) == 0);
    stream_clear_own(self);
    self->own = text;
    self->own_bytes = strlen(text);
}

size_t
stream_own_left(const stream_t *self)
{
    return self->own_bytes - self->own_sent;
}

void
stream_own_written(stream_t *self, size_t count)
{
    assert(count <= stream_own_left(self));
    self->own_sent += count;
    if (stream_own_left(self) == 0)
        stream_clear_own(self);
}

void
stream_clear_own(stream_t *self)
{
    free(self->own_memory);
    self->own_memory = NULL;
    self->own = NULL;
    self->own_bytes = 0;
    self->own_sent = 0;
}
