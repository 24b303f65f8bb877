// test_head_rules - what is wrong with a request's headers
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <string.h>

#include "head_rules.h"

static const char *
problem_of(const char *const *names, size_t count)
{
    head_rules_t rules = {0};
    for (size_t at = 0; at < count; at++)
        head_rules_take(&rules, names[at], strlen(names[at]), "x", 1);
    return head_rules_problem(&rules);
}

static void
what_clients_send_passes(void **state)
{
    (void) state;
    static const char *const names[] = {
        "host",      "Authorization", "Content-Length", "X-Forwarded-For",
        "sec-ch-ua", "X_odd.name~",   "Accept",         "Accept",
    };
    assert_null(problem_of(names, sizeof names / sizeof names[0]));
    assert_null(problem_of(names, 0));
}

static void
a_second_host_is_refused(void **state)
{
    (void) state;
    static const char *const names[] = {"Host", "hOST"};
    assert_null(problem_of(names, 1));
    assert_non_null(strstr(problem_of(names, 2), "Host"));
}

static void
two_lengths_of_a_body_are_refused(void **state)
{
    (void) state;
    static const char *const twice[] = {"Content-Length", "content-length"};
    static const char *const both[] = {"Content-Length", "Transfer-Encoding"};
    assert_non_null(strstr(problem_of(twice, 2), "once"));
    assert_non_null(strstr(problem_of(both, 2), "once"));
}

static void
a_name_that_is_no_token_is_refused(void **state)
{
    (void) state;
    static const char *const names[] = {"",    "Host ", "Content-Length\t",
                                        "a b", "a\x7f", "\xc3"};
    for (size_t at = 0; at < sizeof names / sizeof names[0]; at++)
        assert_non_null(strstr(problem_of(&names[at], 1), "name"));
}

static void
a_cr_in_a_value_is_refused(void **state)
{
    (void) state;
    static const char value[] = "y\rHost: evil.example";
    head_rules_t rules = {0};
    head_rules_take(&rules, "X", 1, value, sizeof value - 1);
    assert_non_null(strstr(head_rules_problem(&rules), "CR"));
}

static void
the_first_problem_is_told(void **state)
{
    (void) state;
    static const char *const names[] = {"a b", "Host", "Host"};
    assert_non_null(strstr(problem_of(names, 3), "name"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_clients_send_passes),
        cmocka_unit_test(a_second_host_is_refused),
        cmocka_unit_test(two_lengths_of_a_body_are_refused),
        cmocka_unit_test(a_name_that_is_no_token_is_refused),
        cmocka_unit_test(a_cr_in_a_value_is_refused),
        cmocka_unit_test(the_first_problem_is_told),
    };
    return cmocka_run_group_tests_name("head_rules", tests, NULL, NULL);
}
