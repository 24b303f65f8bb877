// test_forgotten_list - how much of what was forgotten is missing for whom
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "forgotten_list.h"

// Whom we ask for: what it might have been shown. NULL is any.
typedef struct reader {
    const char *session;
    const char *type;
} reader_t;

// forgotten_list_match_fn
static bool
may_match(const void *arg, const char *session, const char *type)
{
    const reader_t *reader = arg;
    return (!reader->session || !*session || strcmp(reader->session, session) == 0) &&
           (!reader->type || !*type || strcmp(reader->type, type) == 0);
}

static int
setup(void **state)
{
    *state = forgotten_list_new();
    return 0;
}

static int
teardown(void **state)
{
    forgotten_list_t *self = *state;
    forgotten_list_destroy(&self);
    assert_null(self);
    forgotten_list_destroy(&self);
    return 0;
}

// `errors` of one type and `progress` of another, the last of them at `last`.
static void
add(forgotten_list_t *self, const char *session, int errors, int progress, uint64_t last)
{
    json_t *types = json_pack("{s:i, s:i}", "aider.error_occurred", errors,
                              "aider.session_progress", progress);
    forgotten_list_add(self, session, (uint64_t) errors + (uint64_t) progress, last, types,
                       (int64_t) last * 1000);
    json_decref(types);
}

static void
assert_missing(const forgotten_list_t *self, uint64_t after, const reader_t *reader,
               uint64_t count, uint64_t offset)
{
    type_removal_t missing = forgotten_list_missing(self, after, may_match, reader);
    assert_int_equal(missing.count, count);
    if (count > 0) {
        assert_int_equal(missing.offset, offset);
        assert_int_equal(missing.recorded_us, (int64_t) offset * 1000);
    }
}

static const reader_t all = {NULL, NULL};

static void
nothing_is_missing_where_nothing_was_forgotten(void **state)
{
    assert_missing(*state, 0, &all, 0, 0);
}

static void
it_is_missing_for_who_has_not_had_it_all(void **state)
{
    add(*state, "a", 1, 4, 50);
    assert_missing(*state, 0, &all, 5, 50);
    assert_missing(*state, 49, &all, 5, 50);
    assert_missing(*state, 50, &all, 0, 0);
}

static void
only_what_might_have_been_shown_counts(void **state)
{
    add(*state, "a", 1, 4, 50);
    add(*state, "b", 0, 2, 70);
    assert_missing(*state, 0, &all, 7, 70);
    assert_missing(*state, 0, &(reader_t){"a", NULL}, 5, 50);
    assert_missing(*state, 0, &(reader_t){"c", NULL}, 0, 0);
    assert_missing(*state, 0, &(reader_t){NULL, "aider.error_occurred"}, 1, 50);
    assert_missing(*state, 0, &(reader_t){"b", "aider.error_occurred"}, 0, 0);
    assert_missing(*state, 60, &(reader_t){NULL, "aider.session_progress"}, 2, 70);
}

static void
told_again_the_greater_number_counts(void **state)
{
    add(*state, "a", 1, 4, 50);
    add(*state, "a", 1, 1, 40);
    assert_missing(*state, 0, &all, 5, 50);
    add(*state, "a", 2, 7, 90);
    assert_missing(*state, 0, &all, 9, 90);
    assert_missing(*state, 60, &all, 9, 90);
    assert_int_equal(forgotten_list_size(*state), 1);
}

static void
of_what_had_no_events_nothing_is_missing(void **state)
{
    add(*state, "a", 0, 0, 50);
    assert_int_equal(forgotten_list_size(*state), 0);
    assert_missing(*state, 0, &all, 0, 0);
}

static void
what_its_types_do_not_account_for_is_of_any_type(void **state)
{
    json_t *types = json_pack("{s:i, s:i, s:i, s:s}", "aider.error_occurred", 2, "other", 3,
                              "aider.wrong", -5, "aider.text", "9");
    forgotten_list_add(*state, "a", 10, 50, types, 50000);
    json_decref(types);
    assert_missing(*state, 0, &all, 10, 50);
    // 3 of further types, and 5 of which nothing is said.
    assert_missing(*state, 0, &(reader_t){"a", "aider.session_progress"}, 8, 50);
    assert_missing(*state, 0, &(reader_t){"a", "aider.error_occurred"}, 10, 50);
}

static void
types_that_are_no_object_are_any_type(void **state)
{
    json_t *types = json_string("no object");
    forgotten_list_add(*state, "a", 10, 50, types, 50000);
    json_decref(types);
    forgotten_list_add(*state, "b", 1, 60, NULL, 60000);
    assert_missing(*state, 0, &(reader_t){NULL, "aider.error_occurred"}, 11, 60);
}

static void
with_another_epoch_nothing_is_missing(void **state)
{
    add(*state, "a", 1, 4, 50);
    forgotten_list_clear(*state);
    assert_missing(*state, 0, &all, 0, 0);
    assert_int_equal(forgotten_list_size(*state), 0);
}

static void
past_the_limit_the_oldest_becomes_one_of_any_session(void **state)
{
    add(*state, "first", 1, 4, 50);
    for (int i = 1; i < FORGOTTEN_LIST_LIMIT; i++) {
        char session[32];
        snprintf(session, sizeof session, "s-%d", i);
        add(*state, session, 0, 1, 100);
    }
    const reader_t other = {"nobody", "aider.request_started"};
    assert_missing(*state, 0, &other, 0, 0);
    add(*state, "last", 0, 1, 200);
    assert_int_equal(forgotten_list_size(*state), FORGOTTEN_LIST_LIMIT);
    // Whose they were is not known any more.
    assert_missing(*state, 0, &other, 5, 50);
    assert_missing(*state, 50, &other, 0, 0);
    assert_missing(*state, 0, &(reader_t){"last", NULL}, 6, 200);
    forgotten_list_clear(*state);
    assert_missing(*state, 0, &other, 0, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_missing_where_nothing_was_forgotten),
        TEST(it_is_missing_for_who_has_not_had_it_all),
        TEST(only_what_might_have_been_shown_counts),
        TEST(told_again_the_greater_number_counts),
        TEST(of_what_had_no_events_nothing_is_missing),
        TEST(what_its_types_do_not_account_for_is_of_any_type),
        TEST(types_that_are_no_object_are_any_type),
        TEST(with_another_epoch_nothing_is_missing),
        TEST(past_the_limit_the_oldest_becomes_one_of_any_session),
    };
    return cmocka_run_group_tests_name("forgotten_list", tests, NULL, NULL);
}
