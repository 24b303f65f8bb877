// test_payload_json - which payloads are JSON, and what is read of them
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <string.h>

#include "payload_json.h"

static void
any_value_of_json_is_read(void **state)
{
    (void) state;
    static const char *const payloads[] = {"{}",
                                           " [1] ",
                                           "null",
                                           "\"text\"",
                                           "-0",
                                           "1.0E+2",
                                           "{\"a\":1,\"a\":2}",
                                           "{\"nul\":\"\\u0000\"}",
                                           "-123456789012345678901234567890"};
    for (size_t at = 0; at < sizeof payloads / sizeof payloads[0]; at++)
        assert_true(payload_json_is_good(payloads[at], strlen(payloads[at])));
}

static void
what_is_none_or_is_taken_differently_is_not(void **state)
{
    (void) state;
    static const char *const payloads[] = {"",
                                           "{}{}",
                                           "{\"a\":1},\"b\":2",
                                           "NaN",
                                           "\"\\ud800\"",
                                           "1e999",
                                           "[1,]",
                                           "{\"\\u0000\":1}",
                                           "\xef\xbb\xbf{}",
                                           "\"\xff\""};
    for (size_t at = 0; at < sizeof payloads / sizeof payloads[0]; at++)
        assert_false(payload_json_is_good(payloads[at], strlen(payloads[at])));
    char deep[2 * 4096];
    memset(deep, '[', sizeof deep / 2);
    memset(deep + sizeof deep / 2, ']', sizeof deep / 2);
    assert_false(payload_json_is_good(deep, sizeof deep));
}

static void
integers_stay_what_they_are_beside_none_that_is_too_long(void **state)
{
    (void) state;
    static const char short_one[] = "{\"n\":9007199254740993}";
    json_t *json = payload_json_read(short_one, strlen(short_one));
    assert_true(json_integer_value(json_object_get(json, "n")) == 9007199254740993);
    json_decref(json);
}

static void
a_text_is_compared_with_its_nuls(void **state)
{
    (void) state;
    json_t *value = json_stringn("ab\0c", 4);
    assert_false(payload_json_is_text(value, "ab"));
    json_decref(value);
    value = json_string("ab");
    assert_true(payload_json_is_text(value, "ab"));
    assert_false(payload_json_is_text(value, "a"));
    json_decref(value);
    assert_false(payload_json_is_text(NULL, ""));
    value = json_integer(7);
    assert_false(payload_json_is_text(value, "7"));
    json_decref(value);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_value_of_json_is_read),
        cmocka_unit_test(what_is_none_or_is_taken_differently_is_not),
        cmocka_unit_test(integers_stay_what_they_are_beside_none_that_is_too_long),
        cmocka_unit_test(a_text_is_compared_with_its_nuls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
