// test_token_store - tokens made by hand: kept as hashes, found, listed, revoked
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mesh/token_store.h"
#include "temp_dir.h"

static const char *const all[] = {"*"};

static char *
make(const char *path, const char *name, const char *scope)
{
    char *error = NULL;
    char *token = mesh_token_store_new(path, name, &scope, 1, 1000, 0, &error);
    assert_null(error);
    assert_non_null(token);
    return token;
}

static mesh_token_store_t *
load(const char *path)
{
    char *error = NULL;
    mesh_token_store_t *store = mesh_token_store_load(path, &error);
    assert_null(error);
    assert_non_null(store);
    return store;
}

static void
put(const char *path, const char *text, mode_t mode)
{
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fputs(text, out) < 0, 0);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void
assert_unusable(const char *path, const char *because)
{
    char *error = NULL;
    assert_null(mesh_token_store_load(path, &error));
    assert_non_null(error);
    if (!strstr(error, because))
        fail_msg("\"%s\" does not say \"%s\"", error, because);
    free(error);
}

static void
no_file_is_an_empty_store(void **state)
{
    mesh_token_store_t *store = load(*state);
    assert_int_equal(mesh_token_store_size(store), 0);
    assert_null(mesh_token_store_find(store, "amt_000000000000_0"));
    mesh_token_store_destroy(&store);
}

static void
a_token_is_found_by_itself_only_and_is_not_in_the_file(void **state)
{
    const char *path = *state;
    char *token = make(path, "ci", "events;types=aider.*");
    char *other = make(path, "", "metrics");
    mesh_token_store_t *store = load(path);
    const mesh_token_entry_t *entry = mesh_token_store_find(store, token);
    assert_non_null(entry);
    assert_string_equal(entry->name, "ci");
    assert_int_equal(entry->made_s, 1000);
    assert_int_equal(entry->expires_s, 0);
    assert_string_equal(entry->scope_texts[0], "events;types=aider.*");
    assert_true(mesh_token_store_by_id(store, entry->id) == entry);
    assert_non_null(mesh_token_store_find(store, other));

    char wrong[256];
    snprintf(wrong, sizeof wrong, "%s", token);
    char *last = wrong + strlen(wrong) - 1;
    *last = *last == '0' ? '1' : '0';
    assert_null(mesh_token_store_find(store, wrong));
    *last = '\0';
    assert_null(mesh_token_store_find(store, wrong));
    snprintf(wrong, sizeof wrong, "%s0", token);
    assert_null(mesh_token_store_find(store, wrong));
    // The id of one with the secret of another.
    snprintf(wrong, sizeof wrong, "%.17s%s", token, other + 17);
    assert_null(mesh_token_store_find(store, wrong));
    assert_null(mesh_token_store_find(store, ""));
    mesh_token_store_destroy(&store);

    FILE *in = fopen(path, "r");
    char text[4096] = "";
    assert_true(fread(text, 1, sizeof text - 1, in) > 0);
    fclose(in);
    assert_null(strstr(text, token + 17));
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    free(token);
    free(other);
}

static void
a_revoked_token_is_no_longer_found_and_the_others_are(void **state)
{
    const char *path = *state;
    char *first = make(path, "first", "*");
    char *second = make(path, "second", "*");
    char *error = NULL;
    assert_int_equal(mesh_token_store_revoke(path, "first", &error), 0);
    mesh_token_store_t *store = load(path);
    assert_null(mesh_token_store_find(store, first));
    const mesh_token_entry_t *entry = mesh_token_store_find(store, second);
    assert_non_null(entry);
    assert_int_equal(mesh_token_store_revoke(path, entry->id, &error), 0);
    mesh_token_store_destroy(&store);
    store = load(path);
    assert_int_equal(mesh_token_store_size(store), 0);
    mesh_token_store_destroy(&store);
    assert_int_equal(mesh_token_store_revoke(path, "second", &error), -1);
    assert_non_null(strstr(error, "no token with the id or name \"second\""));
    free(error);
    free(first);
    free(second);
}

static void
names_and_scopes_are_checked_before_anything_is_made(void **state)
{
    const char *path = *state;
    char *error = NULL;
    const char *wrong[] = {"event"};
    assert_null(mesh_token_store_new(path, "a", wrong, 1, 1, 0, &error));
    assert_non_null(strstr(error, "is no area"));
    free(error);
    assert_null(mesh_token_store_new(path, "a", all, 0, 1, 0, &error));
    assert_non_null(strstr(error, "allowed are 1 to 16"));
    free(error);
    assert_null(mesh_token_store_new(path, "a\nb", all, 1, 1, 0, &error));
    assert_non_null(strstr(error, "control characters"));
    free(error);
    free(make(path, "twice", "*"));
    assert_null(mesh_token_store_new(path, "twice", all, 1, 1, 0, &error));
    assert_non_null(strstr(error, "already"));
    free(error);
}

static void
a_damaged_or_open_file_makes_no_token_good(void **state)
{
    const char *path = *state;
    put(path, "{\"version\": 1, \"tokens\": []}", 0644);
    assert_unusable(path, "mode 0600");
    put(path, "", 0600);
    assert_unusable(path, "not JSON");
    put(path, "{\"version\": 2, \"tokens\": []}", 0600);
    assert_unusable(path, "\"version\" is not 1");
    put(path, "{\"version\": 1, \"tokens\": {}}", 0600);
    assert_unusable(path, "no array");
    put(path, "{\"version\": 1, \"tokens\": [{}]}", 0600);
    assert_unusable(path, "token 1: its \"id\"");
    put(path, "{\"version\": 1, \"tokens\": [{\"id\": \"0123456789ab\", \"name\": \"\"}]}",
        0600);
    assert_unusable(path, "\"hash\"");
    char *target = temp_dir_file("/nonexistent", "x");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink(target, path), 0);
    assert_unusable(path, "a link");
    free(target);
}

static void
makers_at_the_same_time_lose_no_token(void **state)
{
    enum { MAKERS = 6, EACH = 5 };
    const char *path = *state;
    pid_t makers[MAKERS];
    for (int i = 0; i < MAKERS; i++) {
        makers[i] = fork();
        if (makers[i] == 0) {
            for (int n = 0; n < EACH; n++) {
                char *error = NULL;
                char *token = mesh_token_store_new(path, "", all, 1, 1, 0, &error);
                if (!token)
                    _exit(1);
                free(token);
            }
            _exit(0);
        }
    }
    for (int i = 0; i < MAKERS; i++) {
        int status = -1;
        assert_int_equal(waitpid(makers[i], &status, 0), makers[i]);
        assert_int_equal(status, 0);
    }
    mesh_token_store_t *store = load(path);
    assert_int_equal(mesh_token_store_size(store), MAKERS * EACH);
    mesh_token_store_destroy(&store);
}

static char *dir;

static int
setup(void **state)
{
    dir = temp_dir_new();
    *state = temp_dir_file(dir, "tokens.json");
    return 0;
}

static int
teardown(void **state)
{
    free(*state);
    temp_dir_destroy(&dir);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_file_is_an_empty_store, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_is_found_by_itself_only_and_is_not_in_the_file,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_revoked_token_is_no_longer_found_and_the_others_are,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(names_and_scopes_are_checked_before_anything_is_made,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_or_open_file_makes_no_token_good, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(makers_at_the_same_time_lose_no_token, setup, teardown),
    };
    return cmocka_run_group_tests_name("token_store", tests, NULL, NULL);
}
