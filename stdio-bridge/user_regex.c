// user_regex - a regular expression that a person wrote, over texts from anywhere
// SPDX-License-Identifier: MPL-2.0
#include "user_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <assert.h>
#include <czmq.h>

// Ten groups besides the whole; a further one is not looked at.
enum { GROUPS = 11 };

struct user_regex {
    pcre2_code *code;               // owned
    pcre2_match_data *data;         // owned
    pcre2_match_context *limits;    // owned
};

user_regex_t *
user_regex_new(const char *expression, size_t limit_bytes,
               char why[static USER_REGEX_WHY_BYTES], size_t *offset)
{
    assert(expression && offset);
    pcre2_compile_context *length = pcre2_compile_context_create(NULL);
    assert(length);
    (void) pcre2_set_max_pattern_length(length, limit_bytes);
    int error = 0;
    // \C would cut characters in two.
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR) expression, PCRE2_ZERO_TERMINATED,
                      PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &error, offset, length);
    pcre2_compile_context_free(length);
    if (!code) {
        why[0] = '\0';
        (void) pcre2_get_error_message(error, (PCRE2_UCHAR *) why, USER_REGEX_WHY_BYTES);
        return NULL;
    }
    user_regex_t *self = zmalloc(sizeof *self);
    self->code = code;
    self->data = pcre2_match_data_create(GROUPS, NULL);
    self->limits = pcre2_match_context_create(NULL);
    assert(self->data && self->limits);
    (void) pcre2_set_match_limit(self->limits, USER_REGEX_STEPS);
    (void) pcre2_set_depth_limit(self->limits, USER_REGEX_DEPTH);
    (void) pcre2_set_heap_limit(self->limits, USER_REGEX_HEAP_KIB);
    return self;
}

void
user_regex_destroy(user_regex_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        user_regex_t *self = *self_p;
        pcre2_code_free(self->code);
        pcre2_match_data_free(self->data);
        pcre2_match_context_free(self->limits);
        free(self);
        *self_p = NULL;
    }
}

user_regex_outcome_t
user_regex_find(user_regex_t *self, const char *text, size_t size, size_t at, size_t *begin,
                size_t *end)
{
    assert(self && text && begin && end);
    int rc = pcre2_match(self->code, (PCRE2_SPTR) text, size, at, 0, self->data, self->limits);
    if (rc == PCRE2_ERROR_NOMATCH)
        return USER_REGEX_NONE;
    if (rc < 0)
        return USER_REGEX_LIMITED;
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(self->data);
    *begin = ends[0];
    *end = ends[1];
    return USER_REGEX_FOUND;
}

void
user_regex_group(const user_regex_t *self, const char *name, char *to, size_t capacity)
{
    assert(self && name && to);
    PCRE2_SIZE length = capacity;
    if (pcre2_substring_copy_byname(self->data, (PCRE2_SPTR) name, (PCRE2_UCHAR *) to,
                                    &length) != 0)
        to[0] = '\0';
}
