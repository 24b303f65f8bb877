// test_mcp_sieve - messages and noise on one stream
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_scan.h"
#include "mcp_sieve.h"

#define M1 "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}"
#define LATE "{\"result\":{\"jsonrpc\":[1,{\"a\":\"}\\\"{\"}]},\"id\":2, \"jsonrpc\" : \"2.0\"}"
#define BATCH "[" M1 ", " LATE "]"

// What came out: messages and noise, each with the other left out.
static char messages[1024 * 1024];
static char noise[1024 * 1024];

static void
take_parts(mcp_sieve_t *sieve)
{
    mcp_sieve_part_t part;
    while (mcp_sieve_next(sieve, &part)) {
        char *to = part.message ? messages : noise;
        size_t size = strlen(to);
        assert_true(part.size > 0 && size + part.size < sizeof messages);
        memcpy(to + size, part.bytes, part.size);
        to[size + part.size] = '\0';
    }
}

static void
feed(mcp_sieve_t *sieve, const char *text, size_t size, size_t step)
{
    for (size_t at = 0; at < size; at += step) {
        mcp_sieve_feed(sieve, (const uint8_t *) text + at, size - at < step ? size - at : step);
        take_parts(sieve);
    }
}

// However the text is cut into reads.
static void
expect(const char *text, const char *as_messages, const char *as_noise)
{
    static const size_t steps[] = {1, 2, 3, 7, 64, 1024};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        messages[0] = noise[0] = '\0';
        mcp_sieve_t *sieve = mcp_sieve_new();
        feed(sieve, text, strlen(text), steps[i]);
        mcp_sieve_finish(sieve);
        take_parts(sieve);
        mcp_sieve_destroy(&sieve);
        assert_null(sieve);
        assert_string_equal(messages, as_messages);
        assert_string_equal(noise, as_noise);
    }
}

static void
a_line_with_a_top_level_jsonrpc_is_a_message_wherever_it_stands(void **state)
{
    (void) state;
    expect(M1 "\n" LATE "\r\n \t" M1 "\n", M1 "\n" LATE "\r\n \t" M1 "\n", "");
    expect(BATCH "\n[ " M1 "]\n", BATCH "\n[ " M1 "]\n", "");
    expect(M1, M1, "");
}

static void
any_other_line_is_noise(void **state)
{
    (void) state;
    static const char array_of_array[] = "[[" M1 "]]\n";
    static const char *const lines[] = {
        "Tokens: 762 sent, 4 received.\n",
        "\n",
        "\r\n",
        "   \n",
        "{\n",
        "{}\n",
        "}\n",
        "[INFO] started\n",
        "[1, 2]\n",
        "[]\n",
        array_of_array,
        "{x\n",
        "{\"id\":1,\"result\":{\"jsonrpc\":\"2.0\"}}\n",
        "{\"result\":\"\\\"jsonrpc\\\":\"}\n",
        "{\"json\\u0072pc\":\"2.0\"}\n",
        "{\"a\":\"jsonrpc\"}\n",
        "{\"jsonrpcs\":1,\"jsonrp\":2}\n",
        "{\"jsonrpc\"}\n",
        "{\"x\" {\"jsonrpc\"",
        "{\"unfinished\": ",
        "  ",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        expect(lines[i], "", lines[i]);
}

static void
a_message_glued_to_noise_is_split_from_it(void **state)
{
    (void) state;
    expect("Hello from " M1 "\n", M1 "\n", "Hello from \n");
    expect("{ \"a\": 1" M1 "\nx\n", M1 "\n", "{ \"a\": 1\nx\n");
    expect("[INFO] {\"jsonrpc\" {\"jsonrpc\":1} x " M1 "\r\n", M1 "\r\n",
           "[INFO] {\"jsonrpc\" {\"jsonrpc\":1} x \n");
    expect("Hello from " M1, M1, "Hello from \n");
}

static void
a_model_that_talks_of_json_rpc_does_not_pass(void **state)
{
    (void) state;
    expect("Send {\"jsonrpc\": \"2.0\"} to it.\n", "", "Send {\"jsonrpc\": \"2.0\"} to it.\n");
    expect("{\"body\": {\"jsonrpc\": \"2.0\"}}\n", "", "{\"body\": {\"jsonrpc\": \"2.0\"}}\n");
    expect("x {\"jsonrpc\": \n", "", "x {\"jsonrpc\": \n");
}

static void
the_older_dialect_passes_until_json_rpc_is_spoken(void **state)
{
    (void) state;
    const char *event = "{\"data\": {}, \"event\": \"progress\"}\n";
    expect(event, event, "");
    char text[400];
    (void) snprintf(text, sizeof text, "%s" M1 "\n%s", event, event);
    char passed[400];
    (void) snprintf(passed, sizeof passed, "%s" M1 "\n", event);
    expect(text, passed, event);
    expect("[{\"event\": 1}]\n", "", "[{\"event\": 1}]\n");
    expect("{\"a\": {\"event\": 1}}\n", "", "{\"a\": {\"event\": 1}}\n");
}

static void
a_message_that_is_known_waits_for_nothing(void **state)
{
    (void) state;
    messages[0] = noise[0] = '\0';
    mcp_sieve_t *sieve = mcp_sieve_new();
    const char *begun = "{\"jsonrpc\":";
    feed(sieve, begun, strlen(begun), 1000);
    assert_string_equal(messages, begun);
    begun = "{\"jsonrpc\":\"2.0\",\"resul";
    feed(sieve, "\"2.0\",\"resul", 12, 1000);
    assert_string_equal(messages, begun);
    feed(sieve, "t\":1", 4, 1000);
    assert_int_equal(strlen(messages), strlen(begun) + 4);
    feed(sieve, "}\nnoise", 7, 1000);
    assert_string_equal(noise, "noise");
    mcp_sieve_destroy(&sieve);
}

static void
a_line_that_stays_unknown_for_too_long_passes(void **state)
{
    (void) state;
    enum { SIZE = MCP_SIEVE_HELD_BYTES + 100 };
    static char text[SIZE + 1];
    memset(text, 'x', SIZE);
    static const char begin[] = {'{', '"', 'r', 'e', 's', 'u', 'l', 't', '"', ':', '"'};
    memcpy(text, begin, sizeof begin);
    messages[0] = noise[0] = '\0';
    mcp_sieve_t *sieve = mcp_sieve_new();
    feed(sieve, text, MCP_SIEVE_HELD_BYTES, 60000);
    assert_string_equal(messages, "");
    feed(sieve, text + MCP_SIEVE_HELD_BYTES, 100, 60000);
    assert_int_equal(strlen(messages), SIZE);
    assert_string_equal(noise, "");
    mcp_sieve_destroy(&sieve);

    // Long noise is not held at all.
    memset(text, 'n', SIZE);
    messages[0] = noise[0] = '\0';
    sieve = mcp_sieve_new();
    feed(sieve, text, SIZE, 60000);
    assert_int_equal(strlen(noise), SIZE);
    mcp_sieve_destroy(&sieve);
}

static void
a_line_is_looked_at_only_so_often_for_a_message(void **state)
{
    (void) state;
    char text[1000] = "x";
    size_t bytes = strlen(text);
    for (int i = 0; i < MCP_SIEVE_SPLITS_MOST; i++)
        bytes += (size_t) snprintf(text + bytes, sizeof text - bytes, "{\"jsonrpc\" ");
    bytes += (size_t) snprintf(text + bytes, sizeof text - bytes, "%s\n", M1);
    assert_in_range(bytes, 1, sizeof text - 1);
    expect(text, "", text);
}

#define IS_OBJECT(text) json_scan_is_object((const uint8_t *) (text), strlen(text))

static void
one_object_is_told_from_more_or_less_than_one(void **state)
{
    (void) state;
    assert_true(IS_OBJECT("{}"));
    assert_true(IS_OBJECT(LATE "  \r"));
    assert_true(IS_OBJECT(M1));
    assert_false(IS_OBJECT(""));
    assert_false(IS_OBJECT("[]"));
    assert_false(IS_OBJECT("{}{}"));
    assert_false(IS_OBJECT(M1 " x"));
    assert_false(IS_OBJECT("{\"a\":{}"));
    assert_false(IS_OBJECT("{\"a\":\"}"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_with_a_top_level_jsonrpc_is_a_message_wherever_it_stands),
        cmocka_unit_test(any_other_line_is_noise),
        cmocka_unit_test(a_message_glued_to_noise_is_split_from_it),
        cmocka_unit_test(a_model_that_talks_of_json_rpc_does_not_pass),
        cmocka_unit_test(the_older_dialect_passes_until_json_rpc_is_spoken),
        cmocka_unit_test(a_message_that_is_known_waits_for_nothing),
        cmocka_unit_test(a_line_that_stays_unknown_for_too_long_passes),
        cmocka_unit_test(a_line_is_looked_at_only_so_often_for_a_message),
        cmocka_unit_test(one_object_is_told_from_more_or_less_than_one),
    };
    return cmocka_run_group_tests_name("mcp_sieve", tests, NULL, NULL);
}
