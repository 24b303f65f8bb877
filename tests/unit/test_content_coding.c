// test_content_coding - what Accept-Encoding asks for
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "content_coding.h"

static void
assert_all(const char *const *values, content_coding_t expected)
{
    for (; *values; values++)
        if (content_coding_choose(*values) != expected)
            fail_msg("\"%s\" is not %d", *values, (int) expected);
}

static void
gzip_is_sent_to_who_takes_it(void **state)
{
    (void) state;
    static const char *const values[] = {"gzip",
                                         "deflate, gzip",
                                         "gzip, deflate, br, zstd",
                                         "GZip",
                                         "x-gzip",
                                         "*",
                                         "br;q=1, *;q=0.1",
                                         "gzip;q=0.001",
                                         "gzip ; q=0.5",
                                         "gzip;Q=1.000",
                                         "identity;q=0.5, gzip",
                                         "identity, gzip",
                                         "identity;q=0, gzip;q=0.1",
                                         " ,, gzip\t;\tq=0.2 ,",
                                         "identity;q=0, *",
                                         NULL};
    assert_all(values, CONTENT_CODING_GZIP);
}

static void
identity_is_sent_to_who_does_not_or_prefers_it(void **state)
{
    (void) state;
    static const char *const values[] = {"",
                                         "identity",
                                         "br",
                                         "deflate",
                                         "gzip;q=0",
                                         "gzip;q=0.000",
                                         "*;q=1, gzip;q=0",
                                         "gzip;q=0.5, identity;q=0.6",
                                         "gzip;q=0.5, identity",
                                         "gzipped",
                                         "zip",
                                         ";q=1",
                                         ",",
                                         NULL};
    assert_all(values, CONTENT_CODING_IDENTITY);
    assert_int_equal(content_coding_choose(NULL), CONTENT_CODING_IDENTITY);
}

static void
who_rules_both_out_gets_neither(void **state)
{
    (void) state;
    static const char *const values[] = {"identity;q=0",
                                         "*;q=0",
                                         "gzip;q=0, *;q=0",
                                         "br, *;q=0",
                                         "gzip;q=0, identity;q=0.0",
                                         NULL};
    assert_all(values, CONTENT_CODING_NONE);
}

static void
what_cannot_be_read_is_as_if_it_were_not_there(void **state)
{
    (void) state;
    static const char *const values[] = {
        "gzip;q=2", "gzip;q=",   "gzip;q=1.001",   "gzip;q=0.1234", "gzip;level=9",
        "gzip q=1", "gzip;q=-1", "gzip;q=0.5;a=b", "identity;q=x",  NULL};
    assert_all(values, CONTENT_CODING_IDENTITY);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gzip_is_sent_to_who_takes_it),
        cmocka_unit_test(identity_is_sent_to_who_does_not_or_prefers_it),
        cmocka_unit_test(who_rules_both_out_gets_neither),
        cmocka_unit_test(what_cannot_be_read_is_as_if_it_were_not_there),
    };
    return cmocka_run_group_tests_name("content_coding", tests, NULL, NULL);
}
