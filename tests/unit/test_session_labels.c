// test_session_labels - names and labels within their limits, and what is said of others
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "session_labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct told {
    size_t count;
    size_t by_option;
    char last[512];
} told_t;

static void
on_wrong(void *arg, const char *sentence, bool by_option)
{
    told_t *told = arg;
    told->count++;
    told->by_option += by_option;
    (void) snprintf(told->last, sizeof told->last, "%s", sentence);
}

static mesh_settings_t *
settings_with(const char *assignment, const char *origin)
{
    mesh_settings_t *settings = mesh_settings_new();
    char *error = NULL;
    if (mesh_settings_assign(settings, assignment, origin, &error) != 0)
        fail_msg("%s", error);
    return settings;
}

// Of the labels so many are right, and the only sentence, or the last one, is this.
static void
expect(const char *assignment, size_t right, size_t wrong, const char *sentence)
{
    mesh_settings_t *settings = settings_with(assignment, "--label");
    session_label_t labels[SESSION_LABELS_MOST];
    assert_int_equal(session_labels_take(settings, labels), right);
    told_t told = {0};
    assert_int_equal(session_labels_check(settings, on_wrong, &told), wrong);
    assert_int_equal(told.count, wrong);
    assert_int_equal(told.by_option, wrong);
    assert_string_equal(told.last, sentence);
    mesh_settings_destroy(&settings);
}

static void
labels_are_taken_in_their_order_with_equals_signs_in_values(void **state)
{
    (void) state;
    mesh_settings_t *settings = settings_with("bridge/labels=team=blue,empty=,sum=1+1=2", "x");
    session_label_t labels[SESSION_LABELS_MOST];
    assert_int_equal(session_labels_take(settings, labels), 3);
    assert_string_equal(labels[0].key, "team");
    assert_string_equal(labels[0].value, "blue");
    assert_string_equal(labels[1].value, "");
    assert_string_equal(labels[2].key, "sum");
    assert_string_equal(labels[2].value, "1+1=2");
    mesh_settings_destroy(&settings);
}

static void
what_is_no_label_is_left_out_and_named(void **state)
{
    (void) state;
    expect("bridge/labels=a=1,b", 1, 1,
           "the label \"b\" is not KEY=VALUE (a comma begins the next label)");
    expect("bridge/labels==1", 0, 1,
           "the label \"=1\" is not KEY=VALUE (a comma begins the next label)");
    expect("bridge/labels=a=1,b=2,a=3", 2, 1,
           "the label \"a=3\" has a key that an earlier one has");
}

static void
a_key_has_64_bytes_and_a_value_256(void **state)
{
    (void) state;
    char assignment[512];
    (void) snprintf(assignment, sizeof assignment, "bridge/labels=%064d=%0256d", 0, 0);
    expect(assignment, 1, 0, "");
    (void) snprintf(assignment, sizeof assignment, "bridge/labels=%065d=v", 0);
    expect(assignment, 0, 1,
           "the label \"00000000000000000000000000000000000000000000000000000000000000000=v\" "
           "has too long a key, allowed: 64 bytes");
    (void) snprintf(assignment, sizeof assignment, "bridge/labels=k=%0257d", 0);
    expect(assignment, 0, 1,
           "the label "
           "\"k="
           "000000000000000000000000000000000000000000000000000000000000000000000000000000\" "
           "has too long a value, allowed: 256 bytes");
}

static void
there_are_at_most_32(void **state)
{
    (void) state;
    char assignment[512] = "bridge/labels=k0=v";
    for (int i = 1; i < SESSION_LABELS_MOST; i++)
        (void) snprintf(assignment + strlen(assignment), sizeof assignment - strlen(assignment),
                        ",k%d=v", i);
    expect(assignment, 32, 0, "");
    (void) snprintf(assignment + strlen(assignment), sizeof assignment - strlen(assignment),
                    ",one=more");
    expect(assignment, 32, 1, "there are 33 labels, allowed: 32");
}

static void
a_name_has_256_bytes(void **state)
{
    (void) state;
    char assignment[512];
    (void) snprintf(assignment, sizeof assignment, "bridge/name=%0256d", 0);
    mesh_settings_t *settings = settings_with(assignment, "environment");
    told_t told = {0};
    assert_int_equal(session_labels_check(settings, on_wrong, &told), 0);
    assert_string_equal(session_labels_name(settings), assignment + strlen("bridge/name="));
    mesh_settings_destroy(&settings);

    // A character of two bytes stands where what is shown is cut.
    (void) snprintf(assignment, sizeof assignment, "bridge/name=%079d\xc3\xa4%0256d", 0, 0);
    settings = settings_with(assignment, "environment");
    assert_int_equal(session_labels_check(settings, on_wrong, &told), 1);
    assert_int_equal(told.by_option, 0);
    assert_string_equal(told.last, "the name "
                                   "\"000000000000000000000000000000000000000000000000000000000"
                                   "0000000000000000000000...\" "
                                   "has 337 bytes, allowed: 256");
    assert_null(session_labels_name(settings));
    mesh_settings_destroy(&settings);
}

static void
without_a_name_there_is_none(void **state)
{
    (void) state;
    mesh_settings_t *settings = mesh_settings_new();
    assert_null(session_labels_name(settings));
    mesh_settings_destroy(&settings);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_taken_in_their_order_with_equals_signs_in_values),
        cmocka_unit_test(what_is_no_label_is_left_out_and_named),
        cmocka_unit_test(a_key_has_64_bytes_and_a_value_256),
        cmocka_unit_test(there_are_at_most_32),
        cmocka_unit_test(a_name_has_256_bytes),
        cmocka_unit_test(without_a_name_there_is_none),
    };
    return cmocka_run_group_tests_name("session_labels", tests, NULL, NULL);
}
