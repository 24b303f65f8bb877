// test_up_words - what up is told, the programs are told
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "temp_dir.h"
#include "up_words.h"

// The arguments of a program when up is called with these words (separated by one space each),
// joined again.
static void
expect_words(const char *given, const char *port_file, const char *expected)
{
    char *line = strdup(given);
    char *argv[16];
    int argc = 0;
    char *rest = NULL;
    for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    up_words_t *words = up_words_new(argc, argv);
    char **arguments = up_words_for(words, "program", port_file);
    char joined[512] = "";
    size_t used = 0;
    for (char **at = arguments; *at; at++) {
        used += (size_t) snprintf(joined + used, sizeof joined - used, "%s%s", used ? " " : "",
                                  *at);
        assert_true(used < sizeof joined);
    }
    assert_string_equal(joined, expected);
    up_words_free(&arguments);
    up_words_destroy(&words);
    free(line);
}

static void
common_options_are_handed_on_as_they_stand(void **state)
{
    (void) state;
    expect_words("up --config a.cfg --env=test --set log/level=debug --log-format json", NULL,
                 "program --config a.cfg --env=test --set log/level=debug --log-format json");
}

static void
flags_of_up_become_the_settings_they_stand_for(void **state)
{
    (void) state;
    expect_words("up --port 9000 --no-token --log-level debug", NULL,
                 "program --set http/port=9000 --set http/token=false --log-level debug");
    expect_words("up --port=9000", NULL, "program --set http/port=9000");
}

static void
a_flag_given_again_makes_a_list_longer_and_replaces_anything_else(void **state)
{
    (void) state;
    expect_words("up --broker ipc://a --port 1 --broker=ipc://b --port 2", NULL,
                 "program --set mesh/seeds=ipc://a --set http/port=1"
                 " --set mesh/seeds=ipc://a,ipc://b --set http/port=2");
}

static void
a_value_that_looks_like_a_flag_stays_a_value(void **state)
{
    (void) state;
    expect_words("up --env --no-token --port 5", NULL,
                 "program --env --no-token --set http/port=5");
}

static void
the_port_file_is_told_first_and_a_double_dash_ends_it_all(void **state)
{
    (void) state;
    expect_words("up --no-token --", "/run/x/http.port",
                 "program --set http/port_file=/run/x/http.port --set http/token=false");
}

static void
the_token_is_named_with_its_directory_where_that_is_not_every_terminals(void **state)
{
    (void) state;
    mesh_settings_t *settings = mesh_settings_new();
    unsetenv("XDG_STATE_HOME");
    char *text = up_words_token(settings);
    assert_string_equal(text, "token show");
    free(text);

    char *dir = temp_dir_new();
    setenv("XDG_STATE_HOME", dir, 1);
    char *expected = NULL;
    assert_true(asprintf(&expected, "token show --set mesh/state_dir=%s/aidermesh", dir) > 0);
    text = up_words_token(settings);
    assert_string_equal(text, expected);
    free(text);
    free(expected);
    unsetenv("XDG_STATE_HOME");

    char *assignment = NULL;
    char *error = NULL;
    assert_true(asprintf(&assignment, "mesh/state_dir=%s/it's mine", dir) > 0);
    assert_int_equal(mesh_settings_assign(settings, assignment, "--set", &error), 0);
    assert_true(asprintf(&expected, "token show --set 'mesh/state_dir=%s/it'\\''s mine'", dir) >
                0);
    text = up_words_token(settings);
    assert_string_equal(text, expected);
    free(text);
    free(expected);
    free(assignment);
    mesh_settings_destroy(&settings);
    temp_dir_destroy(&dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(common_options_are_handed_on_as_they_stand),
        cmocka_unit_test(flags_of_up_become_the_settings_they_stand_for),
        cmocka_unit_test(a_flag_given_again_makes_a_list_longer_and_replaces_anything_else),
        cmocka_unit_test(a_value_that_looks_like_a_flag_stays_a_value),
        cmocka_unit_test(the_port_file_is_told_first_and_a_double_dash_ends_it_all),
        cmocka_unit_test(
            the_token_is_named_with_its_directory_where_that_is_not_every_terminals),
    };
    return cmocka_run_group_tests_name("up_words", tests, NULL, NULL);
}
