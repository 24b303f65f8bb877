// test_mcp_gate - what an MCP client gets, what goes aside, and what may come in
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mcp_gate.h"

#define M1 "{\"jsonrpc\":\"2.0\",\"id\":1}\n"
#define OURS "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n"

typedef struct stage {
    mcp_gate_t *gate;
    int aside[2];    // a pipe
    char client[4096];
} stage_t;

static void
open_gate(stage_t *stage)
{
    *stage = (stage_t){0};
    assert_int_equal(pipe2(stage->aside, O_CLOEXEC | O_NONBLOCK), 0);
    stage->gate = mcp_gate_new(sink_new_own(stage->aside[1]));
}

static void
close_gate(stage_t *stage)
{
    mcp_gate_destroy(&stage->gate);
    assert_null(stage->gate);
    close(stage->aside[0]);
}

static void
pass(stage_t *stage)
{
    const uint8_t *bytes = NULL;
    size_t size = 0;
    while (mcp_gate_next(stage->gate, &bytes, &size)) {
        size_t so_far = strlen(stage->client);
        assert_true(size > 0 && so_far + size < sizeof stage->client);
        memcpy(stage->client + so_far, bytes, size);
        stage->client[so_far + size] = '\0';
    }
}

static void
feed(stage_t *stage, const char *text)
{
    mcp_gate_feed(stage->gate, (const uint8_t *) text, strlen(text));
    pass(stage);
}

static bool
let_in(stage_t *stage, const char *line, uint64_t seen_bytes)
{
    bool taken = mcp_gate_let_in(stage->gate, (const uint8_t *) line, strlen(line), seen_bytes);
    pass(stage);
    return taken;
}

// What lies aside; "" for nothing.
static const char *
read_aside(const stage_t *stage)
{
    static char text[256 * 1024];
    ssize_t size = read(stage->aside[0], text, sizeof text - 1);
    text[size > 0 ? size : 0] = '\0';
    return text;
}

static void
messages_pass_and_noise_goes_aside(void **state)
{
    (void) state;
    stage_t stage;
    open_gate(&stage);
    feed(&stage, "Hello " M1 "Tokens: 1\n" M1);
    assert_string_equal(stage.client, M1 M1);
    assert_string_equal(read_aside(&stage), "Hello \nTokens: 1\n");
    feed(&stage, "{\"half");
    mcp_gate_finish(stage.gate);
    pass(&stage);
    assert_string_equal(stage.client, M1 M1);
    assert_string_equal(read_aside(&stage), "{\"half");
    close_gate(&stage);
}

static void
without_an_aside_all_stays_as_it_is(void **state)
{
    (void) state;
    stage_t stage = {.gate = mcp_gate_new(NULL)};
    feed(&stage, "Hello " M1 "Tokens: 1\n" M1 "end");
    assert_string_equal(stage.client, "Hello " M1 "Tokens: 1\n" M1 "end");
    assert_false(let_in(&stage, OURS, 1000));
    feed(&stage, "\n");
    assert_true(let_in(&stage, OURS, 1000));
    mcp_gate_destroy(&stage.gate);
}

static void
a_line_of_ours_comes_in_between_two_messages_only(void **state)
{
    (void) state;
    stage_t stage;
    open_gate(&stage);
    assert_true(let_in(&stage, OURS, 0));
    feed(&stage, "{\"jsonrpc\":");
    assert_false(let_in(&stage, OURS, 1000));
    feed(&stage, "\"2.0\"}\n");
    assert_true(let_in(&stage, OURS, 1000));
    assert_string_equal(stage.client, OURS "{\"jsonrpc\":\"2.0\"}\n" OURS);
    // Noise between, and a message that is held still, are not in the way.
    feed(&stage, "noise{\"result\":1");
    assert_true(let_in(&stage, OURS, 1000));
    close_gate(&stage);
}

static void
a_line_of_ours_that_knew_less_than_has_passed_is_refused(void **state)
{
    (void) state;
    stage_t stage;
    open_gate(&stage);
    feed(&stage, "noise\n");
    assert_true(let_in(&stage, OURS, 0));
    feed(&stage, M1);
    uint64_t passed = strlen("noise\n" M1);
    assert_false(let_in(&stage, OURS, passed - 1));
    assert_true(let_in(&stage, OURS, passed));
    feed(&stage, "more noise\n");
    assert_true(let_in(&stage, OURS, passed));
    close_gate(&stage);
}

static void
a_line_of_ours_that_is_no_whole_line_is_refused(void **state)
{
    (void) state;
    stage_t stage;
    open_gate(&stage);
    static char long_line[MCP_GATE_LINE_BYTES + 2];
    memset(long_line, 'x', sizeof long_line - 2);
    long_line[sizeof long_line - 2] = '\n';
    assert_false(let_in(&stage, "", 0));
    assert_false(let_in(&stage, "half", 0));
    assert_false(let_in(&stage, long_line, 0));
    assert_string_equal(stage.client, "");
    close_gate(&stage);
}

static void
a_stderr_that_nobody_reads_costs_noise_and_says_so(void **state)
{
    (void) state;
    stage_t stage;
    open_gate(&stage);
    for (int i = 0; i < 4000; i++)
        feed(&stage, "0123456789012345678901234567890123456789012345678901234567890\n");
    feed(&stage, M1);
    assert_string_equal(stage.client, M1);
    assert_int_equal(mcp_gate_aside_fd(stage.gate), stage.aside[1]);
    bool said = false;
    for (int i = 0; i < 100 && mcp_gate_aside_fd(stage.gate) >= 0; i++) {
        said = strstr(read_aside(&stage), "bytes that the server printed here were left out");
        mcp_gate_write_aside(stage.gate);
    }
    said = said || strstr(read_aside(&stage), "were left out");
    assert_true(said);
    feed(&stage, "heard again\n");
    assert_string_equal(read_aside(&stage), "heard again\n");
    close_gate(&stage);
}

static void
what_waits_is_taken_later_and_whole(void **state)
{
    (void) state;
    stage_t stage;
    open_gate(&stage);
    assert_int_equal(mcp_gate_aside_fd(stage.gate), -1);
    const size_t fed = (size_t) fcntl(stage.aside[1], F_GETPIPE_SZ) + MCP_GATE_ASIDE_BYTES;
    static const char line[] = "0123456789abcde\n";
    for (size_t i = 0; i < fed; i += sizeof line - 1)
        feed(&stage, line);
    size_t got = strlen(read_aside(&stage));
    while (mcp_gate_aside_fd(stage.gate) >= 0) {
        (void) mcp_gate_write_aside(stage.gate);
        got += strlen(read_aside(&stage));
    }
    for (size_t more = 1; more > 0; got += more)
        more = strlen(read_aside(&stage));
    assert_int_equal(got, fed);
    assert_false(mcp_gate_write_aside(stage.gate));
    close_gate(&stage);
}

// A line of so many bytes.
static const char *
line_of(size_t size)
{
    static char line[8192];
    assert_true(size > 0 && size < sizeof line);
    memset(line, 'x', size - 1);
    line[size - 1] = '\n';
    line[size] = '\0';
    return line;
}

// A pipe whose last page has room for the sentence, but not for a line that waits.
static void
nearly_fill(stage_t *stage)
{
    const size_t held = (size_t) fcntl(stage->aside[1], F_GETPIPE_SZ);
    for (size_t i = 0; i + 4096 < held; i += 4096)
        feed(stage, line_of(4096));
    feed(stage, line_of(3600));
    assert_int_equal(mcp_gate_aside_fd(stage->gate), -1);
    feed(stage, line_of(704));
    assert_int_equal(mcp_gate_aside_fd(stage->gate), stage->aside[1]);
}

static void
what_waits_when_the_gate_ends_is_counted(void **state)
{
    (void) state;
    stage_t stage;
    open_gate(&stage);
    nearly_fill(&stage);
    mcp_gate_destroy(&stage.gate);
    assert_non_null(strstr(read_aside(&stage), "\naidermesh-stdio-bridge: 704 bytes that the"));
    close(stage.aside[0]);
}

static void
what_another_process_has_is_neither_written_nor_counted(void **state)
{
    (void) state;
    stage_t stage;
    open_gate(&stage);
    nearly_fill(&stage);
    mcp_gate_forget_aside(stage.gate);
    assert_int_equal(mcp_gate_aside_fd(stage.gate), -1);
    mcp_gate_destroy(&stage.gate);
    assert_null(strstr(read_aside(&stage), "aidermesh"));
    close(stage.aside[0]);
}

static void
a_stderr_that_is_gone_costs_the_noise_only(void **state)
{
    (void) state;
    (void) signal(SIGPIPE, SIG_IGN);
    stage_t stage;
    open_gate(&stage);
    close(stage.aside[0]);
    feed(&stage, "noise\n" M1 "noise\n" M1);
    assert_string_equal(stage.client, M1 M1);
    assert_int_equal(mcp_gate_aside_fd(stage.gate), -1);
    mcp_gate_destroy(&stage.gate);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_pass_and_noise_goes_aside),
        cmocka_unit_test(without_an_aside_all_stays_as_it_is),
        cmocka_unit_test(a_line_of_ours_comes_in_between_two_messages_only),
        cmocka_unit_test(a_line_of_ours_that_knew_less_than_has_passed_is_refused),
        cmocka_unit_test(a_line_of_ours_that_is_no_whole_line_is_refused),
        cmocka_unit_test(a_stderr_that_nobody_reads_costs_noise_and_says_so),
        cmocka_unit_test(what_waits_is_taken_later_and_whole),
        cmocka_unit_test(what_waits_when_the_gate_ends_is_counted),
        cmocka_unit_test(what_another_process_has_is_neither_written_nor_counted),
        cmocka_unit_test(a_stderr_that_is_gone_costs_the_noise_only),
    };
    return cmocka_run_group_tests_name("mcp_gate", tests, NULL, NULL);
}
