// test_key - which key a program shows, and what a key's file must be
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mesh/key.h"
#include "mesh/key_store.h"
#include "temp_dir.h"

// The pair that the manual page of zmq_curve shows.
#define PUBLIC "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define SECRET "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
#define OTHER "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define CURVE "curve\n    public-key = \"" PUBLIC "\"\n"

typedef struct fixture {
    char *dir;
    mesh_settings_t *settings;
} fixture_t;

static void
set(fixture_t *fixture, const char *key, const char *value)
{
    char assignment[600], *error = NULL;
    snprintf(assignment, sizeof assignment, "%s=%s", key, value);
    assert_int_equal(mesh_settings_assign(fixture->settings, assignment, "--set", &error), 0);
}

static int
set_up(void **state)
{
    fixture_t *fixture = calloc(1, sizeof *fixture);
    fixture->dir = temp_dir_new();
    fixture->settings = mesh_settings_new();
    set(fixture, "mesh/keys_dir", fixture->dir);
    *state = fixture;
    return 0;
}

static int
tear_down(void **state)
{
    fixture_t *fixture = *state;
    mesh_settings_destroy(&fixture->settings);
    temp_dir_destroy(&fixture->dir);
    free(fixture);
    return 0;
}

static mesh_key_t *
load(fixture_t *fixture)
{
    mesh_key_t *key = NULL;
    char *error = NULL;
    if (mesh_key_load(fixture->settings, &key, &error) != 0)
        fail_msg("%s", error);
    return key;
}

static void
assert_refused(fixture_t *fixture, const char *part)
{
    mesh_key_t *key = NULL;
    char *error = NULL;
    assert_int_equal(mesh_key_load(fixture->settings, &key, &error), -1);
    assert_null(key);
    if (!strstr(error, part))
        fail_msg("\"%s\" does not say \"%s\"", error, part);
    free(error);
}

static void
without_keys_there_is_none_to_show(void **state)
{
    assert_null(load(*state));
    mesh_key_arm(NULL, NULL);    // which does nothing
}

static void
the_local_key_needs_no_configuration(void **state)
{
    fixture_t *fixture = *state;
    char *path = NULL, *error = NULL;
    assert_int_equal(mesh_key_store_new(fixture->dir, "far", MESH_ROLE_PUBLISH, &path, &error),
                     0);
    mesh_key_t *local = load(fixture);
    assert_non_null(local);
    set(fixture, "broker/keys", "off");
    assert_null(load(fixture));
    set(fixture, "mesh/key", path);
    mesh_key_t *far = load(fixture);
    mesh_key_t *again = load(fixture);
    assert_non_null(far);
    assert_false(mesh_key_equal(local, far));
    assert_true(mesh_key_equal(far, again));
    assert_false(mesh_key_equal(far, NULL));
    assert_true(mesh_key_equal(NULL, NULL));
    mesh_key_destroy(&local);
    mesh_key_destroy(&far);
    mesh_key_destroy(&again);
    free(path);
}

static void
a_key_that_was_named_must_be_there_and_be_private(void **state)
{
    fixture_t *fixture = *state;
    char *path = NULL, *error = NULL;
    char *missing = temp_dir_file(fixture->dir, "none");
    set(fixture, "mesh/key", missing);
    assert_refused(fixture, "mesh/key: there is no file");
    assert_int_equal(mesh_key_store_new(fixture->dir, "far", MESH_ROLE_PUBLISH, &path, &error),
                     0);
    set(fixture, "mesh/key", path);
    assert_int_equal(chmod(path, 0640), 0);
    assert_refused(fixture, "others may use it (mode 0640); chmod 600 it");
    char *broker = temp_dir_file(fixture->dir, "broker.key");
    set(fixture, "mesh/key", broker);
    assert_refused(fixture, "it does not say which broker it is for");
    set(fixture, "mesh/key", fixture->dir);
    assert_refused(fixture, "it is not a regular file");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    set(fixture, "mesh/key", path);
    assert_refused(fixture, "it is not a regular file");
    free(broker);
    free(path);
    free(missing);
}

static void
assert_wrong(const char *text, const char *part)
{
    mesh_key_file_t file;
    char *error = NULL;
    assert_int_equal(mesh_key_file_parse(&file, text, strlen(text), &error), -1);
    if (!strstr(error, part))
        fail_msg("\"%s\" does not say \"%s\"", error, part);
    free(error);
}

static void
a_certificate_is_read_strictly(void **state)
{
    (void) state;
    mesh_key_file_t file;
    char *error = NULL;
    static const char good[] =
        "#   ****  as zcert writes it  ****\n\nmetadata\n"
        "    name = \"x\"\n    role = \"publish\"\n    email = \"y\"\n" CURVE
        "    secret-key = \"" SECRET "\"\n";
    assert_int_equal(mesh_key_file_parse(&file, good, strlen(good), &error), 0);
    assert_string_equal(file.public_key, PUBLIC);
    assert_string_equal(file.secret_key, SECRET);
    assert_int_equal(file.role, MESH_ROLE_PUBLISH);
    assert_wrong("", "it has no public-key");
    assert_wrong("curve\n    public-key = \"short\"\n", "its public-key is wrong");
    assert_wrong(CURVE "    public-key = \"" PUBLIC "\"\n", "or there twice");
    assert_wrong(CURVE "    secret-key = \"" OTHER "\"\n", "do not belong together");
    assert_wrong(CURVE "metadata\n    role = \"root\"\n", "its role is wrong");
    assert_wrong(CURVE "metadata\n    name = \"../x\"\n", "its name is wrong");
    assert_wrong(CURVE "metadata\n    server-key = \"x\"\n", "its server-key is wrong");
    assert_wrong("metadata\n  name = \"x\"\n", "line 2");
    char longest[MESH_KEY_FILE_LIMIT + 2];
    memset(longest, '#', sizeof longest);
    longest[MESH_KEY_FILE_LIMIT + 1] = '\0';
    assert_wrong(longest, "it is longer than 8192 bytes");
    longest[1100] = '\0';
    assert_wrong(longest, "is longer than 1023 bytes");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(without_keys_there_is_none_to_show),
        TEST(the_local_key_needs_no_configuration),
        TEST(a_key_that_was_named_must_be_there_and_be_private),
        cmocka_unit_test(a_certificate_is_read_strictly),
    };
    return cmocka_run_group_tests_name("key", tests, NULL, NULL);
}
