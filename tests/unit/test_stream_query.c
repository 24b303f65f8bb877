// test_stream_query - what may be asked of a stream, and how a wrong question is answered
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "stream_query.h"

static const int64_t now_us = 1800000000LL * 1000000;

static char problem[STREAM_QUERY_PROBLEM_BYTES];

static stream_query_outcome_t
parse_all(stream_query_t *query, const char *text, const char *last_event_id)
{
    return stream_query_parse(query, ENDPOINT_ALL, text, last_event_id, NULL, now_us, problem);
}

// That the query is refused with a sentence that has all of these words.
static void
assert_refused(const char *text, const char *first_word, const char *second_word)
{
    stream_query_t query;
    assert_int_equal(parse_all(&query, text, NULL), STREAM_QUERY_BAD);
    if (!strstr(problem, first_word) || !strstr(problem, second_word))
        fail_msg("%s: the problem does not say %s and %s: %s", text, first_word, second_word,
                 problem);
}

static void
nothing_asked_is_everything_live(void **state)
{
    (void) state;
    stream_query_t query;
    assert_int_equal(parse_all(&query, NULL, NULL), 0);
    assert_string_equal(filter_key(query.filter), "");
    assert_int_equal(query.ask.id, RESUME_NO_ID);
    assert_int_equal(query.ask.since, RESUME_SINCE_NOTHING);
    assert_int_equal(query.slow, STREAM_SLOW_DISCONNECT);
    stream_query_clear(&query);
}

static void
encoded_and_plain_commas_and_negations_mean_the_same(void **state)
{
    (void) state;
    stream_query_t plain;
    stream_query_t encoded;
    assert_int_equal(parse_all(&plain, "types=aider.*,!aider.error_occurred&host=a", NULL), 0);
    assert_int_equal(
        parse_all(&encoded, "host=a&types=aider.%2A%2C%21aider.error_occurred", NULL), 0);
    assert_string_equal(filter_key(plain.filter), filter_key(encoded.filter));
    stream_query_clear(&plain);
    stream_query_clear(&encoded);
}

static void
a_parameter_given_twice_has_the_values_of_both(void **state)
{
    (void) state;
    stream_query_t once;
    stream_query_t twice;
    assert_int_equal(parse_all(&once, "session=a,b", NULL), 0);
    assert_int_equal(parse_all(&twice, "session=b&session=a&", NULL), 0);
    assert_string_equal(filter_key(once.filter), filter_key(twice.filter));
    stream_query_clear(&once);
    stream_query_clear(&twice);
}

static void
an_unknown_parameter_is_named_with_what_is_allowed(void **state)
{
    (void) state;
    assert_refused("typs=aider.*", "\"typs\"", "types, session, request, host, provider");
    assert_refused("snapshots=1", "\"snapshots\"", "envelope, snapshot and slow");
    assert_refused("a_name_that_goes_on_and_on_and_on_and_on=1", "a_name_that_goes_on",
                   "allowed");
}

static void
an_unknown_value_is_named_with_what_is_allowed(void **state)
{
    (void) state;
    assert_refused("types=rate_limit_detected", "\"rate_limit_detected\"",
                   "aider.rate_limit_detected");
    assert_refused("types=aider.nonsense", "aider.nonsense", "allowed");
    assert_refused("types=stream.opened", "stream.opened", "allowed");
    assert_refused("types=mesh.x*", "mesh.x*", "allowed");
    assert_refused("severity=bad", "\"bad\"", "medium");
    assert_refused("since=yesterday", "\"yesterday\"", "earliest");
    assert_refused("last=0", "\"0\"", "from 1 to");
    assert_refused("last=-1", "\"-1\"", "from 1 to");
    assert_refused("last=9999999", "9999999", "from 1 to");
    assert_refused("envelope=CloudEvents", "CloudEvents", "data and cloudevents");
    assert_refused("envelope=", "\"\"", "data and cloudevents");
    assert_refused("envelope=data&envelope=cloudevents", "envelope", "once");
    assert_refused("slow=never", "never", "drop-oldest");
    assert_refused("host=", "host", "empty");
    assert_refused("host=a,,b", "host", "empty");
    assert_refused("host=!", "host", "empty");
}

static void
types_of_other_families_may_be_asked_for(void **state)
{
    (void) state;
    stream_query_t query;
    assert_int_equal(parse_all(&query, "types=acme.deployed,acme.*,*", NULL), 0);
    stream_query_clear(&query);
}

static void
two_beginnings_contradict_each_other(void **state)
{
    (void) state;
    assert_refused("since=10m&last=5", "since", "last");
    assert_refused("since=10m&since=11m", "since", "once");
    assert_refused("slow=disconnect&slow=disconnect", "slow", "once");
}

static void
what_is_not_well_encoded_is_refused(void **state)
{
    (void) state;
    assert_refused("host=%", "host", "percent");
    assert_refused("host=%4", "host", "percent");
    assert_refused("host=%zz", "host", "percent");
    assert_refused("host=a%00b", "host", "percent");
    assert_refused("host=a%0Ab", "host", "percent");
    assert_refused("%0d=1", "name", "percent");
}

static void
problems_are_printable_whatever_was_asked(void **state)
{
    (void) state;
    assert_refused("types=\x01\xff\"<b>%7f", "percent", "types");
    assert_refused("types=\xff\"<b>", "<b>", "allowed");
    for (const char *at = problem; *at; at++)
        assert_in_range(*at, 0x20, 0x7E);
}

static void
too_much_is_refused(void **state)
{
    (void) state;
    static const char pair[] = "host=a&";
    char text[(STREAM_QUERY_PARAMETERS + 1) * (sizeof pair - 1) + 1];
    for (size_t at = 0; at <= STREAM_QUERY_PARAMETERS; at++)
        memcpy(text + at * (sizeof pair - 1), pair, sizeof pair);
    assert_refused(text, "more than", "parameters");
    char value[FILTER_VALUE_BYTES + 32] = "host=";
    memset(value + 5, 'x', FILTER_VALUE_BYTES + 1);
    assert_refused(value, "host", "at most");
}

static void
the_header_beats_the_parameter_and_both_may_be_nonsense(void **state)
{
    (void) state;
    stream_query_t query;
    assert_int_equal(
        parse_all(&query, "last_event_id=0000000000000001-5", "0000000000000002-6"), 0);
    assert_int_equal(query.ask.id, RESUME_ID);
    assert_int_equal(query.ask.cursor.epoch, 2);
    stream_query_clear(&query);
    assert_int_equal(parse_all(&query, "last_event_id=0000000000000001-5", ""), 0);
    assert_int_equal(query.ask.cursor.epoch, 1);
    stream_query_clear(&query);
    // A browser sends back what it was given; to refuse it would stop it for good.
    assert_int_equal(parse_all(&query, NULL, "garbage\xff"), 0);
    assert_int_equal(query.ask.id, RESUME_ID_UNREADABLE);
    stream_query_clear(&query);
    char text[STREAM_QUERY_ID_BYTES + 64] = "last_event_id=0000000000000001-";
    memset(text + strlen(text), '1', STREAM_QUERY_ID_BYTES);
    assert_int_equal(parse_all(&query, text, NULL), 0);
    assert_int_equal(query.ask.id, RESUME_ID_UNREADABLE);
    stream_query_clear(&query);
}

static void
since_takes_a_cursor_a_time_an_age_and_earliest(void **state)
{
    (void) state;
    stream_query_t query;
    assert_int_equal(parse_all(&query, "since=00c0ffee00c0ffee-42", NULL), 0);
    assert_int_equal(query.ask.since, RESUME_SINCE_CURSOR);
    assert_int_equal(query.ask.since_cursor.offset, 42);
    stream_query_clear(&query);
    assert_int_equal(parse_all(&query, "since=10m", NULL), 0);
    assert_int_equal(query.ask.since, RESUME_SINCE_TIME);
    assert_int_equal(query.ask.since_us, now_us - 600LL * 1000000);
    stream_query_clear(&query);
    // The '+' of a zone is often left as it is.
    assert_int_equal(parse_all(&query, "since=2027-01-15T09:00:00+01:00", NULL), 0);
    assert_int_equal(query.ask.since_us, now_us);
    stream_query_clear(&query);
    assert_int_equal(parse_all(&query, "since=earliest", NULL), 0);
    assert_int_equal(query.ask.since, RESUME_SINCE_EARLIEST);
    stream_query_clear(&query);
    assert_int_equal(parse_all(&query, "last=7", NULL), 0);
    assert_int_equal(query.ask.last, 7);
    stream_query_clear(&query);
}

static void
the_endpoint_narrows_the_types(void **state)
{
    (void) state;
    endpoint_t endpoint;
    assert_int_equal(endpoint_of_path("/events/errors", 14, &endpoint), 0);
    assert_int_equal(endpoint, ENDPOINT_ERRORS);
    assert_int_equal(endpoint_of_path("/events/", 8, &endpoint), -1);
    stream_query_t query;
    assert_int_equal(
        stream_query_parse(&query, ENDPOINT_ERRORS, NULL, NULL, NULL, now_us, problem), 0);
    assert_true(filter_may_match_type(query.filter, "aider.rate_limit_detected"));
    assert_true(filter_may_match_type(query.filter, "aider.throttling_cleared"));
    assert_false(filter_may_match_type(query.filter, "aider.session_progress"));
    stream_query_clear(&query);
    assert_int_equal(
        stream_query_parse(&query, ENDPOINT_PROGRESS, NULL, NULL, NULL, now_us, problem), 0);
    assert_true(filter_may_match_type(query.filter, "aider.waiting_for_input"));
    assert_true(filter_may_match_type(query.filter, "aider.request_completed"));
    assert_false(filter_may_match_type(query.filter, "aider.error_occurred"));
    stream_query_clear(&query);
}

static void
who_is_confined_may_not_name_what_is_outside(void **state)
{
    (void) state;
    char *error = NULL;
    mesh_scope_t *scope = mesh_scope_parse("events;host=a;session=s", &error);
    assert_non_null(scope);
    const stream_bounds_t bounds = {.items = (const mesh_scope_t *const[]){scope}, .count = 1};
    static const struct {
        const char *query;
        stream_query_outcome_t outcome;
    } cases[] = {
        {"", STREAM_QUERY_OK},
        {"host=a&session=s", STREAM_QUERY_OK},
        {"host=!b", STREAM_QUERY_OK},
        {"host=a,b", STREAM_QUERY_OUTSIDE},
        {"session=x", STREAM_QUERY_OUTSIDE},
        {"sesion=x", STREAM_QUERY_BAD},
        {"ticket=abc", STREAM_QUERY_OK},
    };
    for (size_t at = 0; at < sizeof cases / sizeof *cases; at++) {
        stream_query_t query;
        assert_int_equal(stream_query_parse(&query, ENDPOINT_ALL, cases[at].query, NULL,
                                            &bounds, now_us, problem),
                         cases[at].outcome);
        if (cases[at].outcome == STREAM_QUERY_OUTSIDE)
            assert_non_null(strstr(problem, "not within the scope"));
        if (cases[at].outcome != STREAM_QUERY_OK)
            continue;
        filter_event_t inside = {.type = "aider.error_occurred", .host = "a", .session = "s"};
        filter_event_t outside = {.type = "aider.error_occurred", .host = "b", .session = "s"};
        assert_true(filter_matches(query.filter, &inside));
        assert_false(filter_matches(query.filter, &outside));
        stream_query_clear(&query);
    }
    mesh_scope_destroy(&scope);
}

static void
one_answer_has_limits_of_its_own_that_no_stream_takes(void **state)
{
    (void) state;
    stream_query_t query;
    assert_int_equal(
        stream_query_parse(&query, ENDPOINT_ONCE, NULL, NULL, NULL, now_us, problem),
        STREAM_QUERY_OK);
    assert_int_equal(query.once.limit, 100);
    assert_int_equal(query.once.max_bytes, 1024 * 1024);
    assert_int_equal(query.once.wait_ms, 0);
    stream_query_clear(&query);
    static const char all[] = "limit=1000&max_bytes=1024&wait=25s&format=ndjson&types=mesh.*";
    assert_int_equal(
        stream_query_parse(&query, ENDPOINT_ONCE, all, NULL, NULL, now_us, problem),
        STREAM_QUERY_OK);
    assert_int_equal(query.once.limit, 1000);
    assert_int_equal(query.once.max_bytes, 1024);
    assert_int_equal(query.once.wait_ms, 25000);
    assert_int_equal(query.once.format, STREAM_FORMAT_NDJSON);
    stream_query_clear(&query);
    static const char *const bad[] = {
        "limit=0", "limit=1001", "limit=",     "limit=1&limit=1", "max_bytes=99",
        "wait=26", "wait=s",     "format=xml", "slow=disconnect", "snapshot=1"};
    for (size_t at = 0; at < sizeof bad / sizeof bad[0]; at++)
        assert_int_equal(
            stream_query_parse(&query, ENDPOINT_ONCE, bad[at], NULL, NULL, now_us, problem),
            STREAM_QUERY_BAD);
    assert_int_equal(
        stream_query_parse(&query, ENDPOINT_ALL, "limit=5", NULL, NULL, now_us, problem),
        STREAM_QUERY_BAD);
}

static void
a_snapshot_is_asked_for_or_not(void **state)
{
    (void) state;
    stream_query_t query;
    assert_int_equal(parse_all(&query, "last=2", NULL), 0);
    assert_false(query.ask.snapshot);
    stream_query_clear(&query);
    assert_int_equal(parse_all(&query, "snapshot=0", NULL), 0);
    assert_false(query.ask.snapshot);
    stream_query_clear(&query);
    assert_int_equal(parse_all(&query, "snapshot=1&since=earliest", "what?"), 0);
    assert_true(query.ask.snapshot);
    stream_query_clear(&query);
    assert_refused("snapshot=1&snapshot=1", "snapshot", "twice");
    assert_refused("snapshot=", "\"\"", "0 and 1");
    assert_refused("snapshot=10", "\"10\"", "0 and 1");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_confined_may_not_name_what_is_outside),
        cmocka_unit_test(nothing_asked_is_everything_live),
        cmocka_unit_test(encoded_and_plain_commas_and_negations_mean_the_same),
        cmocka_unit_test(a_parameter_given_twice_has_the_values_of_both),
        cmocka_unit_test(an_unknown_parameter_is_named_with_what_is_allowed),
        cmocka_unit_test(an_unknown_value_is_named_with_what_is_allowed),
        cmocka_unit_test(types_of_other_families_may_be_asked_for),
        cmocka_unit_test(two_beginnings_contradict_each_other),
        cmocka_unit_test(what_is_not_well_encoded_is_refused),
        cmocka_unit_test(problems_are_printable_whatever_was_asked),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(the_header_beats_the_parameter_and_both_may_be_nonsense),
        cmocka_unit_test(since_takes_a_cursor_a_time_an_age_and_earliest),
        cmocka_unit_test(the_endpoint_narrows_the_types),
        cmocka_unit_test(a_snapshot_is_asked_for_or_not),
        cmocka_unit_test(one_answer_has_limits_of_its_own_that_no_stream_takes),
    };
    return cmocka_run_group_tests_name("stream_query", tests, NULL, NULL);
}
