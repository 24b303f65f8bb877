// test_mcp_session - what is reported of an MCP server's recorded and made-up traffic
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mcp_session.h"

#define CALL(id, tool, more)                                                                   \
    "{\"jsonrpc\":\"2.0\",\"id\":" id                                                          \
    ",\"method\":\"tools/call\",\"params\":{\"name\":\"" tool "\"" more "}}"
#define PROMPT                                                                                 \
    ",\"arguments\":{\"ai_coding_prompt\":\"set x\",\"relative_editable_files\":[\"a.py\"],"   \
    "\"model\":\"openai/fake\"}"
#define ANSWER(id, inner)                                                                      \
    "{\"jsonrpc\":\"2.0\",\"id\":" id                                                          \
    ",\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"" inner                           \
    "\"}],\"isError\":false}}"
#define SAYS_TRUE "{\\\"success\\\": true, \\\"diff\\\": \\\"\\\"}"
#define SAYS_FALSE "{\\\"success\\\": false, \\\"diff\\\": \\\"nothing\\\"}"

typedef struct stage {
    mcp_session_t *session;
    json_t *events;    // array of {type, session_id, request_id, payload}
    int64_t now_ms;
} stage_t;

static mcp_session_start_t start;

static void
on_report(void *arg, const session_report_t *report)
{
    stage_t *stage = arg;
    json_t *event = json_pack("{s:s, s:s, s:o}", "type", report->type, "session_id",
                              report->session_id, "payload", report->payload);
    if (report->request_id)
        json_object_set_new(event, "request_id", json_string(report->request_id));
    json_array_append_new(stage->events, event);
}

static int
set_up(void **state)
{
    static stage_t stage;
    start = (mcp_session_start_t){.working_dir = "/tmp"};
    stage = (stage_t){.events = json_array(), .now_ms = 1000};
    stage.session = mcp_session_new(&start, on_report, &stage);
    *state = &stage;
    return 0;
}

static int
tear_down(void **state)
{
    stage_t *stage = *state;
    mcp_session_destroy(&stage->session);
    json_decref(stage->events);
    return 0;
}

static aider_time_t
now(const stage_t *stage)
{
    return (aider_time_t){stage->now_ms, 1e9 + (double) stage->now_ms / 1000};
}

static void
say(stage_t *stage, mcp_side_t side, const char *line)
{
    stage->now_ms += 10;
    mcp_session_line(stage->session, side, line, now(stage));
}

// The i-th event of a type.
static const json_t *
event(const stage_t *stage, const char *type, size_t number)
{
    for (size_t i = 0; i < json_array_size(stage->events); i++) {
        const json_t *found = json_array_get(stage->events, i);
        if (strcmp(json_string_value(json_object_get(found, "type")), type) == 0 &&
            number-- == 0)
            return found;
    }
    return NULL;
}

static size_t
count(const stage_t *stage, const char *type)
{
    size_t number = 0;
    while (event(stage, type, number))
        number++;
    return number;
}

static const json_t *
payload(const stage_t *stage, const char *type, size_t number)
{
    const json_t *found = event(stage, type, number);
    assert_non_null(found);
    return json_object_get(found, "payload");
}

static void
expect_text(const json_t *object, const char *key, const char *value)
{
    const char *found = json_string_value(json_object_get(object, key));
    assert_string_equal(found ? found : "", value);
}

static void
expect_end(const stage_t *stage, const char *outcome)
{
    bool success = strcmp(outcome, "ok") == 0;
    static const char *const types[] = {"aider.request_completed", "aider.session_completed"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(count(stage, types[i]), 1);
        const json_t *ended = payload(stage, types[i], 0);
        expect_text(ended, "outcome", outcome);
        assert_int_equal(json_is_true(json_object_get(ended, "success")), success);
        assert_null(json_object_get(ended, "exit_code"));
    }
}

static void
play(stage_t *stage, const char *capture)
{
    char path[512];
    (void) snprintf(path, sizeof path, TEST_FIXTURES "/captures/%s/timeline.jsonl", capture);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, file) > 0) {
        json_t *entry = json_loads(line, 0, NULL);
        assert_non_null(entry);
        const char *stream = json_string_value(json_object_get(entry, "stream"));
        mcp_side_t side = strcmp(stream, "client-to-server") == 0 ? MCP_FROM_CLIENT
                          : strcmp(stream, "server-stdout") == 0  ? MCP_FROM_SERVER
                                                                  : MCP_FROM_LOG;
        stage->now_ms = (int64_t) (json_number_value(json_object_get(entry, "t")) * 1000);
        mcp_session_line(stage->session, side,
                         json_string_value(json_object_get(entry, "line")), now(stage));
        json_decref(entry);
    }
    free(line);
    (void) fclose(file);
}

static void
expect_hidden_rate_limits(stage_t *stage, size_t rate_limits)
{
    assert_int_equal(count(stage, "aider.session_started"), 1);
    const json_t *started = payload(stage, "aider.session_started", 0);
    expect_text(started, "mode", "mcp");
    expect_text(started, "tool", "aider_ai_code");
    expect_text(started, "prompt", "set x");
    assert_int_equal(json_array_size(json_object_get(started, "editable_files")), 1);
    assert_int_equal(count(stage, "aider.request_started"), 1);
    assert_int_equal(count(stage, "aider.rate_limit_detected"), rate_limits);
    for (size_t i = 0; i < rate_limits; i++) {
        const json_t *limit = payload(stage, "aider.rate_limit_detected", i);
        assert_int_equal(json_integer_value(json_object_get(limit, "attempt")), i + 1);
        assert_true(json_is_true(json_object_get(limit, "will_retry")));
    }
    expect_end(stage, "ok");
    assert_true(json_is_true(json_object_get(payload(stage, "aider.session_completed", 0),
                                             "rate_limit_encountered")));
}

static void
a_recorded_server_shows_the_rate_limits_it_hid(void **state)
{
    play(*state, "mcp_disler_429x2_then_ok");
    expect_hidden_rate_limits(*state, 2);
}

static void
a_recorded_server_with_wide_lines_shows_them_too(void **state)
{
    play(*state, "mcp_disler_429_nocolor_wide");
    expect_hidden_rate_limits(*state, 1);
}

static void
an_error_that_aider_printed_beats_an_answer_of_success(void **state)
{
    stage_t *stage = *state;
    say(stage, MCP_FROM_CLIENT, CALL("1", "aider_ai_code", PROMPT));
    say(stage, MCP_FROM_SERVER,
        "litellm.AuthenticationError: AuthenticationError: OpenAIException - Incorrect API key "
        "provided");
    say(stage, MCP_FROM_SERVER,
        "The API provider is not able to authenticate you. Check your API key.");
    say(stage, MCP_FROM_SERVER, ANSWER("1", SAYS_TRUE));
    assert_int_equal(count(stage, "aider.error_occurred"), 1);
    expect_text(payload(stage, "aider.error_occurred", 0), "error_type", "auth");
    expect_end(stage, "failed");
}

static void
an_answer_of_failure_counts_where_aider_printed_none(void **state)
{
    stage_t *stage = *state;
    say(stage, MCP_FROM_CLIENT, CALL("1", "aider_ai_code", PROMPT));
    say(stage, MCP_FROM_SERVER, "Tokens: 762 sent, 4 received.");
    say(stage, MCP_FROM_SERVER, ANSWER("1", SAYS_FALSE));
    expect_end(stage, "failed");
}

static void
a_success_whose_output_never_came_this_way_is_believed(void **state)
{
    stage_t *stage = *state;
    say(stage, MCP_FROM_CLIENT, CALL("1", "aider_ai_ask", PROMPT));
    say(stage, MCP_FROM_SERVER, ANSWER("1", SAYS_TRUE));
    expect_end(stage, "ok");
}

static void
a_tools_own_error_is_told_once(void **state)
{
    stage_t *stage = *state;
    say(stage, MCP_FROM_CLIENT, CALL("1", "aider_ai_code", PROMPT));
    say(stage, MCP_FROM_SERVER,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32603,\"message\":\"no repo\"}}");
    assert_int_equal(count(stage, "aider.error_occurred"), 1);
    expect_text(payload(stage, "aider.error_occurred", 0), "error_message", "no repo");
    expect_end(stage, "failed");
}

static void
console_text_on_stderr_is_read_and_log_lines_are_not(void **state)
{
    stage_t *stage = *state;
    say(stage, MCP_FROM_CLIENT, CALL("1", "aider_ai_code", PROMPT));
    say(stage, MCP_FROM_LOG,
        "2026-11-22 08:12:10 [INFO] aider_mcp_server.x: Tokens: 1 sent, 1 received.");
    assert_int_equal(count(stage, "aider.session_progress"), 0);
    say(stage, MCP_FROM_LOG, "Tokens: 762 sent, 4 received.");
    assert_true(count(stage, "aider.session_progress") > 0);
    say(stage, MCP_FROM_SERVER, ANSWER("1", SAYS_TRUE));
    expect_end(stage, "ok");
}

static void
another_tool_is_a_request_and_no_session(void **state)
{
    stage_t *stage = *state;
    say(stage, MCP_FROM_CLIENT, CALL("\"a\"", "list_models", ""));
    say(stage, MCP_FROM_CLIENT, CALL("\"b\"", "list_models", ""));
    say(stage, MCP_FROM_SERVER, ANSWER("\"a\"", "{\\\"models\\\": []}"));
    say(stage, MCP_FROM_SERVER, ANSWER("\"b\"", "{\\\"error\\\": \\\"no\\\"}"));
    assert_int_equal(count(stage, "aider.session_started"), 0);
    assert_int_equal(count(stage, "aider.request_started"), 2);
    expect_text(payload(stage, "aider.request_completed", 0), "outcome", "ok");
    expect_text(payload(stage, "aider.request_completed", 1), "outcome", "failed");
    expect_text(event(stage, "aider.request_started", 1), "session_id",
                json_string_value(
                    json_object_get(event(stage, "aider.request_started", 0), "session_id")));
    expect_text(event(stage, "aider.request_completed", 0), "request_id",
                json_string_value(
                    json_object_get(event(stage, "aider.request_started", 0), "request_id")));
}

static void
expect_prompt(stage_t *stage, size_t characters)
{
    static const char *const types[] = {"aider.session_started", "aider.request_started"};
    for (size_t i = 0; i < 2; i++) {
        const char *prompt =
            json_string_value(json_object_get(payload(stage, types[i], 0), "prompt"));
        assert_int_equal(prompt ? strspn(prompt, "p") : 0, characters);
    }
}

static void
call_with_a_long_prompt(stage_t *stage)
{
    char line[1000];
    (void) snprintf(
        line, sizeof line,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{"
        "\"name\":\"aider_ai_code\",\"arguments\":{\"ai_coding_prompt\":\"%0*d\"}}}",
        300, 0);
    for (char *zero = line; (zero = strstr(zero, "00")); zero++)
        zero[0] = zero[1] = 'p';
    say(stage, MCP_FROM_CLIENT, line);
}

static void
a_prompt_is_shown_as_far_as_it_may_be(void **state)
{
    static const struct {
        aider_prompt_t prompt;
        size_t characters;
    } cases[] = {{AIDER_PROMPT_PREVIEW, 100}, {AIDER_PROMPT_NONE, 0}, {AIDER_PROMPT_FULL, 300}};
    stage_t *stage = *state;
    for (size_t i = 0; i < 3; i++) {
        start.prompt = cases[i].prompt;
        json_array_clear(stage->events);
        call_with_a_long_prompt(stage);
        expect_prompt(stage, cases[i].characters);
        say(stage, MCP_FROM_SERVER, ANSWER("1", SAYS_TRUE));
    }
}

static void
a_tools_long_name_is_cut_between_characters(void **state)
{
    stage_t *stage = *state;
    for (int shift = 0; shift < 3; shift++) {
        char line[1000];
        int size = snprintf(line, sizeof line,
                            "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"tools/call\","
                            "\"params\":{\"name\":\"%.*s",
                            shift, shift, "xx");
        for (int i = 0; i < 100; i++)
            size += snprintf(line + size, sizeof line - (size_t) size, "€");
        (void) snprintf(line + size, sizeof line - (size_t) size, "\"}}");
        say(stage, MCP_FROM_CLIENT, line);
        const json_t *started = payload(stage, "aider.request_started", (size_t) shift);
        size_t length = strlen(json_string_value(json_object_get(started, "tool")));
        assert_true(length > 120 && length < 128);
    }
}

static void
a_trace_of_the_caller_correlates_all_of_a_call(void **state)
{
    stage_t *stage = *state;
    say(stage, MCP_FROM_CLIENT,
        CALL("1", "aider_ai_code",
             PROMPT ",\"_meta\":{\"traceparent\":"
                    "\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"}"));
    say(stage, MCP_FROM_SERVER, ANSWER("1", SAYS_TRUE));
    for (size_t i = 0; i < json_array_size(stage->events); i++)
        expect_text(json_object_get(json_array_get(stage->events, i), "payload"),
                    "correlation_id", "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_true(json_array_size(stage->events) >= 4);
}

static void
a_cancelled_call_ends_cancelled_and_its_late_answer_is_nothing(void **state)
{
    stage_t *stage = *state;
    say(stage, MCP_FROM_CLIENT, CALL("1", "aider_ai_code", PROMPT));
    say(stage, MCP_FROM_CLIENT,
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
        "cancelled\",\"params\":{\"requestId\":1}"
        "}");
    say(stage, MCP_FROM_SERVER, ANSWER("1", SAYS_TRUE));
    expect_end(stage, "cancelled");
}

static void
a_server_that_ends_fails_its_calls_and_says_so(void **state)
{
    stage_t *stage = *state;
    say(stage, MCP_FROM_CLIENT, CALL("1", "aider_ai_code", PROMPT));
    say(stage, MCP_FROM_CLIENT, CALL("2", "list_models", ""));
    mcp_session_exit(stage->session, 3, 0, now(stage));
    assert_int_equal(count(stage, "aider.error_occurred"), 2);
    expect_text(payload(stage, "aider.error_occurred", 0), "error_type", "crash");
    expect_text(payload(stage, "aider.error_occurred", 1), "error_message",
                "the MCP server ended with status 3 before it answered");
    expect_text(payload(stage, "aider.session_completed", 0), "outcome", "failed");
    assert_int_equal(count(stage, "aider.request_completed"), 2);
    for (size_t i = 0; i < 2; i++)
        expect_text(payload(stage, "aider.request_completed", i), "outcome", "failed");
}

static void
a_server_that_is_killed_takes_its_calls_with_it(void **state)
{
    stage_t *stage = *state;
    say(stage, MCP_FROM_CLIENT, CALL("1", "aider_ai_code", PROMPT));
    mcp_session_exit(stage->session, 0, SIGKILL, now(stage));
    expect_end(stage, "killed");
    const json_t *completed = payload(stage, "aider.session_completed", 0);
    assert_int_equal(json_integer_value(json_object_get(completed, "signal")), SIGKILL);
}

static void
a_client_that_goes_away_cancels_what_is_still_open_at_the_end(void **state)
{
    stage_t *stage = *state;
    say(stage, MCP_FROM_CLIENT, CALL("1", "aider_ai_code", PROMPT));
    say(stage, MCP_FROM_CLIENT, CALL("2", "list_models", ""));
    mcp_session_client_gone(stage->session);
    // A server may finish its work all the same.
    say(stage, MCP_FROM_SERVER, ANSWER("2", "{\\\"models\\\": []}"));
    mcp_session_exit(stage->session, 0, 0, now(stage));
    assert_int_equal(count(stage, "aider.error_occurred"), 0);
    expect_text(payload(stage, "aider.request_completed", 0), "outcome", "ok");
    expect_text(payload(stage, "aider.session_completed", 0), "outcome", "cancelled");
}

static void
an_id_may_be_used_again(void **state)
{
    stage_t *stage = *state;
    say(stage, MCP_FROM_CLIENT, CALL("1", "list_models", ""));
    say(stage, MCP_FROM_SERVER, ANSWER("1", "{}"));
    say(stage, MCP_FROM_CLIENT, CALL("1", "list_models", ""));
    say(stage, MCP_FROM_SERVER, ANSWER("1", "{}"));
    assert_int_equal(count(stage, "aider.request_completed"), 2);
    // "1" is another than 1.
    say(stage, MCP_FROM_CLIENT, CALL("1", "list_models", ""));
    say(stage, MCP_FROM_SERVER, ANSWER("\"1\"", "{}"));
    assert_int_equal(count(stage, "aider.request_completed"), 2);
    // Used while it is open: nobody could tell the answers apart.
    say(stage, MCP_FROM_CLIENT, CALL("1", "list_models", ""));
    say(stage, MCP_FROM_SERVER, ANSWER("1", "{}"));
    expect_text(payload(stage, "aider.request_completed", 2), "outcome", "cancelled");
    expect_text(payload(stage, "aider.request_completed", 3), "outcome", "ok");
}

static void
what_a_cancelled_call_goes_on_printing_is_not_the_next_ones(void **state)
{
    stage_t *stage = *state;
    static const char *const refused =
        "litellm.RateLimitError: RateLimitError: OpenAIException - Rate limit reached";
    say(stage, MCP_FROM_CLIENT, CALL("1", "aider_ai_code", PROMPT));
    say(stage, MCP_FROM_CLIENT,
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
        "cancelled\",\"params\":{\"requestId\":1}}");
    say(stage, MCP_FROM_CLIENT, CALL("2", "aider_ai_code", PROMPT));
    say(stage, MCP_FROM_SERVER, refused);
    say(stage, MCP_FROM_SERVER,
        "The API provider has rate limited you. Try again later or check your quotas.");
    say(stage, MCP_FROM_SERVER, "Retrying in 0.2 seconds...");
    assert_int_equal(count(stage, "aider.rate_limit_detected"), 0);
    say(stage, MCP_FROM_SERVER, ANSWER("1", SAYS_TRUE));
    say(stage, MCP_FROM_SERVER, refused);
    say(stage, MCP_FROM_SERVER,
        "The API provider has rate limited you. Try again later or check your quotas.");
    say(stage, MCP_FROM_SERVER, "Retrying in 0.2 seconds...");
    assert_int_equal(count(stage, "aider.rate_limit_detected"), 1);
    say(stage, MCP_FROM_SERVER, ANSWER("2", SAYS_TRUE));
    expect_text(payload(stage, "aider.session_completed", 0), "outcome", "cancelled");
    expect_text(payload(stage, "aider.session_completed", 1), "outcome", "ok");
}

static void
a_batch_is_as_many_messages(void **state)
{
    stage_t *stage = *state;
    say(stage, MCP_FROM_CLIENT,
        "[" CALL("1", "list_models", "") "," CALL("2", "list_models", "") "]");
    say(stage, MCP_FROM_SERVER, "[" ANSWER("2", "{}") "," ANSWER("1", "{}") "]");
    assert_int_equal(count(stage, "aider.request_started"), 2);
    assert_int_equal(count(stage, "aider.request_completed"), 2);
}

static void
a_question_of_the_servers_is_waiting_for_input(void **state)
{
    stage_t *stage = *state;
    static const char *const ask =
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"elicitation/create\",\"params\":{"
        "\"message\":\"Really?\",\"requestedSchema\":{}}}";
    static const char *const sample =
        "{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"sampling/createMessage\",\"params\":{}}";
    say(stage, MCP_FROM_SERVER, ask);
    assert_int_equal(count(stage, "aider.waiting_for_input"), 0);
    say(stage, MCP_FROM_CLIENT, CALL("7", "aider_ai_code", PROMPT));
    say(stage, MCP_FROM_SERVER, sample);
    say(stage, MCP_FROM_SERVER, ask);
    const json_t *waiting = payload(stage, "aider.waiting_for_input", 0);
    expect_text(waiting, "question", "Really?");
    expect_text(waiting, "kind", "confirmation");
    expect_text(event(stage, "aider.waiting_for_input", 0), "session_id",
                json_string_value(
                    json_object_get(event(stage, "aider.session_started", 0), "session_id")));
    // The client's answer has the same id as its own call, which goes on.
    say(stage, MCP_FROM_CLIENT,
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"action\":\"accept\"}}");
    expect_text(payload(stage, "aider.session_progress", 0), "stage", "confirmation");
    assert_int_equal(count(stage, "aider.session_completed"), 0);
    say(stage, MCP_FROM_SERVER, ANSWER("7", SAYS_TRUE));
    expect_end(stage, "ok");
}

#define WANTS(id, more)                                                                        \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{\"resultType\":\"input_required\"" more "}}"
#define WHERE                                                                                  \
    ",\"inputRequests\":{\"m\":{\"method\":\"sampling/createMessage\",\"params\":{}},\"a\":{"  \
    "\"method\":\"elicitation/create\",\"params\":{\"message\":\"Where?\"}}}"

static void
a_result_that_wants_input_first_is_waiting_for_it(void **state)
{
    stage_t *stage = *state;
    say(stage, MCP_FROM_CLIENT, CALL("1", "aider_ai_code", PROMPT));
    say(stage, MCP_FROM_SERVER, WANTS("1", WHERE ",\"requestState\":\"s\""));
    expect_text(payload(stage, "aider.waiting_for_input", 0), "question", "Where?");
    assert_int_equal(count(stage, "aider.request_completed"), 0);
    // A person may think as long as it takes.
    assert_int_equal(mcp_session_next_tick_ms(stage->session), -1);

    say(stage, MCP_FROM_CLIENT,
        CALL("2", "aider_ai_code",
             PROMPT ",\"requestState\":\"s\",\"inputResponses\":{\"a\":{}}"));
    expect_text(payload(stage, "aider.session_progress", 0), "stage", "confirmation");
    assert_true(mcp_session_next_tick_ms(stage->session) > 0);
    say(stage, MCP_FROM_SERVER, "Tokens: 762 sent, 4 received.");
    say(stage, MCP_FROM_SERVER, ANSWER("2", SAYS_TRUE));
    assert_int_equal(count(stage, "aider.session_started"), 1);
    assert_int_equal(count(stage, "aider.request_started"), 1);
    expect_end(stage, "ok");
}

static void
a_result_that_is_asked_for_again_and_again_is_one_call(void **state)
{
    stage_t *stage = *state;
    static const char *const again = CALL("1", "deploy", ",\"requestState\":\"later\"");
    say(stage, MCP_FROM_CLIENT, CALL("1", "deploy", ""));
    for (int i = 0; i < 100; i++) {
        say(stage, MCP_FROM_SERVER, WANTS("1", ",\"requestState\":\"later\""));
        say(stage, MCP_FROM_CLIENT, again);
    }
    assert_int_equal(json_array_size(stage->events), 1);
    say(stage, MCP_FROM_SERVER,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"resultType\":\"complete\",\"content\":[]}"
        "}");
    expect_text(payload(stage, "aider.request_completed", 0), "outcome", "ok");
    assert_int_equal(json_array_size(stage->events), 2);
}

static void
a_call_whose_client_does_not_come_back_is_no_success(void **state)
{
    stage_t *stage = *state;
    say(stage, MCP_FROM_CLIENT, CALL("1", "aider_ai_code", PROMPT));
    say(stage, MCP_FROM_SERVER, WANTS("1", WHERE));
    mcp_session_client_gone(stage->session);
    mcp_session_exit(stage->session, 0, 0, now(stage));
    expect_end(stage, "cancelled");
    assert_int_equal(count(stage, "aider.error_occurred"), 0);
}

#define TOKEN PROMPT ",\"_meta\":{\"progressToken\":\"t\"}"
#define OWN_PROGRESS(figure)                                                                   \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"                  \
    "\"progressToken\":\"t\",\"progress\":" #figure ",\"total\":9,\"message\":\"half\"}}"

static void
refuse_for_rate(stage_t *stage, const char *retrying)
{
    say(stage, MCP_FROM_SERVER,
        "litellm.RateLimitError: RateLimitError: OpenAIException - Rate limit reached");
    say(stage, MCP_FROM_SERVER,
        "The API provider has rate limited you. Try again later or check your quotas.");
    say(stage, MCP_FROM_SERVER, retrying);
}

// The next notification for the client; its figure.
static double
expect_told(stage_t *stage, const char *message)
{
    char *line = mcp_session_progress(stage->session);
    assert_non_null(line);
    json_t *told = json_loads(line, 0, NULL);
    const json_t *params = json_object_get(told, "params");
    expect_text(told, "jsonrpc", "2.0");
    expect_text(told, "method", "notifications/progress");
    expect_text(params, "progressToken", "t");
    expect_text(params, "message", message);
    double figure = json_real_value(json_object_get(params, "progress"));
    json_decref(told);
    free(line);
    assert_null(mcp_session_progress(stage->session));
    return figure;
}

static void
a_caller_that_asks_for_progress_can_be_told_of_retries(void **state)
{
    stage_t *stage = *state;
    say(stage, MCP_FROM_CLIENT, CALL("1", "aider_ai_code", TOKEN));
    assert_null(mcp_session_progress(stage->session));
    refuse_for_rate(stage, "Retrying in 0.2 seconds...");
    double first = expect_told(stage, "rate limited, attempt 1 of 8, next in 0.2 s");
    refuse_for_rate(stage, "Retrying in 0.5 seconds...");
    double second = expect_told(stage, "rate limited, attempt 2 of 8, next in 0.5 s");
    assert_true(first > 0 && second > first);

    // The server's own progress goes on rising from its own figures, between which ours lie.
    say(stage, MCP_FROM_SERVER, OWN_PROGRESS(3));
    assert_null(mcp_session_progress(stage->session));
    const json_t *progress = payload(stage, "aider.session_progress", 0);
    expect_text(progress, "stage", "tool");
    expect_text(progress, "message", "half");
    assert_true(second < 3);
    refuse_for_rate(stage, "Retrying in 1.0 seconds...");
    double third = expect_told(stage, "rate limited, attempt 3 of 8, next in 1.0 s");
    assert_true(third > 3 && third < 3.001);
    say(stage, MCP_FROM_SERVER, OWN_PROGRESS(1e300));
    refuse_for_rate(stage, "Retrying in 2.0 seconds...");
    assert_null(mcp_session_progress(stage->session));

    refuse_for_rate(stage, "Retrying in 4.0 seconds...");
    say(stage, MCP_FROM_SERVER, ANSWER("1", SAYS_TRUE));
    assert_null(mcp_session_progress(stage->session));
}

static void
who_asks_for_no_progress_or_cannot_be_trusted_to_be_open_gets_none(void **state)
{
    stage_t *stage = *state;
    say(stage, MCP_FROM_CLIENT, CALL("1", "aider_ai_code", PROMPT));
    refuse_for_rate(stage, "Retrying in 0.2 seconds...");
    assert_null(mcp_session_progress(stage->session));
    say(stage, MCP_FROM_SERVER, ANSWER("1", SAYS_TRUE));

    say(stage, MCP_FROM_CLIENT, CALL("2", "aider_ai_code", TOKEN));
    refuse_for_rate(stage, "Retrying in 0.2 seconds...");
    mcp_session_lost_messages(stage->session);
    assert_null(mcp_session_progress(stage->session));
    say(stage, MCP_FROM_SERVER, ANSWER("2", SAYS_TRUE));

    say(stage, MCP_FROM_CLIENT, CALL("3", "aider_ai_code", TOKEN));
    refuse_for_rate(stage, "Retrying in 0.2 seconds...");
    mcp_session_client_gone(stage->session);
    assert_null(mcp_session_progress(stage->session));
}

static void
a_servers_own_progress_is_told_once_a_second(void **state)
{
    stage_t *stage = *state;
    say(stage, MCP_FROM_CLIENT, CALL("1", "build", TOKEN));
    for (int i = 0; i < 250; i++)
        say(stage, MCP_FROM_SERVER, OWN_PROGRESS(1));
    assert_int_equal(count(stage, "aider.session_progress"), 3);
}

static void
an_answer_that_owns_up_to_a_rate_limit_is_believed(void **state)
{
    stage_t *stage = *state;
    say(stage, MCP_FROM_CLIENT, CALL("1", "aider_ai_code", PROMPT));
    say(stage, MCP_FROM_SERVER,
        ANSWER("1",
               "{\\\"success\\\": true, \\\"rate_limit_info\\\": {\\\"encountered\\\": true, "
               "\\\"retries\\\": 2, \\\"fallback_model\\\": \\\"x\\\"}}"));
    const json_t *completed = payload(stage, "aider.session_completed", 0);
    assert_true(json_is_true(json_object_get(completed, "rate_limit_encountered")));
    assert_true(json_is_true(json_object_get(completed, "fallback_used")));
}

static void
the_older_dialect_is_understood(void **state)
{
    stage_t *stage = *state;
    say(stage, MCP_FROM_CLIENT,
        "{\"request_id\":\"r1\",\"name\":\"aider_ai_code\",\"parameters\":{"
        "\"ai_coding_prompt\":\"set x\"}}");
    say(stage, MCP_FROM_SERVER,
        "{\"event\":\"progress\",\"data\":{\"request_id\":\"r1\",\"duration\":1.5,"
        "\"progress_data\":{\"stage\":\"executing_aider\"}}}");
    say(stage, MCP_FROM_SERVER,
        "{\"event\":\"aider.rate_limit_detected\",\"data\":{\"provider\":\"openai\","
        "\"attempt\":2,\"max_retries\":5,\"estimated_delay\":2.0,\"will_retry\":true}}");
    say(stage, MCP_FROM_SERVER,
        "{\"event\":\"aider.error_occurred\",\"data\":{\"error_type\":\"monitoring_error\","
        "\"error_message\":\"no repo\"}}");
    say(stage, MCP_FROM_SERVER, "{\"event\":\"heartbeat\",\"data\":{}}");
    say(stage, MCP_FROM_SERVER, "{\"event\":\"aider.session_completed\",\"data\":{}}");
    expect_text(payload(stage, "aider.session_progress", 0), "message", "executing_aider");
    const json_t *limit = payload(stage, "aider.rate_limit_detected", 0);
    assert_int_equal(json_integer_value(json_object_get(limit, "attempt")), 2);
    expect_text(payload(stage, "aider.error_occurred", 0), "error_type", "unmapped");
    assert_int_equal(count(stage, "aider.session_completed"), 0);
    say(stage, MCP_FROM_SERVER,
        "{\"event\":\"tool_result\",\"data\":{\"request_id\":\"r1\",\"result\":{"
        "\"success\":false}}}");
    expect_end(stage, "failed");
}

static void
what_a_result_too_long_to_read_answers_is_known(void **state)
{
    stage_t *stage = *state;
    say(stage, MCP_FROM_CLIENT, CALL("1", "x", ""));
    say(stage, MCP_FROM_CLIENT, CALL("2", "x", ""));
    // The id is at its end, and might be either.
    mcp_session_cut_line(stage->session, MCP_FROM_SERVER, "{\"result\":{\"a\":\"", now(stage));
    assert_int_equal(count(stage, "aider.request_completed"), 0);
    mcp_session_cut_line(stage->session, MCP_FROM_SERVER,
                         "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":\"", now(stage));
    assert_int_equal(count(stage, "aider.request_completed"), 1);
    mcp_session_cut_line(stage->session, MCP_FROM_SERVER, "{\"result\":{\"a\":\"", now(stage));
    assert_int_equal(count(stage, "aider.request_completed"), 2);
    mcp_session_cut_line(stage->session, MCP_FROM_SERVER, "{\"result\":{\"a\":\"", now(stage));
    mcp_session_cut_line(stage->session, MCP_FROM_CLIENT, "{\"result\":{\"a\":\"", now(stage));
    assert_int_equal(count(stage, "aider.request_completed"), 2);
}

static void
what_is_no_message_of_ours_changes_nothing(void **state)
{
    stage_t *stage = *state;
    static const char *const lines[] = {
        "",
        "{",
        "[",
        "{\"jsonrpc\"",
        "{\"jsonrpc\":\"2.0\"}",
        "[{\"jsonrpc\":\"2.0\"}, 7, null]",
        "{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"tools/call\",\"params\":{\"name\":\"x\"}}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\"}",
        "Tokens: 762 sent, 4 received.",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        for (int side = MCP_FROM_CLIENT; side <= MCP_FROM_LOG; side++)
            say(stage, (mcp_side_t) side, lines[i]);
    assert_int_equal(json_array_size(stage->events), 0);
    assert_int_equal(mcp_session_next_tick_ms(stage->session), -1);
}

static void
calls_past_the_limit_are_counted_and_not_followed(void **state)
{
    stage_t *stage = *state;
    for (int i = 0; i < MCP_SESSION_CALLS_MOST + 5; i++) {
        char line[200];
        (void) snprintf(line, sizeof line,
                        "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"tools/call\",\"params\":{"
                        "\"name\":\"x\"}}",
                        i);
        say(stage, MCP_FROM_CLIENT, line);
    }
    assert_int_equal(count(stage, "aider.request_started"), MCP_SESSION_CALLS_MOST);
    assert_int_equal(mcp_session_not_followed(stage->session), 5);
}

static void
a_silent_call_is_said_to_be_waiting(void **state)
{
    stage_t *stage = *state;
    say(stage, MCP_FROM_CLIENT, CALL("1", "aider_ai_code", PROMPT));
    int64_t next_ms = mcp_session_next_tick_ms(stage->session);
    assert_true(next_ms > stage->now_ms);
    for (int i = 0; i < 100 && count(stage, "aider.session_progress") == 0; i++) {
        stage->now_ms = mcp_session_next_tick_ms(stage->session);
        assert_true(stage->now_ms > 0);
        mcp_session_tick(stage->session, now(stage));
    }
    expect_text(payload(stage, "aider.session_progress", 0), "stage", "waiting");
}

// A cut in the middle of it would leave a half that no rule knows.
static void
an_errors_secrets_go_before_it_is_cut(void **state)
{
    stage_t *stage = *state;
    mesh_settings_t *settings = mesh_settings_new();
    char *error = NULL;
    start.redaction = redaction_new(settings, &error);
    assert_non_null(start.redaction);
    say(stage, MCP_FROM_CLIENT, CALL("1", "aider_ai_code", PROMPT));
    char answer[4096];
    (void) snprintf(answer, sizeof answer,
                    "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,\"message\":\"%02035d "
                    "sk-ant-%s\"}}",
                    0, "api03-9aB8cD7eF6gH5iJ4kL3mN2oP1qR0");
    say(stage, MCP_FROM_SERVER, answer);
    const char *told = json_string_value(
        json_object_get(payload(stage, "aider.error_occurred", 0), "error_message"));
    assert_non_null(strstr(told, "0 [redacted:"));
    assert_null(strstr(told, "sk-ant"));
    redaction_destroy(&start.redaction);
    mesh_settings_destroy(&settings);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_recorded_server_shows_the_rate_limits_it_hid),
        TEST(a_recorded_server_with_wide_lines_shows_them_too),
        TEST(an_error_that_aider_printed_beats_an_answer_of_success),
        TEST(an_answer_of_failure_counts_where_aider_printed_none),
        TEST(a_success_whose_output_never_came_this_way_is_believed),
        TEST(a_tools_own_error_is_told_once),
        TEST(an_errors_secrets_go_before_it_is_cut),
        TEST(console_text_on_stderr_is_read_and_log_lines_are_not),
        TEST(another_tool_is_a_request_and_no_session),
        TEST(a_prompt_is_shown_as_far_as_it_may_be),
        TEST(a_tools_long_name_is_cut_between_characters),
        TEST(a_trace_of_the_caller_correlates_all_of_a_call),
        TEST(a_cancelled_call_ends_cancelled_and_its_late_answer_is_nothing),
        TEST(a_server_that_ends_fails_its_calls_and_says_so),
        TEST(a_server_that_is_killed_takes_its_calls_with_it),
        TEST(a_client_that_goes_away_cancels_what_is_still_open_at_the_end),
        TEST(an_id_may_be_used_again),
        TEST(what_a_cancelled_call_goes_on_printing_is_not_the_next_ones),
        TEST(a_batch_is_as_many_messages),
        TEST(a_question_of_the_servers_is_waiting_for_input),
        TEST(a_result_that_wants_input_first_is_waiting_for_it),
        TEST(a_result_that_is_asked_for_again_and_again_is_one_call),
        TEST(a_call_whose_client_does_not_come_back_is_no_success),
        TEST(a_caller_that_asks_for_progress_can_be_told_of_retries),
        TEST(who_asks_for_no_progress_or_cannot_be_trusted_to_be_open_gets_none),
        TEST(a_servers_own_progress_is_told_once_a_second),
        TEST(an_answer_that_owns_up_to_a_rate_limit_is_believed),
        TEST(the_older_dialect_is_understood),
        TEST(what_a_result_too_long_to_read_answers_is_known),
        TEST(what_is_no_message_of_ours_changes_nothing),
        TEST(calls_past_the_limit_are_counted_and_not_followed),
        TEST(a_silent_call_is_said_to_be_waiting),
    };
    return cmocka_run_group_tests_name("mcp_session", tests, NULL, NULL);
}
