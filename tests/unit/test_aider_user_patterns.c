// test_aider_user_patterns - what a user's file adds to the table of errors
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "aider_errors.h"

#include <czmq.h>
#include <string.h>

#define CUDA                                                                                   \
    "cuda\n"                                                                                   \
    "    match = \"CUDA out of memory\"\n"                                                     \
    "    error_type = overloaded\n"                                                            \
    "    provider = vllm\n"                                                                    \
    "    retryable = true\n"                                                                   \
    "    meaning = \"no memory left\"\n"

static aider_user_patterns_t *
patterns(const char *text)
{
    char *error = NULL;
    aider_user_patterns_t *self =
        aider_user_patterns_new(text, strlen(text), "patterns.cfg", &error);
    if (!self)
        fail_msg("%s", error);
    return self;
}

// Reading the text fails with a sentence that has this in it.
static void
expect_refused(const char *text, const char *why)
{
    char *error = NULL;
    assert_null(aider_user_patterns_new(text, strlen(text), "patterns.cfg", &error));
    assert_non_null(error);
    if (!strstr(error, why) || strncmp(error, "patterns.cfg, line ", 19) != 0)
        fail_msg("want %s, have %s", why, error);
    free(error);
}

static void
a_row_has_the_columns_of_the_table(void **state)
{
    (void) state;
    aider_user_patterns_t *self = patterns(CUDA);
    aider_user_match_t match;
    assert_int_equal(aider_user_patterns_count(self), 1);
    assert_true(aider_user_patterns_match(self, NULL, "x: CUDA out of memory.", &match));
    assert_string_equal(match.error->error_type, "overloaded");
    assert_string_equal(match.error->provider, "vllm");
    assert_string_equal(match.error->meaning, "no memory left");
    assert_int_equal(match.error->retry, AIDER_RETRY_YES);
    assert_string_equal(match.retry_after, "");
    assert_false(aider_user_patterns_match(self, NULL, "CUDA is fine", &match));
    aider_user_patterns_destroy(&self);
}

static void
the_first_row_that_fits_counts(void **state)
{
    (void) state;
    aider_user_patterns_t *self = patterns("one\n    match = b+\n    error_type = server\n"
                                           "two\n    match = a\n    error_type = auth\n");
    aider_user_match_t match;
    assert_true(aider_user_patterns_match(self, NULL, "abb", &match));
    assert_string_equal(match.error->error_type, "server");
    assert_true(aider_user_patterns_match(self, NULL, "a", &match));
    assert_string_equal(match.error->error_type, "auth");
    aider_user_patterns_destroy(&self);
}

static void
a_row_with_classes_is_for_errors_of_these_alone(void **state)
{
    (void) state;
    aider_user_patterns_t *self =
        patterns("one\n    match = busy\n    error_type = overloaded\n"
                 "    classes = \"APIError|BadRequestError\"\n");
    aider_user_match_t match;
    assert_true(aider_user_patterns_match(self, "APIError", "busy", &match));
    assert_true(aider_user_patterns_match(self, "BadRequestError", "busy", &match));
    assert_false(aider_user_patterns_match(self, "Timeout", "busy", &match));
    assert_false(aider_user_patterns_match(self, NULL, "busy", &match));
    aider_user_patterns_destroy(&self);
}

static void
a_users_row_comes_before_the_table(void **state)
{
    (void) state;
    aider_user_patterns_t *self =
        patterns("mine\n    match = \"queue is full.*?(?<retry_after>[0-9.]+ ?m?s)\"\n"
                 "    error_type = rate_limit\n    provider = lab\n    retryable = false\n");
    const char *text = "litellm.APIError: APIError: OpenAIException - queue is full for 250ms";
    const char *at;
    aider_verdict_t verdict = aider_errors_judge(aider_errors_class(text, &at), text, self);
    assert_string_equal(verdict.error_type, "rate_limit");
    assert_string_equal(verdict.provider, "lab");
    assert_false(verdict.retryable);
    assert_true(verdict.retry_after > 0.249 && verdict.retry_after < 0.251);
    verdict = aider_errors_judge(aider_errors_class(text, &at), "another text", self);
    assert_string_equal(verdict.error_type, "api");
    aider_user_patterns_destroy(&self);
}

static void
a_bad_pattern_is_refused_by_name_and_offset(void **state)
{
    (void) state;
    expect_refused(
        "mine\n    match = \"a(b\"\n    error_type = server\n",
        "line 1: pattern \"mine\": missing closing parenthesis at offset 3 of match");
    expect_refused("mine\n    match = \"[z-a]\"\n    error_type = server\n", "at offset 3");
}

static void
a_row_that_is_not_whole_or_not_right_is_refused(void **state)
{
    (void) state;
    expect_refused("mine\n    error_type = server\n", "pattern \"mine\" has no match");
    expect_refused("mine\n    match = a\n", "error_type is \"\"");
    expect_refused("mine\n    match = a\n    error_type = wrong\n", "error_type is \"wrong\"");
    expect_refused("mine\n    match = a\n    error_type = server\n    retryable = maybe\n",
                   "retryable is \"maybe\"; it is true or false");
    expect_refused("mine\n    macth = a\n", "line 2: pattern \"mine\" has no member \"macth\"");
    expect_refused("mine = a\n", "\"mine\" has a value");
    expect_refused("mine\n  match = a\n", "indented");
}

static void
patterns_are_limited_in_number_and_length(void **state)
{
    (void) state;
    char *text = zmalloc(AIDER_USER_PATTERNS_FILE_BYTES);
    size_t used = 0;
    for (int i = 0; i <= AIDER_USER_PATTERNS_MOST; i++)
        used += (size_t) snprintf(text + used, AIDER_USER_PATTERNS_FILE_BYTES - used,
                                  "p%d\n    match = a\n    error_type = server\n", i);
    expect_refused(text, "more than 64 patterns");

    char longest[AIDER_USER_PATTERNS_MATCH_BYTES + 2];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    snprintf(text, AIDER_USER_PATTERNS_FILE_BYTES, "p\n    match = %s\n", longest);
    expect_refused(text, "line 2: match of pattern \"p\" has more than 1000 bytes");
    snprintf(text, AIDER_USER_PATTERNS_FILE_BYTES, "p\n    meaning = %.200s\n", longest);
    expect_refused(text, "meaning of pattern \"p\" has more than 159 bytes");
    free(text);
}

static void
a_pattern_that_takes_too_long_is_given_up_and_then_left_alone(void **state)
{
    (void) state;
    aider_user_patterns_t *self =
        patterns("evil\n    match = \"^(a+)+$\"\n    error_type = server\n" CUDA);
    char text[64];
    memset(text, 'a', sizeof text - 2);
    text[sizeof text - 2] = 'b';
    text[sizeof text - 1] = '\0';
    aider_user_match_t match;
    for (int i = 0; i < AIDER_USER_PATTERNS_OVERRUNS + 5; i++)
        assert_false(aider_user_patterns_match(self, NULL, text, &match));
    assert_int_equal(aider_user_patterns_overruns(self), AIDER_USER_PATTERNS_OVERRUNS);
    assert_false(aider_user_patterns_match(self, NULL, "aaa", &match));
    assert_true(aider_user_patterns_match(self, NULL, "CUDA out of memory", &match));
    aider_user_patterns_destroy(&self);
}

static void
a_file_that_is_not_there_is_said(void **state)
{
    (void) state;
    char *error = NULL;
    assert_null(aider_user_patterns_read("/nonexistent/patterns.cfg", &error));
    assert_string_equal(error, "/nonexistent/patterns.cfg: No such file or directory");
    free(error);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_has_the_columns_of_the_table),
        cmocka_unit_test(the_first_row_that_fits_counts),
        cmocka_unit_test(a_row_with_classes_is_for_errors_of_these_alone),
        cmocka_unit_test(a_users_row_comes_before_the_table),
        cmocka_unit_test(a_bad_pattern_is_refused_by_name_and_offset),
        cmocka_unit_test(a_row_that_is_not_whole_or_not_right_is_refused),
        cmocka_unit_test(patterns_are_limited_in_number_and_length),
        cmocka_unit_test(a_pattern_that_takes_too_long_is_given_up_and_then_left_alone),
        cmocka_unit_test(a_file_that_is_not_there_is_said),
    };
    return cmocka_run_group_tests_name("aider_user_patterns", tests, NULL, NULL);
}
