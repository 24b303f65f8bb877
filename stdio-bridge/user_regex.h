// user_regex - a regular expression that a person wrote, over texts from anywhere
// SPDX-License-Identifier: MPL-2.0
//
// PCRE2, in UTF-8. What one match may take is limited, so that no expression and no text can
// hold the bridge up; the limits are the same wherever a person may write an expression.
#ifndef USER_REGEX_H
#define USER_REGEX_H

#include <stddef.h>

enum {
    USER_REGEX_STEPS = 20000,    // of one match
    USER_REGEX_DEPTH = 250,
    USER_REGEX_HEAP_KIB = 512,
    USER_REGEX_WHY_BYTES = 160,
};

typedef enum {
    USER_REGEX_NONE,       // it is not there
    USER_REGEX_FOUND,      //
    USER_REGEX_LIMITED,    // not decided within the limits, or the text is not UTF-8
} user_regex_outcome_t;

typedef struct user_regex user_regex_t;

// Compile an expression of at most limit_bytes. Returns NULL with why and *offset what PCRE2
// has against it.
user_regex_t *user_regex_new(const char *expression, size_t limit_bytes,
                             char why[static USER_REGEX_WHY_BYTES], size_t *offset);
void user_regex_destroy(user_regex_t **self_p);

// Look for it in text from byte `at` on, which begins a character. On FOUND it stands at
// *begin..*end, also before `at` where it looks behind.
user_regex_outcome_t user_regex_find(user_regex_t *self, const char *text, size_t size,
                                     size_t at, size_t *begin, size_t *end);

// Copy what a named group of the last FOUND holds; "" when there is none or it does not fit.
void user_regex_group(const user_regex_t *self, const char *name, char *to, size_t capacity);

#endif
