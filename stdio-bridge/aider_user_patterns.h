// aider_user_patterns - what a user's file adds to the table of errors
// SPDX-License-Identifier: MPL-2.0
//
// A ZPL file of sections, each a row of the columns of aider_table, its pattern a regular
// expression (PCRE2) that is looked for anywhere in an error's text, or, without a class, in
// any line of AIDER's own:
//
//     cuda-memory
//         match = "CUDA out of memory"
//         error_type = overloaded
//         provider = vllm
//         retryable = true
//         classes = "APIError|InternalServerError"
//         meaning = "the local server has no memory left"
//
// match and error_type are required. A group named retry_after holds the time the provider
// asks to wait. The user's rows come before the built-in ones, in the file's order.
//
// A pattern comes from a person, the text from anywhere: what one match may take is limited
// (user_regex.h), and a pattern that meets the limit AIDER_USER_PATTERNS_OVERRUNS times is not
// tried again.
#ifndef AIDER_USER_PATTERNS_H
#define AIDER_USER_PATTERNS_H

#include "aider_table.h"

enum {
    AIDER_USER_PATTERNS_MOST = 64,
    AIDER_USER_PATTERNS_MATCH_BYTES = 1000,    // a match setting; ZPL's lines are no longer
    AIDER_USER_PATTERNS_FILE_BYTES = 128 * 1024,
    AIDER_USER_PATTERNS_SUBJECT_BYTES = 4096,    // of a text that is looked at
    AIDER_USER_PATTERNS_OVERRUNS = 20,
};

typedef struct aider_user_patterns aider_user_patterns_t;

// Read the rows from a file's text; name is the file's, for errors. Returns NULL with *error_p
// a sentence that names the row and, for a bad expression, the offset, for the caller to free.
aider_user_patterns_t *aider_user_patterns_new(const char *text, size_t size_bytes,
                                               const char *name, char **error_p);

// The same from the file at path.
aider_user_patterns_t *aider_user_patterns_read(const char *path, char **error_p);

// End them and set *self_p to NULL.
void aider_user_patterns_destroy(aider_user_patterns_t **self_p);

typedef struct aider_user_match {
    const aider_error_t *error;    // the row; lives as long as the patterns
    char retry_after[32];          // as the text has it, "" for none
} aider_user_match_t;

// The first row whose pattern is in the text of an error of this class. With class NULL the
// text is a line of AIDER's own, and only rows without classes are tried.
bool aider_user_patterns_match(aider_user_patterns_t *self, const char *class, const char *text,
                               aider_user_match_t *match);

size_t aider_user_patterns_count(const aider_user_patterns_t *self);

// How many matches were given up at a limit.
size_t aider_user_patterns_overruns(const aider_user_patterns_t *self);

#endif
