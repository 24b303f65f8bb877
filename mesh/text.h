// text - words from outside, made safe to show: escaped, cut, checked for UTF-8
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_TEXT_H
#define MESH_TEXT_H

#include <stdbool.h>
#include <stddef.h>

// The longest part of a foreign value that an error message shows.
enum { MESH_TEXT_QUOTED_BYTES = 120 };

typedef enum {
    MESH_TEXT_LINE,    // for people: \n, \t, \xNN, and \\ for a backslash
    MESH_TEXT_JSON,    // the inside of a JSON string; what is not UTF-8 becomes U+FFFD
} mesh_text_form_t;

// As asprintf, but never fails: ends the process when memory is exhausted. The caller frees.
char *mesh_text_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

// The length in bytes of the well-formed UTF-8 character at text, of which left bytes remain;
// 0 when there is none.
size_t mesh_text_character(const char *text, size_t left);

// Whether text is UTF-8 without control characters, so that it can stand in a file, a header
// and a payload as it is.
bool mesh_text_is_plain(const char *text);

// Append text to out at *used_p, control characters and bytes that are not UTF-8 escaped, and
// end it with NUL. Only whole characters are written; false when not all of them fitted.
bool mesh_text_escape(char *out, size_t size_bytes, size_t *used_p, const char *text,
                      mesh_text_form_t form);

// The value in double quotes, escaped, and cut with "…" when it is long. The caller frees.
char *mesh_text_quoted(const char *value);

#endif
