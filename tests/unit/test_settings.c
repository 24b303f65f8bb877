// test_settings - what the configuration promises
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mesh/settings.h"
#include "temp_dir.h"

// Assert that *error_p holds part, and free it.
static void
assert_error_says(char **error_p, const char *part)
{
    assert_non_null(*error_p);
    if (!strstr(*error_p, part))
        fail_msg("\"%s\" does not say \"%s\"", *error_p, part);
    free(*error_p);
    *error_p = NULL;
}

static void
assert_assigned(mesh_settings_t *settings, const char *assignment)
{
    char *error = NULL;
    if (mesh_settings_assign(settings, assignment, "--set", &error) != 0)
        fail_msg("%s", error);
}

static void
assert_refused(mesh_settings_t *settings, const char *assignment, const char *part)
{
    char *error = NULL;
    assert_int_equal(mesh_settings_assign(settings, assignment, "--set", &error), -1);
    assert_error_says(&error, part);
}

static void
assert_zpl_refused(const char *text, size_t size_bytes, const char *part)
{
    char *error = NULL;
    mesh_settings_t *settings = mesh_settings_new();
    assert_int_equal(mesh_settings_read_zpl(settings, text, size_bytes, "a.cfg", &error), -1);
    assert_error_says(&error, part);
    mesh_settings_destroy(&settings);
}

static char *
write_file(const char *directory, const char *name, const char *text)
{
    char *path = temp_dir_file(directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
    return path;
}

static void
every_row_of_the_table_has_a_valid_default_a_meaning_and_its_place(void **state)
{
    (void) state;
    // New asserts that each default is allowed.
    mesh_settings_t *settings = mesh_settings_new();
    for (const mesh_setting_t *row = mesh_settings_table; row->key; row++) {
        assert_string_equal(mesh_settings_origin(settings, row->key), "default");
        assert_non_null(strchr(row->key, '/'));
        assert_true(strlen(row->meaning) > 5 && strlen(row->meaning) < 200);
        assert_true(row->least <= row->most);
        assert_int_equal(row->allowed != NULL, row->kind == MESH_SETTING_CHOICE);
        if (row[1].key && strcmp(row->key, row[1].key) >= 0)
            fail_msg("%s must not stand before %s", row->key, row[1].key);
    }
    mesh_settings_destroy(&settings);
    assert_null(settings);
}

static void
later_sources_win_and_are_named_as_the_origin(void **state)
{
    (void) state;
    char *directory = temp_dir_new();
    char *path = write_file(directory, "aidermesh.cfg",
                            "http\n    port = 1001\n    clients = 11\n    retry = 4s\n");
    char *environment[] = {(char[]){"AIDERMESH_HTTP_PORT=1002"},
                           (char[]){"AIDERMESH_HTTP_CLIENTS=12"}, (char[]){"PATH=/bin"}, NULL};
    char *error = NULL;
    mesh_settings_t *settings = mesh_settings_new();
    assert_int_equal(mesh_settings_number(settings, "http/port"), 8790);
    assert_int_equal(mesh_settings_read_file(settings, path, NULL, &error), 0);
    assert_int_equal(mesh_settings_number(settings, "http/port"), 1001);
    assert_int_equal(mesh_settings_read_environment(settings, environment, &error), 0);
    assert_int_equal(mesh_settings_number(settings, "http/port"), 1002);
    assert_assigned(settings, "http/port=1003");
    assert_int_equal(mesh_settings_number(settings, "http/port"), 1003);

    char *file_origin = NULL;
    assert_true(asprintf(&file_origin, "file %s", path) > 0);
    assert_string_equal(mesh_settings_origin(settings, "http/port"), "--set");
    assert_string_equal(mesh_settings_origin(settings, "http/clients"),
                        "environment AIDERMESH_HTTP_CLIENTS");
    assert_string_equal(mesh_settings_origin(settings, "http/retry"), file_origin);
    assert_string_equal(mesh_settings_origin(settings, "http/address"), "default");
    free(file_origin);
    free(path);
    mesh_settings_destroy(&settings);
    temp_dir_destroy(&directory);
}

static void
durations_are_read_in_every_unit(void **state)
{
    (void) state;
    static const struct {
        const char *assignment;
        int64_t ms;
    } cases[] = {
        {"broker/stop_grace=0", 0},     {"broker/stop_grace=250ms", 250},
        {"broker/stop_grace=3s", 3000}, {"broker/stop_grace=1m", 60000},
        {"broker/stop_grace=0h", 0},
    };
    mesh_settings_t *settings = mesh_settings_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_assigned(settings, cases[i].assignment);
        assert_int_equal(mesh_settings_ms(settings, "broker/stop_grace"), cases[i].ms);
    }
    assert_assigned(settings, "monitor/throttled=24h");
    assert_int_equal(mesh_settings_ms(settings, "monitor/throttled"), 86400000);
    assert_assigned(settings, "monitor/throttled=1d");
    assert_int_equal(mesh_settings_ms(settings, "monitor/throttled"), 86400000);
    mesh_settings_destroy(&settings);
}

static void
sizes_are_read_in_every_unit(void **state)
{
    (void) state;
    static const struct {
        const char *assignment;
        size_t bytes;
    } cases[] = {
        {"http/ring_bytes=1048576B", 1048576},
        {"http/ring_bytes=2048KiB", 2097152},
        {"http/ring_bytes=3MiB", 3145728},
        {"http/ring_bytes=2GiB", 2147483648},
    };
    mesh_settings_t *settings = mesh_settings_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_assigned(settings, cases[i].assignment);
        assert_int_equal(mesh_settings_bytes(settings, "http/ring_bytes"), cases[i].bytes);
    }
    mesh_settings_destroy(&settings);
}

static void
a_quantity_without_its_unit_is_refused_with_what_is_allowed(void **state)
{
    (void) state;
    mesh_settings_t *settings = mesh_settings_new();
    assert_refused(
        settings, "mesh/heartbeat=30",
        "--set: mesh/heartbeat is \"30\", allowed: a whole number and a unit, one of "
        "ms, s, m, h, d, as in 250ms or 30s, from 50ms to 1m");
    assert_refused(settings, "http/ring_bytes=64",
                   "--set: http/ring_bytes is \"64\", allowed: a whole number and a unit, one "
                   "of B, KiB, MiB, GiB, TiB, as in 64KiB or 1GiB, from 1MiB to 16GiB");
    static const char *const wrong[] = {
        "mesh/heartbeat=",
        "mesh/heartbeat=s",
        "mesh/heartbeat=1.5s",
        "mesh/heartbeat=-1s",
        "mesh/heartbeat=+1s",
        "mesh/heartbeat=1S",
        "mesh/heartbeat=1 s",
        "mesh/heartbeat= 1s",
        "mesh/heartbeat=1sec",
        "mesh/heartbeat=1m30s",
        "mesh/heartbeat=99999999999999999999s",
        "mesh/heartbeat=9223372036854775807d",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_refused(settings, wrong[i], "a whole number and a unit");
    assert_refused(settings, "http/ring_bytes=64MB", "MiB");
    assert_refused(settings, "http/port=80s", "allowed: a whole number, from 0 to 65535");
    assert_refused(settings, "http/port=", "allowed: a whole number");
    assert_int_equal(mesh_settings_ms(settings, "mesh/heartbeat"), 1000);
    mesh_settings_destroy(&settings);
}

static void
a_range_includes_its_ends_and_nothing_beyond(void **state)
{
    (void) state;
    mesh_settings_t *settings = mesh_settings_new();
    assert_assigned(settings, "http/port=0");
    assert_assigned(settings, "http/port=65535");
    assert_refused(settings, "http/port=65536", "http/port is \"65536\", allowed: 0 to 65535");
    assert_refused(settings, "http/port=-1", "allowed: 0 to 65535");
    assert_int_equal(mesh_settings_number(settings, "http/port"), 65535);
    assert_assigned(settings, "mesh/heartbeat=50ms");
    assert_assigned(settings, "mesh/heartbeat=60s");
    assert_refused(settings, "mesh/heartbeat=49ms", "allowed: 50ms to 1m");
    assert_refused(settings, "mesh/heartbeat=61s", "allowed: 50ms to 1m");
    assert_refused(settings, "mesh/heartbeat=0", "allowed: 50ms to 1m");
    assert_assigned(settings, "http/head_limit=1024KiB");
    assert_refused(settings, "http/head_limit=1025KiB", "allowed: 2KiB to 1MiB");
    mesh_settings_destroy(&settings);
}

static void
flags_and_choices_take_their_words_only(void **state)
{
    (void) state;
    mesh_settings_t *settings = mesh_settings_new();
    assert_assigned(settings, "http/token=false");
    assert_false(mesh_settings_flag(settings, "http/token"));
    assert_assigned(settings, "http/token=true");
    assert_true(mesh_settings_flag(settings, "http/token"));
    assert_refused(settings, "http/token=yes", "http/token is \"yes\", allowed: true or false");
    assert_assigned(settings, "log/level=warning");
    assert_string_equal(mesh_settings_string(settings, "log/level"), "warning");
    assert_refused(settings, "log/level=warn", "allowed: one of debug|info|warning|error");
    assert_refused(settings, "log/level=", "allowed: one of");
    assert_refused(settings, "log/level=info|debug", "allowed: one of");
    mesh_settings_destroy(&settings);
}

static void
a_list_is_split_at_commas_and_replaced_as_a_whole(void **state)
{
    (void) state;
    mesh_settings_t *settings = mesh_settings_new();
    assert_int_equal(mesh_settings_list_size(settings, "mesh/seeds"), 0);
    assert_assigned(settings, "mesh/seeds=tcp://a:1, tcp://b:2 ,c");
    assert_int_equal(mesh_settings_list_size(settings, "mesh/seeds"), 3);
    assert_string_equal(mesh_settings_list_item(settings, "mesh/seeds", 0), "tcp://a:1");
    assert_string_equal(mesh_settings_list_item(settings, "mesh/seeds", 1), "tcp://b:2");
    assert_string_equal(mesh_settings_list_item(settings, "mesh/seeds", 2), "c");
    assert_assigned(settings, "mesh/seeds=d");
    assert_int_equal(mesh_settings_list_size(settings, "mesh/seeds"), 1);
    static const char *const wrong[] = {"mesh/seeds=,",    "mesh/seeds=a,",    "mesh/seeds=,a",
                                        "mesh/seeds=a,,b", "mesh/seeds=a, ,b", "mesh/seeds= "};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_refused(settings, wrong[i], "none of them empty");
    assert_string_equal(mesh_settings_list_item(settings, "mesh/seeds", 0), "d");
    assert_assigned(settings, "mesh/seeds=");
    assert_int_equal(mesh_settings_list_size(settings, "mesh/seeds"), 0);
    mesh_settings_destroy(&settings);
}

static void
an_unknown_setting_is_refused_with_the_nearest_known_one(void **state)
{
    (void) state;
    mesh_settings_t *settings = mesh_settings_new();
    assert_refused(settings, "http/prot=1",
                   "--set: unknown setting \"http/prot\"; the nearest known is http/port");
    assert_refused(settings, "monitor/throtled=1m", "the nearest known is monitor/throttled");
    assert_refused(settings, "htpp=1", "unknown section \"htpp\"; the nearest known is http");
    assert_refused(settings, "=1", "unknown section \"\"");
    assert_refused(settings, "http/port", "\"http/port\" is not of the form section/key=value");
    mesh_settings_destroy(&settings);
}

static void
words_that_could_not_be_shown_or_written_back_are_refused(void **state)
{
    (void) state;
    mesh_settings_t *settings = mesh_settings_new();
    assert_refused(settings, "bridge/name=a\nb", "bridge/name is \"a\\nb\", allowed: UTF-8");
    assert_refused(settings, "bridge/name=a\x1b[2J", "\"a\\x1b[2J\"");
    assert_refused(settings, "bridge/name=\xff", "\"\\xff\"");
    assert_refused(settings, "bridge/name=it's \"so\"", "but not both");
    char *tail = malloc(1000);
    memset(tail, 'x', 999);
    tail[999] = '\0';
    memcpy(tail, "bridge/name=", strlen("bridge/name="));
    assert_refused(settings, tail, "allowed: at most 900 bytes");
    tail[strlen("bridge/name=") + 900] = '\0';
    assert_assigned(settings, tail);
    free(tail);
    assert_assigned(settings, "bridge/name=Grüße \\ 'it'");
    assert_string_equal(mesh_settings_string(settings, "bridge/name"), "Grüße \\ 'it'");
    mesh_settings_destroy(&settings);
}

static void
a_file_that_is_missing_no_file_or_too_long_is_named(void **state)
{
    (void) state;
    char *directory = temp_dir_new();
    char *missing = temp_dir_file(directory, "none.cfg");
    char *big = temp_dir_file(directory, "big.cfg");
    FILE *file = fopen(big, "w");
    assert_non_null(file);
    for (int i = 0; i <= 1024 * 1024; i++)
        assert_true(fputc('\n', file) != EOF);
    assert_int_equal(fclose(file), 0);
    char *error = NULL;
    mesh_settings_t *settings = mesh_settings_new();

    assert_int_equal(mesh_settings_read_file(settings, missing, NULL, &error), -1);
    assert_non_null(strstr(error, "none.cfg"));
    assert_error_says(&error, "No such file or directory");
    assert_int_equal(mesh_settings_read_file(settings, directory, NULL, &error), -1);
    assert_error_says(&error, "it is not a regular file");
    assert_int_equal(mesh_settings_read_file(settings, big, NULL, &error), -1);
    assert_error_says(&error, "it has more than 1048576 bytes");
    assert_int_equal(truncate(big, 1048576), 0);
    assert_int_equal(mesh_settings_read_file(settings, big, NULL, &error), 0);

    free(missing);
    free(big);
    mesh_settings_destroy(&settings);
    temp_dir_destroy(&directory);
}

static void
a_file_error_names_file_line_value_and_what_is_allowed(void **state)
{
    (void) state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"# c\nhttp\n    port = 99999\n",
         "file \"a.cfg\", line 3: http/port is \"99999\", allowed: 0 to 65535"},
        {"http\n    prot = 1\n", "line 2: unknown setting \"http/prot\"; the nearest known is "
                                 "http/port"},
        {"\n\nhtpp\n    port = 1\n", "line 3: unknown section \"htpp\"; the nearest known is "
                                     "http"},
        {"http = 5\n", "line 1: unknown section \"http\""},
        {"http\n    port = 1\n        deep = 2\n",
         "line 3: unknown setting \"http/port/deep\""},
        {"http\n    port = 1\n    port = 2\n", "line 3: http/port is set twice in this file"},
        {"http\n   port = 1\n",
         "line 2: the line is not indented by a multiple of four spaces"},
        {"http\n\tport = 1\n", "line 2: the line is not indented by a multiple"},
        {"    port = 1\n", "line 1: the line is indented deeper than its section"},
        {"http\n        port = 1\n", "line 2: the line is indented deeper than its section"},
        {"http\n    port 1\n", "line 2: the line has words that belong to nothing"},
        {"http\n    = 1\n", "line 2: the line has words that belong to nothing"},
        {"http: {}\n", "line 1: the line has words that belong to nothing"},
        {"{\"http\": 1}\n", "line 1: the line has words that belong to nothing"},
        {"http\n    address = \"a\n", "line 2: the line has a quote that is not closed"},
        {"http\n    address = 'a' b\n", "line 2: the line has words that belong to nothing"},
        {"/http\n", "line 1: the line has a name that begins or ends with '/'"},
        {"http/\n", "line 1: the line has a name that begins or ends with '/'"},
        {"http\n    address = \x01\n", "line 2: the line has control characters"},
        {"http\n    address = \xc3(\n", "line 2: the line has control characters, or is not "
                                        "UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_zpl_refused(cases[i].text, strlen(cases[i].text), cases[i].part);
    assert_zpl_refused("http\0\n", 6, "line 1: the line has control characters");
}

static void
a_file_past_the_limits_of_zconfig_is_refused_and_not_handed_to_it(void **state)
{
    (void) state;
    // A line zconfig would cut at 1024 bytes, and then read past the end of the text.
    char *line = malloc(3000);
    memset(line, 'a', 3000);
    line[2999] = '\n';
    assert_zpl_refused(line, 3000, "line 1: the line is longer than 1023 bytes");
    free(line);

    // Siblings that zconfig would free by recursion.
    char *many = malloc(6000);
    for (size_t i = 0; i < 6000; i++)
        many[i] = i % 2 ? '\n' : 'a';
    assert_zpl_refused(many, 6000,
                       "line 2001: the line is one item more than the 2000 allowed");
    free(many);

    char deep[1024];
    size_t used = 0;
    for (int level = 0; level < 9; level++)
        used += (size_t) sprintf(deep + used, "%*sa\n", 4 * level, "");
    assert_zpl_refused(deep, used, "line 9: the line is nested too deeply");
}

static void
every_way_to_write_a_value_in_a_file_is_read(void **state)
{
    (void) state;
    static const char text[] = "# comment\n"
                               "\r\n"
                               "   \n"
                               "http   # a section\r\n"
                               "    address = \"a # b\"    # quoted\n"
                               "    port = 1234 # bare\n"
                               "    retry='2s'\n"
                               "bridge/name = it's me   \n"
                               "mesh\n"
                               "    host =\n"
                               "    seeds = \"a,b\"";
    char *error = NULL;
    mesh_settings_t *settings = mesh_settings_new();
    if (mesh_settings_read_zpl(settings, text, sizeof text - 1, "a.cfg", &error) != 0)
        fail_msg("%s", error);
    assert_string_equal(mesh_settings_string(settings, "http/address"), "a # b");
    assert_int_equal(mesh_settings_number(settings, "http/port"), 1234);
    assert_int_equal(mesh_settings_ms(settings, "http/retry"), 2000);
    assert_string_equal(mesh_settings_string(settings, "bridge/name"), "it's me");
    assert_string_equal(mesh_settings_string(settings, "mesh/host"), "");
    assert_int_equal(mesh_settings_list_size(settings, "mesh/seeds"), 2);
    mesh_settings_destroy(&settings);
}

static void
a_source_with_one_mistake_changes_nothing(void **state)
{
    (void) state;
    static const char text[] = "http\n    port = 1\n    clients = none\n";
    char *environment[] = {(char[]){"AIDERMESH_HTTP_PORT=2"},
                           (char[]){"AIDERMESH_HTTP_CLIENTS=none"}, NULL};
    char *error = NULL;
    mesh_settings_t *settings = mesh_settings_new();
    assert_int_equal(mesh_settings_read_zpl(settings, text, sizeof text - 1, "a.cfg", &error),
                     -1);
    assert_error_says(&error, "http/clients");
    assert_int_equal(mesh_settings_read_environment(settings, environment, &error), -1);
    assert_error_says(&error, "http/clients");
    assert_int_equal(mesh_settings_number(settings, "http/port"), 8790);
    assert_string_equal(mesh_settings_origin(settings, "http/port"), "default");
    mesh_settings_destroy(&settings);
}

static void
an_overlay_is_read_after_its_file_where_it_exists(void **state)
{
    (void) state;
    char *directory = temp_dir_new();
    char *path =
        write_file(directory, "aidermesh.cfg", "http\n    port = 1\n    clients = 11\n");
    char *overlay = write_file(directory, "aidermesh.lab.cfg", "http\n    port = 2\n");
    char *broken = write_file(directory, "aidermesh.bad.cfg", "http\n    port = x\n");
    char *error = NULL;
    mesh_settings_t *settings = mesh_settings_new();
    assert_int_equal(mesh_settings_read_file(settings, path, "lab", &error), 0);
    assert_int_equal(mesh_settings_number(settings, "http/port"), 2);
    assert_int_equal(mesh_settings_number(settings, "http/clients"), 11);
    assert_non_null(strstr(mesh_settings_origin(settings, "http/port"), "aidermesh.lab.cfg"));

    assert_int_equal(mesh_settings_read_file(settings, path, "none", &error), 0);
    assert_int_equal(mesh_settings_number(settings, "http/port"), 1);
    assert_int_equal(mesh_settings_read_file(settings, path, "bad", &error), -1);
    assert_error_says(&error, "aidermesh.bad.cfg\", line 2");
    assert_int_equal(mesh_settings_read_file(settings, path, "../x", &error), -1);
    assert_error_says(&error, "\"../x\" is no name of an environment");
    assert_int_equal(mesh_settings_read_file(settings, path, "", &error), -1);
    assert_error_says(&error, "is no name of an environment");
    free(path);
    free(overlay);
    free(broken);
    mesh_settings_destroy(&settings);
    temp_dir_destroy(&directory);
}

static void
a_variable_nobody_knows_is_refused_with_the_nearest_known_one(void **state)
{
    (void) state;
    static const struct {
        const char *variable, *part;
    } cases[] = {
        {"AIDERMESH_HTTP_PROT=1", "environment: unknown variable \"AIDERMESH_HTTP_PROT\"; the "
                                  "nearest known is AIDERMESH_HTTP_PORT"},
        {"AIDERMESH_SEED=a", "the nearest known is AIDERMESH_SEEDS"},
        {"AIDERMESH_CONFG=a", "the nearest known is AIDERMESH_CONFIG"},
        {"AIDERMESH_HTTP_RETRY_FILE=a", "unknown variable \"AIDERMESH_HTTP_RETRY_FILE\""},
        {"AIDERMESH_=a", "unknown variable \"AIDERMESH_\""},
        {"AIDERMESH_HTTP_PORT=70000",
         "environment AIDERMESH_HTTP_PORT: http/port is \"70000\", "
         "allowed: 0 to 65535"},
    };
    mesh_settings_t *settings = mesh_settings_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *variable = strdup(cases[i].variable);
        char *environment[] = {variable, NULL};
        char *error = NULL;
        assert_int_equal(mesh_settings_read_environment(settings, environment, &error), -1);
        assert_error_says(&error, cases[i].part);
        free(variable);
    }
    mesh_settings_destroy(&settings);
}

static void
count_wrong(void *arg, const char *sentence)
{
    size_t *count = arg;
    assert_true(*count == 0 ? strstr(sentence, "AIDERMESH_HTTP_PROT") != NULL
                            : strstr(sentence, "\"70000\"") != NULL);
    ++*count;
}

static void
what_is_right_counts_beside_what_is_passed_over(void **state)
{
    (void) state;
    char *environment[] = {
        (char[]){"AIDERMESH_HTTP_PROT=1"}, (char[]){"AIDERMESH_HTTP_CLIENTS=7"},
        (char[]){"AIDERMESH_HTTP_PORT=70000"}, (char[]){"AIDERMESH_HOST=h"}, NULL};
    size_t wrong = 0;
    mesh_settings_t *settings = mesh_settings_new();
    mesh_settings_read_what_is_right(settings, environment, count_wrong, &wrong);
    assert_int_equal(wrong, 2);
    assert_int_equal(mesh_settings_number(settings, "http/clients"), 7);
    assert_string_equal(mesh_settings_string(settings, "mesh/host"), "h");
    assert_string_equal(mesh_settings_origin(settings, "http/port"), "default");
    mesh_settings_destroy(&settings);
}

static void
a_check_finds_what_the_table_cannot(void **state)
{
    (void) state;
    static const struct {
        const char *assignment, *part;
    } cases[] = {
        {"mesh/lost_after=1s",
         "mesh/lost_after is 1000 ms, but must be more than mesh/heartbeat"},
        {"mesh/heartbeat=3s", "mesh/heartbeat, which is 3000 ms"},
        {"mesh/seeds=tcp://a,nonsense", "mesh/seeds: \"nonsense\" is not a seed"},
        {"mesh/runtime_dir=run", "mesh/runtime_dir is \"run\", allowed: an absolute path"},
        {"mesh/state_dir=./x", "mesh/state_dir is \"./x\""},
        {"mesh/keys_dir=keys", "mesh/keys_dir is \"keys\""},
        {"mesh/runtime_dir=/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/"
         "0123456789/0123456789/0123456789",
         "is too long for the name of a socket in it"},
        {"http/token_value=short",
         "http/token_value (--set) cannot be used: allowed is one line"},
    };
    char *error = NULL;
    mesh_settings_t *settings = mesh_settings_new();
    assert_int_equal(mesh_settings_check(settings, &error), 0);
    mesh_settings_destroy(&settings);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        settings = mesh_settings_new();
        assert_int_equal(mesh_settings_assign(settings, cases[i].assignment, "--set", &error),
                         0);
        assert_int_equal(mesh_settings_check(settings, &error), -1);
        assert_error_says(&error, cases[i].part);
        mesh_settings_destroy(&settings);
    }
}

static void
variables_of_another_meaning_are_passed_over_and_short_names_count(void **state)
{
    (void) state;
    char *environment[] = {(char[]){"AIDERMESH=off"},
                           (char[]){"AIDERMESH_CONFIG=/x"},
                           (char[]){"AIDERMESH_ENV=lab"},
                           (char[]){"AIDERMESHX=1"},
                           (char[]){"AIDERMESH_SEEDS=a,b"},
                           (char[]){"AIDERMESH_HOST=h"},
                           (char[]){"NOEQUALS"},
                           NULL};
    char *error = NULL;
    mesh_settings_t *settings = mesh_settings_new();
    assert_int_equal(mesh_settings_read_environment(settings, environment, &error), 0);
    assert_int_equal(mesh_settings_list_size(settings, "mesh/seeds"), 2);
    assert_string_equal(mesh_settings_string(settings, "mesh/host"), "h");
    mesh_settings_destroy(&settings);

    char *twice[] = {(char[]){"AIDERMESH_SEEDS=a"}, (char[]){"AIDERMESH_MESH_SEEDS=b"}, NULL};
    settings = mesh_settings_new();
    assert_int_equal(mesh_settings_read_environment(settings, twice, &error), -1);
    assert_error_says(&error, "environment AIDERMESH_MESH_SEEDS: mesh/seeds is set by "
                              "AIDERMESH_SEEDS as well");
    mesh_settings_destroy(&settings);
}

static void
a_secret_comes_from_a_file_and_is_never_shown(void **state)
{
    (void) state;
    static const char secret[] = "s3cr3t-that-nobody-may-see";
    char *directory = temp_dir_new();
    char *path = write_file(directory, "secret", "s3cr3t-that-nobody-may-see\nsecond line\n");
    char *variable = NULL;
    assert_true(asprintf(&variable, "AIDERMESH_HTTP_TOKEN_VALUE_FILE=%s", path) > 0);
    char *environment[] = {variable, NULL};
    char *error = NULL;
    mesh_settings_t *settings = mesh_settings_new();
    if (mesh_settings_read_environment(settings, environment, &error) != 0)
        fail_msg("%s", error);
    assert_string_equal(mesh_settings_string(settings, "http/token_value"), secret);
    assert_string_equal(mesh_settings_origin(settings, "http/token_value"),
                        "environment AIDERMESH_HTTP_TOKEN_VALUE_FILE");

    char *printed = NULL;
    size_t printed_bytes = 0;
    FILE *out = open_memstream(&printed, &printed_bytes);
    mesh_settings_print(settings, out);
    assert_int_equal(fclose(out), 0);
    assert_null(strstr(printed, secret));
    assert_non_null(strstr(printed, "# token_value = \"***\""));
    free(printed);

    char bad[] = "http/token_value=s3cr3t\x01";
    assert_int_equal(mesh_settings_assign(settings, bad, "--set", &error), -1);
    assert_null(strstr(error, "s3cr3t"));
    assert_error_says(&error, "http/token_value is ***, allowed: UTF-8");

    assert_int_equal(remove(path), 0);
    mesh_settings_destroy(&settings);
    settings = mesh_settings_new();
    assert_int_equal(mesh_settings_read_environment(settings, environment, &error), -1);
    assert_error_says(&error, "No such file");
    free(variable);
    free(path);
    mesh_settings_destroy(&settings);
    temp_dir_destroy(&directory);
}

static void
a_secret_given_directly_and_by_file_is_refused(void **state)
{
    (void) state;
    char *environment[] = {(char[]){"AIDERMESH_HTTP_TOKEN_VALUE=abc"},
                           (char[]){"AIDERMESH_HTTP_TOKEN_VALUE_FILE=/dev/null"}, NULL};
    char *error = NULL;
    mesh_settings_t *settings = mesh_settings_new();
    assert_int_equal(mesh_settings_read_environment(settings, environment, &error), -1);
    assert_error_says(&error, "http/token_value is set by AIDERMESH_HTTP_TOKEN_VALUE as well");
    mesh_settings_destroy(&settings);
}

static char *
print_to_text(const mesh_settings_t *settings)
{
    char *printed = NULL;
    size_t printed_bytes = 0;
    FILE *out = open_memstream(&printed, &printed_bytes);
    mesh_settings_print(settings, out);
    assert_int_equal(fclose(out), 0);
    return printed;
}

static void
what_is_printed_is_read_back_to_the_same_values(void **state)
{
    (void) state;
    mesh_settings_t *settings = mesh_settings_new();
    char *error = NULL;
    assert_assigned(settings, "bridge/name=say \"hello\" # world  ");
    assert_assigned(settings, "http/address= it's # here");
    assert_assigned(settings, "mesh/seeds=tcp://a:1,tcp://b:2");
    assert_assigned(settings, "mesh/heartbeat=60000ms");
    assert_assigned(settings, "http/token=false");
    assert_assigned(settings, "log/format=json");
    // An origin that would end its comment and set a value, and one that is long.
    char longest[3000];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(mesh_settings_assign(settings, "http/port=1", "a\n    port = 2\n", &error),
                     0);
    assert_int_equal(mesh_settings_assign(settings, "http/clients=77", longest, &error), 0);

    char *printed = print_to_text(settings);
    mesh_settings_t *read_back = mesh_settings_new();
    if (mesh_settings_read_zpl(read_back, printed, strlen(printed), "printed", &error) != 0)
        fail_msg("%s", error);
    free(printed);
    assert_string_equal(mesh_settings_string(read_back, "bridge/name"),
                        "say \"hello\" # world  ");
    assert_string_equal(mesh_settings_string(read_back, "http/address"), " it's # here");
    assert_int_equal(mesh_settings_list_size(read_back, "mesh/seeds"), 2);
    assert_int_equal(mesh_settings_ms(read_back, "mesh/heartbeat"), 60000);
    assert_false(mesh_settings_flag(read_back, "http/token"));
    assert_int_equal(mesh_settings_number(read_back, "http/port"), 1);
    assert_int_equal(mesh_settings_number(read_back, "http/clients"), 77);
    for (const mesh_setting_t *row = mesh_settings_table; row->key; row++)
        assert_string_equal(mesh_settings_origin(read_back, row->key), "file printed");
    mesh_settings_destroy(&read_back);
    mesh_settings_destroy(&settings);
}

static void
each_value_is_printed_with_its_meaning_and_origin(void **state)
{
    (void) state;
    mesh_settings_t *settings = mesh_settings_new();
    assert_assigned(settings, "http/port=1");
    char *printed = print_to_text(settings);
    assert_non_null(strstr(printed, "    # the port to listen on; 0 has the kernel choose\n"
                                    "    # from: --set\n"
                                    "    port = \"1\"\n"));
    assert_non_null(strstr(printed, "    # from: default\n    address = \"127.0.0.1\"\n"));
    free(printed);
    mesh_settings_destroy(&settings);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_the_table_has_a_valid_default_a_meaning_and_its_place),
        cmocka_unit_test(later_sources_win_and_are_named_as_the_origin),
        cmocka_unit_test(durations_are_read_in_every_unit),
        cmocka_unit_test(sizes_are_read_in_every_unit),
        cmocka_unit_test(a_quantity_without_its_unit_is_refused_with_what_is_allowed),
        cmocka_unit_test(a_range_includes_its_ends_and_nothing_beyond),
        cmocka_unit_test(flags_and_choices_take_their_words_only),
        cmocka_unit_test(a_list_is_split_at_commas_and_replaced_as_a_whole),
        cmocka_unit_test(an_unknown_setting_is_refused_with_the_nearest_known_one),
        cmocka_unit_test(words_that_could_not_be_shown_or_written_back_are_refused),
        cmocka_unit_test(a_file_that_is_missing_no_file_or_too_long_is_named),
        cmocka_unit_test(a_file_error_names_file_line_value_and_what_is_allowed),
        cmocka_unit_test(a_file_past_the_limits_of_zconfig_is_refused_and_not_handed_to_it),
        cmocka_unit_test(every_way_to_write_a_value_in_a_file_is_read),
        cmocka_unit_test(a_source_with_one_mistake_changes_nothing),
        cmocka_unit_test(an_overlay_is_read_after_its_file_where_it_exists),
        cmocka_unit_test(a_variable_nobody_knows_is_refused_with_the_nearest_known_one),
        cmocka_unit_test(what_is_right_counts_beside_what_is_passed_over),
        cmocka_unit_test(a_check_finds_what_the_table_cannot),
        cmocka_unit_test(variables_of_another_meaning_are_passed_over_and_short_names_count),
        cmocka_unit_test(a_secret_comes_from_a_file_and_is_never_shown),
        cmocka_unit_test(a_secret_given_directly_and_by_file_is_refused),
        cmocka_unit_test(what_is_printed_is_read_back_to_the_same_values),
        cmocka_unit_test(each_value_is_printed_with_its_meaning_and_origin),
    };
    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
