// test_wrapped_command - what the command is, as far as its words tell
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "wrapped_command.h"

#define WORDS(...) ((char *[]){__VA_ARGS__, NULL})

static void
aider_is_known_by_its_name_wherever_it_lies(void **state)
{
    (void) state;
    assert_true(wrapped_command_is_aider(WORDS("aider")));
    assert_true(wrapped_command_is_aider(WORDS("/opt/venv/bin/aider", "--model", "x")));
    assert_true(wrapped_command_is_aider(WORDS("python3.12", "-m", "aider", "--yes")));
    assert_true(wrapped_command_is_aider(WORDS("env", "A=1", "B=2", "aider")));
    assert_true(wrapped_command_is_aider(WORDS("timeout", "30s", "aider")));
    assert_true(wrapped_command_is_aider(WORDS("uv", "run", "aider")));
    assert_true(wrapped_command_is_aider(WORDS("/usr/bin/python", "/opt/venv/bin/aider")));
}

static void
what_only_mentions_aider_is_not_aider(void **state)
{
    (void) state;
    assert_false(wrapped_command_is_aider(WORDS("echo", "aider")));
    assert_false(wrapped_command_is_aider(WORDS("aider-mcp-server")));
    assert_false(wrapped_command_is_aider(WORDS("python", "aider.py")));
    assert_false(wrapped_command_is_aider(WORDS("git", "-m", "aider")));
    assert_false(wrapped_command_is_aider(WORDS("python", "-m", "http.server", "aider")));
    assert_false(wrapped_command_is_aider(WORDS("python")));
}

static void
a_server_is_known_by_the_word_mcp_in_its_name(void **state)
{
    (void) state;
    assert_int_equal(wrapped_command_mode("auto", WORDS("aider-mcp-server", "--x")),
                     BRIDGE_MODE_MCP);
    assert_int_equal(wrapped_command_mode("auto", WORDS("npx", "-y", "@a/server-mcp")),
                     BRIDGE_MODE_MCP);
    assert_int_equal(wrapped_command_mode("auto", WORDS("python", "-m", "my_mcp.server")),
                     BRIDGE_MODE_MCP);
    assert_int_equal(wrapped_command_mode("auto", WORDS("aider", "--message", "an mcp server")),
                     BRIDGE_MODE_CLI);
    assert_int_equal(wrapped_command_mode("auto", WORDS("/home/mcp/bin/aider")),
                     BRIDGE_MODE_CLI);
}

static void
a_mode_that_is_said_is_taken(void **state)
{
    (void) state;
    assert_int_equal(wrapped_command_mode("cli", WORDS("aider-mcp-server")), BRIDGE_MODE_CLI);
    assert_int_equal(wrapped_command_mode("mcp", WORDS("aider")), BRIDGE_MODE_MCP);
    assert_int_equal(wrapped_command_mode("ndjson", (char *[]){NULL}), BRIDGE_MODE_NDJSON);
    assert_int_equal(wrapped_command_mode("auto", (char *[]){NULL}), BRIDGE_MODE_CLI);
    assert_string_equal(bridge_mode_name(BRIDGE_MODE_MCP), "mcp");
    assert_string_equal(bridge_mode_name(BRIDGE_MODE_CLI), "cli");
    assert_string_equal(bridge_mode_name(BRIDGE_MODE_NDJSON), "ndjson");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aider_is_known_by_its_name_wherever_it_lies),
        cmocka_unit_test(what_only_mentions_aider_is_not_aider),
        cmocka_unit_test(a_server_is_known_by_the_word_mcp_in_its_name),
        cmocka_unit_test(a_mode_that_is_said_is_taken),
    };
    return cmocka_run_group_tests_name("wrapped_command", tests, NULL, NULL);
}
