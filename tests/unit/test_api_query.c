// test_api_query - what a request for a list may ask for
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdlib.h>
#include <string.h>

#include "api_query.h"

static const api_parameter_t known[] = {{"state", "running|ended"}, {"host", NULL}};
static const access_grant_t everything = {.token_id = ""};

static void
assert_refused(const char *name, const char *value, const char *words)
{
    api_query_t query;
    char *error = NULL;
    api_query_begin(&query, known, 2, &everything);
    assert_int_equal(api_query_take(&query, name, value, &error), -1);
    assert_non_null(strstr(error, words));
    free(error);
}

static void
what_is_given_is_there_and_the_rest_is_not(void **state)
{
    (void) state;
    api_query_t query;
    char *error = NULL;
    api_query_begin(&query, known, 2, &everything);
    assert_int_equal(query.limit, API_QUERY_ROWS);
    assert_null(api_query_value(&query, "state"));
    assert_int_equal(api_query_take(&query, "state", "ended", &error), 0);
    assert_int_equal(api_query_take(&query, "limit", "1000", &error), 0);
    assert_string_equal(api_query_value(&query, "state"), "ended");
    assert_null(api_query_value(&query, "host"));
    assert_null(api_query_value(&query, "nothing"));
    assert_int_equal(query.limit, 1000);
    assert_int_equal(api_query_take(&query, "state", "ended", &error), -1);
    assert_non_null(strstr(error, "twice"));
    free(error);
    assert_int_equal(api_query_take(&query, "limit", "5", &error), -1);
    free(error);
}

static void
what_is_wrong_is_named_with_what_is_allowed(void **state)
{
    (void) state;
    assert_refused("colour", "red", "allowed are state, host, limit");
    assert_refused("state", "run", "running|ended");
    assert_refused("state", "running|ended", "must be one of");
    assert_refused("state", "", "no value");
    assert_refused("host", NULL, "no value");
    static const char *const limits[] = {"0", "1001", "-1", "1e2", "99999999999999999999",
                                         " 5"};
    for (size_t at = 0; at < sizeof limits / sizeof limits[0]; at++)
        assert_refused("limit", limits[at], "from 1 to 1000");
    char longer[API_QUERY_VALUE_SIZE + 1];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_refused("host", longer, "longer than 255 bytes");
}

static void
what_is_no_text_is_quoted_as_text(void **state)
{
    (void) state;
    assert_refused("state", "\xff\n\x1b", "state is \"???\"");
    assert_refused("\xc3\xa9", "x", "\"??\"");
}

static void
scopes_confine_by_type_host_and_session(void **state)
{
    (void) state;
    api_query_t query;
    char *error = NULL;
    api_query_begin(&query, NULL, 0, &everything);
    assert_true(api_query_may_see(&query, "aider.session_started", "h", "s"));
    mesh_scope_t *one = mesh_scope_parse("api;host=h;types=aider.*", &error);
    mesh_scope_t *two = mesh_scope_parse("api;session=s2", &error);
    const access_grant_t grant = {.scopes = {one, two}, .scope_count = 2};
    api_query_begin(&query, NULL, 0, &grant);
    assert_true(api_query_may_see(&query, "aider.session_started", "h", "s"));
    assert_false(api_query_may_see(&query, "aider.session_started", "other", "s"));
    assert_true(api_query_may_see(&query, "aider.session_started", "other", "s2"));
    assert_false(api_query_may_see(&query, "mesh.transport_joined", "h", ""));
    mesh_scope_destroy(&one);
    mesh_scope_destroy(&two);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_is_there_and_the_rest_is_not),
        cmocka_unit_test(what_is_wrong_is_named_with_what_is_allowed),
        cmocka_unit_test(what_is_no_text_is_quoted_as_text),
        cmocka_unit_test(scopes_confine_by_type_host_and_session),
    };
    return cmocka_run_group_tests_name("api_query", tests, NULL, NULL);
}
