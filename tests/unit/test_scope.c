// test_scope - what a token is good for is what was written, and nothing else
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/scope.h"

static mesh_scope_t *
read_scope(const char *text)
{
    char *error = NULL;
    mesh_scope_t *scope = mesh_scope_parse(text, &error);
    assert_null(error);
    assert_non_null(scope);
    return scope;
}

static void
assert_refused(const char *text, const char *because)
{
    char *error = NULL;
    assert_null(mesh_scope_parse(text, &error));
    assert_non_null(error);
    if (!strstr(error, because))
        fail_msg("\"%s\" does not say \"%s\"", error, because);
    free(error);
}

static void
an_area_is_good_for_itself_and_a_star_for_all(void **state)
{
    (void) state;
    mesh_scope_t *scope = read_scope("events");
    assert_true(mesh_scope_has_area(scope, MESH_SCOPE_EVENTS));
    assert_false(mesh_scope_has_area(scope, MESH_SCOPE_API));
    assert_false(mesh_scope_has_area(scope, MESH_SCOPE_METRICS));
    assert_true(mesh_scope_takes(scope, MESH_SCOPE_HOST, "any"));
    mesh_scope_destroy(&scope);

    scope = read_scope("api,metrics");
    assert_false(mesh_scope_has_area(scope, MESH_SCOPE_EVENTS));
    assert_true(mesh_scope_has_area(scope, MESH_SCOPE_METRICS));
    mesh_scope_destroy(&scope);

    scope = read_scope("*");
    assert_true(mesh_scope_has_area(scope, MESH_SCOPE_ALL));
    mesh_scope_destroy(&scope);
}

static void
lists_name_what_is_within(void **state)
{
    (void) state;
    mesh_scope_t *scope = read_scope("events;types=aider.*,mesh.health;host=a%2Cb,c;session=s");
    assert_int_equal(mesh_scope_size(scope, MESH_SCOPE_TYPE), 2);
    assert_string_equal(mesh_scope_value(scope, MESH_SCOPE_TYPE, 0), "aider.*");
    assert_true(mesh_scope_takes(scope, MESH_SCOPE_HOST, "a,b"));
    assert_true(mesh_scope_takes(scope, MESH_SCOPE_HOST, "c"));
    assert_false(mesh_scope_takes(scope, MESH_SCOPE_HOST, "a"));
    assert_true(mesh_scope_takes(scope, MESH_SCOPE_SESSION, "s"));
    assert_false(mesh_scope_takes(scope, MESH_SCOPE_SESSION, ""));
    mesh_scope_destroy(&scope);
}

static void
what_is_wrong_is_named_with_what_is_allowed(void **state)
{
    (void) state;
    assert_refused("", "allowed are events, api, metrics and *");
    assert_refused("event", "\"event\" is no area");
    assert_refused("events;type=aider.*", "\"type\" is unknown; allowed are types, host");
    assert_refused("events;types", "has no '='");
    assert_refused("events;host=", "has no value");
    assert_refused("events;host=,", "has no value");
    assert_refused("events;", "has no '='");
    assert_refused("events;host=%4", "two hex digits");
    assert_refused("events;host=%00", "two hex digits");
    assert_refused("events;host=a%0Ab", "control characters");
    assert_refused("events;types=Aider", "no event type");
}

static void
lists_and_texts_have_a_limit(void **state)
{
    (void) state;
    char text[MESH_SCOPE_BYTES + 2] = "events;host=h";
    size_t bytes = strlen(text);
    for (int at = 1; at < MESH_SCOPE_VALUES; at++)
        bytes += (size_t) snprintf(text + bytes, sizeof text - bytes, ",h");
    mesh_scope_t *scope = read_scope(text);
    assert_int_equal(mesh_scope_size(scope, MESH_SCOPE_HOST), MESH_SCOPE_VALUES);
    mesh_scope_destroy(&scope);
    (void) snprintf(text + bytes, sizeof text - bytes, ",h");
    assert_refused(text, "32 are allowed");

    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_refused(text, "longer than 2048 bytes");
    memcpy(text, "events;host=", 12);
    text[12 + MESH_SCOPE_VALUE_BYTES + 1] = '\0';
    assert_refused(text, "longer than 256 bytes");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_area_is_good_for_itself_and_a_star_for_all),
        cmocka_unit_test(lists_name_what_is_within),
        cmocka_unit_test(what_is_wrong_is_named_with_what_is_allowed),
        cmocka_unit_test(lists_and_texts_have_a_limit),
    };
    return cmocka_run_group_tests_name("scope", tests, NULL, NULL);
}
