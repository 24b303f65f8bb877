// terminal_text - what a person would read of the bytes sent to a terminal
// SPDX-License-Identifier: MPL-2.0
//
// Escape sequences are taken out, carriage return and backspace are obeyed as a terminal would
// (what is written later covers what stood there), other control characters go, except tab,
// and what is not UTF-8 becomes U+FFFD. The result is UTF-8 without control characters.
#ifndef TERMINAL_TEXT_H
#define TERMINAL_TEXT_H

#include <stddef.h>

typedef struct terminal_text terminal_text_t;

// A converter keeps its buffers between lines. Never returns NULL.
terminal_text_t *terminal_text_new(void);

// End the converter and set *self_p to NULL.
void terminal_text_destroy(terminal_text_t **self_p);

// The text of one line, or of an unfinished one. NUL-terminated, its length in *length when
// that is not NULL, valid until the next call on this converter. Trailing blanks are kept.
const char *terminal_text_plain(terminal_text_t *self, const char *bytes, size_t size,
                                size_t *length);

#endif
