// test_access - who is let in, and which settings are refused
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include "access.h"
#include "address_table.h"
#include "listener.h"

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

static void
only_the_token_as_bearer_is_granted(void **state)
{
    (void) state;
    mesh_settings_t *settings =
        settings_with((const char *const[]){"http/token_value=" TOKEN, NULL});
    char *error = NULL;
    access_t *access = access_new(settings, &error);
    assert_non_null(access);
    assert_int_equal(access_decide(access, "Bearer " TOKEN), ACCESS_GRANTED);
    assert_int_equal(access_decide(access, "bearer   " TOKEN), ACCESS_GRANTED);
    assert_int_equal(access_decide(access, NULL), ACCESS_NO_TOKEN);
    assert_int_equal(access_decide(access, ""), ACCESS_NO_TOKEN);
    assert_int_equal(access_decide(access, TOKEN), ACCESS_NOT_BEARER);
    assert_int_equal(access_decide(access, "Basic " TOKEN), ACCESS_NOT_BEARER);
    assert_int_equal(access_decide(access, "Bearer "), ACCESS_WRONG_TOKEN);
    assert_int_equal(access_decide(access, "Bearer " TOKEN "x"), ACCESS_WRONG_TOKEN);
    assert_int_equal(access_decide(access, "Bearer 0123456789abcdefghi"), ACCESS_WRONG_TOKEN);
    access_destroy(&access);
    mesh_settings_destroy(&settings);
}

static void
without_a_token_everybody_is_let_in(void **state)
{
    (void) state;
    mesh_settings_t *settings = settings_with((const char *const[]){"http/token=false", NULL});
    char *error = NULL;
    access_t *access = access_new(settings, &error);
    assert_int_equal(access_decide(access, NULL), ACCESS_GRANTED);
    access_destroy(&access);
    mesh_settings_destroy(&settings);
}

static void
without_a_token_only_names_of_loopback_are_answered(void **state)
{
    (void) state;
    mesh_settings_t *settings = settings_with((const char *const[]){"http/token=false", NULL});
    char *error = NULL;
    access_t *access = access_new(settings, &error);
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

    settings = settings_with((const char *const[]){"http/token_value=" TOKEN, NULL});
    access = access_new(settings, &error);
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
    char *error = NULL;
    access_t *access = access_new(settings, &error);
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
    mesh_settings_t *settings = settings_with(
        (const char *const[]){"http/address=0.0.0.0", "http/insecure=true", NULL});
    char *error = NULL;
    assert_int_equal(access_check_settings(settings, &error), 0);
    mesh_settings_destroy(&settings);
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
        cmocka_unit_test(only_the_token_as_bearer_is_granted),
        cmocka_unit_test(without_a_token_everybody_is_let_in),
        cmocka_unit_test(without_a_token_only_names_of_loopback_are_answered),
        cmocka_unit_test(origins_are_allowed_by_their_whole_name),
        cmocka_unit_test(unsafe_settings_are_refused_by_name),
        cmocka_unit_test(loopback_is_told_from_the_rest),
        cmocka_unit_test(an_address_has_a_limit_and_loopback_is_not_counted),
    };
    return cmocka_run_group_tests_name("access", tests, NULL, NULL);
}
