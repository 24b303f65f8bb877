// test_log - what a line of the log promises
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mesh/log.h"

enum { LINE_BYTES = 2048 };

// Stderr is a pipe between begin and end. Nonblocking, so that a line that never came is a
// failure and not a wait.
static int kept_stderr;
static int reading;

static void
begin_capture(void)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    kept_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    assert_true(kept_stderr >= 0);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(close(ends[1]), 0);
    reading = ends[0];
}

// Give stderr back and return all that was written to it, for the caller to free.
static char *
end_capture(void)
{
    char *text = calloc(1, 1 << 20);
    size_t used = 0;
    ssize_t got = 0;
    assert_int_equal(dup2(kept_stderr, STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(close(kept_stderr), 0);
    while ((got = read(reading, text + used, (1 << 20) - 1 - used)) > 0)
        used += (size_t) got;
    assert_int_equal(close(reading), 0);
    return text;
}

// One line logged as text with the time cut off, for the caller to free.
static char *
logged_as_text(const char *words)
{
    mesh_log_setup("aidermesh-test", MESH_LOG_DEBUG, MESH_LOG_TEXT);
    begin_capture();
    mesh_log_info("tried", "%s", words);
    char *line = end_capture();
    memmove(line, line + strlen("2026-11-22T10:00:00.123Z "),
            strlen(line) - strlen("2026-11-22T10:00:00.123Z ") + 1);
    return line;
}

// One line logged as JSON, parsed; the caller ends it.
static json_t *
logged_as_json(const char *words)
{
    mesh_log_setup("aidermesh-test", MESH_LOG_DEBUG, MESH_LOG_JSON);
    begin_capture();
    mesh_log_info("tried", "%s", words);
    char *line = end_capture();
    json_error_t error;
    json_t *object = json_loads(line, 0, &error);
    if (!object)
        fail_msg("%s: %s", line, error.text);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    free(line);
    return object;
}

static const char *
member(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    assert_non_null(value);
    return value;
}

static void
a_text_line_is_time_level_program_event_and_words(void **state)
{
    (void) state;
    mesh_log_setup("aidermesh-test", MESH_LOG_DEBUG, MESH_LOG_TEXT);
    begin_capture();
    mesh_log_warning("peer-lost", "%s is silent since %d s", "stdio-1", 3);
    char *line = end_capture();
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";
    for (size_t i = 0; form[i]; i++) {
        if (form[i] == 'd')
            assert_in_range(line[i], '0', '9');
        else
            assert_int_equal(line[i], form[i]);
    }
    assert_string_equal(line + strlen(form),
                        " warning aidermesh-test peer-lost stdio-1 is silent since 3 s\n");
    free(line);
}

static void
a_json_line_has_the_same_members(void **state)
{
    (void) state;
    json_t *object = logged_as_json("it is \"so\"");
    assert_int_equal(json_object_size(object), 5);
    assert_int_equal(strlen(member(object, "time")), 24);
    assert_string_equal(member(object, "level"), "info");
    assert_string_equal(member(object, "program"), "aidermesh-test");
    assert_string_equal(member(object, "event"), "tried");
    assert_string_equal(member(object, "text"), "it is \"so\"");
    json_decref(object);
}

static void
levels_below_the_one_set_are_not_written(void **state)
{
    (void) state;
    mesh_log_setup("aidermesh-test", MESH_LOG_WARNING, MESH_LOG_TEXT);
    begin_capture();
    mesh_log_debug("one", "no");
    mesh_log_info("two", "no");
    char *text = end_capture();
    assert_string_equal(text, "");
    free(text);
    begin_capture();
    mesh_log_warning("three", "yes");
    mesh_log_error("four", "yes");
    text = end_capture();
    assert_non_null(strstr(text, " warning aidermesh-test three yes\n"));
    assert_non_null(strstr(text, " error aidermesh-test four yes\n"));
    free(text);
}

static void
nothing_in_the_words_can_forge_a_line_or_reach_the_terminal(void **state)
{
    (void) state;
    static const struct {
        const char *words, *line;
    } cases[] = {
        {"a\nb", "a\\nb"},
        {"a\r\tb", "a\\r\\tb"},
        {"\x1b[31mred", "\\x1b[31mred"},
        {"\x7f", "\\x7f"},
        {"a\\nb", "a\\\\nb"},
        {"\xc2\x9b[2J", "\\u009b[2J"},
        {"\xff\xfe", "\\xff\\xfe"},
        {"Grüße …", "Grüße …"},
        {"\xe2\x82", "\\xe2\\x82"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
        {"\xc0\xaf", "\\xc0\\xaf"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char expected[128];
        (void) snprintf(expected, sizeof expected, "info aidermesh-test tried %s\n",
                        cases[i].line);
        char *line = logged_as_text(cases[i].words);
        assert_string_equal(line, expected);
        free(line);
    }
}

static void
a_json_line_stays_json_whatever_the_words_are(void **state)
{
    (void) state;
    static const struct {
        const char *words, *text;
    } cases[] = {
        {"a\nb\"c\\d", "a\nb\"c\\d"}, {"\x01\x1b\x7f", "\x01\x1b\x7f"},
        {"\xff", "\xef\xbf\xbd"},     {"\xc2\x85", "\xc2\x85"},
        {"Grüße", "Grüße"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *object = logged_as_json(cases[i].words);
        assert_string_equal(member(object, "text"), cases[i].text);
        json_decref(object);
    }
}

static void
a_long_line_is_cut_between_characters_and_marked(void **state)
{
    (void) state;
    // Of each length of a prefix, so that the cut meets every byte of a character.
    for (size_t prefix = 0; prefix < 4; prefix++) {
        char words[3 * LINE_BYTES];
        memset(words, 'x', prefix);
        size_t used = prefix;
        while (used + 4 < sizeof words)
            used = (size_t) (stpcpy(words + used, "🙂") - words);
        char *line = logged_as_text(words);
        size_t length = strlen(line);
        assert_true(length < LINE_BYTES && length > LINE_BYTES - 64);
        assert_string_equal(line + length - strlen("🙂…\n"), "🙂…\n");
        free(line);
        json_t *object = logged_as_json(words);
        assert_non_null(strstr(member(object, "text"), "🙂…"));
        json_decref(object);
    }
    // What grows by being escaped is cut by what it has grown to.
    char bells[LINE_BYTES];
    memset(bells, '\a', sizeof bells - 1);
    bells[sizeof bells - 1] = '\0';
    json_t *object = logged_as_json(bells);
    assert_non_null(strstr(member(object, "text"), "\a…"));
    json_decref(object);
}

static void
the_callers_errno_is_left_alone(void **state)
{
    (void) state;
    mesh_log_setup("aidermesh-test", MESH_LOG_DEBUG, MESH_LOG_TEXT);
    begin_capture();
    errno = EXDEV;
    mesh_log_info("tried", "x");
    int after = errno;
    free(end_capture());
    assert_int_equal(after, EXDEV);
}

static void
a_reader_that_stalls_costs_lines_which_are_counted_and_never_time(void **state)
{
    (void) state;
    mesh_log_setup("aidermesh-test", MESH_LOG_DEBUG, MESH_LOG_TEXT);
    begin_capture();
    // A blocking pipe, as a supervisor gives: a write past its 64 KiB would wait for ever.
    assert_int_equal(fcntl(STDERR_FILENO, F_SETFL, 0), 0);
    char words[1024];
    memset(words, 'x', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    for (int i = 0; i < 200; i++)
        mesh_log_info("tried", "%s", words);
    // The reader wakes up.
    char *text = calloc(1, 1 << 20);
    assert_true(read(reading, text, (1 << 20) - 1) > 0);
    int lines = 0;
    for (const char *at = text; (at = strstr(at, " tried ")) != NULL; at++)
        lines++;
    assert_in_range(lines, 10, 199);
    free(text);
    mesh_log_info("tried", "again");
    text = end_capture();
    char expected[64];
    (void) snprintf(expected, sizeof expected, "log-dropped %d lines could not be written\n",
                    200 - lines);
    assert_non_null(strstr(text, expected));
    assert_non_null(strstr(text, " tried again\n"));
    free(text);
}

// mesh_log_filter_fn: arg counts the calls.
static char *
hide(void *arg, const char *text)
{
    int *calls = arg;
    ++*calls;
    return strstr(text, "secret") ? strdup("hidden") : NULL;
}

static void
a_filter_sees_the_whole_of_each_line_that_is_written(void **state)
{
    (void) state;
    int calls = 0;
    mesh_log_filter(hide, &calls);
    char *line = logged_as_text("nothing");
    assert_string_equal(line, "info aidermesh-test tried nothing\n");
    free(line);
    // Also where the line would have been cut.
    char words[2 * LINE_BYTES];
    memset(words, 'x', sizeof words);
    (void) snprintf(words + LINE_BYTES - 120, 40, "the secret");
    line = logged_as_text(words);
    assert_string_equal(line, "info aidermesh-test tried hidden\n");
    free(line);
    mesh_log_setup("aidermesh-test", MESH_LOG_ERROR, MESH_LOG_TEXT);
    mesh_log_info("tried", "below the level");
    assert_int_equal(calls, 2);
    mesh_log_filter(NULL, NULL);
    line = logged_as_text("the secret");
    assert_string_equal(line, "info aidermesh-test tried the secret\n");
    free(line);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_line_is_time_level_program_event_and_words),
        cmocka_unit_test(a_json_line_has_the_same_members),
        cmocka_unit_test(levels_below_the_one_set_are_not_written),
        cmocka_unit_test(nothing_in_the_words_can_forge_a_line_or_reach_the_terminal),
        cmocka_unit_test(a_json_line_stays_json_whatever_the_words_are),
        cmocka_unit_test(a_long_line_is_cut_between_characters_and_marked),
        cmocka_unit_test(the_callers_errno_is_left_alone),
        cmocka_unit_test(a_filter_sees_the_whole_of_each_line_that_is_written),
        cmocka_unit_test(a_reader_that_stalls_costs_lines_which_are_counted_and_never_time),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
