// plain_lines - the lines a person would read of one relayed stream
// SPDX-License-Identifier: MPL-2.0
#include "plain_lines.h"

#include <assert.h>
#include <czmq.h>

#include "line_reader.h"
#include "terminal_text.h"

struct plain_lines {
    line_reader_t *reader;    // owned
    terminal_text_t *text;    // owned
    plain_lines_fn *handler;
    void *arg;    // borrowed
    uint64_t lost_bytes;
    uint64_t cut;
};

plain_lines_t *
plain_lines_new(size_t limit_bytes, plain_lines_fn *handler, void *arg)
{
    plain_lines_t *self = zmalloc(sizeof *self);
    self->reader = line_reader_new(limit_bytes);
    self->text = terminal_text_new();
    self->handler = handler;
    self->arg = arg;
    return self;
}

void
plain_lines_destroy(plain_lines_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        plain_lines_t *self = *self_p;
        line_reader_destroy(&self->reader);
        terminal_text_destroy(&self->text);
        free(self);
        *self_p = NULL;
    }
}

static void
hand_out(plain_lines_t *self)
{
    const char *line = NULL;
    size_t size = 0;
    line_reader_outcome_t outcome;
    while ((outcome = line_reader_next(self->reader, &line, &size)) != LINE_READER_NEED_MORE) {
        if (outcome == LINE_READER_TOO_LONG)
            self->cut++;
        self->handler(self->arg, terminal_text_plain(self->text, line, size, NULL));
    }
}

void
plain_lines_feed(plain_lines_t *self, const uint8_t *bytes, size_t size, uint64_t lost_bytes)
{
    if (lost_bytes) {
        self->lost_bytes += lost_bytes;
        plain_lines_finish(self);
    }
    line_reader_feed(self->reader, bytes, size);
    hand_out(self);
}

void
plain_lines_finish(plain_lines_t *self)
{
    size_t size = 0;
    (void) line_reader_partial(self->reader, &size);
    if (size) {
        line_reader_feed(self->reader, "\n", 1);
        hand_out(self);
    }
}

const char *
plain_lines_partial(plain_lines_t *self)
{
    size_t size = 0;
    const char *partial = line_reader_partial(self->reader, &size);
    return terminal_text_plain(self->text, partial, size, NULL);
}

uint64_t
plain_lines_lost_bytes(const plain_lines_t *self)
{
    return self->lost_bytes;
}

uint64_t
plain_lines_cut(const plain_lines_t *self)
{
    return self->cut;
}
