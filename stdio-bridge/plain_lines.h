// plain_lines - the lines a person would read of one relayed stream
// SPDX-License-Identifier: MPL-2.0
#ifndef PLAIN_LINES_H
#define PLAIN_LINES_H

#include <stddef.h>
#include <stdint.h>

typedef struct plain_lines plain_lines_t;

// Takes one line, without its end; valid in the call only.
typedef void plain_lines_fn(void *arg, const char *line);

// Lines of at most limit_bytes; what is longer is given up to there. Never NULL.
plain_lines_t *plain_lines_new(size_t limit_bytes, plain_lines_fn *handler, void *arg);
void plain_lines_destroy(plain_lines_t **self_p);

// Take bytes and hand out the lines they complete. With lost_bytes, so many are missing before
// them: what was unfinished is handed out as it is, since nobody knows how it went on.
void plain_lines_feed(plain_lines_t *self, const uint8_t *bytes, size_t size,
                      uint64_t lost_bytes);

// Hand out what is unfinished as the last line.
void plain_lines_finish(plain_lines_t *self);

// What is unfinished now; "" for nothing. Valid until the next call.
const char *plain_lines_partial(plain_lines_t *self);

// Bytes that were missing, and lines that were cut at the limit.
uint64_t plain_lines_lost_bytes(const plain_lines_t *self);
uint64_t plain_lines_cut(const plain_lines_t *self);

#endif
