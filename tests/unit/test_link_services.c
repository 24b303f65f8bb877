// test_link_services - each call of a service is answered, by a result or by a code
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <string.h>

#include "link_services.h"

// mesh_link_service_fn: answers with its request and what it was added with.
static json_t *
echo(void *arg, const json_t *request)
{
    if (!json_is_object(request))
        return NULL;
    return json_pack("{s:s, s:o}", "who", (const char *) arg, "asked", json_deep_copy(request));
}

static int
setup(void **state)
{
    static char one[] = "one", two[] = "two";
    link_services_t *services = link_services_new();
    link_services_add(services, "history", echo, one);
    link_services_add(services, "alerts", echo, two);
    *state = services;
    return 0;
}

static int
teardown(void **state)
{
    link_services_t *services = *state;
    link_services_destroy(&services);
    assert_null(services);
    link_services_destroy(&services);
    return 0;
}

// The answer to a message of this text must be this, or none.
static void
assert_answer(const link_services_t *services, const char *message, const char *expected)
{
    json_t *body = json_loads(message, 0, NULL);
    assert_non_null(body);
    json_t *answer = link_services_answer(services, body);
    if (expected) {
        json_t *wanted = json_loads(expected, 0, NULL);
        assert_non_null(wanted);
        assert_true(json_equal(answer, wanted));
        json_decref(wanted);
    } else {
        assert_null(answer);
    }
    json_decref(answer);
    json_decref(body);
}

static void
who_has_the_name_answers_with_the_number_of_the_call(void **state)
{
    assert_answer(*state, "{\"call\":7,\"service\":\"alerts\",\"request\":{\"n\":1}}",
                  "{\"call\":7,\"result\":{\"who\":\"two\",\"asked\":{\"n\":1}}}");
    assert_answer(*state, "{\"call\":8,\"service\":\"history\",\"request\":{}}",
                  "{\"call\":8,\"result\":{\"who\":\"one\",\"asked\":{}}}");
}

static void
what_is_not_offered_or_refused_has_a_code(void **state)
{
    assert_answer(*state, "{\"call\":9,\"service\":\"other\",\"request\":{}}",
                  "{\"call\":9,\"code\":\"no_service\","
                  "\"message\":\"the service did not answer this request\"}");
    assert_answer(*state, "{\"call\":9,\"service\":\"alerts\",\"request\":3}",
                  "{\"call\":9,\"code\":\"refused\","
                  "\"message\":\"the service did not answer this request\"}");
}

static void
what_names_no_call_or_service_is_passed_over(void **state)
{
    assert_answer(*state, "{\"service\":\"alerts\",\"request\":{}}", NULL);
    assert_answer(*state, "{\"call\":-1,\"service\":\"alerts\",\"request\":{}}", NULL);
    assert_answer(*state, "{\"call\":1,\"service\":[],\"request\":{}}", NULL);
}

static void
a_hello_has_their_names(void **state)
{
    json_t *names = link_services_names(*state);
    assert_int_equal(json_array_size(names), 2);
    assert_string_equal(json_string_value(json_array_get(names, 0)), "history");
    assert_string_equal(json_string_value(json_array_get(names, 1)), "alerts");
    json_decref(names);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_has_the_name_answers_with_the_number_of_the_call,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_offered_or_refused_has_a_code, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_names_no_call_or_service_is_passed_over, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_hello_has_their_names, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
