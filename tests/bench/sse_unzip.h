// sse_unzip - what a gzip stream holds, part by part, as it comes
// SPDX-License-Identifier: MPL-2.0
//
// For a load client. A stream that ends is none here: those of a server of events go on until
// their connection ends.
#ifndef BENCH_SSE_UNZIP_H
#define BENCH_SSE_UNZIP_H

#include <stdbool.h>
#include <stddef.h>

typedef struct sse_unzip sse_unzip_t;

// Some of what it holds. Returns whether to go on; where it does not, the sse_unzip is not
// touched any more, and may have begun anew.
typedef bool sse_unzip_fn(void *arg, const char *bytes, size_t count);

sse_unzip_t *sse_unzip_new(void);
void sse_unzip_destroy(sse_unzip_t **self_p);

// Expect another stream, from its first byte on.
void sse_unzip_begin_anew(sse_unzip_t *self);

// Returns 0, or -1 when the bytes are not gzip.
int sse_unzip_feed(sse_unzip_t *self, const char *bytes, size_t count, sse_unzip_fn *fn,
                   void *arg);

#endif
