// test_tail_query - what tail asks for, and how long it waits
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdlib.h>

#include "tail_query.h"

// The path of the settings that the assignments make, ended by NULL.
static void
expect_path(const char *const assignments[], const char *expected)
{
    mesh_settings_t *settings = mesh_settings_new();
    for (; *assignments; assignments++) {
        char *error = NULL;
        assert_int_equal(mesh_settings_assign(settings, *assignments, "--set", &error), 0);
    }
    char *path = tail_query_path(settings);
    assert_string_equal(path, expected);
    free(path);
    mesh_settings_destroy(&settings);
}

static void
without_filters_it_is_all_of_aider(void **state)
{
    (void) state;
    expect_path((const char *const[]){NULL}, "/events?types=aider.*");
}

static void
each_filter_becomes_its_parameter(void **state)
{
    (void) state;
    expect_path((const char *const[]){"tail/types=aider.error_occurred,mesh.*",
                                      "tail/sessions=s1", "tail/hosts=a,b",
                                      "tail/providers=openai", "tail/models=gpt-4o",
                                      "tail/severities=!medium", "tail/since=10m",
                                      "tail/last=5", "tail/snapshot=true", NULL},
                "/events?types=aider.error_occurred,mesh.*&session=s1&host=a,b&provider=openai"
                "&model=gpt-4o&severity=!medium&since=10m&last=5"
                "&snapshot=1");
}

static void
a_query_without_a_list_begins_with_a_question_mark_too(void **state)
{
    (void) state;
    expect_path((const char *const[]){"tail/types=", "tail/last=3", NULL}, "/events?last=3");
    expect_path((const char *const[]){"tail/types=", NULL}, "/events");
    expect_path((const char *const[]){"tail/types=", "tail/snapshot=true", NULL},
                "/events?snapshot=1");
}

static void
what_has_a_meaning_in_a_query_is_escaped(void **state)
{
    (void) state;
    expect_path((const char *const[]){"tail/types=", "tail/models=openai/gpt 4&x=y#\xC3\xA9+%",
                                      "tail/since=2026-01-01T00:00:00+01:00", NULL},
                "/events?model=openai%2Fgpt%204%26x%3Dy%23%C3%A9%2B%25"
                "&since=2026-01-01T00%3A00%3A00%2B01%3A00");
}

static void
the_wait_is_the_servers_then_doubles_up_to_its_limit(void **state)
{
    (void) state;
    assert_int_equal(tail_query_wait_ms(3000, 1), 3000);
    assert_int_equal(tail_query_wait_ms(3000, 2), 6000);
    assert_int_equal(tail_query_wait_ms(3000, 4), 24000);
    assert_int_equal(tail_query_wait_ms(3000, 5), TAIL_QUERY_WAIT_LIMIT_MS);
    assert_int_equal(tail_query_wait_ms(3000, 4000000000U), TAIL_QUERY_WAIT_LIMIT_MS);
}

static void
a_server_that_asks_for_longer_is_given_longer(void **state)
{
    (void) state;
    assert_int_equal(tail_query_wait_ms(120000, 1), 120000);
    assert_int_equal(tail_query_wait_ms(120000, 9), 120000);
}

static void
there_is_a_least_wait_and_one_before_the_server_has_spoken(void **state)
{
    (void) state;
    assert_int_equal(tail_query_wait_ms(0, 1), 100);
    assert_int_equal(tail_query_wait_ms(-1, 1), 1000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_filters_it_is_all_of_aider),
        cmocka_unit_test(each_filter_becomes_its_parameter),
        cmocka_unit_test(a_query_without_a_list_begins_with_a_question_mark_too),
        cmocka_unit_test(what_has_a_meaning_in_a_query_is_escaped),
        cmocka_unit_test(the_wait_is_the_servers_then_doubles_up_to_its_limit),
        cmocka_unit_test(a_server_that_asks_for_longer_is_given_longer),
        cmocka_unit_test(there_is_a_least_wait_and_one_before_the_server_has_spoken),
    };
    return cmocka_run_group_tests_name("tail_query", tests, NULL, NULL);
}
