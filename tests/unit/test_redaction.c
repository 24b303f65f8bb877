// test_redaction - secrets go, and what only looks like one stays
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "redaction.h"

enum { LINE_BYTES = 4096, LARGE_BYTES = 64 * 1024, NOISE_US = 100 * 1000 };

static redaction_t *
redaction_of(const char *key, const char *value)
{
    char assignment[512], *error = NULL;
    mesh_settings_t *settings = mesh_settings_new();
    if (key) {
        (void) snprintf(assignment, sizeof assignment, "%s=%s", key, value);
        assert_int_equal(mesh_settings_assign(settings, assignment, "test", &error), 0);
    }
    redaction_t *redaction = redaction_new(settings, &error);
    mesh_settings_destroy(&settings);
    if (error)
        print_message("%s\n", error);
    free(error);
    return redaction;
}

static int
setup(void **state)
{
    assert_int_equal(setenv("HOME", "/home/someone", 1), 0);
    *state = redaction_of(NULL, NULL);
    return *state ? 0 : -1;
}

static int
teardown(void **state)
{
    redaction_t *redaction = *state;
    redaction_destroy(&redaction);
    return 0;
}

static void
expect(redaction_t *redaction, const char *text, const char *right)
{
    char *got = redaction_text(redaction, text);
    assert_string_equal(got ? got : text, right);
    free(got);
}

// Put what a line of the corpus stands for into two texts: «secret» as it is, and as its mark.
// A ^ keeps those who look for real keys in files from finding one, and is left out; \n is a
// line end.
static void
unfold(const char *line, const char *rule, char *text, char *right)
{
    bool secret = false;
    for (; *line; line++) {
        if (!strncmp(line, "«", 2)) {
            right += sprintf(right, "[redacted:%s]", rule);
            secret = true;
            line++;
        } else if (!strncmp(line, "»", 2)) {
            secret = false;
            line++;
        } else if (*line != '^') {
            char byte = *line;
            if (!strncmp(line, "\\n", 2)) {
                byte = '\n';
                line++;
            }
            *text++ = byte;
            if (!secret)
                *right++ = byte;
        }
    }
    *text = *right = '\0';
}

// Call check for each line of a file of the corpus; returns how many there are.
static size_t
for_each_line(const char *name, redaction_t *redaction,
              void (*check)(redaction_t *redaction, char *line))
{
    char path[512], line[LINE_BYTES];
    size_t count = 0;
    (void) snprintf(path, sizeof path, "%s/redaction/%s", TEST_FIXTURES, name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    for (; fgets(line, sizeof line, file); count++) {
        line[strcspn(line, "\n")] = '\0';
        check(redaction, line);
    }
    fclose(file);
    return count;
}

static void
check_secret(redaction_t *redaction, char *line)
{
    static char text[LINE_BYTES], right[LINE_BYTES];
    char *tab = strchr(line, '\t');
    assert_non_null(tab);
    *tab = '\0';
    unfold(tab + 1, line, text, right);
    expect(redaction, text, right);
    // What was redacted stays as it is.
    expect(redaction, right, right);
}

static void
check_harmless(redaction_t *redaction, char *line)
{
    static char text[LINE_BYTES], right[LINE_BYTES];
    unfold(line, "", text, right);
    expect(redaction, text, text);
}

static void
every_secret_of_the_corpus_goes(void **state)
{
    assert_in_range(for_each_line("secrets.txt", *state, check_secret), 130, 1000);
}

static void
a_key_begins_behind_an_escape_of_json(void **state)
{
    expect(*state,
           "key:\\nghp"
           "_0123456789abcdefghijklmnopqrstuvwxyz\\t",
           "key:\\n[redacted:github]\\t");
    // Not behind any letter: this is a word.
    expect(*state,
           "xghp"
           "_0123456789abcdefghijklmnopqrstuvwxyz",
           "xghp"
           "_0123456789abcdefghijklmnopqrstuvwxyz");
}

static void
what_only_looks_like_a_mark_hides_nothing(void **state)
{
    expect(*state, "[redacted: A_TOKEN=abcdefg1 x]",
           "[redacted: A_TOKEN=[redacted:assignment] x]");
    expect(*state, "[redacted:url A_TOKEN=abcdefg1",
           "[redacted:url A_TOKEN=[redacted:assignment]");
}

static void
nothing_harmless_of_the_corpus_is_touched(void **state)
{
    assert_in_range(for_each_line("harmless.txt", *state, check_harmless), 100, 1000);
}

static void
a_private_key_goes_over_lines_until_it_ends(void **state)
{
    static const char *const lines[][2] = {
        {"before", "before"},
        {"x -----BEGIN RSA PRIVATE KEY-----", "x [redacted:pem]"},
        {"MIIEowIBAAKCAQEA0Z3VS5JJcds3xf", "[redacted:pem]"},
        {"", "[redacted:pem]"},
        {"-----END RSA PRIVATE KEY----- y", "[redacted:pem] y"},
        {"after", "after"},
    };
    bool in_block = false;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char *got = redaction_line(*state, lines[i][0], &in_block);
        assert_string_equal(got ? got : lines[i][0], lines[i][1]);
        free(got);
    }
    // One that never ends does not swallow the rest of a session.
    free(redaction_line(*state, "-----BEGIN PRIVATE KEY-----", &in_block));
    size_t swallowed = 0;
    for (; in_block && swallowed < 10000; swallowed++)
        free(redaction_line(*state, "line", &in_block));
    assert_in_range(swallowed, 50, 1000);
}

static void
every_string_of_a_payload_is_cleaned_at_any_depth(void **state)
{
    json_t *payload = json_pack(
        "{s:s, s:{s:[s, {s:s}], s:i}, s:s, s:s, s:s, s:s}", "message", "export X_TOKEN=abcdef1",
        "deep", "list", "Bearer abcdefghijklmnop1234", "password", "hunter2", "token", 7,
        "working_dir", "/home/someone/project", "other", "/home/someoneelse /home/someone",
        "control", "a\x1b[31mred\x07\tb\nc\x7f", "c1", "x\xc2\x9by");
    redaction_payload(*state, payload);
    json_t *right =
        json_pack("{s:s, s:{s:[s, {s:s}], s:i}, s:s, s:s, s:s, s:s}", "message",
                  "export X_TOKEN=[redacted:assignment]", "deep", "list",
                  "Bearer [redacted:bearer]", "password", "[redacted:assignment]", "token", 7,
                  "working_dir", "~/project", "other", "/home/someoneelse ~", "control",
                  "a\xef\xbf\xbd[31mred\xef\xbf\xbd\tb\nc\xef\xbf\xbd", "c1", "x\xef\xbf\xbdy");
    assert_true(json_equal(payload, right));
    json_decref(payload);
    json_decref(right);
}

static void
strings_that_others_hold_too_are_left_as_they_are(void **state)
{
    json_t *shared = json_string("/home/someone/x");
    json_t *payload = json_pack("{s:O}", "file", shared);
    redaction_payload(*state, payload);
    assert_string_equal(json_string_value(shared), "/home/someone/x");
    assert_string_equal(json_string_value(json_object_get(payload, "file")), "~/x");
    json_decref(payload);
    json_decref(shared);
}

static void
what_each_rule_found_is_counted_once(void **state)
{
    assert_null(redaction_take_counts(*state));
    expect(*state, "A_TOKEN=abcdefg1 B_TOKEN=abcdefg2 http://u:p@h",
           "A_TOKEN=[redacted:assignment] B_TOKEN=[redacted:assignment] "
           "http://u:[redacted:url]@h");
    json_t *counts = redaction_take_counts(*state);
    assert_int_equal(json_integer_value(json_object_get(counts, "assignment")), 2);
    assert_int_equal(json_integer_value(json_object_get(counts, "url")), 1);
    assert_int_equal(json_object_size(counts), 2);
    json_decref(counts);
    assert_null(redaction_take_counts(*state));
}

static void
a_rule_can_be_off_and_only_one_that_exists(void **state)
{
    (void) state;
    redaction_t *redaction = redaction_of("redact/off", "assignment,home");
    assert_non_null(redaction);
    expect(redaction, "A_TOKEN=abcdefg1 http://u:p@h",
           "A_TOKEN=abcdefg1 http://u:[redacted:url]@h");
    json_t *payload = json_pack("{s:s}", "working_dir", "/home/someone");
    redaction_payload(redaction, payload);
    assert_string_equal(json_string_value(json_object_get(payload, "working_dir")),
                        "/home/someone");
    json_decref(payload);
    redaction_destroy(&redaction);
    assert_null(redaction_of("redact/off", "openia"));
}

static void
a_pattern_of_the_users_takes_out_more_and_is_limited(void **state)
{
    (void) state;
    redaction_t *redaction = redaction_of("redact/pattern", "ACME-[0-9]{6}|grün(?=er)");
    expect(redaction, "ticket ACME-123456, grüner",
           "ticket [redacted:pattern], [redacted:pattern]er");
    expect(redaction, "ACME-12", "ACME-12");
    redaction_destroy(&redaction);
    assert_null(redaction_of("redact/pattern", "(unclosed"));

    // What is not decided within the limit is withheld.
    redaction = redaction_of("redact/pattern", "(a+)+$");
    expect(redaction, "fine b", "fine b");
    expect(redaction, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "[redacted:pattern]");
    redaction_destroy(&redaction);
}

// What cleaning a text that repeats a unit costs, at the best of some times.
static int64_t
cpu_us_of(redaction_t *self, const char *unit, size_t bytes)
{
    size_t unit_bytes = strlen(unit);
    char *text = malloc(bytes + 1);
    for (size_t at = 0; at < bytes; at++)
        text[at] = unit[at % unit_bytes];
    text[bytes] = '\0';
    int64_t best_us = INT64_MAX;
    for (int times = 0; times < 3; times++) {
        struct timespec before, after;
        (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
        free(redaction_text(self, text));
        (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
        int64_t us =
            (after.tv_sec - before.tv_sec) * 1000000 + (after.tv_nsec - before.tv_nsec) / 1000;
        if (us < best_us)
            best_us = us;
    }
    free(text);
    return best_us;
}

// Texts that make a careless scanner look at every byte from every byte.
static void
the_time_it_takes_grows_with_the_text_only(void **state)
{
    static const char *const units[] = {
        "sk-", "eyJ.", "a_token=\"",      "Bearer ", "://a:", "x_pwd='", "-----BEGIN RSA ",
        "a",   "\\\"", "authorization: ",
    };
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        // Sixteen times the text: with its square it would take 256 times as long.
        int64_t part_us = cpu_us_of(*state, units[i], LARGE_BYTES / 16);
        int64_t whole_us = cpu_us_of(*state, units[i], LARGE_BYTES);
        assert_in_range(whole_us, 0, 64 * part_us + NOISE_US);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_secret_of_the_corpus_goes),
        TEST(a_key_begins_behind_an_escape_of_json),
        TEST(what_only_looks_like_a_mark_hides_nothing),
        TEST(nothing_harmless_of_the_corpus_is_touched),
        TEST(a_private_key_goes_over_lines_until_it_ends),
        TEST(every_string_of_a_payload_is_cleaned_at_any_depth),
        TEST(strings_that_others_hold_too_are_left_as_they_are),
        TEST(what_each_rule_found_is_counted_once),
        TEST(a_rule_can_be_off_and_only_one_that_exists),
        TEST(a_pattern_of_the_users_takes_out_more_and_is_limited),
        TEST(the_time_it_takes_grows_with_the_text_only),
    };
    return cmocka_run_group_tests_name("redaction", tests, NULL, NULL);
}
