// test_late_mark - which payloads can say that they are late; the others stay as they are
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "late_mark.h"

static void
expect(const char *payload, const char *expected)
{
    // To the byte, so that what is written or read beyond it is noticed.
    size_t bytes = strlen(payload);
    char *text = malloc(bytes + 1), *out = malloc(bytes + LATE_MARK_BYTES);
    memcpy(text, payload, bytes + 1);
    size_t written = late_mark_write(out, text, bytes);
    assert_int_equal(written, strlen(expected));
    assert_memory_equal(out, expected, written);
    free(text);
    free(out);
}

static void
it_is_the_last_member_of_an_object(void **state)
{
    (void) state;
    expect("{\"a\":1}", "{\"a\":1,\"late\":true}");
    expect("{}", "{\"late\":true}");
    expect("{\"a\":{}}", "{\"a\":{},\"late\":true}");
}

static void
white_space_is_passed_over(void **state)
{
    (void) state;
    expect(" \t{ \n} \r\n", " \t{\"late\":true \n} \r\n");
    expect("{\"a\":1 \n}\n", "{\"a\":1,\"late\":true \n}\n");
}

static void
what_is_no_object_stays_as_it_is(void **state)
{
    (void) state;
    static const char *const others[] = {"",         "  ",    "{",  "}", "[1]",
                                         "{\"a\":1", "\"}\"", "{]", "7"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        expect(others[i], others[i]);
}

static void
of_a_member_that_is_there_twice_readers_take_the_last(void **state)
{
    (void) state;
    static const char payload[] = "{\"late\":false}";
    char out[sizeof payload + LATE_MARK_BYTES];
    size_t bytes = late_mark_write(out, payload, sizeof payload - 1);
    json_t *json = json_loadb(out, bytes, 0, NULL);
    assert_true(json_is_true(json_object_get(json, "late")));
    json_decref(json);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_last_member_of_an_object),
        cmocka_unit_test(white_space_is_passed_over),
        cmocka_unit_test(what_is_no_object_stays_as_it_is),
        cmocka_unit_test(of_a_member_that_is_there_twice_readers_take_the_last),
    };
    return cmocka_run_group_tests_name("late_mark", tests, NULL, NULL);
}
