// test_programs - where programs are found, and words that survive a shell
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/programs.h"

static void
a_program_beside_this_one_is_found_by_its_path(void **state)
{
    (void) state;
    char *self = mesh_programs_self();
    const char *name = strrchr(self, '/') + 1;
    char *found = mesh_programs_find(name);
    assert_string_equal(found, self);
    free(found);
    free(self);
}

static void
a_program_that_is_not_beside_is_left_to_path(void **state)
{
    (void) state;
    char *found = mesh_programs_find("sh");
    assert_string_equal(found, "sh");
    free(found);
}

static void
a_plain_word_stays_as_it_is(void **state)
{
    (void) state;
    char *word = mesh_programs_shell_word("/opt/aidermesh-1.0/bin/aidermesh");
    assert_string_equal(word, "/opt/aidermesh-1.0/bin/aidermesh");
    free(word);
}

// What a shell makes of the word, read back.
static void
expect_same_through_a_shell(const char *text)
{
    char *word = mesh_programs_shell_word(text);
    char *command = NULL;
    assert_true(asprintf(&command, "printf '%%s' %s", word) > 0);
    FILE *shell = popen(command, "r");    // NOLINT(cert-env33-c): a shell is what is tested
    assert_non_null(shell);
    char back[256];
    size_t size = fread(back, 1, sizeof back - 1, shell);
    back[size] = '\0';
    assert_int_equal(pclose(shell), 0);
    assert_string_equal(back, text);
    free(command);
    free(word);
}

static void
any_word_comes_through_a_shell_unchanged(void **state)
{
    (void) state;
    expect_same_through_a_shell("");
    expect_same_through_a_shell("my programs/aidermesh");
    expect_same_through_a_shell("it's $(here) `and` \"there\" \\ ; & | < > * ? ~ # !");
    expect_same_through_a_shell("''");
    expect_same_through_a_shell("two\nlines");
    expect_same_through_a_shell("~/x");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_beside_this_one_is_found_by_its_path),
        cmocka_unit_test(a_program_that_is_not_beside_is_left_to_path),
        cmocka_unit_test(a_plain_word_stays_as_it_is),
        cmocka_unit_test(any_word_comes_through_a_shell_unchanged),
    };
    return cmocka_run_group_tests_name("programs", tests, NULL, NULL);
}
