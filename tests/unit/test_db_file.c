// test_db_file - a SQLite file of ours is found through links above it, and is its owner's
// alone SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mesh/db_file.h"
#include "temp_dir.h"

enum { MAKE = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE };

static int
setup(void **state)
{
    *state = temp_dir_new();
    return 0;
}

static int
teardown(void **state)
{
    char *dir = *state;
    temp_dir_destroy(&dir);
    return 0;
}

// Open the file, write to it and close it. Returns what SQLite says.
static int
write_to(const char *path, int flags)
{
    sqlite3 *db = NULL;
    int rc = mesh_db_file_open(path, flags, &db);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "CREATE TABLE IF NOT EXISTS t (n)", NULL, NULL, NULL);
    (void) sqlite3_close(db);
    return rc;
}

static mode_t
mode_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 07777U;
}

static void
a_directory_may_be_reached_by_a_link(void **state)
{
    const char *dir = *state;
    char *real = temp_dir_file(dir, "real"), *link = temp_dir_file(dir, "link");
    char *below = temp_dir_file(dir, "link/a.db"), *there = temp_dir_file(dir, "real/a.db");
    assert_int_equal(mkdir(real, 0700), 0);
    assert_int_equal(symlink(real, link), 0);
    assert_int_equal(write_to(below, MAKE), SQLITE_OK);
    assert_int_equal(access(there, F_OK), 0);
    assert_int_equal(write_to(below, SQLITE_OPEN_READWRITE), SQLITE_OK);
    free(there);
    free(below);
    free(link);
    free(real);
}

static void
a_file_that_is_a_link_is_refused(void **state)
{
    const char *dir = *state;
    char *real = temp_dir_file(dir, "real.db"), *link = temp_dir_file(dir, "link.db");
    assert_int_equal(write_to(real, MAKE), SQLITE_OK);
    assert_int_equal(symlink(real, link), 0);
    assert_int_equal(write_to(link, MAKE) & 0xff, SQLITE_CANTOPEN);
    free(link);
    free(real);
}

static void
a_new_file_is_its_owners_alone_and_another_stays_as_it_is(void **state)
{
    const char *dir = *state;
    char *path = temp_dir_file(dir, "a.db");
    mode_t before = umask(0);
    assert_int_equal(write_to(path, MAKE), SQLITE_OK);
    (void) umask(before);
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(write_to(path, MAKE), SQLITE_OK);
    assert_int_equal(mode_of(path), 0640);
    free(path);
}

static void
a_file_that_is_not_there_is_made_only_when_it_is_to_be(void **state)
{
    const char *dir = *state;
    char *path = temp_dir_file(dir, "a.db"), *nowhere = temp_dir_file(dir, "none/a.db");
    assert_int_equal(write_to(path, SQLITE_OPEN_READWRITE) & 0xff, SQLITE_CANTOPEN);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(write_to(nowhere, MAKE) & 0xff, SQLITE_CANTOPEN);
    free(nowhere);
    free(path);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_directory_may_be_reached_by_a_link),
        TEST(a_file_that_is_a_link_is_refused),
        TEST(a_new_file_is_its_owners_alone_and_another_stays_as_it_is),
        TEST(a_file_that_is_not_there_is_made_only_when_it_is_to_be),
    };
    return cmocka_run_group_tests_name("db_file", tests, NULL, NULL);
}
