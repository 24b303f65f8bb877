// zipper - a deflate stream that can begin anew wherever it has been flushed
// SPDX-License-Identifier: MPL-2.0
//
// What it makes is raw (RFC 1951) and ends at a whole byte with each flush. So portions can be
// put one after the other, those of another zipper too, as long as whoever reads one that did
// not begin anew has all since that beginning, and nothing in between. ZIPPER_HEADER before
// them makes it gzip (RFC 1952). It is never finished: the connection's end is the end, and no
// check sum follows.
#ifndef SSE_ZIPPER_H
#define SSE_ZIPPER_H

#include <stddef.h>

typedef struct zipper zipper_t;

// gzip, deflate, no name, no time, made on Unix.
#define ZIPPER_HEADER "\x1f\x8b\x08\0\0\0\0\0\0\x03"

enum {
    ZIPPER_HEADER_BYTES = 10,
    // 8 KiB of what was look for repetitions in, and tables for it: with zlib's own members
    // about 75 KiB for each zipper.
    ZIPPER_WINDOW_BITS = 13,
    ZIPPER_MEMORY_LEVEL = 6,
};

zipper_t *zipper_new(void);
void zipper_destroy(zipper_t **self_p);

// Forget what was, as after a full flush: what is made from here on can be read without it.
// Only before the first put, or after a flush.
void zipper_begin_anew(zipper_t *self);

// Add bytes to the portion.
void zipper_put(zipper_t *self, const char *bytes, size_t count);

// End the portion. Returns it, valid until the next put, and its length in *count.
const char *zipper_flush(zipper_t *self, size_t *count);

#endif
