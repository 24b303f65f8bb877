// test_lock_file - a lock that a process holds as long as it lives
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "mesh/lock_file.h"
#include "temp_dir.h"

static void
one_holds_the_lock_and_others_see_what_it_left(void **state)
{
    (void) state;
    char *dir = temp_dir_new();
    char *path = temp_dir_file(dir, "lock");
    char text[MESH_LOCK_TEXT_SIZE];
    assert_false(mesh_lock_file_is_held(path, text, sizeof text));
    int fd = mesh_lock_file_take(path, "broker 1\n");
    assert_true(fd >= 0);
    assert_true(mesh_lock_file_is_held(path, text, sizeof text));
    assert_string_equal(text, "broker 1\n");
    assert_int_equal(mesh_lock_file_take(path, "broker 2\n"), -1);
    assert_int_equal(errno, EAGAIN);
    assert_true(mesh_lock_file_is_held(path, text, 4));
    assert_string_equal(text, "bro");
    close(fd);
    assert_false(mesh_lock_file_is_held(path, text, sizeof text));
    assert_string_equal(text, "");
    free(path);
    temp_dir_destroy(&dir);
}

static void
to_look_at_a_lock_takes_nothing_from_who_wants_it(void **state)
{
    (void) state;
    char *dir = temp_dir_new();
    char *path = temp_dir_file(dir, "lock");
    close(mesh_lock_file_take(path, NULL));
    for (int i = 0; i < 100; i++) {
        assert_false(mesh_lock_file_is_held(path, NULL, 0));
        int fd = mesh_lock_file_take(path, NULL);
        assert_true(fd >= 0);
        close(fd);
    }
    free(path);
    temp_dir_destroy(&dir);
}

static void
a_description_tells_the_living_from_the_dead_and_from_their_successors(void **state)
{
    (void) state;
    char *dir = temp_dir_new();
    char *path = temp_dir_file(dir, "lock");
    int fd = mesh_lock_file_take(path, "first\n");
    json_t *described = mesh_lock_file_describe(fd, path, "first\n");
    assert_int_equal(mesh_lock_file_look(described), MESH_LOCK_HELD);
    close(fd);
    assert_int_equal(mesh_lock_file_look(described), MESH_LOCK_FREE);
    fd = mesh_lock_file_take(path, "second\n");
    assert_int_equal(mesh_lock_file_look(described), MESH_LOCK_FREE);
    close(fd);
    json_decref(described);
    free(path);
    temp_dir_destroy(&dir);
}

static void
what_cannot_be_seen_from_here_is_not_known(void **state)
{
    (void) state;
    char *dir = temp_dir_new();
    char *path = temp_dir_file(dir, "lock");
    int fd = mesh_lock_file_take(path, "first\n");
    json_t *described = mesh_lock_file_describe(fd, path, "first\n");
    json_t *elsewhere = json_deep_copy(described);
    json_object_set_new(elsewhere, "boot_id", json_string("another kernel"));
    assert_int_equal(mesh_lock_file_look(elsewhere), MESH_LOCK_UNKNOWN);
    json_t *other_file = json_deep_copy(described);
    json_object_set_new(other_file, "inode", json_integer(1));
    assert_int_equal(mesh_lock_file_look(other_file), MESH_LOCK_UNKNOWN);
    assert_int_equal(mesh_lock_file_look(NULL), MESH_LOCK_UNKNOWN);
    unlink(path);
    assert_int_equal(mesh_lock_file_look(described), MESH_LOCK_UNKNOWN);
    close(fd);
    json_decref(other_file);
    json_decref(elsewhere);
    json_decref(described);
    free(path);
    temp_dir_destroy(&dir);
}

static void
a_link_in_the_place_of_a_lock_is_refused(void **state)
{
    (void) state;
    char *dir = temp_dir_new();
    char *path = temp_dir_file(dir, "lock");
    char *target = temp_dir_file(dir, "target");
    assert_int_equal(symlink(target, path), 0);
    assert_int_equal(mesh_lock_file_take(path, NULL), -1);
    assert_int_not_equal(access(target, F_OK), 0);
    free(target);
    free(path);
    temp_dir_destroy(&dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_holds_the_lock_and_others_see_what_it_left),
        cmocka_unit_test(to_look_at_a_lock_takes_nothing_from_who_wants_it),
        cmocka_unit_test(
            a_description_tells_the_living_from_the_dead_and_from_their_successors),
        cmocka_unit_test(what_cannot_be_seen_from_here_is_not_known),
        cmocka_unit_test(a_link_in_the_place_of_a_lock_is_refused),
    };
    return cmocka_run_group_tests_name("lock_file", tests, NULL, NULL);
}
