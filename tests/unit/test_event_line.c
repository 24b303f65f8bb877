// test_event_line - what a person reads of an event, and what never reaches the terminal
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "event_line.h"

// The line of an event whose payload is json; the caller frees it.
static char *
line_of(const char *type, const char *json)
{
    json_t *payload = json_loads(json, 0, NULL);
    assert_non_null(payload);
    char *line = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&line, &size);
    assert_non_null(out);
    event_line_write(out, type, payload);
    fclose(out);
    json_decref(payload);
    return line;
}

static void
expect_line(const char *type, const char *json, const char *expected)
{
    char *line = line_of(type, json);
    assert_string_equal(line, expected);
    free(line);
}

// What follows the time, host, session and type.
static void
expect_words(const char *type, const char *json, const char *expected)
{
    char *line = line_of(type, json);
    char *words = strstr(line, "  ");
    assert_non_null(words);
    words[strlen(words) - 1] = '\0';
    assert_string_equal(words + 2, expected);
    free(line);
}

static void
expect_text(const char *text, size_t limit, const char *expected)
{
    char *written = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&written, &size);
    assert_non_null(out);
    event_line_write_text(out, text, limit);
    fclose(out);
    assert_string_equal(written, expected);
    free(written);
}

static void
a_line_has_local_time_host_session_event_and_words(void **state)
{
    (void) state;
    expect_line("aider.rate_limit_detected",
                "{\"timestamp\": 1795345179.25, \"host\": \"build-7\","
                " \"session_id\": \"019309cf-0000-7000-8000-0123456789ab\","
                " \"provider\": \"openai\", \"attempt\": 2, \"max_retries\": 8,"
                " \"estimated_delay\": 0.5, \"will_retry\": true}",
                "11:59:39.250 build-7 456789ab aider.rate_limit_detected  "
                "rate limited by openai, attempt 2 of 9, next in 0.5 s\n");
}

static void
an_event_that_is_late_says_so_before_its_words(void **state)
{
    (void) state;
    expect_words("aider.request_started", "{\"prompt\": \"hello\", \"late\": true}",
                 "(late) request: hello");
    expect_words("mesh.novelty", "{\"status\": \"ok\", \"late\": true}",
                 "(late) status=\"ok\"");
    expect_words("mesh.novelty", "{\"status\": \"ok\", \"late\": 1}", "status=\"ok\"");
}

static void
the_last_attempt_says_so_and_promises_no_delay(void **state)
{
    (void) state;
    expect_words("aider.rate_limit_detected",
                 "{\"provider\": \"openai\", \"current_model\": \"gpt-4o\", \"attempt\": 9,"
                 " \"max_retries\": 8, \"will_retry\": false}",
                 "rate limited by openai (gpt-4o), attempt 9 of 9, the last one");
}

static void
each_event_of_a_session_has_words_of_its_own(void **state)
{
    (void) state;
    expect_words("aider.session_started",
                 "{\"mode\": \"cli\", \"aider_version\": \"0.86.2\", \"model\": \"gpt-4o\","
                 " \"working_dir\": \"/home/me\", \"prompt\": \"say hello\"}",
                 "session started (cli), aider 0.86.2, gpt-4o, in /home/me: say hello");
    expect_words("aider.session_progress",
                 "{\"stage\": \"waiting\", \"message\": \"no answer yet\", \"duration\": 10.0}",
                 "waiting: no answer yet (10 s)");
    expect_words("aider.request_started", "{\"model\": \"gpt-4o\", \"prompt\": \"hello\"}",
                 "request to gpt-4o: hello");
    expect_words(
        "aider.request_completed",
        "{\"success\": true, \"outcome\": \"ok\", \"duration\": 1.234, \"attempts\": 3,"
        " \"tokens_sent\": 651, \"tokens_received\": 5, \"cost\": 0.002}",
        "request ended: ok, after 1.2 s, 3 attempts, 651 tokens sent, 5 received, "
        "$0.0020");
    expect_words("aider.session_completed",
                 "{\"success\": false, \"outcome\": \"gave_up\", \"exit_code\": 0,"
                 " \"duration\": 64.5, \"rate_limit_encountered\": true}",
                 "session ended: gave_up, after 64.5 s, exit code 0, rate limits on the way");
    expect_words("aider.session_completed",
                 "{\"success\": true, \"changes_summary\": {\"summary\": \"1 file edited\"}}",
                 "session ended: ok: 1 file edited");
    expect_words("mesh.health",
                 "{\"status\": \"degraded\", \"active_requests\": 2, \"throttled_requests\": 1,"
                 " \"events_seen\": 12}",
                 "the mesh is degraded, requests open: 2, throttled: 1, events seen: 12");
    expect_words("aider.error_occurred",
                 "{\"error_type\": \"auth\", \"provider\": \"openai\", \"fatal\": true,"
                 " \"error_message\": \"bad key\"}",
                 "fatal error (auth) from openai: bad key");
    expect_words("aider.throttling_detected",
                 "{\"status\": \"throttled\", \"severity\": \"medium\","
                 " \"diagnosis\": \"no_output\", \"duration\": 60.0}",
                 "throttled, severity medium, no_output, for 60 s");
    expect_words("aider.throttling_cleared", "{\"duration\": 65.1, \"reason\": \"progress\"}",
                 "throttling is over, after 65.1 s: progress");
    expect_words("aider.waiting_for_input",
                 "{\"kind\": \"confirmation\", \"question\": \"Add file?\"}",
                 "waits for a person (confirmation): Add file?");
}

static void
an_event_of_no_known_type_shows_its_members_but_not_the_common_ones(void **state)
{
    (void) state;
    expect_words("mesh.novelty",
                 "{\"timestamp\": 1.0, \"source\": \"s\", \"seq\": 3, \"host\": \"h\","
                 " \"status\": \"ok\", \"parts\": {\"n\": 1}}",
                 "status=\"ok\" parts={\"n\":1}");
}

static void
members_that_are_missing_or_of_another_kind_are_left_out(void **state)
{
    (void) state;
    expect_line("aider.rate_limit_detected",
                "{\"timestamp\": \"now\", \"host\": 5, \"provider\": null, \"attempt\": \"x\"}",
                "--:--:--.--- - - aider.rate_limit_detected  rate limited\n");
    expect_line("aider.session_started", "[]",
                "--:--:--.--- - - aider.session_started  session started\n");
    expect_line("aider.session_completed", "{\"timestamp\": 1e300, \"duration\": -1}",
                "--:--:--.--- - - aider.session_completed  session ended: failed\n");
}

static void
escapes_and_control_characters_are_shown_not_sent(void **state)
{
    (void) state;
    expect_text("a\x1b[31mred\x07\x7f\b", 100, "a\\x1b[31mred\\x07\\x7f\\x08");
    expect_text("c1: \xC2\x9B"
                "31m",
                100, "c1: \\x9b31m");
    expect_text("one\r\ntwo\tthree", 100, "one  two three");
    expect_text("right to left \xE2\x80\xAE end", 100, "right to left \\u202e end");
    expect_text("tag \xF3\xA0\x81\x81", 100, "tag \\ue0041");
}

static void
text_that_is_no_utf8_is_shown_byte_by_byte(void **state)
{
    (void) state;
    expect_text("\xFF\xC0\xAF\xED\xA0\x80", 100, "\\xff\\xc0\\xaf\\xed\\xa0\\x80");
    expect_text("cut \xE2\x82", 100, "cut \\xe2\\x82");
}

static void
good_text_stays_as_it_is(void **state)
{
    (void) state;
    expect_text("na\xC3\xAFve \xE2\x82\xAC \xF0\x9F\x90\x8D \\ \"", 100,
                "na\xC3\xAFve \xE2\x82\xAC \xF0\x9F\x90\x8D \\ \"");
}

static void
long_text_is_cut_at_a_character(void **state)
{
    (void) state;
    expect_text("\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC", 2, "\xE2\x82\xAC\xE2\x82\xAC...");
    expect_text("abc", 3, "abc");
}

static void
no_member_of_an_event_can_send_an_escape(void **state)
{
    (void) state;
    static const char PAYLOAD[] =
        "{\"host\": \"\\u001b[2J\", \"session_id\": \"\\u001b[2J\\u009b1m\","
        " \"stage\": \"\\u001b]0;x\\u0007\", \"message\": \"\\u001b[2J\","
        " \"provider\": \"\\u001b\", \"question\": \"\\u001b\", \"outcome\": \"\\u001b\"}";
    static const char *const TYPES[] = {
        "aider.session_started",      "aider.session_progress",    "aider.session_completed",
        "aider.request_started",      "aider.request_completed",   "aider.rate_limit_detected",
        "aider.error_occurred",       "aider.throttling_detected", "aider.throttling_cleared",
        "aider.waiting_for_input",    "mesh.transport_joined",     "mesh.unknown",
        "\x1b[31mnot.a.type\xC2\x9B",
    };
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++) {
        char *line = line_of(TYPES[i], PAYLOAD);
        assert_null(strchr(line, '\x1b'));
        assert_null(strchr(line, '\x07'));
        assert_null(strstr(line, "\xC2\x9B"));
        assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
        free(line);
    }
}

static void
expect_json(const char *id, const char *type, const char *json, const char *expected)
{
    json_t *payload = json_loads(json, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
    assert_non_null(payload);
    char *written = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&written, &size);
    assert_non_null(out);
    assert_int_equal(event_line_write_json(out, id, type, payload), *expected ? 0 : -1);
    fclose(out);
    assert_string_equal(written, expected);
    free(written);
    json_decref(payload);
}

static void
a_json_line_has_id_event_and_data_in_their_order(void **state)
{
    (void) state;
    expect_json("e-1", "aider.session_progress", "{\"z\": 1, \"a\": [true, 0.5]}",
                "{\"id\":\"e-1\",\"event\":\"aider.session_progress\","
                "\"data\":{\"z\":1,\"a\":[true,0.5]}}\n");
    expect_json("", "stream.closing", "{}", "{\"event\":\"stream.closing\",\"data\":{}}\n");
}

static void
a_json_line_is_ascii_without_control_characters(void **state)
{
    (void) state;
    expect_json("", "x", "\"\\u001b \\u009b \x7f \xC3\xA9 \\n\\u0000\"",
                "{\"event\":\"x\","
                "\"data\":\"\\u001B \\u009B \\u007f \\u00E9 \\n\\u0000\"}\n");
    expect_json("", "\xFF", "{}", "");
    expect_json("\xFF", "x", "{}", "");
}

static void
expect_stream(const char *type, const char *json, bool expected, const char *sentence)
{
    json_t *payload = json_loads(json, 0, NULL);
    assert_non_null(payload);
    char *written = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&written, &size);
    assert_non_null(out);
    assert_int_equal(event_line_write_stream(out, type, payload), expected);
    fclose(out);
    assert_string_equal(written, sentence);
    free(written);
    json_decref(payload);
}

static void
verdict_and_gap_are_said_plainly(void **state)
{
    (void) state;
    expect_stream("stream.opened", "{\"verdict\": \"live\"}", true, "following, from now on");
    expect_stream("stream.opened", "{\"verdict\": \"exact\"}", true,
                  "following, nothing is missing since the place asked for");
    expect_stream("stream.opened", "{\"verdict\": \"reset\"}", true,
                  "following, but the mesh's journal is a new one: what was missed before it "
                  "cannot be known");
    expect_stream("stream.gap", "{\"reason\": \"trimmed\", \"at_most\": 12}", true,
                  "gap (trimmed): events are missing, at most 12");
    expect_stream("stream.closing", "{\"reason\": \"ended\"}", true,
                  "the server ends the stream: ended");
    expect_stream("stream.dropped", "{\"reason\": \"slow\", \"at_most\": 7}", true,
                  "too slow: events were dropped, at most 7");
    expect_stream("stream.opened", "{}", false, "");
    expect_stream("aider.error_occurred", "{}", false, "");
}

static void
each_session_of_a_snapshot_is_a_line(void **state)
{
    (void) state;
    json_t *payload = json_loads(
        "{\"left_out\": 0, \"sessions\": ["
        "{\"session_id\": \"0123456789abcdef\", \"host\": \"build-7\", \"name\": \"blue\","
        " \"last_event_at\": 1763800001.5, \"model\": \"openai/gpt-4o\","
        " \"working_dir\": \"~/\\u001b[2Jp\", \"last_event\": \"aider.waiting_for_input\"},"
        "{\"session_id\": \"s-2\"}, 3]}",
        0, NULL);
    assert_non_null(payload);
    char *written = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&written, &size);
    assert_non_null(out);
    event_line_write_sessions(out, "stream.snapshot", payload);
    fclose(out);
    assert_string_equal(
        written,
        "09:26:41.500 build-7 89abcdef stream.snapshot  session is running, named blue, "
        "openai/gpt-4o, in ~/\\x1b[2Jp; the last of it is aider.waiting_for_input\n"
        "--:--:--.--- - s-2 stream.snapshot  session is running\n"
        "--:--:--.--- - - stream.snapshot  session is running\n");
    free(written);
    json_decref(payload);
    expect_stream("stream.snapshot", "{\"left_out\": 3}", true,
                  "3 more sessions are running than the mesh tells of");
    expect_stream("stream.snapshot", "{\"left_out\": 0}", false, "");
}

int
main(void)
{
    // So that the local time of the lines is the same everywhere.
    setenv("TZ", "CET-1", 1);
    tzset();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_local_time_host_session_event_and_words),
        cmocka_unit_test(an_event_that_is_late_says_so_before_its_words),
        cmocka_unit_test(the_last_attempt_says_so_and_promises_no_delay),
        cmocka_unit_test(each_event_of_a_session_has_words_of_its_own),
        cmocka_unit_test(an_event_of_no_known_type_shows_its_members_but_not_the_common_ones),
        cmocka_unit_test(members_that_are_missing_or_of_another_kind_are_left_out),
        cmocka_unit_test(escapes_and_control_characters_are_shown_not_sent),
        cmocka_unit_test(text_that_is_no_utf8_is_shown_byte_by_byte),
        cmocka_unit_test(good_text_stays_as_it_is),
        cmocka_unit_test(long_text_is_cut_at_a_character),
        cmocka_unit_test(no_member_of_an_event_can_send_an_escape),
        cmocka_unit_test(a_json_line_has_id_event_and_data_in_their_order),
        cmocka_unit_test(a_json_line_is_ascii_without_control_characters),
        cmocka_unit_test(verdict_and_gap_are_said_plainly),
        cmocka_unit_test(each_session_of_a_snapshot_is_a_line),
    };
    return cmocka_run_group_tests_name("event_line", tests, NULL, NULL);
}
