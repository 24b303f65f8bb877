// test_mcp_call - what a tools/call asks for, and what its answer claims
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <string.h>

#include "mcp_call.h"

static json_t *
message(const char *text)
{
    json_t *parsed = json_loads(text, 0, NULL);
    assert_non_null(parsed);
    return parsed;
}

static void
expect_tool(const char *text, const char *tool)
{
    json_t *call = message(text);
    const char *found = mcp_call_tool(call);
    assert_string_equal(found ? found : "", tool);
    json_decref(call);
}

static void
only_a_call_that_can_be_answered_is_one(void **state)
{
    (void) state;
    expect_tool("{\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"x\"}}", "x");
    expect_tool("{\"id\":\"a\",\"method\":\"tools/call\",\"params\":{\"name\":\"x\"}}", "x");
    expect_tool("{\"method\":\"tools/call\",\"params\":{\"name\":\"x\"}}", "");
    expect_tool("{\"id\":null,\"method\":\"tools/call\",\"params\":{\"name\":\"x\"}}", "");
    expect_tool("{\"id\":1,\"method\":\"tools/list\",\"params\":{\"name\":\"x\"}}", "");
    expect_tool("{\"id\":1,\"method\":\"tools/call\",\"params\":[\"name\"]}", "");
    expect_tool("{\"id\":1,\"result\":{}}", "");
    expect_tool("[1]", "");
}

static void
the_tools_that_run_aider_can_be_named(void **state)
{
    (void) state;
    assert_true(mcp_call_is_aider("aider_ai_code", NULL));
    assert_true(mcp_call_is_aider("aider_ai_ask", NULL));
    assert_false(mcp_call_is_aider("list_models", NULL));
    static const char *const names[] = {"code", "run_*", NULL};
    assert_true(mcp_call_is_aider("code", names));
    assert_true(mcp_call_is_aider("run_", names));
    assert_true(mcp_call_is_aider("run_it", names));
    assert_false(mcp_call_is_aider("codes", names));
    assert_false(mcp_call_is_aider("aider_ai_code", names));
    static const char *const none[] = {NULL};
    assert_false(mcp_call_is_aider("aider_ai_code", none));
}

static void
a_call_becomes_the_words_that_would_say_the_same_to_aider(void **state)
{
    (void) state;
    json_t *call =
        message("{\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"aider_ai_code\","
                "\"arguments\":{\"ai_coding_prompt\":\"--do it\",\"architect_mode\":true,"
                "\"relative_editable_files\":[\"a.py\",7,\"-b.py\"],"
                "\"relative_readonly_files\":[\"c.py\"],\"model\":\"\"}}}");
    static const char *const expected[] = {
        "aider",       "--message=--do it", "--model=openai/x", "--architect",
        "--file=a.py", "--file=-b.py",      "--read=c.py",
    };
    char **words = mcp_call_words(call, "openai/x");
    for (size_t i = 0; i < 7; i++)
        assert_string_equal(words[i], expected[i]);
    assert_null(words[7]);
    mcp_call_free_words(&words);
    assert_null(words);
    json_decref(call);
}

static void
a_call_with_endless_files_gives_a_bounded_list(void **state)
{
    (void) state;
    json_t *files = json_array();
    for (int i = 0; i < 10000; i++)
        json_array_append_new(files, json_string("f"));
    json_t *call =
        json_pack("{s:{s:{s:o}}}", "params", "arguments", "relative_editable_files", files);
    char **words = mcp_call_words(call, NULL);
    size_t count = 0;
    while (words[count])
        count++;
    assert_true(count > 256 && count < 1000);
    mcp_call_free_words(&words);
    json_decref(call);
}

static void
expect_trace(const char *parent, const char *trace_id)
{
    char found[MCP_TRACE_ID_SIZE] = "";
    json_t *call = json_pack("{s:{s:{s:s}}}", "params", "_meta", "traceparent", parent);
    bool legal = mcp_call_trace_id(call, found);
    assert_string_equal(legal ? found : "", trace_id);
    json_decref(call);
}

static void
a_trace_id_is_taken_when_it_is_legal(void **state)
{
    (void) state;
    expect_trace("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                 "4bf92f3577b34da6a3ce929d0e0e4736");
    expect_trace("00-00000000000000000000000000000000-00f067aa0ba902b7-01", "");
    expect_trace("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", "");
    expect_trace("00-4bf92f3577b34da6a3ce929d0e0e47-00f067aa0ba902b7-0001", "");
    expect_trace("4bf92f3577b34da6a3ce929d0e0e4736", "");
    expect_trace("", "");
}

static void
expect_answer(const char *text, mcp_answer_t answer, const char *error)
{
    const char *found = NULL;
    json_t *keep = NULL;
    json_t *reply = message(text);
    assert_int_equal(mcp_call_answer(reply, &found, &keep), answer);
    assert_string_equal(found ? found : "", error);
    json_decref(keep);
    json_decref(reply);
}

#define TEXT(inner) "{\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"" inner "\"}]}}"

static void
an_answer_is_read_for_what_it_claims(void **state)
{
    (void) state;
    expect_answer("{\"result\":{}}", MCP_ANSWER_SUCCESS, "");
    expect_answer(TEXT("plain words"), MCP_ANSWER_SUCCESS, "");
    expect_answer(TEXT("{\\\"success\\\": true, \\\"diff\\\": \\\"\\\"}"), MCP_ANSWER_SUCCESS,
                  "");
    expect_answer(TEXT("{\\\"success\\\": false, \\\"diff\\\": \\\"nothing\\\"}"),
                  MCP_ANSWER_FAILURE, "");
    expect_answer(TEXT("{\\\"success\\\": false, \\\"diff\\\": \\\"diff --git a b\\\"}"),
                  MCP_ANSWER_UNCLEAR, "");
    expect_answer(TEXT("{\\\"error\\\": \\\"Unknown tool: x\\\"}"), MCP_ANSWER_FAILURE,
                  "Unknown tool: x");
    expect_answer("{\"error\":{\"code\":-32602,\"message\":\"bad\"}}", MCP_ANSWER_FAILURE,
                  "bad");
    expect_answer("{\"result\":{\"isError\":true,\"content\":[{\"text\":\"it broke\"}]}}",
                  MCP_ANSWER_FAILURE, "it broke");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_call_that_can_be_answered_is_one),
        cmocka_unit_test(the_tools_that_run_aider_can_be_named),
        cmocka_unit_test(a_call_becomes_the_words_that_would_say_the_same_to_aider),
        cmocka_unit_test(a_call_with_endless_files_gives_a_bounded_list),
        cmocka_unit_test(a_trace_id_is_taken_when_it_is_legal),
        cmocka_unit_test(an_answer_is_read_for_what_it_claims),
    };
    return cmocka_run_group_tests_name("mcp_call", tests, NULL, NULL);
}
