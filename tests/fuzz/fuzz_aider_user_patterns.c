// fuzz_aider_user_patterns - no file of patterns and no text takes long, or breaks anything
// SPDX-License-Identifier: MPL-2.0
//
// The input is a file of patterns, a NUL, and the lines the patterns meet.
#include "aider_errors.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
meet(aider_user_patterns_t *patterns, const char *text)
{
    static const char *const CLASSES[] = {NULL, "APIError", "RateLimitError", ""};
    for (size_t i = 0; i < sizeof CLASSES / sizeof CLASSES[0]; i++) {
        aider_user_match_t match;
        if (!aider_user_patterns_match(patterns, CLASSES[i], text, &match))
            continue;
        assert(aider_table_is_error_type(match.error->error_type));
        assert(strlen(match.retry_after) < sizeof match.retry_after);
        aider_verdict_t own = aider_errors_judge(match.error, text, patterns);
        assert(aider_table_is_error_type(own.error_type));
    }
    aider_verdict_t verdict = aider_errors_judge(&AIDER_ERRORS[0], text, patterns);
    assert(aider_table_is_error_type(verdict.error_type));
    assert(verdict.retry_after >= -1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, '\0', size);
    size_t length = end ? (size_t) (end - data) : size;
    char *error = NULL;
    aider_user_patterns_t *patterns =
        aider_user_patterns_new((const char *) data, length, "fuzz", &error);
    assert(!patterns == (error != NULL));
    free(error);
    if (!patterns)
        return 0;
    assert(aider_user_patterns_count(patterns) <= AIDER_USER_PATTERNS_MOST);
    char *text = end ? strndup((const char *) end + 1, size - length - 1) : strdup("");
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;)
        meet(patterns, line);
    free(text);
    aider_user_patterns_destroy(&patterns);
    return 0;
}
