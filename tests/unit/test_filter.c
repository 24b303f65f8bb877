// test_filter - OR within a parameter, AND between them, AND NOT for what is negated
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdlib.h>
#include <string.h>

#include "filter.h"

static filter_event_t
event_of(const char *type, const char *host, const char *session, const char *payload)
{
    return (filter_event_t){.type = type,
                            .host = host,
                            .session = session,
                            .payload = payload,
                            .payload_bytes = strlen(payload)};
}

static bool
matches(filter_t *filter, filter_event_t event)
{
    bool result = filter_matches(filter, &event);
    filter_event_clear(&event);
    return result;
}

static filter_event_t
rate_limit(void)
{
    return event_of("aider.rate_limit_detected", "a", "s-1",
                    "{\"provider\":\"openai\",\"current_model\":\"gpt-4o\","
                    "\"request_id\":\"r-1\"}");
}

static void
an_empty_filter_takes_everything(void **state)
{
    (void) state;
    filter_t *filter = filter_new();
    filter_seal(filter);
    assert_true(matches(filter, rate_limit()));
    assert_true(matches(filter, event_of("acme.x", "", "", "not json")));
    assert_string_equal(filter_key(filter), "");
    filter_destroy(&filter);
}

static void
values_of_one_parameter_are_or(void **state)
{
    (void) state;
    filter_t *filter = filter_new();
    filter_add(filter, FILTER_SESSION, "s-1", false);
    filter_add(filter, FILTER_SESSION, "s-2", false);
    filter_seal(filter);
    assert_true(matches(filter, event_of("t.x", "h", "s-1", "{}")));
    assert_true(matches(filter, event_of("t.x", "h", "s-2", "{}")));
    assert_false(matches(filter, event_of("t.x", "h", "s-3", "{}")));
    assert_false(matches(filter, event_of("t.x", "h", "", "{}")));
    filter_destroy(&filter);
}

static void
parameters_are_and(void **state)
{
    (void) state;
    filter_t *filter = filter_new();
    filter_add(filter, FILTER_HOST, "a", false);
    filter_add(filter, FILTER_PROVIDER, "openai", false);
    filter_seal(filter);
    assert_true(matches(filter, rate_limit()));
    assert_false(matches(filter, event_of("t.x", "b", "", "{\"provider\":\"openai\"}")));
    assert_false(matches(filter, event_of("t.x", "a", "", "{\"provider\":\"anthropic\"}")));
    filter_destroy(&filter);
}

static void
negated_values_only_start_from_all(void **state)
{
    (void) state;
    filter_t *filter = filter_new();
    filter_add(filter, FILTER_PROVIDER, "openai", true);
    filter_seal(filter);
    assert_false(matches(filter, rate_limit()));
    assert_true(matches(filter, event_of("t.x", "a", "", "{\"provider\":\"anthropic\"}")));
    // An event without a provider is not of that provider.
    assert_true(matches(filter, event_of("t.x", "a", "", "{}")));
    filter_destroy(&filter);
}

static void
a_negated_value_beats_a_plain_one(void **state)
{
    (void) state;
    filter_t *filter = filter_new();
    filter_add(filter, FILTER_TYPES, "aider.error_occurred", true);
    filter_add(filter, FILTER_TYPES, "aider.*", false);
    filter_seal(filter);
    assert_true(matches(filter, rate_limit()));
    assert_false(matches(filter, event_of("aider.error_occurred", "a", "", "{}")));
    assert_false(matches(filter, event_of("mesh.health", "a", "", "{}")));
    assert_true(filter_may_match_type(filter, "aider.session_started"));
    assert_false(filter_may_match_type(filter, "aider.error_occurred"));
    filter_destroy(&filter);
}

static void
the_endpoint_is_one_more_condition(void **state)
{
    (void) state;
    filter_t *filter = filter_new();
    filter_add(filter, FILTER_ENDPOINT, "aider.*", false);
    filter_add(filter, FILTER_TYPES, "mesh.*", false);
    filter_seal(filter);
    assert_false(matches(filter, rate_limit()));
    assert_false(matches(filter, event_of("mesh.health", "a", "", "{}")));
    filter_destroy(&filter);
}

static void
a_model_matches_under_each_of_its_names(void **state)
{
    (void) state;
    filter_t *filter = filter_new();
    filter_add(filter, FILTER_MODEL, "gpt-4o", false);
    filter_seal(filter);
    assert_true(matches(filter, rate_limit()));
    assert_true(matches(filter, event_of("t.x", "a", "", "{\"model\":\"gpt-4o\"}")));
    assert_true(matches(filter, event_of("t.x", "a", "", "{\"model_used\":\"gpt-4o\"}")));
    assert_false(matches(filter, event_of("t.x", "a", "", "{\"model\":[\"gpt-4o\"]}")));
    filter_destroy(&filter);
}

static void
no_value_beside_it_hides_a_member(void **state)
{
    (void) state;
    filter_t *filter = filter_new();
    filter_add(filter, FILTER_MODEL, "m", false);
    filter_seal(filter);
    assert_true(
        matches(filter, event_of("t.x", "a", "", "{\"n\":\"\\u0000\",\"model\":\"m\"}")));
    assert_true(matches(
        filter, event_of("t.x", "a", "", "{\"n\":123456789012345678901,\"model\":\"m\"}")));
    assert_false(matches(filter, event_of("t.x", "a", "", "{\"model\":\"m\\u0000\"}")));
    filter_destroy(&filter);
}

static void
a_label_matches_by_key_or_by_key_and_value_of_event_or_session(void **state)
{
    (void) state;
    filter_t *by_key = filter_new();
    filter_add(by_key, FILTER_LABEL, "team", false);
    filter_seal(by_key);
    filter_t *by_value = filter_new();
    filter_add(by_value, FILTER_LABEL, "team=infra=1", false);
    filter_seal(by_value);

    filter_event_t own = event_of("t.x", "a", "", "{\"labels\":{\"team\":\"infra=1\"}}");
    assert_true(matches(by_key, own));
    assert_true(matches(by_value, own));
    json_t *labels = json_pack("{s:s}", "team", "web");
    filter_event_t inherited = event_of("t.x", "a", "s", "{}");
    inherited.session_labels = labels;
    assert_true(matches(by_key, inherited));
    assert_false(matches(by_value, inherited));
    assert_false(matches(by_key, event_of("t.x", "a", "s", "{}")));
    json_decref(labels);
    filter_destroy(&by_key);
    filter_destroy(&by_value);
}

static void
the_payload_is_parsed_only_when_the_topic_has_not_decided(void **state)
{
    (void) state;
    filter_t *filter = filter_new();
    filter_add(filter, FILTER_SESSION, "s-2", false);
    filter_add(filter, FILTER_SEVERITY, "high", false);
    filter_seal(filter);
    assert_true(filter_needs_payload(filter));
    filter_event_t event = rate_limit();
    assert_false(filter_matches(filter, &event));
    assert_false(event.parsed);
    event.session = "s-2";
    assert_false(filter_matches(filter, &event));
    assert_true(event.parsed);
    filter_event_clear(&event);
    filter_destroy(&filter);
}

static void
filters_that_say_the_same_have_the_same_key_and_others_never(void **state)
{
    (void) state;
    filter_t *one = filter_new();
    filter_add(one, FILTER_HOST, "b", false);
    filter_add(one, FILTER_HOST, "a", false);
    filter_add(one, FILTER_HOST, "c", true);
    filter_seal(one);
    filter_t *same = filter_new();
    filter_add(same, FILTER_HOST, "c", true);
    filter_add(same, FILTER_HOST, "a", false);
    filter_add(same, FILTER_HOST, "b", false);
    filter_add(same, FILTER_HOST, "a", false);
    filter_seal(same);
    assert_string_equal(filter_key(one), filter_key(same));
    // A value that is made to look like the key of two.
    filter_t *forged = filter_new();
    filter_add(forged, FILTER_HOST, "a=1:b!1:c", false);
    filter_seal(forged);
    assert_string_not_equal(filter_key(one), filter_key(forged));
    filter_destroy(&one);
    filter_destroy(&same);
    filter_destroy(&forged);
}

static void
only_one_plain_session_is_the_only_session(void **state)
{
    (void) state;
    filter_t *filter = filter_new();
    filter_add(filter, FILTER_SESSION, "s-2", true);
    filter_add(filter, FILTER_SESSION, "s-1", false);
    filter_seal(filter);
    assert_string_equal(filter_only_session(filter), "s-1");
    filter_destroy(&filter);
    filter = filter_new();
    filter_add(filter, FILTER_SESSION, "s-2", true);
    filter_seal(filter);
    assert_null(filter_only_session(filter));
    filter_destroy(&filter);
}

static void
values_are_limited_in_length_and_number(void **state)
{
    (void) state;
    filter_t *filter = filter_new();
    char value[FILTER_VALUE_BYTES + 2];
    memset(value, 'x', sizeof value);
    value[sizeof value - 1] = '\0';
    assert_int_equal(filter_add(filter, FILTER_HOST, value, false), -1);
    assert_int_equal(filter_add(filter, FILTER_HOST, "", false), -1);
    for (int at = 0; at < FILTER_VALUES; at++) {
        snprintf(value, sizeof value, "h%d", at);
        assert_int_equal(filter_add(filter, FILTER_HOST, value, false), 0);
    }
    assert_int_equal(filter_add(filter, FILTER_HOST, "one-more", false), -1);
    filter_destroy(&filter);
}

static mesh_scope_t *
scope_of(const char *text)
{
    char *error = NULL;
    mesh_scope_t *scope = mesh_scope_parse(text, &error);
    assert_non_null(scope);
    return scope;
}

static void
a_scope_confines_whatever_is_asked_for(void **state)
{
    (void) state;
    mesh_scope_t *scopes[] = {scope_of("events;types=aider.error*;host=a"),
                              scope_of("events;session=s-1")};
    filter_t *filter = filter_new();
    filter_t *free_filter = filter_new();
    filter_confine(filter, (const mesh_scope_t *const[]){scopes[0], scopes[1]}, 2);
    filter_seal(filter);
    filter_seal(free_filter);
    assert_string_not_equal(filter_key(filter), filter_key(free_filter));
    static const struct {
        const char *type, *host, *session;
        bool taken;
    } cases[] = {
        {"aider.error_occurred", "a", "", true},   {"aider.error_occurred", "b", "", false},
        {"aider.session_started", "a", "", false}, {"aider.session_started", "b", "s-1", true},
        {"mesh.health", "a", "", false},
    };
    for (size_t at = 0; at < sizeof cases / sizeof *cases; at++) {
        filter_event_t event = {.type = cases[at].type,
                                .host = cases[at].host,
                                .session = cases[at].session,
                                .payload = "{}",
                                .payload_bytes = 2};
        assert_int_equal(filter_matches(filter, &event), cases[at].taken);
        assert_true(filter_matches(free_filter, &event));
        filter_event_clear(&event);
    }
    filter_destroy(&filter);
    filter_destroy(&free_filter);
    mesh_scope_destroy(&scopes[0]);
    mesh_scope_destroy(&scopes[1]);
}

static void
a_session_is_one_by_its_names_labels_and_scopes_and_not_by_its_events(void **state)
{
    (void) state;
    mesh_scope_t *scopes[] = {scope_of("events;types=aider.*;host=a"),
                              scope_of("events;types=aider.error*;host=b"),
                              scope_of("events;session=s-9")};
    filter_t *filter = filter_new();
    filter_add(filter, FILTER_SESSION, "s-8", true);
    filter_add(filter, FILTER_LABEL, "team=web", false);
    filter_add(filter, FILTER_TYPES, "mesh.*", false);
    filter_add(filter, FILTER_PROVIDER, "openai", false);
    filter_add(filter, FILTER_REQUEST, "r-1", false);
    filter_add(filter, FILTER_MODEL, "m", false);
    filter_add(filter, FILTER_SEVERITY, "high", false);
    filter_confine(filter, (const mesh_scope_t *const[]){scopes[0], scopes[1], scopes[2]}, 3);
    filter_seal(filter);
    json_t *web = json_pack("{s:s}", "team", "web");
    json_t *app = json_pack("{s:s}", "team", "app");
    const struct {
        const char *host, *session;
        const json_t *labels;
        bool taken;
    } cases[] = {
        {"a", "s-1", web, true},   {"a", "s-8", web, false}, {"a", "s-1", app, false},
        {"a", "s-1", NULL, false}, {"b", "s-1", web, false}, {"b", "s-9", web, true},
    };
    for (size_t at = 0; at < sizeof cases / sizeof *cases; at++)
        assert_int_equal(
            filter_takes_session(filter, cases[at].host, cases[at].session, cases[at].labels),
            cases[at].taken);
    json_decref(web);
    json_decref(app);
    filter_destroy(&filter);
    for (size_t at = 0; at < 3; at++)
        mesh_scope_destroy(&scopes[at]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scope_confines_whatever_is_asked_for),
        cmocka_unit_test(a_session_is_one_by_its_names_labels_and_scopes_and_not_by_its_events),
        cmocka_unit_test(an_empty_filter_takes_everything),
        cmocka_unit_test(values_of_one_parameter_are_or),
        cmocka_unit_test(parameters_are_and),
        cmocka_unit_test(negated_values_only_start_from_all),
        cmocka_unit_test(a_negated_value_beats_a_plain_one),
        cmocka_unit_test(the_endpoint_is_one_more_condition),
        cmocka_unit_test(a_model_matches_under_each_of_its_names),
        cmocka_unit_test(no_value_beside_it_hides_a_member),
        cmocka_unit_test(a_label_matches_by_key_or_by_key_and_value_of_event_or_session),
        cmocka_unit_test(the_payload_is_parsed_only_when_the_topic_has_not_decided),
        cmocka_unit_test(filters_that_say_the_same_have_the_same_key_and_others_never),
        cmocka_unit_test(only_one_plain_session_is_the_only_session),
        cmocka_unit_test(values_are_limited_in_length_and_number),
    };
    return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
