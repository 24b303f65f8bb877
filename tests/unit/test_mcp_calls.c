// test_mcp_calls - which open call of an MCP server a line is of
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <string.h>

#include "mcp_calls.h"

static mcp_session_start_t start;
static const aider_time_t now = {1000, 1e9};

// The outcome that was last told.
static char outcome[32];

static void
on_report(void *arg, const session_report_t *report)
{
    (void) arg;
    const char *told = json_string_value(json_object_get(report->payload, "outcome"));
    if (told)
        snprintf(outcome, sizeof outcome, "%s", told);
    json_decref(report->payload);
}

static int
set_up(void **state)
{
    outcome[0] = '\0';
    start = (mcp_session_start_t){.working_dir = "/tmp"};
    *state = mcp_calls_new(&start, on_report, NULL);
    return 0;
}

static int
tear_down(void **state)
{
    mcp_calls_t *calls = *state;
    mcp_calls_destroy(&calls);
    assert_null(calls);
    return 0;
}

// A tools/call; params are more of its own.
static json_t *
message(int id, const char *tool, const char *params)
{
    char text[300];
    snprintf(text, sizeof text,
             "{\"id\":%d,\"method\":\"tools/call\",\"params\":{\"name\":\"%s\"%s}}", id, tool,
             params);
    json_t *parsed = json_loads(text, 0, NULL);
    assert_non_null(parsed);
    return parsed;
}

static mcp_work_t *
begin(mcp_calls_t *calls, int id, const char *tool)
{
    json_t *called = message(id, tool, "");
    mcp_work_t *call = mcp_calls_place(calls, now);
    assert_non_null(call);
    mcp_work_begin(call, called, "session", now);
    json_decref(called);
    return call;
}

static void
let_wait(mcp_work_t *call, const char *result)
{
    json_t *answer = json_pack("{s:o}", "result", json_loads(result, 0, NULL));
    mcp_work_wait(call, answer, now);
    json_decref(answer);
}

static mcp_work_t *
find(mcp_calls_t *calls, int number)
{
    json_t *id = json_integer(number);
    mcp_work_t *found = mcp_calls_find(calls, id);
    json_decref(id);
    return found;
}

static void
expect_continued(mcp_calls_t *calls, const char *tool, const char *params,
                 const mcp_work_t *expected)
{
    json_t *called = message(99, tool, params);
    assert_ptr_equal(mcp_calls_continued(calls, called), expected);
    json_decref(called);
}

static void
an_answer_is_of_the_call_with_its_id(void **state)
{
    mcp_calls_t *calls = *state;
    mcp_work_t *first = begin(calls, 1, "a");
    mcp_work_t *second = begin(calls, 2, "a");
    assert_ptr_equal(find(calls, 1), first);
    assert_ptr_equal(find(calls, 2), second);
    assert_null(find(calls, 3));
    // Of two with one id the one that still wants an answer.
    mcp_work_cancel(first, now);
    assert_ptr_equal(find(calls, 1), first);
    mcp_work_t *again = begin(calls, 1, "a");
    assert_ptr_equal(find(calls, 1), again);
    mcp_calls_close(calls, again);
    mcp_calls_close_cancelled(calls, first->order);
    assert_ptr_equal(find(calls, 1), first);
    mcp_calls_close_cancelled(calls, second->order);
    assert_null(find(calls, 1));
}

static void
what_is_printed_is_of_the_oldest_aider_even_if_cancelled(void **state)
{
    mcp_calls_t *calls = *state;
    mcp_work_t *other = begin(calls, 1, "build");
    assert_null(mcp_calls_printing(calls));
    assert_ptr_equal(mcp_calls_current(calls), other);
    mcp_work_t *first = begin(calls, 2, "aider_ai_code");
    mcp_work_t *second = begin(calls, 3, "aider_ai_code");
    assert_ptr_equal(mcp_calls_printing(calls), first);
    assert_ptr_equal(mcp_calls_current(calls), first);
    mcp_work_cancel(first, now);
    assert_ptr_equal(mcp_calls_printing(calls), first);
    assert_ptr_equal(mcp_calls_current(calls), other);
    // It waits for its client, so that the server works on the next.
    mcp_calls_close(calls, first);
    mcp_calls_close(calls, other);
    mcp_work_t *third = begin(calls, 4, "aider_ai_code");
    let_wait(second, "{\"requestState\":\"s\"}");
    assert_ptr_equal(mcp_calls_printing(calls), third);
    assert_ptr_equal(mcp_calls_oldest(calls), second);
}

static void
a_client_comes_back_with_what_it_was_given(void **state)
{
    mcp_calls_t *calls = *state;
    mcp_work_t *call = begin(calls, 1, "deploy");
    expect_continued(calls, "deploy", ",\"requestState\":\"s\"", NULL);
    let_wait(call, "{\"requestState\":\"s\"}");
    assert_null(find(calls, 1));
    expect_continued(calls, "deploy", "", NULL);
    expect_continued(calls, "deploy", ",\"requestState\":\"t\"", NULL);
    expect_continued(calls, "deployed", ",\"requestState\":\"s\"", NULL);
    expect_continued(calls, "deploy", ",\"requestState\":\"s\"", call);
    mcp_work_t *later = begin(calls, 2, "deploy");
    let_wait(later, "{\"requestState\":\"s\"}");
    expect_continued(calls, "deploy", ",\"requestState\":\"s\"", call);
    mcp_calls_close(calls, call);
    expect_continued(calls, "deploy", ",\"requestState\":\"s\"", later);
    // Given nothing, it brings the answers alone.
    mcp_calls_close(calls, later);
    call = begin(calls, 3, "deploy");
    let_wait(call, "{}");
    expect_continued(calls, "deploy", "", NULL);
    expect_continued(calls, "deploy", ",\"requestState\":\"s\",\"inputResponses\":{}", NULL);
    expect_continued(calls, "deploy", ",\"inputResponses\":{}", call);
}

static void
a_call_that_is_alone_is_known_without_its_id(void **state)
{
    mcp_calls_t *calls = *state;
    assert_null(mcp_calls_only(calls));
    mcp_work_t *first = begin(calls, 1, "aider_ai_code");
    assert_ptr_equal(mcp_calls_only(calls), first);
    mcp_work_t *second = begin(calls, 2, "build");
    assert_null(mcp_calls_only(calls));
    // The server may not have read the cancellation, and answer all the same.
    mcp_work_cancel(first, now);
    assert_null(mcp_calls_only(calls));
    mcp_calls_close_cancelled(calls, second->order);
    assert_ptr_equal(mcp_calls_only(calls), second);
    let_wait(second, "{}");
    assert_null(mcp_calls_only(calls));
}

static void
where_all_places_are_taken_the_least_wanted_is_given_up(void **state)
{
    mcp_calls_t *calls = *state;
    mcp_work_t *filled[MCP_SESSION_CALLS_MOST];
    for (int i = 0; i < MCP_SESSION_CALLS_MOST; i++)
        filled[i] = begin(calls, i, "build");
    assert_null(mcp_calls_place(calls, now));
    let_wait(filled[7], "{\"requestState\":\"s\"}");
    let_wait(filled[5], "{\"requestState\":\"s\"}");
    mcp_work_cancel(filled[9], now);
    outcome[0] = '\0';
    assert_ptr_equal(begin(calls, 100, "build"), filled[9]);
    assert_string_equal(outcome, "");    // told before
    assert_ptr_equal(begin(calls, 101, "build"), filled[5]);
    assert_string_equal(outcome, "cancelled");
    assert_ptr_equal(begin(calls, 102, "build"), filled[7]);
    assert_null(mcp_calls_place(calls, now));
}

static void
a_question_is_answered_once_and_forgotten_with_its_call(void **state)
{
    mcp_calls_t *calls = *state;
    mcp_work_t *first = begin(calls, 1, "build");
    mcp_work_t *second = begin(calls, 2, "build");
    json_t *id = json_string("q");
    json_t *other = json_integer(1);
    mcp_calls_ask(calls, second, id);
    mcp_calls_ask(calls, first, other);
    assert_ptr_equal(mcp_calls_answered(calls, id), second);
    assert_null(mcp_calls_answered(calls, id));
    mcp_calls_close(calls, first);
    assert_null(mcp_calls_answered(calls, other));
    // Those past the limit are nobody's.
    for (int i = 0; i <= MCP_SESSION_QUESTIONS_MOST; i++) {
        json_t *number = json_integer(i);
        mcp_calls_ask(calls, second, number);
        json_decref(number);
    }
    for (int i = 0; i <= MCP_SESSION_QUESTIONS_MOST; i++) {
        json_t *number = json_integer(i);
        assert_ptr_equal(mcp_calls_answered(calls, number),
                         i < MCP_SESSION_QUESTIONS_MOST ? second : NULL);
        json_decref(number);
    }
    json_decref(id);
    json_decref(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_is_of_the_call_with_its_id),
        TEST(what_is_printed_is_of_the_oldest_aider_even_if_cancelled),
        TEST(a_client_comes_back_with_what_it_was_given),
        TEST(a_call_that_is_alone_is_known_without_its_id),
        TEST(where_all_places_are_taken_the_least_wanted_is_given_up),
        TEST(a_question_is_answered_once_and_forgotten_with_its_call),
    };
    return cmocka_run_group_tests_name("mcp_calls", tests, NULL, NULL);
}
