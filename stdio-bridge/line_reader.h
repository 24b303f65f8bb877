// line_reader - bytes in, lines out, up to a limit
// SPDX-License-Identifier: MPL-2.0
//
// A line ends at LF; the LF and one CR before it are not part of it. A CR elsewhere stays: what
// it means is terminal_text's business. Bytes are bytes here: a character cut in two by a read
// is whole again in the line.
#ifndef LINE_READER_H
#define LINE_READER_H

#include <stddef.h>

typedef struct line_reader line_reader_t;

enum { LINE_READER_DEFAULT_LIMIT_BYTES = 256 * 1024 };

// What line_reader_next found in the bytes fed so far.
typedef enum {
    LINE_READER_LINE,         // a whole line, valid until the next call on this reader
    LINE_READER_NEED_MORE,    // no whole line yet
    LINE_READER_TOO_LONG,     // a line passed the limit: its first bytes; its rest is skipped
} line_reader_outcome_t;

// A reader whose lines hold at most limit_bytes, the LF not counted. Never returns NULL.
line_reader_t *line_reader_new(size_t limit_bytes);

// End the reader with what it still holds, and set *self_p to NULL.
void line_reader_destroy(line_reader_t **self_p);

// Take bytes. All lines of the previous feed must have been taken with line_reader_next, else
// they pile up; the reader never holds more than one unfinished line and the bytes of one feed.
void line_reader_feed(line_reader_t *self, const void *bytes, size_t size);

// The next line, NUL-terminated (a NUL inside counts in *size). TOO_LONG comes once for a line
// and hands out the limit_bytes kept of it. On NEED_MORE *line is "" and *size 0.
line_reader_outcome_t line_reader_next(line_reader_t *self, const char **line, size_t *size);

// The unfinished line at the end, such as a prompt without newline; "" when there is none or
// when it has passed the limit. Call after line_reader_next said NEED_MORE. Valid until the
// next call on this reader.
const char *line_reader_partial(const line_reader_t *self, size_t *size);

#endif
