// sse_unzip - what a gzip stream holds, part by part, as it comes
// SPDX-License-Identifier: MPL-2.0
#include "sse_unzip.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

#define ZLIB_CONST    // what is fed is only read
#include <zlib.h>

enum {
    PART_BYTES = 64 * 1024,
    GZIP_ONLY = 16,    // zlib's way to say that there must be a gzip header
};

struct sse_unzip {
    z_stream stream;
};

sse_unzip_t *
sse_unzip_new(void)
{
    sse_unzip_t *self = calloc(1, sizeof *self);
    assert(self);
    int rc = inflateInit2(&self->stream, MAX_WBITS + GZIP_ONLY);
    assert(rc == Z_OK);
    return self;
}

void
sse_unzip_destroy(sse_unzip_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        inflateEnd(&(*self_p)->stream);
        free(*self_p);
        *self_p = NULL;
    }
}

void
sse_unzip_begin_anew(sse_unzip_t *self)
{
    int rc = inflateReset(&self->stream);
    assert(rc == Z_OK);
}

int
sse_unzip_feed(sse_unzip_t *self, const char *bytes, size_t count, sse_unzip_fn *fn, void *arg)
{
    assert(count <= UINT_MAX);
    char part[PART_BYTES];
    self->stream.next_in = (const unsigned char *) bytes;
    self->stream.avail_in = (unsigned) count;
    bool more;
    do {
        self->stream.next_out = (unsigned char *) part;
        self->stream.avail_out = sizeof part;
        int rc = inflate(&self->stream, Z_SYNC_FLUSH);
        if (rc != Z_OK && rc != Z_BUF_ERROR)
            return -1;
        size_t unpacked = sizeof part - self->stream.avail_out;
        more = self->stream.avail_out == 0;
        if (unpacked > 0 && !fn(arg, part, unpacked))
            return 0;
    } while (more);
    return 0;
}
