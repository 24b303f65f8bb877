// line_reader - bytes in, lines out, up to a limit
// SPDX-License-Identifier: MPL-2.0
#include "line_reader.h"

#include <assert.h>
#include <czmq.h>
#include <string.h>

struct line_reader {
    size_t limit_bytes;
    char *buffer;    // owned; the bytes from start on are not yet handed out
    size_t capacity;
    size_t start;      // where the next line begins
    size_t scanned;    // no LF between start and here
    size_t end;        // behind the last byte fed
    bool skipping;     // the rest of a line past the limit, up to its LF
    char saved;        // the byte behind the line handed out, which a NUL stands for
    char *saved_at;    // where to put it back, or NULL
};

line_reader_t *
line_reader_new(size_t limit_bytes)
{
    assert(limit_bytes > 0);
    line_reader_t *self = zmalloc(sizeof *self);
    self->limit_bytes = limit_bytes;
    self->capacity = 4096;
    self->buffer = zmalloc(self->capacity + 1);
    return self;
}

void
line_reader_destroy(line_reader_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        free((*self_p)->buffer);
        free(*self_p);
        *self_p = NULL;
    }
}

static void
restore(line_reader_t *self)
{
    if (self->saved_at)
        *self->saved_at = self->saved;
    self->saved_at = NULL;
}

void
line_reader_feed(line_reader_t *self, const void *bytes, size_t size)
{
    assert(self);
    assert(bytes || size == 0);
    restore(self);
    if (size == 0)
        return;
    if (self->start > 0) {
        memmove(self->buffer, self->buffer + self->start, self->end - self->start);
        self->end -= self->start;
        self->scanned -= self->start;
        self->start = 0;
    }
    if (size > self->capacity - self->end) {
        size_t wanted = self->end + size;
        while (self->capacity < wanted)
            self->capacity *= 2;
        char *grown = realloc(self->buffer, self->capacity + 1);
        assert(grown);    // as zmalloc does
        self->buffer = grown;
    }
    memcpy(self->buffer + self->end, bytes, size);
    self->end += size;
    self->buffer[self->end] = '\0';
}

static line_reader_outcome_t
hand_out(line_reader_t *self, size_t from, size_t to, const char **line, size_t *size,
         line_reader_outcome_t outcome)
{
    self->saved_at = self->buffer + to;
    self->saved = *self->saved_at;
    *self->saved_at = '\0';
    *line = self->buffer + from;
    *size = to - from;
    return outcome;
}

// No LF in sight: wait for it, or, past the limit, hand out what was kept and skip the rest.
static line_reader_outcome_t
unfinished(line_reader_t *self, const char **line, size_t *size)
{
    *line = "";
    *size = 0;
    if (self->skipping) {
        self->start = self->scanned = self->end;
        return LINE_READER_NEED_MORE;
    }
    self->scanned = self->end;
    if (self->end - self->start <= self->limit_bytes)
        return LINE_READER_NEED_MORE;
    size_t from = self->start;
    self->skipping = true;
    self->start = self->scanned = self->end;
    return hand_out(self, from, from + self->limit_bytes, line, size, LINE_READER_TOO_LONG);
}

line_reader_outcome_t
line_reader_next(line_reader_t *self, const char **line, size_t *size)
{
    assert(self && line && size);
    restore(self);
    for (;;) {
        char *at = memchr(self->buffer + self->scanned, '\n', self->end - self->scanned);
        if (!at)
            return unfinished(self, line, size);
        size_t from = self->start;
        size_t to = (size_t) (at - self->buffer);
        self->start = self->scanned = to + 1;
        if (self->skipping) {
            self->skipping = false;
            continue;
        }
        if (to - from > self->limit_bytes)
            return hand_out(self, from, from + self->limit_bytes, line, size,
                            LINE_READER_TOO_LONG);
        if (to > from && self->buffer[to - 1] == '\r')
            to--;
        return hand_out(self, from, to, line, size, LINE_READER_LINE);
    }
}

const char *
line_reader_partial(const line_reader_t *self, size_t *size)
{
    assert(self && size);
    if (self->skipping || self->saved_at) {
        *size = 0;
        return "";
    }
    *size = self->end - self->start;
    return self->buffer + self->start;
}
