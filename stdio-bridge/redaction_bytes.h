// redaction_bytes - what the parts of a secret are made of
// SPDX-License-Identifier: MPL-2.0
//
// Texts are of size bytes and need no end; at is at most size.
#ifndef REDACTION_BYTES_H
#define REDACTION_BYTES_H

#include <stdbool.h>
#include <stddef.h>

// Kinds of bytes; most are of several.
enum {
    BYTES_ALNUM = 1,      // A-Z a-z 0-9
    BYTES_WORD = 2,       // and _
    BYTES_TOKEN = 4,      // and -
    BYTES_NAME = 8,       // and .
    BYTES_BEARER = 16,    // and + / = ~ : what RFC 6750 calls a token
    BYTES_DIGIT = 32,
};

unsigned redaction_bytes_kinds(char byte);

// How many bytes from `at` on are of a kind.
size_t redaction_bytes_run(const char *text, size_t size, size_t at, unsigned kind);

bool redaction_bytes_have_digit(const char *text, size_t size);

// Whether this stands at `at`; and the same whatever the case of its letters.
bool redaction_bytes_begin(const char *text, size_t size, size_t at, const char *prefix);
bool redaction_bytes_begin_word(const char *text, size_t size, size_t at, const char *word);

#endif
