// test_file_follower - the bytes appended to a file
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "file_follower.h"
#include "temp_dir.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
write_to(const char *path, const char *mode, const char *text)
{
    FILE *stream = fopen(path, mode);
    assert_non_null(stream);
    assert_int_equal(fputs(text, stream) < 0, 0);
    assert_int_equal(fclose(stream), 0);
}

static void
expect(file_follower_t *follower, file_follower_outcome_t outcome, const char *text)
{
    char buffer[64];
    size_t size;
    assert_int_equal(file_follower_read(follower, buffer, sizeof buffer, &size), outcome);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(buffer, text, size);
}

static bool
is_readable(const file_follower_t *follower)
{
    struct pollfd entry = {.fd = file_follower_fd(follower), .events = POLLIN};
    assert_true(entry.fd >= 0);
    return poll(&entry, 1, 0) == 1;
}

// Nobody has looked before.
static const file_mark_t unmarked = {0};

static void
only_what_comes_after_the_beginning_is_told(void **state)
{
    (void) state;
    char *dir = temp_dir_new();
    char *path = temp_dir_file(dir, "history");
    write_to(path, "w", "old\n");
    file_follower_t *follower = file_follower_new(path, &unmarked);
    expect(follower, FILE_FOLLOWER_IDLE, "");
    assert_false(is_readable(follower));
    write_to(path, "a", "new\n");
    assert_true(is_readable(follower));
    expect(follower, FILE_FOLLOWER_BYTES, "new\n");
    expect(follower, FILE_FOLLOWER_IDLE, "");
    assert_false(is_readable(follower));
    file_follower_destroy(&follower);
    assert_null(follower);
    free(path);
    temp_dir_destroy(&dir);
}

static void
a_file_made_later_is_told_from_its_beginning(void **state)
{
    (void) state;
    char *dir = temp_dir_new();
    char *path = temp_dir_file(dir, "history");
    file_follower_t *follower = file_follower_new(path, &unmarked);
    expect(follower, FILE_FOLLOWER_IDLE, "");
    write_to(path, "w", "first\n");
    assert_true(is_readable(follower));
    expect(follower, FILE_FOLLOWER_RESTARTED, "");
    expect(follower, FILE_FOLLOWER_BYTES, "first\n");
    expect(follower, FILE_FOLLOWER_IDLE, "");
    file_follower_destroy(&follower);
    free(path);
    temp_dir_destroy(&dir);
}

static void
a_file_put_in_its_place_is_told_from_its_beginning(void **state)
{
    (void) state;
    char *dir = temp_dir_new();
    char *path = temp_dir_file(dir, "history");
    char *moved = temp_dir_file(dir, "history.1");
    write_to(path, "w", "old\n");
    file_follower_t *follower = file_follower_new(path, &unmarked);
    write_to(path, "a", "last\n");
    assert_int_equal(rename(path, moved), 0);
    write_to(path, "w", "new\n");
    expect(follower, FILE_FOLLOWER_BYTES, "last\n");
    expect(follower, FILE_FOLLOWER_RESTARTED, "");
    expect(follower, FILE_FOLLOWER_BYTES, "new\n");
    expect(follower, FILE_FOLLOWER_IDLE, "");
    file_follower_destroy(&follower);
    free(moved);
    free(path);
    temp_dir_destroy(&dir);
}

static void
a_file_cut_short_begins_anew(void **state)
{
    (void) state;
    char *dir = temp_dir_new();
    char *path = temp_dir_file(dir, "history");
    write_to(path, "w", "something long\n");
    file_follower_t *follower = file_follower_new(path, &unmarked);
    write_to(path, "w", "new\n");
    expect(follower, FILE_FOLLOWER_RESTARTED, "");
    expect(follower, FILE_FOLLOWER_BYTES, "new\n");
    file_follower_destroy(&follower);
    free(path);
    temp_dir_destroy(&dir);
}

static void
a_file_that_goes_away_and_comes_back_is_followed(void **state)
{
    (void) state;
    char *dir = temp_dir_new();
    char *path = temp_dir_file(dir, "history");
    write_to(path, "w", "old\n");
    file_follower_t *follower = file_follower_new(path, &unmarked);
    assert_int_equal(unlink(path), 0);
    expect(follower, FILE_FOLLOWER_IDLE, "");
    write_to(path, "w", "back\n");
    expect(follower, FILE_FOLLOWER_RESTARTED, "");
    expect(follower, FILE_FOLLOWER_BYTES, "back\n");
    file_follower_destroy(&follower);
    free(path);
    temp_dir_destroy(&dir);
}

static void
what_is_no_file_is_refused_without_waiting(void **state)
{
    (void) state;
    char *dir = temp_dir_new();
    char *path = temp_dir_file(dir, "pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    file_follower_t *follower = file_follower_new(path, &unmarked);
    expect(follower, FILE_FOLLOWER_FAILED, "");
    assert_string_equal(file_follower_error(follower), "not a regular file");
    file_follower_destroy(&follower);
    free(path);
    temp_dir_destroy(&dir);
}

static void
a_folder_made_later_is_found(void **state)
{
    (void) state;
    char *dir = temp_dir_new();
    char *inner = temp_dir_file(dir, "inner");
    char *path = temp_dir_file(inner, "history");
    file_follower_t *follower = file_follower_new(path, &unmarked);
    assert_int_equal(file_follower_fd(follower), -1);
    expect(follower, FILE_FOLLOWER_IDLE, "");
    assert_int_equal(mkdir(inner, 0700), 0);
    expect(follower, FILE_FOLLOWER_IDLE, "");
    assert_true(file_follower_fd(follower) >= 0);
    write_to(path, "w", "text\n");
    assert_true(is_readable(follower));
    expect(follower, FILE_FOLLOWER_RESTARTED, "");
    expect(follower, FILE_FOLLOWER_BYTES, "text\n");
    file_follower_destroy(&follower);
    free(path);
    free(inner);
    temp_dir_destroy(&dir);
}

static void
what_was_written_since_a_mark_is_told(void **state)
{
    (void) state;
    char *dir = temp_dir_new();
    char *path = temp_dir_file(dir, "history");
    write_to(path, "w", "before\n");
    file_mark_t mark = file_mark_take(path);
    write_to(path, "a", "since\n");
    file_follower_t *follower = file_follower_new(path, &mark);
    expect(follower, FILE_FOLLOWER_BYTES, "since\n");
    expect(follower, FILE_FOLLOWER_IDLE, "");
    file_follower_destroy(&follower);
    // Another file in its place, and one cut short, are new from their beginning.
    char *other = temp_dir_file(dir, "other");
    write_to(other, "w", "before that\n");
    assert_int_equal(rename(other, path), 0);
    follower = file_follower_new(path, &mark);
    expect(follower, FILE_FOLLOWER_BYTES, "before that\n");
    file_follower_destroy(&follower);
    mark = file_mark_take(path);
    write_to(path, "w", "short\n");
    follower = file_follower_new(path, &mark);
    expect(follower, FILE_FOLLOWER_BYTES, "short\n");
    file_follower_destroy(&follower);
    free(other);
    free(path);
    temp_dir_destroy(&dir);
}

static void
a_file_made_since_a_mark_is_told_from_its_beginning(void **state)
{
    (void) state;
    char *dir = temp_dir_new();
    char *path = temp_dir_file(dir, "history");
    file_mark_t mark = file_mark_take(path);
    write_to(path, "w", "first\n");
    file_follower_t *follower = file_follower_new(path, &mark);
    expect(follower, FILE_FOLLOWER_BYTES, "first\n");
    file_follower_destroy(&follower);
    free(path);
    temp_dir_destroy(&dir);
}

static void
two_followers_of_one_file_know_of_each_other(void **state)
{
    (void) state;
    char *dir = temp_dir_new();
    char *path = temp_dir_file(dir, "history");
    file_follower_t *first = file_follower_new(path, &unmarked);
    file_follower_t *second = file_follower_new(path, &unmarked);
    assert_false(file_follower_is_shared(first));    // there is no file yet
    write_to(path, "w", "first\n");
    expect(first, FILE_FOLLOWER_RESTARTED, "");
    assert_false(file_follower_is_shared(first));
    expect(second, FILE_FOLLOWER_RESTARTED, "");
    assert_true(file_follower_is_shared(first));
    assert_true(file_follower_is_shared(second));
    // Another file has taken the place: who follows that one is alone.
    assert_int_equal(unlink(path), 0);
    write_to(path, "w", "another\n");
    expect(first, FILE_FOLLOWER_BYTES, "first\n");
    expect(first, FILE_FOLLOWER_RESTARTED, "");
    assert_false(file_follower_is_shared(first));
    file_follower_destroy(&first);
    assert_false(file_follower_is_shared(second));
    file_follower_destroy(&second);
    free(path);
    temp_dir_destroy(&dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_comes_after_the_beginning_is_told),
        cmocka_unit_test(a_file_made_later_is_told_from_its_beginning),
        cmocka_unit_test(a_file_put_in_its_place_is_told_from_its_beginning),
        cmocka_unit_test(a_file_cut_short_begins_anew),
        cmocka_unit_test(a_file_that_goes_away_and_comes_back_is_followed),
        cmocka_unit_test(what_is_no_file_is_refused_without_waiting),
        cmocka_unit_test(a_folder_made_later_is_found),
        cmocka_unit_test(what_was_written_since_a_mark_is_told),
        cmocka_unit_test(a_file_made_since_a_mark_is_told_from_its_beginning),
        cmocka_unit_test(two_followers_of_one_file_know_of_each_other),
    };
    return cmocka_run_group_tests_name("file_follower", tests, NULL, NULL);
}
