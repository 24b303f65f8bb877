// test_spool_file - what was appended is there again, whole, and one process at a time has it
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mesh/spool_file.h"
#include "temp_dir.h"

typedef struct place {
    char *dir, *path;
    mesh_uuid_t source;
} place_t;

static int
setup(void **state)
{
    place_t *place = calloc(1, sizeof *place);
    place->dir = temp_dir_new();
    place->path = temp_dir_file(place->dir, "one.spool");
    place->source = mesh_uuid_new();
    *state = place;
    return 0;
}

static int
teardown(void **state)
{
    place_t *place = *state;
    free(place->path);
    temp_dir_destroy(&place->dir);
    free(place);
    return 0;
}

static uint64_t
append(mesh_spool_file_t *file, uint64_t seq, const char *body)
{
    mesh_spool_record_t record = {
        .seq = seq,
        .covers = 1,
        .topic = "a/h/s",
        .topic_bytes = 5,
        .body = body,
        .body_bytes = strlen(body),
    };
    uint64_t at;
    assert_int_equal(mesh_spool_file_append(file, &record, &at), 0);
    return at;
}

// Read all there is; returns how many records, whose numbers must count up from `first`.
static size_t
read_all(mesh_spool_file_t *file, uint64_t first, uint64_t *end_p)
{
    mesh_spool_record_t record;
    uint64_t at = mesh_spool_file_begin(file), next;
    size_t count = 0;
    while (mesh_spool_file_read(file, at, &record, &next) == 0) {
        assert_int_equal(record.seq, first + count);
        count++;
        at = next;
    }
    *end_p = at;
    return count;
}

static void
what_was_appended_is_read_again_after_the_file_was_let_go(void **state)
{
    place_t *place = *state;
    mesh_spool_file_t *file = mesh_spool_file_new(place->path, &place->source);
    assert_non_null(file);
    static char large[MESH_WIRE_PAYLOAD_LIMIT + 1];
    memset(large, 'x', sizeof large - 1);
    (void) append(file, 1, "one");
    uint64_t at = append(file, 2, large);
    (void) append(file, 3, "three");
    mesh_spool_record_t record;
    uint64_t next, end;
    assert_int_equal(mesh_spool_file_read(file, at, &record, &next), 0);
    assert_int_equal(record.body_bytes, MESH_WIRE_PAYLOAD_LIMIT);
    mesh_spool_file_destroy(&file);

    file = mesh_spool_file_open(place->path);
    assert_non_null(file);
    assert_true(mesh_uuid_equal(&mesh_spool_file_head(file)->source, &place->source));
    assert_int_equal(read_all(file, 1, &end), 3);
    assert_int_equal(end, mesh_spool_file_end(file));
    mesh_spool_file_destroy(&file);
}

static void
one_at_a_time_has_the_file(void **state)
{
    place_t *place = *state;
    mesh_spool_file_t *file = mesh_spool_file_new(place->path, &place->source);
    assert_true(mesh_spool_file_is_held(place->path));
    assert_null(mesh_spool_file_open(place->path));
    assert_int_equal(errno, EAGAIN);
    mesh_spool_file_destroy(&file);
    assert_false(mesh_spool_file_is_held(place->path));
    file = mesh_spool_file_open(place->path);
    assert_non_null(file);
    mesh_spool_file_destroy(&file);
}

static void
others_of_the_host_may_not_read_it(void **state)
{
    place_t *place = *state;
    mesh_spool_file_t *file = mesh_spool_file_new(place->path, &place->source);
    struct stat status;
    assert_int_equal(stat(place->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    mesh_spool_file_destroy(&file);
}

static void
a_file_torn_anywhere_gives_the_whole_records_before(void **state)
{
    place_t *place = *state;
    mesh_spool_file_t *file = mesh_spool_file_new(place->path, &place->source);
    (void) append(file, 1, "one");
    uint64_t second = append(file, 2, "two");
    uint64_t end = mesh_spool_file_end(file), read_end;
    mesh_spool_file_destroy(&file);
    for (uint64_t size = end - 1; size >= second; size--) {
        assert_int_equal(truncate(place->path, (off_t) size), 0);
        file = mesh_spool_file_open(place->path);
        assert_non_null(file);
        assert_int_equal(read_all(file, 1, &read_end), 1);
        assert_int_equal(read_end, second);
        mesh_spool_file_destroy(&file);
    }
}

static void
what_is_cut_off_is_gone_and_appending_goes_on_there(void **state)
{
    place_t *place = *state;
    uint64_t end;
    mesh_spool_file_t *file = mesh_spool_file_new(place->path, &place->source);
    (void) append(file, 1, "one");
    uint64_t second = append(file, 2, "two");
    assert_int_equal(read_all(file, 1, &end), 2);
    assert_int_equal(mesh_spool_file_cut(file, second), 0);
    assert_int_equal(read_all(file, 1, &end), 1);
    assert_int_equal(append(file, 2, "another"), second);
    assert_int_equal(read_all(file, 1, &end), 2);
    mesh_spool_file_destroy(&file);
}

static void
a_mark_is_there_again_and_a_damaged_one_is_as_none(void **state)
{
    place_t *place = *state;
    mesh_spool_file_t *file = mesh_spool_file_new(place->path, &place->source);
    mesh_spool_mark_t mark = {.forgotten = 5, .last = 8};
    assert_int_equal(mesh_spool_file_set_mark(file, &mark), 0);
    mesh_spool_file_destroy(&file);
    file = mesh_spool_file_open(place->path);
    assert_int_equal(mesh_spool_file_mark(file)->forgotten, 5);
    assert_int_equal(mesh_spool_file_mark(file)->last, 8);
    mesh_spool_file_destroy(&file);

    int fd = open(place->path, O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, MESH_SPOOL_MARK_AT + 3), 1);
    close(fd);
    file = mesh_spool_file_open(place->path);
    assert_int_equal(mesh_spool_file_mark(file)->forgotten, 0);
    mesh_spool_file_destroy(&file);
}

static void
what_is_no_spool_is_refused(void **state)
{
    place_t *place = *state;
    assert_null(mesh_spool_file_open(place->path));
    assert_int_equal(errno, ENOENT);
    static const char *const contents[] = {"", "AMSPOOL",
                                           "something else entirely ........"
                                           "............................."
                                           "............................."};
    for (size_t i = 0; i < 3; i++) {
        int fd = open(place->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        assert_int_equal(write(fd, contents[i], strlen(contents[i])), strlen(contents[i]));
        close(fd);
        assert_null(mesh_spool_file_open(place->path));
        assert_int_equal(errno, EBADMSG);
    }
    unlink(place->path);
    assert_int_equal(mkfifo(place->path, 0600), 0);
    assert_null(mesh_spool_file_open(place->path));
    unlink(place->path);
    assert_int_equal(symlink("/etc/passwd", place->path), 0);
    assert_null(mesh_spool_file_open(place->path));
    assert_int_equal(errno, ELOOP);
}

static void
a_copy_takes_the_files_place_in_one_step_with_its_lock(void **state)
{
    place_t *place = *state;
    uint64_t end;
    mesh_spool_file_t *file = mesh_spool_file_new(place->path, &place->source);
    (void) append(file, 1, "one");
    (void) append(file, 2, "two");
    mesh_spool_file_t *copy = mesh_spool_file_copy_new(file);
    assert_non_null(copy);
    (void) append(copy, 2, "two");
    assert_int_equal(mesh_spool_file_replace(file, &copy), 0);
    assert_null(copy);
    assert_true(mesh_spool_file_is_held(place->path));
    assert_int_equal(read_all(file, 2, &end), 1);
    (void) append(file, 3, "three");
    mesh_spool_file_destroy(&file);
    file = mesh_spool_file_open(place->path);
    assert_int_equal(read_all(file, 2, &end), 2);
    assert_true(mesh_uuid_equal(&mesh_spool_file_head(file)->source, &place->source));
    mesh_spool_file_destroy(&file);
}

static void
a_copy_that_cannot_take_the_place_leaves_the_file_as_it_was(void **state)
{
    place_t *place = *state;
    uint64_t end;
    mesh_spool_file_t *file = mesh_spool_file_new(place->path, &place->source);
    (void) append(file, 1, "one");
    mesh_spool_file_t *copy = mesh_spool_file_copy_new(file);
    assert_int_equal(unlink(place->path), 0);
    assert_int_equal(mkdir(place->path, 0700), 0);
    assert_int_equal(mesh_spool_file_replace(file, &copy), -1);
    assert_null(copy);
    (void) append(file, 2, "two");
    assert_int_equal(read_all(file, 1, &end), 2);
    mesh_spool_file_destroy(&file);
    assert_int_equal(rmdir(place->path), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_appended_is_read_again_after_the_file_was_let_go),
        TEST(one_at_a_time_has_the_file),
        TEST(others_of_the_host_may_not_read_it),
        TEST(a_file_torn_anywhere_gives_the_whole_records_before),
        TEST(what_is_cut_off_is_gone_and_appending_goes_on_there),
        TEST(a_mark_is_there_again_and_a_damaged_one_is_as_none),
        TEST(what_is_no_spool_is_refused),
        TEST(a_copy_takes_the_files_place_in_one_step_with_its_lock),
        TEST(a_copy_that_cannot_take_the_place_leaves_the_file_as_it_was),
    };
    return cmocka_run_group_tests_name("spool_file", tests, NULL, NULL);
}
