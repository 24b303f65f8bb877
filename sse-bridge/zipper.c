// zipper - a deflate stream that can begin anew wherever it has been flushed
// SPDX-License-Identifier: MPL-2.0
#include "zipper.h"

#include <assert.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>

#define ZLIB_CONST    // what is put is only read
#include <zlib.h>

enum {
    LEVEL = 6,
    ROOM_BYTES = 4096,    // at least, for each call of zlib
    // What is kept of the memory of a long portion.
    KEPT_BYTES = 32 * 1024,
};

struct zipper {
    z_stream stream;
    unsigned char *out;    // owned
    size_t out_bytes;
    size_t size_bytes;
    bool ended;    // the portion there was given away
};

zipper_t *
zipper_new(void)
{
    zipper_t *self = calloc(1, sizeof *self);
    assert(self);
    int rc = deflateInit2(&self->stream, LEVEL, Z_DEFLATED, -ZIPPER_WINDOW_BITS,
                          ZIPPER_MEMORY_LEVEL, Z_DEFAULT_STRATEGY);
    assert(rc == Z_OK);
    return self;
}

void
zipper_destroy(zipper_t **self_p)
{
    assert(self_p);
    zipper_t *self = *self_p;
    if (self) {
        deflateEnd(&self->stream);
        free(self->out);
        free(self);
        *self_p = NULL;
    }
}

static void
forget_portion(zipper_t *self)
{
    self->out_bytes = 0;
    self->ended = false;
    if (self->size_bytes > KEPT_BYTES) {
        free(self->out);
        self->out = NULL;
        self->size_bytes = 0;
    }
}

void
zipper_begin_anew(zipper_t *self)
{
    forget_portion(self);
    int rc = deflateReset(&self->stream);
    assert(rc == Z_OK);
}

// Have zlib take all that it was given, and with Z_SYNC_FLUSH give all that it has.
static void
work(zipper_t *self, int flush)
{
    do {
        if (self->size_bytes - self->out_bytes < ROOM_BYTES) {
            self->size_bytes = 2 * self->size_bytes + ROOM_BYTES;
            self->out = realloc(self->out, self->size_bytes);
            assert(self->out);
        }
        size_t room = self->size_bytes - self->out_bytes;
        assert(room <= UINT_MAX);
        self->stream.next_out = self->out + self->out_bytes;
        self->stream.avail_out = (uInt) room;
        int rc = deflate(&self->stream, flush);
        assert(rc == Z_OK || rc == Z_BUF_ERROR);    // the latter: there was nothing left to do
        self->out_bytes = self->size_bytes - self->stream.avail_out;
    } while (self->stream.avail_out == 0);
}

void
zipper_put(zipper_t *self, const char *bytes, size_t count)
{
    assert(count <= UINT_MAX);
    if (self->ended)
        forget_portion(self);
    self->stream.next_in = (const Bytef *) bytes;
    self->stream.avail_in = (uInt) count;
    work(self, Z_NO_FLUSH);
    assert(self->stream.avail_in == 0);
}

const char *
zipper_flush(zipper_t *self, size_t *count)
{
    if (self->ended)
        forget_portion(self);
    self->stream.avail_in = 0;
    work(self, Z_SYNC_FLUSH);
    self->ended = true;
    *count = self->out_bytes;
    return (const char *) self->out;
}
