// test_aider_errors - which error a text tells of, and what else it says of it
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "aider_errors.h"
#include "aider_patterns.h"

#include <stdio.h>
#include <string.h>

static const aider_error_t *
class_of(const char *text)
{
    const char *at;
    return aider_errors_class(text, &at);
}

static void
an_error_is_known_by_its_class(void **state)
{
    (void) state;
    const char *at;
    const char *text = "Hello litellm.RateLimitError: RateLimitError: OpenAIException - no";
    const aider_error_t *error = aider_errors_class(text, &at);
    assert_non_null(error);
    assert_string_equal(error->classes, "RateLimitError");
    assert_ptr_equal(at, text + 6);
    assert_true(aider_errors_judge(error, text, NULL).retryable);
    assert_true(aider_errors_is_limit(error->error_type));
    assert_null(class_of("litellm.completion: fine"));
    assert_null(class_of("Handle with `litellm.InternalServerError`."));
    assert_null(class_of("RateLimitError: not litellm's"));
}

static void
the_last_class_of_a_chain_counts(void **state)
{
    (void) state;
    assert_string_equal(class_of("litellm.BadRequestError: "
                                 "litellm.ContentPolicyViolationError: x")
                            ->classes,
                        "ContentPolicyViolationError");
    assert_string_equal(class_of("litellm.BadRequestError: see litellm.Timeout: x")->classes,
                        "BadRequestError");
}

static void
a_class_newer_than_the_table_is_unmapped(void **state)
{
    (void) state;
    assert_string_equal(class_of("litellm.ShinyNewError: x")->error_type, "unmapped");
}

static const char *
type_of(const aider_error_t *error, const char *text)
{
    return aider_errors_judge(error, text, NULL).error_type;
}

static void
expect_type(const char *text, const char *type)
{
    assert_string_equal(type_of(class_of(text), text), type);
}

static void
an_older_litellm_means_the_same(void **state)
{
    (void) state;
    expect_type("litellm.APIError: APIError: OpenAIException - Bad gateway.", "overloaded");
    expect_type("litellm.APIError: APIError: X - Internal Server Error", "server");
    expect_type("litellm.APIError: APIError: OpenAIException - The server had an error while "
                "processing your request. Sorry about that!",
                "server");
    expect_type("litellm.APIConnectionError: APIConnectionError: OpenAIException - Rate limit "
                "reached for gpt-4o",
                "rate_limit");
    expect_type("litellm.APIConnectionError: APIConnectionError: OpenAIException - closed",
                "connection");
}

static const char *
limit_of(const char *text)
{
    return aider_errors_judge(&AIDER_ERROR_UNKNOWN, text, NULL).limit_type;
}

static void
each_class_of_the_table_is_found_and_has_a_type(void **state)
{
    (void) state;
    size_t count = 0;
    for (const aider_error_t *row = AIDER_ERRORS; !row->text; row++, count++) {
        char text[128];
        snprintf(text, sizeof text, "litellm.%s: text", row->classes);
        assert_ptr_equal(class_of(text), row);
        assert_true(aider_table_is_error_type(type_of(row, text)));
        if (row->description) {
            assert_non_null(aider_errors_description(row->description));
            assert_true(aider_errors_sentence(row->description));
        }
    }
    assert_int_equal(count, 23);
}

static void
each_text_of_the_table_is_found_under_its_classes(void **state)
{
    (void) state;
    for (const aider_error_t *row = AIDER_ERRORS; row->meaning; row++) {
        if (!row->text || !row->error_type)
            continue;
        char class[64];
        char text[256];
        snprintf(class, sizeof class, "%.*s", (int) strcspn(row->classes, "|"), row->classes);
        snprintf(text, sizeof text, "litellm.%s: before %s behind", class, row->text);
        assert_string_equal(type_of(class_of(text), text), row->error_type);
    }
}

static void
a_text_printed_without_its_class_is_known_at_a_lines_beginning(void **state)
{
    (void) state;
    const aider_error_t *budget =
        class_of("Budget has been exceeded! Current cost: 1.5, Max budget: 1.0");
    assert_string_equal(budget->classes, "BudgetExceededError");
    assert_string_equal(class_of("No deployments available for selected model, Try")->classes,
                        "RouterRateLimitError");
    assert_null(class_of("It said: Budget has been exceeded!"));
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
        assert_string_equal(type_of(class_of(TYPES[i].text), TYPES[i].text), TYPES[i].type);
}

static void
a_delay_in_the_text_is_read_in_seconds(void **state)
{
    (void) state;
    static const struct {
        const char *text;
        double seconds;
    } DELAYS[] = {
        // OpenAI, Groq
        {"Please try again in 5.289s. Visit", 5.289},
        {"Please try again in 20ms.", 0.02},
        {"Please try again in 1m2s.", 62},
        {"Please try again in 1h0m3.5s. Need more tokens?", 3603.5},
        {"Please try again in 6m0s. Contact us", 360},
        {"'message': 'Try again in 12 seconds'", 12},
        // Azure
        {"Please retry after 20 seconds. Please go here", 20},
        {"Please retry after 1 second.", 1},
        {"Retry after 86400 seconds", 86400},
        // Gemini
        {"\"retryDelay\": \"44s\"", 44},
        {"\"retryDelay\":\"30s\"", 30},
        {"{\\\"retryDelay\\\": \\\"30s\\\"}", 30},
        {"'retryDelay': '5.3s'", 5.3},
        {"Please retry in 7.25s.", 7.25},
        {"Please retry in 27.182818ms.", 0.027182818},
        // headers and members, where a provider's body quotes them
        {"Retry-After: 120", 120},
        {"headers: {'retry-after': '17'}", 17},
        {"\"retry_after\": 3.5}", 3.5},
        // others
        {"Try again after 10 minutes", 600},
        {"Please wait 45 seconds before", 45},
        {"Please wait 2 hours and", 7200},
        {"retry in 1 day", 86400},
        {"try again in 1 min 30 sec", 90},
        {"try again in 500 milliseconds", 0.5},
        {"try again later, retry in 4s", 4},
        {"RouterRateLimitError: Try again in 12.5 seconds. Passed model=x", 12.5},
        // none of these
        {"Please try again in a while", -1},
        {"Please try again later", -1},
        {"retry after this", -1},
        {"Retry-After: Wed, 21 Oct 2026 07:28:00 GMT", -1},
        {"try again in 99999999999999999999s", -1},
        {"try again in 20 requests", -1},
        {"try again in -5s", -1},
        {"", -1},
    };
    for (size_t i = 0; i < sizeof DELAYS / sizeof DELAYS[0]; i++) {
        double have = aider_errors_retry_after(DELAYS[i].text);
        if (have < DELAYS[i].seconds - 1e-6 || have > DELAYS[i].seconds + 1e-6)
            fail_msg("%s: %f", DELAYS[i].text, have);
    }
}

static void
the_limit_is_named_when_the_text_names_it(void **state)
{
    (void) state;
    assert_string_equal(limit_of("on tokens per min (TPM): Limit 30000"), "tokens_per_minute");
    assert_string_equal(limit_of("on requests per min (RPM): Limit 3"), "requests_per_minute");
    assert_string_equal(limit_of("code insufficient_quota"), "quota");
    assert_string_equal(limit_of("requests per day (RPD)"), "requests_per_day");
    assert_null(limit_of("slow down"));
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
        const char *have = aider_errors_provider(PROVIDERS[i].text, PROVIDERS[i].model,
                                                 provider, sizeof provider);
        assert_non_null(have);
        assert_string_equal(have, PROVIDERS[i].provider);
    }
    assert_null(aider_errors_provider("no name", "mymodel", provider, sizeof provider));
    assert_null(aider_errors_provider(NULL, NULL, provider, sizeof provider));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_is_known_by_its_class),
        cmocka_unit_test(the_last_class_of_a_chain_counts),
        cmocka_unit_test(an_older_litellm_means_the_same),
        cmocka_unit_test(a_class_newer_than_the_table_is_unmapped),
        cmocka_unit_test(each_class_of_the_table_is_found_and_has_a_type),
        cmocka_unit_test(each_text_of_the_table_is_found_under_its_classes),
        cmocka_unit_test(a_text_printed_without_its_class_is_known_at_a_lines_beginning),
        cmocka_unit_test(the_text_refines_the_type),
        cmocka_unit_test(a_delay_in_the_text_is_read_in_seconds),
        cmocka_unit_test(the_limit_is_named_when_the_text_names_it),
        cmocka_unit_test(the_provider_is_named_by_the_text_or_else_by_the_model),
    };
    return cmocka_run_group_tests_name("aider_errors", tests, NULL, NULL);
}
