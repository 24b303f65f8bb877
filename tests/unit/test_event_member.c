// test_event_member - what each kind of member may be, and what is said where it is not
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "event_member.h"

static const event_member_t inner[] = {
    {.key = "n", .kind = EVENT_COUNT, .required = true},
    {0},
};

// One member of each kind, by the name of its kind.
static const event_member_t members[] = {
    {.key = "text", .kind = EVENT_TEXT},
    {.key = "short", .kind = EVENT_TEXT, .least = 1, .most = 3},
    {.key = "hash", .kind = EVENT_HASH},
    {.key = "flag", .kind = EVENT_FLAG},
    {.key = "count", .kind = EVENT_COUNT, .least = 1, .most = 9},
    {.key = "number", .kind = EVENT_NUMBER},
    {.key = "positive", .kind = EVENT_POSITIVE},
    {.key = "word", .kind = EVENT_WORD, .words = "ok, gave_up"},
    {.key = "names", .kind = EVENT_NAMES},
    {.key = "labels", .kind = EVENT_LABELS},
    {.key = "counts", .kind = EVENT_COUNTS},
    {.key = "object", .kind = EVENT_OBJECT, .members = inner},
    {.key = "objects", .kind = EVENT_OBJECTS, .members = inner},
    {0},
};

// What is said of a value of the member; "" for nothing.
static void
expect(const char *key, const char *value, const char *said)
{
    char problem[EVENT_MEMBER_PROBLEM_BYTES] = "";
    json_t *object = json_pack("{s:o}", key, json_loads(value, JSON_DECODE_ANY, NULL));
    assert_non_null(object);
    bool right = event_members_check(members, object, problem);
    char sentence[EVENT_MEMBER_PROBLEM_BYTES] = "";
    if (*said)
        (void) snprintf(sentence, sizeof sentence, "\"%s\" is %s, allowed: %s", key, value,
                        said);
    assert_string_equal(problem, sentence);
    assert_int_equal(right, !*said);
    json_decref(object);
}

static void
each_kind_takes_what_it_says(void **state)
{
    (void) state;
    static const char *const right[][2] = {
        {"text", "\"\""},
        {"short", "\"äöü\""},
        {"hash", "\"0123abc\""},
        {"flag", "false"},
        {"count", "9.0"},
        {"number", "0"},
        {"positive", "0.1"},
        {"word", "\"gave_up\""},
        {"names", "[]"},
        {"names", "[\"a\"]"},
        {"labels", "{\"a\":\"b\"}"},
        {"counts", "{\"a\":1}"},
        {"object", "{\"n\":0}"},
        {"objects", "[]"},
        {"objects", "[{\"n\":1}]"},
    };
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        expect(right[i][0], right[i][1], "");
}

static void
each_kind_refuses_what_it_does_not_say(void **state)
{
    (void) state;
    expect("text", "7", "a text");
    expect("short", "\"\"", "a text of 1 to 3 characters");
    expect("short", "\"abcd\"", "a text of 1 to 3 characters");
    expect("hash", "\"012abc\"", "7 to 40 of 0-9 and a-f");
    expect("hash", "\"0123ABC\"", "7 to 40 of 0-9 and a-f");
    expect("flag", "1", "true or false");
    expect("count", "0", "a whole number from 1 to 9");
    expect("count", "10", "a whole number from 1 to 9");
    expect("count", "1.5", "a whole number from 1 to 9");
    expect("number", "-1", "a number from 0");
    expect("positive", "0", "a number above 0");
    expect("word", "\"gave\"", "ok, gave_up");
    expect("names", "[1]", "an array of texts");
    expect("names", "{}", "an array of texts");
    expect("labels", "{\"a\":1}", "an object of texts");
    expect("counts", "{\"a\":0}", "an object of whole numbers from 1");
    expect("object", "[]", "an object");
    expect("objects", "{}", "an array of objects");
}

static void
a_member_within_another_is_named_with_it(void **state)
{
    (void) state;
    char problem[EVENT_MEMBER_PROBLEM_BYTES];
    json_t *object = json_pack("{s:[{s:i}, {s:s}]}", "objects", "n", 1, "n", "two");
    assert_false(event_members_check(members, object, problem));
    assert_string_equal(problem, "\"objects.n\" is \"two\", allowed: a whole number from 0");
    json_decref(object);
    object = json_pack("{s:{}}", "object");
    assert_false(event_members_check(members, object, problem));
    assert_string_equal(problem, "\"object.n\" is missing, allowed: a whole number from 0");
    json_decref(object);
}

static void
a_word_is_one_of_the_words_whole(void **state)
{
    (void) state;
    assert_true(event_member_has_word("ok, gave_up", "ok"));
    assert_true(event_member_has_word("ok, gave_up", "gave_up"));
    assert_false(event_member_has_word("ok, gave_up", "gave"));
    assert_false(event_member_has_word("ok, gave_up", "ok, gave_up"));
    assert_false(event_member_has_word("ok, gave_up", ""));
}

static void
a_sentence_that_does_not_fit_is_cut(void **state)
{
    (void) state;
    char problem[EVENT_MEMBER_PROBLEM_BYTES];
    assert_false(event_member_refuse(problem, "%0*d", 2 * EVENT_MEMBER_PROBLEM_BYTES, 0));
    assert_int_equal(strlen(problem), EVENT_MEMBER_PROBLEM_BYTES - 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_takes_what_it_says),
        cmocka_unit_test(each_kind_refuses_what_it_does_not_say),
        cmocka_unit_test(a_member_within_another_is_named_with_it),
        cmocka_unit_test(a_word_is_one_of_the_words_whole),
        cmocka_unit_test(a_sentence_that_does_not_fit_is_cut),
    };
    return cmocka_run_group_tests_name("event_member", tests, NULL, NULL);
}
