// test_key_store - what the directory of keys promises
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mesh/key_store.h"
#include "temp_dir.h"

static int
set_up(void **state)
{
    *state = temp_dir_new();
    return 0;
}

static int
tear_down(void **state)
{
    char *dir = *state;
    temp_dir_destroy(&dir);
    return 0;
}

static void
make(const char *dir, const char *name, mesh_role_t role)
{
    char *path = NULL, *error = NULL;
    if (mesh_key_store_new(dir, name, role, &path, &error) != 0)
        fail_msg("%s", error);
    free(path);
}

static void
assert_not_made(const char *dir, const char *name, const char *part)
{
    char *path = NULL, *error = NULL;
    assert_int_equal(mesh_key_store_new(dir, name, MESH_ROLE_PUBLISH, &path, &error), -1);
    if (!strstr(error, part))
        fail_msg("\"%s\" does not say \"%s\"", error, part);
    free(error);
}

static void
assert_mode(const char *dir, const char *name, mode_t mode)
{
    struct stat status;
    char *path = temp_dir_file(dir, name);
    assert_int_equal(lstat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, mode);
    free(path);
}

static void
write_file(const char *dir, const char *name, const char *text)
{
    char *path = temp_dir_file(dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
    free(path);
}

// The entries, which the caller frees. complaint, when it is not NULL, must be said.
static mesh_key_entry_t *
list(const char *dir, size_t count, const char *complaint)
{
    mesh_key_entry_t *entries = NULL;
    size_t found = 0;
    char *error = NULL;
    assert_int_equal(mesh_key_store_list(dir, &entries, &found, &error), 0);
    assert_int_equal(found, count);
    if (complaint && (!error || !strstr(error, complaint)))
        fail_msg("\"%s\" does not say \"%s\"", error, complaint);
    if (!complaint)
        assert_null(error);
    free(error);
    return entries;
}

static void
the_first_key_makes_the_brokers_and_this_hosts(void **state)
{
    const char *dir = *state;
    make(dir, "one", MESH_ROLE_PUBLISH);
    mesh_key_file_t broker, local, one;
    bool found;
    char *error = NULL;
    assert_int_equal(mesh_key_store_load(dir, "broker", &broker, &found, &error), 0);
    assert_int_equal(mesh_key_store_load(dir, "local", &local, &found, &error), 0);
    assert_int_equal(mesh_key_store_load(dir, "one", &one, &found, &error), 0);
    assert_true(found);
    assert_int_equal(local.role, MESH_ROLE_OPERATE);
    assert_int_equal(one.role, MESH_ROLE_PUBLISH);
    assert_string_equal(one.name, "one");
    assert_string_equal(one.server_key, broker.public_key);
    assert_string_equal(local.server_key, broker.public_key);
    mesh_key_entry_t *entries = list(dir, 2, NULL);
    assert_string_equal(entries[0].name, "local");
    assert_string_equal(entries[1].name, "one");
    assert_string_equal(entries[1].public_key, one.public_key);
    free(entries);
    make(dir, "two", MESH_ROLE_SUBSCRIBE);
    mesh_key_file_t again;
    assert_int_equal(mesh_key_store_load(dir, "broker", &again, &found, &error), 0);
    assert_string_equal(again.public_key, broker.public_key);
}

static void
no_umask_opens_a_key_and_none_hides_it_from_its_owner(void **state)
{
    char *dir = temp_dir_file(*state, "keys");
    mode_t before = umask(0);
    make(dir, "open", MESH_ROLE_PUBLISH);
    (void) umask(0277);
    make(dir, "shut", MESH_ROLE_PUBLISH);
    (void) umask(before);
    assert_mode(dir, "open.key", 0600);
    assert_mode(dir, "shut.key", 0600);
    assert_mode(dir, "broker.key", 0600);
    assert_mode(dir, "authorized/shut.pub", 0600);
    assert_mode(*state, "keys", 0700);
    assert_mode(dir, "authorized", 0700);
    free(dir);
}

static void
a_public_file_holds_no_secret(void **state)
{
    const char *dir = *state;
    make(dir, "one", MESH_ROLE_PUBLISH);
    char *path = temp_dir_file(dir, "authorized/one.pub");
    mesh_key_file_t file;
    bool found;
    char *error = NULL;
    assert_int_equal(mesh_key_file_read(&file, path, false, &found, &error), 0);
    assert_string_equal(file.secret_key, "");
    assert_int_equal(mesh_key_file_read(&file, path, true, &found, &error), -1);
    assert_non_null(strstr(error, "it has no secret-key"));
    free(error);
    free(path);
}

static void
a_name_is_used_once(void **state)
{
    const char *dir = *state;
    char *error = NULL;
    make(dir, "one", MESH_ROLE_PUBLISH);
    assert_not_made(dir, "one", "there is a key \"one\" already");
    assert_int_equal(mesh_key_store_revoke(dir, "one", &error), 0);
    assert_not_made(dir, "one", "or there was one");
    assert_int_equal(mesh_key_store_revoke(dir, "one", &error), -1);
    assert_non_null(strstr(error, "there is no authorized key \"one\""));
    free(error);
    mesh_key_entry_t *entries = list(dir, 2, NULL);
    assert_false(entries[0].revoked);
    assert_string_equal(entries[1].name, "one");
    assert_true(entries[1].revoked);
    free(entries);
}

static void
a_name_leads_nowhere_else(void **state)
{
    static const char *const bad[] = {"",    ".",   "..",       ".x",     "a/b",  "../x",
                                      "a b", "a\n", "\xc3\xa4", "broker", "local"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_not_made(*state, bad[i], "is not a name for a key");
    char longest[MESH_KEY_NAME_LIMIT + 2];
    memset(longest, 'x', sizeof longest);
    longest[MESH_KEY_NAME_LIMIT + 1] = '\0';
    assert_not_made(*state, longest, "is not a name for a key");
    longest[MESH_KEY_NAME_LIMIT] = '\0';
    make(*state, longest, MESH_ROLE_PUBLISH);
    free(list(*state, 2, NULL));
    char *error = NULL;
    assert_int_equal(mesh_key_store_revoke(*state, "../x", &error), -1);
    free(error);
}

static void
a_link_in_the_way_is_not_followed(void **state)
{
    const char *dir = *state;
    make(dir, "one", MESH_ROLE_PUBLISH);
    char *target = temp_dir_file(dir, "target");
    char *path = temp_dir_file(dir, "two.key");
    assert_int_equal(symlink(target, path), 0);
    assert_not_made(dir, "two", "there is a key \"two\" already");
    assert_int_equal(access(target, F_OK), -1);
    mesh_key_file_t file;
    bool found;
    char *error = NULL;
    assert_int_equal(mesh_key_store_load(dir, "two", &file, &found, &error), -1);
    assert_non_null(strstr(error, "it is a link"));
    free(error);
    free(path);
    free(target);
}

static void
a_store_that_others_can_write_to_is_refused(void **state)
{
    const char *dir = *state;
    mesh_key_entry_t *entries = NULL;
    size_t count = 0;
    make(dir, "one", MESH_ROLE_PUBLISH);
    char *authorized = temp_dir_file(dir, "authorized");
    const char *const parts[] = {dir, authorized};
    for (size_t i = 0; i < 2; i++) {
        char *error = NULL;
        assert_int_equal(chmod(parts[i], 0720), 0);
        assert_int_equal(mesh_key_store_list(dir, &entries, &count, &error), -1);
        assert_non_null(strstr(error, "others may write to it"));
        free(error);
        assert_int_equal(chmod(parts[i], 0700), 0);
    }
    assert_int_equal(chmod(dir, 0720), 0);
    assert_not_made(dir, "two", "others may write to it");
    assert_int_equal(chmod(dir, 0700), 0);
    char *link = temp_dir_file(dir, "link");
    assert_int_equal(symlink(dir, link), 0);
    assert_not_made(link, "two", "cannot be used");
    free(link);
    free(authorized);
}

static void
one_broken_file_hides_no_other_key(void **state)
{
    const char *dir = *state;
    make(dir, "one", MESH_ROLE_PUBLISH);
    write_file(dir, "authorized/broken.pub", "nonsense = \"\n");
    write_file(dir, "authorized/.one.pub.XYZ", "half");
    mesh_key_entry_t *entries = list(dir, 3, "broken.pub");
    assert_string_equal(entries[0].name, "broken");
    assert_int_equal(entries[0].role, MESH_ROLE_NONE);
    assert_int_equal(entries[2].role, MESH_ROLE_PUBLISH);
    free(entries);
    write_file(dir, "authorized/broken.pub",
               "curve\n    public-key = \"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\"\n");
    free(list(dir, 3, "it has no role"));
    char *path = temp_dir_file(dir, "authorized/broken.pub");
    assert_int_equal(unlink(path), 0);
    free(path);
    write_file(dir, "authorized/a b.pub", "");
    free(list(dir, 2, "is no NAME.pub"));
}

static void
a_store_that_does_not_exist_has_no_keys(void **state)
{
    char *dir = temp_dir_file(*state, "none");
    free(list(dir, 0, NULL));
    mesh_key_file_t file;
    bool found = true;
    char *error = NULL;
    assert_int_equal(mesh_key_store_load(dir, "local", &file, &found, &error), 0);
    assert_false(found);
    assert_int_equal(mesh_key_store_revoke(dir, "one", &error), -1);
    free(error);
    assert_int_equal(access(dir, F_OK), -1);
    free(dir);
}

static void
who_makes_keys_at_once_gets_one_broker_and_no_name_twice(void **state)
{
    enum { MAKERS = 8 };
    int go[2];
    char *dir = temp_dir_file(*state, "keys");
    assert_int_equal(pipe2(go, O_CLOEXEC), 0);
    for (int i = 0; i < MAKERS; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child > 0)
            continue;
        char name[16], byte, *path = NULL, *error = NULL;
        snprintf(name, sizeof name, "same-%d", i / 2);
        (void) close(go[1]);
        (void) !read(go[0], &byte, 1);    // all leave together, at the end of the pipe
        int rc = mesh_key_store_new(dir, name, MESH_ROLE_PUBLISH, &path, &error);
        free(path);
        free(error);
        _exit(rc == 0 ? 0 : 1);
    }
    (void) close(go[0]);
    (void) close(go[1]);
    int made = 0;
    for (int i = 0; i < MAKERS; i++) {
        int status = -1;
        assert_true(wait(&status) > 0);
        made += status == 0;
    }
    assert_int_equal(made, MAKERS / 2);
    mesh_key_entry_t *entries = list(dir, MAKERS / 2 + 1, NULL);
    mesh_key_file_t broker, pair;
    bool found;
    char *error = NULL;
    assert_int_equal(mesh_key_store_load(dir, "broker", &broker, &found, &error), 0);
    for (size_t i = 0; i < MAKERS / 2 + 1; i++) {
        assert_int_equal(mesh_key_store_load(dir, entries[i].name, &pair, &found, &error), 0);
        assert_string_equal(pair.public_key, entries[i].public_key);
        assert_string_equal(pair.server_key, broker.public_key);
    }
    free(entries);
    free(dir);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_first_key_makes_the_brokers_and_this_hosts),
        TEST(no_umask_opens_a_key_and_none_hides_it_from_its_owner),
        TEST(a_public_file_holds_no_secret),
        TEST(a_name_is_used_once),
        TEST(a_name_leads_nowhere_else),
        TEST(a_link_in_the_way_is_not_followed),
        TEST(a_store_that_others_can_write_to_is_refused),
        TEST(one_broken_file_hides_no_other_key),
        TEST(a_store_that_does_not_exist_has_no_keys),
        TEST(who_makes_keys_at_once_gets_one_broker_and_no_name_twice),
    };
    return cmocka_run_group_tests_name("key_store", tests, NULL, NULL);
}
