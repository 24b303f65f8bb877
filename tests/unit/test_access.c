// test_access - who is let in, and which settings are refused
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include "access.h"
#include "address_table.h"
#include "guess_limit.h"
#include "listener.h"
#include "temp_dir.h"

#define TOKEN "0123456789abcdefghij"

static mesh_settings_t *
settings_with(const char *const assignments[])
{
    mesh_settings_t *settings = mesh_settings_new();
    for (size_t at = 0; assignments[at]; at++) {
        char *error = NULL;
        if (mesh_settings_assign(settings, assignments[at], "test", &error) != 0)
            fail_msg("%s", error);
    }
    return settings;
}

static const int64_t now_ms = 1800000000000;

static char *dir;

static int
setup(void **state)
{
    (void) state;
    dir = temp_dir_new();
    return 0;
}

static int
teardown(void **state)
{
    (void) state;
    temp_dir_destroy(&dir);
    return 0;
}

// Settings whose state directory is dir, with one more assignment.
static mesh_settings_t *
settings_here(const char *assignment)
{
    char state_dir[256];
    snprintf(state_dir, sizeof state_dir, "mesh/state_dir=%s", dir);
    return settings_with((const char *const[]){state_dir, assignment, NULL});
}

static access_t *
new_access(const mesh_settings_t *settings)
{
    char *error = NULL;
    access_t *access = access_new(settings, now_ms, &error);
    if (!access)
        fail_msg("%s", error);
    return access;
}

static access_verdict_t
show(access_t *access, const char *authorization, mesh_scope_area_t area, access_grant_t *grant)
{
    const access_shown_t shown = {
        .authorization = authorization, .path_query = "/events", .address = "192.0.2.7"};
    return access_decide(access, &shown, area, now_ms, grant);
}

static access_verdict_t
bearer(access_t *access, const char *authorization)
{
    access_grant_t grant;
    const access_shown_t shown = {
        .authorization = authorization, .path_query = "/events", .address = "127.0.0.1"};
    return access_decide(access, &shown, MESH_SCOPE_EVENTS, now_ms, &grant);
}

static char *
make_token(const char *scope, int64_t expires_s)
{
    char *path = temp_dir_file(dir, "tokens.json");
    char *error = NULL;
    char *token = mesh_token_store_new(path, "", &scope, 1, 1, expires_s, &error);
    assert_null(error);
    char *header = NULL;
    assert_true(asprintf(&header, "Bearer %s", token) > 0);
    free(token);
    free(path);
    return header;
}

static void
revoke(const char *header)
{
    char *path = temp_dir_file(dir, "tokens.json");
    char id[MESH_TOKEN_ID_SIZE];
    snprintf(id, sizeof id, "%s", header + strlen("Bearer amt_"));
    char *error = NULL;
    assert_int_equal(mesh_token_store_revoke(path, id, &error), 0);
    free(path);
}

static void
only_the_token_as_bearer_is_granted(void **state)
{
    (void) state;
    mesh_settings_t *settings = settings_here("http/token_value=" TOKEN);
    access_t *access = new_access(settings);
    assert_int_equal(bearer(access, "Bearer " TOKEN), ACCESS_GRANTED);
    assert_int_equal(bearer(access, "bearer   " TOKEN), ACCESS_GRANTED);
    assert_int_equal(bearer(access, NULL), ACCESS_NO_TOKEN);
    assert_int_equal(bearer(access, ""), ACCESS_NO_TOKEN);
    assert_int_equal(bearer(access, TOKEN), ACCESS_NOT_BEARER);
    assert_int_equal(bearer(access, "Basic " TOKEN), ACCESS_NOT_BEARER);
    assert_int_equal(bearer(access, "Bearer "), ACCESS_WRONG_TOKEN);
    assert_int_equal(bearer(access, "Bearer " TOKEN "x"), ACCESS_WRONG_TOKEN);
    assert_int_equal(bearer(access, "Bearer 0123456789abcdefghi"), ACCESS_WRONG_TOKEN);
    access_destroy(&access);
    mesh_settings_destroy(&settings);
}

static void
without_a_token_everybody_is_let_in(void **state)
{
    (void) state;
    mesh_settings_t *settings = settings_here("http/token=false");
    access_t *access = new_access(settings);
    assert_int_equal(bearer(access, NULL), ACCESS_GRANTED);
    access_destroy(&access);
    mesh_settings_destroy(&settings);
}

static void
a_token_is_good_for_its_scope_only(void **state)
{
    (void) state;
    mesh_settings_t *settings = settings_here("http/token_value=" TOKEN);
    char *all = make_token("*", 0);
    char *metrics = make_token("metrics", 0);
    char *host = make_token("events;host=a", 0);
    access_t *access = new_access(settings);
    access_grant_t grant;
    assert_int_equal(show(access, all, MESH_SCOPE_EVENTS, &grant), ACCESS_GRANTED);
    assert_int_equal(grant.scope_count, 0);
    assert_int_equal(strlen(grant.token_id), MESH_TOKEN_ID_SIZE - 1);
    assert_int_equal(show(access, metrics, MESH_SCOPE_METRICS, &grant), ACCESS_GRANTED);
    assert_int_equal(show(access, metrics, MESH_SCOPE_EVENTS, &grant), ACCESS_NO_SCOPE);
    assert_int_equal(show(access, host, MESH_SCOPE_EVENTS, &grant), ACCESS_GRANTED);
    assert_int_equal(grant.scope_count, 1);
    assert_false(mesh_scope_takes(grant.scopes[0], MESH_SCOPE_HOST, "b"));
    free(all);
    free(metrics);
    free(host);
    access_destroy(&access);
    mesh_settings_destroy(&settings);
}

static void
a_token_ends_when_it_expires_or_is_revoked(void **state)
{
    (void) state;
    mesh_settings_t *settings = settings_here("http/token_value=" TOKEN);
    access_t *access = new_access(settings);
    char *timed = make_token("*", now_ms / 1000 + 1);
    char *revoked = make_token("*", 0);
    access_grant_t grant;
    assert_int_equal(show(access, revoked, MESH_SCOPE_EVENTS, &grant), ACCESS_WRONG_TOKEN);
    assert_true(access_refresh(access, now_ms));
    assert_false(access_refresh(access, now_ms));
    assert_int_equal(show(access, revoked, MESH_SCOPE_EVENTS, &grant), ACCESS_GRANTED);
    assert_int_equal(show(access, timed, MESH_SCOPE_EVENTS, &grant), ACCESS_GRANTED);
    int64_t expires_s;
    assert_true(access_is_good(access, grant.token_id, now_ms + 999, &expires_s));
    assert_int_equal(expires_s, now_ms / 1000 + 1);
    assert_false(access_is_good(access, grant.token_id, now_ms + 1000, &expires_s));
    revoke(revoked);
    assert_true(access_refresh(access, now_ms));
    assert_int_equal(show(access, revoked, MESH_SCOPE_EVENTS, &grant), ACCESS_WRONG_TOKEN);
    free(timed);
    free(revoked);
    access_destroy(&access);
    mesh_settings_destroy(&settings);
}

static void
a_damaged_file_of_tokens_leaves_only_the_own_token_good(void **state)
{
    (void) state;
    mesh_settings_t *settings = settings_here("http/token_value=" TOKEN);
    char *token = make_token("*", 0);
    access_t *access = new_access(settings);
    access_grant_t grant;
    assert_int_equal(show(access, token, MESH_SCOPE_EVENTS, &grant), ACCESS_GRANTED);
    char *path = temp_dir_file(dir, "tokens.json");
    FILE *out = fopen(path, "w");
    assert_true(out && fputs("{\"version\":", out) >= 0 && fclose(out) == 0);
    assert_true(access_refresh(access, now_ms));
    assert_int_equal(show(access, token, MESH_SCOPE_EVENTS, &grant), ACCESS_WRONG_TOKEN);
    assert_int_equal(show(access, "Bearer " TOKEN, MESH_SCOPE_EVENTS, &grant), ACCESS_GRANTED);
    free(path);
    free(token);
    access_destroy(&access);
    mesh_settings_destroy(&settings);
}

static access_verdict_t
show_cookie(access_t *access, const char *cookie, int64_t at_ms, access_grant_t *grant)
{
    const access_shown_t shown = {
        .cookie = cookie, .path_query = "/events", .address = "127.0.0.1"};
    return access_decide(access, &shown, MESH_SCOPE_EVENTS, at_ms, grant);
}

static void
a_cookie_is_good_as_long_as_its_token_also_after_a_restart(void **state)
{
    (void) state;
    mesh_settings_t *settings = settings_here("http/token_value=" TOKEN);
    char *token = make_token("events;host=a", now_ms / 1000 + 100);
    access_t *access = new_access(settings);
    access_grant_t grant;
    char cookie[ACCESS_COOKIE_SIZE];
    char own[ACCESS_COOKIE_SIZE];
    assert_int_equal(show(access, token, MESH_SCOPE_EVENTS, &grant), ACCESS_GRANTED);
    assert_int_equal(access_sign_in(access, &grant, now_ms, cookie), 100);
    assert_int_equal(show(access, "Bearer " TOKEN, MESH_SCOPE_EVENTS, &grant), ACCESS_GRANTED);
    assert_int_equal(access_sign_in(access, &grant, now_ms, own), ACCESS_SIGNED_IN_S);
    access_destroy(&access);

    access = new_access(settings);
    assert_int_equal(show_cookie(access, cookie, now_ms, &grant), ACCESS_GRANTED);
    assert_true(grant.by_cookie);
    assert_int_equal(grant.scope_count, 1);
    assert_int_equal(show_cookie(access, cookie, now_ms + 100000, &grant), ACCESS_WRONG_TOKEN);
    assert_int_equal(show_cookie(access, own, now_ms + 100000, &grant), ACCESS_GRANTED);
    // A later end is not what was sealed.
    own[0] = own[0] == '7' ? '8' : '7';
    assert_int_equal(show_cookie(access, own, now_ms, &grant), ACCESS_WRONG_TOKEN);
    assert_int_equal(show_cookie(access, "x", now_ms, &grant), ACCESS_WRONG_TOKEN);
    revoke(token);
    access_refresh(access, now_ms);
    assert_int_equal(show_cookie(access, cookie, now_ms, &grant), ACCESS_WRONG_TOKEN);
    free(token);
    access_destroy(&access);
    mesh_settings_destroy(&settings);
}

static void
another_own_token_ends_the_cookies_made_with_the_one_before(void **state)
{
    (void) state;
    mesh_settings_t *settings = settings_here("http/token_value=" TOKEN);
    mesh_settings_t *changed = settings_here("http/token_value=" TOKEN "2");
    access_t *access = new_access(settings);
    access_grant_t grant = {.token_id = ""};
    char cookie[ACCESS_COOKIE_SIZE];
    (void) access_sign_in(access, &grant, now_ms, cookie);
    assert_int_equal(show_cookie(access, cookie, now_ms, &grant), ACCESS_GRANTED);
    char *error = NULL;
    assert_int_equal(access_reload(access, changed, &error), 0);
    assert_int_equal(show_cookie(access, cookie, now_ms, &grant), ACCESS_WRONG_TOKEN);
    access_destroy(&access);
    mesh_settings_destroy(&settings);
    mesh_settings_destroy(&changed);
}

static void
a_guesser_is_no_longer_looked_at_and_loopback_always_is(void **state)
{
    (void) state;
    mesh_settings_t *settings = settings_here("http/token_value=" TOKEN);
    access_t *access = new_access(settings);
    access_grant_t grant;
    for (int at = 0; at < GUESS_LIMIT_MOST; at++)
        assert_int_equal(show(access, "Bearer wrong", MESH_SCOPE_EVENTS, &grant),
                         ACCESS_WRONG_TOKEN);
    assert_int_equal(show(access, "Bearer " TOKEN, MESH_SCOPE_EVENTS, &grant), ACCESS_GUESSING);
    assert_int_equal(access_wait_ms(access, "192.0.2.7", now_ms), GUESS_LIMIT_EVERY_MS);
    for (int at = 0; at < 2 * GUESS_LIMIT_MOST; at++)
        assert_int_equal(bearer(access, "Bearer wrong"), ACCESS_WRONG_TOKEN);
    assert_int_equal(bearer(access, "Bearer " TOKEN), ACCESS_GRANTED);
    access_destroy(&access);
    mesh_settings_destroy(&settings);
}

static void
where_hosts_are_named_only_they_and_loopback_are_answered(void **state)
{
    (void) state;
    mesh_settings_t *settings = settings_here("http/allow_hosts=mesh.example,b.example");
    access_t *access = new_access(settings);
    assert_true(access_answers_host(access, "Mesh.example:8443"));
    assert_true(access_answers_host(access, "localhost:8790"));
    assert_false(access_answers_host(access, "evil.example"));
    assert_false(access_answers_host(access, "mesh.example.evil"));
    access_destroy(&access);
    mesh_settings_destroy(&settings);
}

static void
without_a_token_only_names_of_loopback_are_answered(void **state)
{
    (void) state;
    mesh_settings_t *settings = settings_here("http/token=false");
    access_t *access = new_access(settings);
    static const char *const ours[] = {"localhost", "LocalHost:8790", "127.0.0.1:8790",
                                       "127.1.2.3", "[::1]:8790",     "[::1]"};
    static const char *const others[] = {
        "evil.example", "evil.example:8790",     "192.0.2.1", "[2001:db8::1]", "",
        ":8790",        "localhost.evil.example"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        assert_true(access_answers_host(access, ours[i]));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(access_answers_host(access, others[i]));
    assert_true(access_answers_host(access, NULL));
    access_destroy(&access);
    mesh_settings_destroy(&settings);

    settings = settings_here("http/token_value=" TOKEN);
    access = new_access(settings);
    assert_true(access_answers_host(access, "evil.example"));
    access_destroy(&access);
    mesh_settings_destroy(&settings);
}

static void
origins_are_allowed_by_their_whole_name(void **state)
{
    (void) state;
    mesh_settings_t *settings = settings_with((const char *const[]){
        "http/token=false", "http/allow_origins=https://a.example,http://b.example:8080",
        NULL});
    access_t *access = new_access(settings);
    assert_string_equal(access_allowed_origin(access, "https://a.example"),
                        "https://a.example");
    assert_non_null(access_allowed_origin(access, "http://b.example:8080"));
    assert_null(access_allowed_origin(access, "http://a.example"));
    assert_null(access_allowed_origin(access, "http://b.example"));
    assert_null(access_allowed_origin(access, "https://a.example.evil"));
    assert_null(access_allowed_origin(access, "null"));
    assert_null(access_allowed_origin(access, NULL));
    access_destroy(&access);
    mesh_settings_destroy(&settings);
}

static void
assert_refused(const char *assignment, const char *word)
{
    mesh_settings_t *settings = settings_with((const char *const[]){assignment, NULL});
    char *error = NULL;
    assert_int_equal(access_check_settings(settings, &error), -1);
    assert_non_null(strstr(error, word));
    free(error);
    mesh_settings_destroy(&settings);
}

static void
unsafe_settings_are_refused_by_name(void **state)
{
    (void) state;
    assert_refused("http/address=0.0.0.0", "http/insecure");
    assert_refused("http/address=::", "http/insecure");
    assert_refused("http/address=192.0.2.1", "http/insecure");
    assert_refused("http/address=example.org", "numeric");
    assert_refused("http/allow_origins=*", "http/allow_origins");
    assert_refused("http/allow_origins=https://*.example", "http/allow_origins");
    assert_refused("http/allow_origins=example.org", "http/allow_origins");
    assert_refused("http/allow_origins=https://a.example/", "http/allow_origins");
    assert_refused("http/trusted_proxies=10.0.0.0/33", "http/trusted_proxies");
    assert_refused("http/allow_hosts=a.example:80", "http/allow_hosts");
    assert_refused("http/base_path=mesh", "http/base_path");
    assert_refused("http/base_path=/mesh/", "http/base_path");
    static const char *const means[] = {"http/insecure=true",
                                        "http/trusted_proxies=10.0.0.0/8"};
    for (size_t at = 0; at < sizeof means / sizeof *means; at++) {
        mesh_settings_t *settings =
            settings_with((const char *const[]){"http/address=0.0.0.0", means[at], NULL});
        char *error = NULL;
        assert_int_equal(access_check_settings(settings, &error), 0);
        mesh_settings_destroy(&settings);
    }
}

static void
loopback_is_told_from_the_rest(void **state)
{
    (void) state;
    assert_int_equal(listener_is_loopback("127.0.0.1"), 1);
    assert_int_equal(listener_is_loopback("127.9.9.9"), 1);
    assert_int_equal(listener_is_loopback("::1"), 1);
    assert_int_equal(listener_is_loopback("localhost"), 1);
    assert_int_equal(listener_is_loopback("0.0.0.0"), 0);
    assert_int_equal(listener_is_loopback("::"), 0);
    assert_int_equal(listener_is_loopback("10.0.0.1"), 0);
    assert_int_equal(listener_is_loopback("128.0.0.1"), 0);
    assert_int_equal(listener_is_loopback("host"), -1);
    assert_int_equal(listener_is_loopback(""), -1);
}

static void
an_address_has_a_limit_and_loopback_is_not_counted(void **state)
{
    (void) state;
    struct sockaddr_in there = {.sin_family = AF_INET};
    struct sockaddr_in6 home = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    inet_pton(AF_INET, "192.0.2.1", &there.sin_addr);
    char text[ADDRESS_TEXT_SIZE];
    assert_false(address_text((const struct sockaddr *) &home, text));
    assert_false(address_text(NULL, text));
    assert_true(address_text((const struct sockaddr *) &there, text));
    assert_string_equal(text, "192.0.2.1");
    inet_pton(AF_INET, "127.0.0.9", &there.sin_addr);
    char other[ADDRESS_TEXT_SIZE];
    assert_false(address_text((const struct sockaddr *) &there, other));
    inet_pton(AF_INET6, "::ffff:127.0.0.1", &home.sin6_addr);
    assert_false(address_text((const struct sockaddr *) &home, other));

    address_table_t *table = address_table_new(2);
    assert_int_equal(address_table_take(table, text), 0);
    assert_int_equal(address_table_take(table, text), 0);
    assert_int_equal(address_table_take(table, text), -1);
    assert_int_equal(address_table_take(table, "192.0.2.2"), 0);
    address_table_give_back(table, text);
    assert_int_equal(address_table_take(table, text), 0);
    address_table_destroy(&table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_token_is_good_for_its_scope_only, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_ends_when_it_expires_or_is_revoked, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_damaged_file_of_tokens_leaves_only_the_own_token_good,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_cookie_is_good_as_long_as_its_token_also_after_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(
            another_own_token_ends_the_cookies_made_with_the_one_before, setup, teardown),
        cmocka_unit_test_setup_teardown(a_guesser_is_no_longer_looked_at_and_loopback_always_is,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            where_hosts_are_named_only_they_and_loopback_are_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(only_the_token_as_bearer_is_granted, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_token_everybody_is_let_in, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_token_only_names_of_loopback_are_answered,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(origins_are_allowed_by_their_whole_name, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(unsafe_settings_are_refused_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(loopback_is_told_from_the_rest, setup, teardown),
        cmocka_unit_test_setup_teardown(an_address_has_a_limit_and_loopback_is_not_counted,
                                        setup, teardown),
    };
    return cmocka_run_group_tests_name("access", tests, NULL, NULL);
}
