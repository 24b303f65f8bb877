// test_network - which networks have an address, and who asks through proxies
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <string.h>

#include "guess_limit.h"
#include "network.h"

static void
a_network_has_its_addresses_and_no_others(void **state)
{
    (void) state;
    static const struct {
        const char *network, *address;
        bool has;
    } cases[] = {
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "11.0.0.1", false},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.128/25", "192.0.2.200", true},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"10.0.0.0/8", "::ffff:10.1.1.1", true},
        {"::1", "::1", true},
        {"10.0.0.0/8", "host", false},
    };
    for (size_t at = 0; at < sizeof cases / sizeof *cases; at++) {
        network_t network;
        assert_int_equal(network_parse(&network, cases[at].network), 0);
        if (network_has(&network, 1, cases[at].address) != cases[at].has)
            fail_msg("%s and %s", cases[at].network, cases[at].address);
    }
    static const char *const wrong[] = {
        "",          "10.0.0.0/33", "10.0.0/8",    "/8",           "::/129",
        "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.0/0008"};
    for (size_t at = 0; at < sizeof wrong / sizeof *wrong; at++) {
        network_t network;
        assert_int_equal(network_parse(&network, wrong[at]), -1);
    }
}

static void
assert_client(const char *peer, const char *forwarded, const char *expected)
{
    network_t trusted[2];
    char client[INET6_ADDRSTRLEN];
    assert_int_equal(network_parse(&trusted[0], "10.0.0.0/8"), 0);
    assert_int_equal(network_parse(&trusted[1], "::1"), 0);
    network_client(trusted, 2, peer, forwarded, client);
    assert_string_equal(client, expected);
}

static void
the_client_is_the_last_address_that_no_trusted_proxy_has(void **state)
{
    (void) state;
    assert_client("192.0.2.1", NULL, "192.0.2.1");
    assert_client("10.0.0.1", NULL, "10.0.0.1");
    assert_client("10.0.0.1", "192.0.2.1", "192.0.2.1");
    assert_client("::1", "192.0.2.1, 10.0.0.2", "192.0.2.1");
    assert_client("10.0.0.1", "203.0.113.5,192.0.2.1 ,\t10.0.0.2", "192.0.2.1");
    assert_client("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3");
    assert_client("10.0.0.1", "2001:db8::5", "2001:db8::5");
    assert_client("::ffff:10.0.0.1", "192.0.2.1", "192.0.2.1");
}

static void
what_a_stranger_says_of_itself_is_not_believed(void **state)
{
    (void) state;
    assert_client("192.0.2.1", "127.0.0.1", "192.0.2.1");
    assert_client("10.0.0.1", "127.0.0.1, 192.0.2.1", "192.0.2.1");
    assert_client("10.0.0.1", "unknown", "10.0.0.1");
    assert_client("10.0.0.1", "192.0.2.1, unknown", "10.0.0.1");
    assert_client("10.0.0.1", "192.0.2.1,", "10.0.0.1");
    assert_client("10.0.0.1", "", "10.0.0.1");
    char text[200];
    memset(text, '1', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_client("10.0.0.1", text, "10.0.0.1");
}

static void
ten_wrong_tokens_at_once_then_one_every_six_seconds(void **state)
{
    (void) state;
    guess_limit_t *limit = guess_limit_new();
    for (int at = 0; at < GUESS_LIMIT_MOST; at++) {
        assert_int_equal(guess_limit_wait_ms(limit, "a", 1000), 0);
        guess_limit_failed(limit, "a", 1000);
    }
    assert_int_equal(guess_limit_wait_ms(limit, "a", 1000), GUESS_LIMIT_EVERY_MS);
    assert_int_equal(guess_limit_wait_ms(limit, "b", 1000), 0);
    assert_int_equal(guess_limit_wait_ms(limit, "a", 1000 + GUESS_LIMIT_EVERY_MS), 0);
    guess_limit_failed(limit, "a", 1000 + GUESS_LIMIT_EVERY_MS);
    assert_int_equal(guess_limit_wait_ms(limit, "a", 1000 + GUESS_LIMIT_EVERY_MS),
                     GUESS_LIMIT_EVERY_MS);
    guess_limit_destroy(&limit);
}

static void
the_table_of_guessers_is_bounded_and_forgets(void **state)
{
    (void) state;
    guess_limit_t *limit = guess_limit_new();
    char address[32];
    for (int at = 0; at < GUESS_LIMIT_ADDRESSES + 50; at++) {
        snprintf(address, sizeof address, "a%d", at);
        guess_limit_failed(limit, address, 1000);
    }
    assert_int_equal(guess_limit_size(limit), GUESS_LIMIT_ADDRESSES);
    guess_limit_failed(limit, "late", 1000 + GUESS_LIMIT_EVERY_MS);
    assert_int_equal(guess_limit_size(limit), 1);
    guess_limit_destroy(&limit);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_has_its_addresses_and_no_others),
        cmocka_unit_test(the_client_is_the_last_address_that_no_trusted_proxy_has),
        cmocka_unit_test(what_a_stranger_says_of_itself_is_not_believed),
        cmocka_unit_test(ten_wrong_tokens_at_once_then_one_every_six_seconds),
        cmocka_unit_test(the_table_of_guessers_is_bounded_and_forgets),
    };
    return cmocka_run_group_tests_name("network", tests, NULL, NULL);
}
