// test_zipper - portions of two zippers, put one after the other, are one gzip stream
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "zipper.h"

enum { TEXT_BYTES = 1024 * 1024 };

// A reader that has what came so far.
typedef struct reader {
    z_stream stream;
    char *text;
} reader_t;

static void
read_portion(reader_t *self, const char *bytes, size_t count)
{
    unsigned char copy[70000];
    assert_in_range(count, 1, sizeof copy);
    memcpy(copy, bytes, count);
    self->stream.next_in = copy;
    self->stream.avail_in = (uInt) count;
    while (self->stream.avail_in > 0)
        assert_int_equal(inflate(&self->stream, Z_SYNC_FLUSH), Z_OK);
    self->text[self->stream.total_out] = '\0';
}

static void
reader_begin(reader_t *self)
{
    memset(self, 0, sizeof *self);
    self->text = malloc(TEXT_BYTES + 1);
    assert(self->text);
    assert_int_equal(inflateInit2(&self->stream, 15 + 16), Z_OK);    // gzip only
    self->stream.next_out = (unsigned char *) self->text;
    self->stream.avail_out = TEXT_BYTES;
    read_portion(self, ZIPPER_HEADER, ZIPPER_HEADER_BYTES);
}

static void
reader_end(reader_t *self)
{
    inflateEnd(&self->stream);
    free(self->text);
}

static size_t
portion(zipper_t *zipper, const char *text, reader_t *one, reader_t *other)
{
    size_t count;
    zipper_put(zipper, text, strlen(text));
    const char *bytes = zipper_flush(zipper, &count);
    read_portion(one, bytes, count);
    if (other)
        read_portion(other, bytes, count);
    return count;
}

static void
each_portion_can_be_read_as_it_comes_and_repeats_cost_little(void **state)
{
    (void) state;
    static const char event[] =
        "id: 00c0ffee00c0ffee-4%d\nevent: aider.session_progress\ndata: {\"timestamp\": "
        "1764806400.123456, \"session_id\": \"0190d9e8-7c5e-7d70-8a9b-4f6f6a1c2d3e\"}\n\n";
    zipper_t *zipper = zipper_new();
    reader_t reader;
    reader_begin(&reader);
    size_t first = portion(zipper, event, &reader, NULL);
    assert_string_equal(reader.text, event);
    size_t second = portion(zipper, event, &reader, NULL);
    assert_int_equal(strlen(reader.text), 2 * strlen(event));
    assert_true(first < strlen(event));
    assert_true(second < 20);
    reader_end(&reader);
    zipper_destroy(&zipper);
}

static void
who_joins_where_it_begins_anew_reads_on_like_the_others(void **state)
{
    (void) state;
    zipper_t *shared = zipper_new();
    zipper_t *private = zipper_new();
    reader_t early, late;
    reader_begin(&early);
    reader_begin(&late);
    portion(shared, "alpha beta gamma ", &early, NULL);
    portion(private, "something beta for the late one only ", &late, NULL);
    zipper_begin_anew(shared);
    for (int n = 0; n < 50; n++)
        portion(shared, "alpha beta gamma delta epsilon ", &early, &late);
    // A word in between, and back again.
    zipper_begin_anew(private);
    portion(private, "alpha beta gamma delta: again ", &late, NULL);
    zipper_begin_anew(shared);
    portion(shared, "alpha beta gamma delta epsilon ", &early, &late);
    assert_memory_equal(early.text, "alpha beta gamma alpha beta gamma delta epsilon alpha",
                        52);
    const char *again = strstr(late.text, "alpha beta gamma delta: again ");
    assert_non_null(again);
    assert_string_equal(again, "alpha beta gamma delta: again alpha beta gamma delta epsilon ");
    assert_int_equal(late.stream.total_out, 37 + 51 * 31 + 30);
    reader_end(&early);
    reader_end(&late);
    zipper_destroy(&shared);
    zipper_destroy(&private);
}

static void
a_portion_may_be_long_or_empty_or_of_noise(void **state)
{
    (void) state;
    zipper_t *zipper = zipper_new();
    reader_t reader;
    reader_begin(&reader);
    static char noise[60000];
    unsigned random = 1;
    for (size_t at = 0; at < sizeof noise - 1; at++) {
        random = random * 1103515245U + 12345U;
        noise[at] = (char) (1 + (random >> 16) % 255);
    }
    portion(zipper, noise, &reader, NULL);
    assert_string_equal(reader.text, noise);
    portion(zipper, "", &reader, NULL);
    portion(zipper, "end", &reader, NULL);
    assert_string_equal(reader.text + strlen(noise), "end");
    reader_end(&reader);
    zipper_destroy(&zipper);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_portion_can_be_read_as_it_comes_and_repeats_cost_little),
        cmocka_unit_test(who_joins_where_it_begins_anew_reads_on_like_the_others),
        cmocka_unit_test(a_portion_may_be_long_or_empty_or_of_noise),
    };
    return cmocka_run_group_tests_name("zipper", tests, NULL, NULL);
}
