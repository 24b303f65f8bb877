// test_aider_patterns - the texts AIDER and litellm print
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "aider_patterns.h"

#include <stdio.h>
#include <string.h>

static const aider_exception_t *
exception_of(const char *text)
{
    const char *at;
    return aider_patterns_exception(text, &at);
}

static void
an_exception_is_known_by_its_class(void **state)
{
    (void) state;
    const char *at;
    const char *text = "Hello litellm.RateLimitError: RateLimitError: OpenAIException - no";
    const aider_exception_t *exception = aider_patterns_exception(text, &at);
    assert_non_null(exception);
    assert_string_equal(exception->name, "RateLimitError");
    assert_ptr_equal(at, text + 6);
    assert_true(exception->retryable && exception->rate_limit);
    assert_null(exception_of("litellm.completion: fine"));
    assert_null(exception_of("Handle with `litellm.InternalServerError`."));
    assert_null(exception_of("RateLimitError: not litellm's"));
}

static void
the_last_class_of_a_chain_counts(void **state)
{
    (void) state;
    assert_string_equal(exception_of("litellm.BadRequestError: "
                                     "litellm.ContentPolicyViolationError: x")
                            ->name,
                        "ContentPolicyViolationError");
    assert_string_equal(exception_of("litellm.BadRequestError: see litellm.Timeout: x")->name,
                        "BadRequestError");
}

static void
a_class_newer_than_the_table_is_unmapped(void **state)
{
    (void) state;
    assert_string_equal(exception_of("litellm.ShinyNewError: x")->error_type, "unmapped");
}

static void
each_class_of_the_table_is_found_and_has_a_type(void **state)
{
    (void) state;
    const aider_exception_t *exception;
    size_t count = 0;
    for (; (exception = aider_patterns_exception_entry(count)) != NULL; count++) {
        char text[128];
        snprintf(text, sizeof text, "litellm.%s: text", exception->name);
        assert_ptr_equal(exception_of(text), exception);
        assert_true(strlen(aider_patterns_error_type(exception, text)) > 0);
        if (exception->description) {
            assert_non_null(aider_patterns_description(exception->description));
            assert_true(aider_patterns_sentence(exception->description));
        }
    }
    assert_int_equal(count, 23);
}

static void
the_text_refines_the_type(void **state)
{
    (void) state;
    static const struct {
        const char *text;
        const char *type;
    } TYPES[] = {
        {"litellm.InternalServerError: InternalServerError: OpenAIException - boom", "server"},
        {"litellm.InternalServerError: AnthropicException - Overloaded", "overloaded"},
        {"litellm.InternalServerError: OpenAIException - Connection error.", "connection"},
        {"litellm.APIError: APIError: OpenAIException - no", "api"},
        {"litellm.APIError: OpenrouterException - {\"message\":\"Insufficient credits\"}",
         "quota"},
        {"litellm.RateLimitError: You exceeded your current quota, please check", "quota"},
        {"litellm.RateLimitError: Rate limit reached", "rate_limit"},
        {"litellm.Timeout: APITimeoutError - Request timed out.", "timeout"},
        {"litellm.PermissionDeniedError: no", "permission"},
    };
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++)
        assert_string_equal(
            aider_patterns_error_type(exception_of(TYPES[i].text), TYPES[i].text),
            TYPES[i].type);
}

static void
a_delay_in_the_text_is_read_in_seconds(void **state)
{
    (void) state;
    static const struct {
        const char *text;
        double seconds;
    } DELAYS[] = {
        {"Please try again in 5.289s. Visit", 5.289},
        {"Please try again in 20ms.", 0.02},
        {"Please try again in 1m2s.", 62},
        {"try again in 1h0m3.5s", 3603.5},
        {"\"retryDelay\": \"44s\"", 44},
        {"Please retry in 7.25s.", 7.25},
        {"try again in 2 seconds", 2},
        {"try again in 3 minutes", 180},
        {"Please try again in a while", -1},
        {"Please try again later", -1},
        {"try again in 99999999999999999999s", -1},
        {"", -1},
    };
    for (size_t i = 0; i < sizeof DELAYS / sizeof DELAYS[0]; i++) {
        double have = aider_patterns_retry_after(DELAYS[i].text);
        if (have < DELAYS[i].seconds - 1e-6 || have > DELAYS[i].seconds + 1e-6)
            fail_msg("%s: %f", DELAYS[i].text, have);
    }
}

static void
the_limit_is_named_when_the_text_names_it(void **state)
{
    (void) state;
    assert_string_equal(aider_patterns_limit_type("on tokens per min (TPM): Limit 30000"),
                        "tokens_per_minute");
    assert_string_equal(aider_patterns_limit_type("on requests per min (RPM): Limit 3"),
                        "requests_per_minute");
    assert_string_equal(aider_patterns_limit_type("code insufficient_quota"), "quota");
    assert_string_equal(aider_patterns_limit_type("requests per day (RPD)"),
                        "requests_per_day");
    assert_null(aider_patterns_limit_type("slow down"));
}

static void
the_provider_is_named_by_the_text_or_else_by_the_model(void **state)
{
    (void) state;
    char provider[32];
    static const struct {
        const char *text;
        const char *model;
        const char *provider;
    } PROVIDERS[] = {
        {"RateLimitError: OpenAIException - no", "groq/x", "openai"},
        {"AnthropicException - b'{", NULL, "anthropic"},
        {"AnthropicError - b'{", NULL, "anthropic"},
        {"litellm.RateLimitError: VertexAIException - {", NULL, "gemini"},
        {"GroqException - {", NULL, "groq"},
        {"no name", "openrouter/anthropic/claude", "openrouter"},
        {NULL, "gpt-4o", "openai"},
        {NULL, "claude-sonnet-4", "anthropic"},
        {NULL, "gemini/gemini-2.5-pro", "gemini"},
    };
    for (size_t i = 0; i < sizeof PROVIDERS / sizeof PROVIDERS[0]; i++) {
        const char *have = aider_patterns_provider(PROVIDERS[i].text, PROVIDERS[i].model,
                                                   provider, sizeof provider);
        assert_non_null(have);
        assert_string_equal(have, PROVIDERS[i].provider);
    }
    assert_null(aider_patterns_provider("no name", "mymodel", provider, sizeof provider));
    assert_null(aider_patterns_provider(NULL, NULL, provider, sizeof provider));
}

static void
expect_kind(const char *line, aider_line_kind_t kind, const char *text)
{
    const char *have;
    assert_int_equal(aider_patterns_line(line, &have), kind);
    if (text)
        assert_string_equal(have, text);
}

static void
lines_are_known_by_how_they_begin_and_end(void **state)
{
    (void) state;
    expect_kind("", AIDER_LINE_BLANK, NULL);
    expect_kind("──────", AIDER_LINE_BLANK, NULL);
    expect_kind("Aider v0.86.2", AIDER_LINE_VERSION, "0.86.2");
    expect_kind("Main model: x with diff edit format", AIDER_LINE_MODEL,
                "x with diff edit format");
    expect_kind("Retrying in 0.2 seconds...", AIDER_LINE_RETRYING, NULL);
    expect_kind("Tokens: 1.2k sent, 4 received.", AIDER_LINE_TOKENS, NULL);
    expect_kind("Applied edit to a b.py", AIDER_LINE_EDIT, "a b.py");
    expect_kind("Commit 9bb1efb fix: x", AIDER_LINE_COMMIT, "9bb1efb fix: x");
    expect_kind("Added a.py to the chat (read-only).", AIDER_LINE_FILE_ADDED, NULL);
    expect_kind("Added 3 lines of output to the chat.", AIDER_LINE_SHELL, NULL);
    expect_kind("https://x.org/y", AIDER_LINE_URL, NULL);
    expect_kind("Open URL for more info? (Y)es/(N)o [Yes]: y", AIDER_LINE_CONFIRM, NULL);
}

static void
sentences_of_a_reply_are_none_of_these(void **state)
{
    (void) state;
    expect_kind("Commit your changes first.", AIDER_LINE_OTHER, NULL);
    expect_kind("Commit deadbeefs to memory", AIDER_LINE_OTHER, NULL);
    expect_kind("Tokens: many were sent", AIDER_LINE_OTHER, NULL);
    expect_kind("Retrying in vain", AIDER_LINE_OTHER, NULL);
    expect_kind("    Applied edit to a.py", AIDER_LINE_OTHER, NULL);
    expect_kind("Added the file", AIDER_LINE_OTHER, NULL);
    expect_kind("see https://x.org/y", AIDER_LINE_OTHER, NULL);
}

static void
a_prompt_is_known_with_and_without_what_is_typed(void **state)
{
    (void) state;
    const char *typed;
    assert_true(aider_patterns_prompt("> ", &typed));
    assert_string_equal(typed, "");
    assert_true(aider_patterns_prompt("ask> why", &typed));
    assert_string_equal(typed, "why");
    assert_true(aider_patterns_prompt("architect multi> ", &typed));
    assert_true(aider_patterns_prompt(">", &typed));
    assert_false(aider_patterns_prompt("a -> b", &typed));
    assert_false(aider_patterns_prompt(">>> print", &typed));
    assert_false(aider_patterns_prompt("", &typed));
}

static void
counts_are_read_as_aider_shortens_them(void **state)
{
    (void) state;
    const char *end;
    assert_int_equal(aider_patterns_count("761 sent", &end), 761);
    assert_string_equal(end, " sent");
    assert_int_equal(aider_patterns_count("1.2k sent", &end), 1200);
    assert_int_equal(aider_patterns_count("12k", &end), 12000);
    assert_int_equal(aider_patterns_count("none", &end), -1);
    assert_int_equal(aider_patterns_count("12345678901234567890", &end), -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exception_is_known_by_its_class),
        cmocka_unit_test(the_last_class_of_a_chain_counts),
        cmocka_unit_test(a_class_newer_than_the_table_is_unmapped),
        cmocka_unit_test(each_class_of_the_table_is_found_and_has_a_type),
        cmocka_unit_test(the_text_refines_the_type),
        cmocka_unit_test(a_delay_in_the_text_is_read_in_seconds),
        cmocka_unit_test(the_limit_is_named_when_the_text_names_it),
        cmocka_unit_test(the_provider_is_named_by_the_text_or_else_by_the_model),
        cmocka_unit_test(lines_are_known_by_how_they_begin_and_end),
        cmocka_unit_test(sentences_of_a_reply_are_none_of_these),
        cmocka_unit_test(a_prompt_is_known_with_and_without_what_is_typed),
        cmocka_unit_test(counts_are_read_as_aider_shortens_them),
    };
    return cmocka_run_group_tests_name("aider_patterns", tests, NULL, NULL);
}
