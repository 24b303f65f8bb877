// test_sse_unzip - what the load client unpacks of a gzip stream, however it is cut
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "sse_unzip.h"

enum {
    TEXT_BYTES = 200 * 1000,
    SHORT_BYTES = 500,
    GZIP_ONLY = 16,
    MEMORY_LEVEL = 8,
    ENOUGH = 1 << 30,
};

typedef struct world {
    char *seen;    // TEXT_BYTES
    size_t seen_bytes;
    int parts_left;    // after so many it asks to stop
} world_t;

// sse_unzip_fn
static bool
on_part(void *arg, const char *bytes, size_t count)
{
    world_t *world = arg;
    assert_true(count <= TEXT_BYTES - world->seen_bytes);
    memcpy(world->seen + world->seen_bytes, bytes, count);
    world->seen_bytes += count;
    return --world->parts_left > 0;
}

static char *
text_of(size_t bytes)
{
    char *text = malloc(bytes);
    assert_non_null(text);
    for (size_t at = 0; at < bytes; at++)
        text[at] = (char) ('a' + (at * at / 7) % 26);
    return text;
}

// A stream that was flushed, and did not end.
static char *
packed(const char *text, size_t bytes, size_t *count)
{
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
                                  MAX_WBITS + GZIP_ONLY, MEMORY_LEVEL, Z_DEFAULT_STRATEGY),
                     Z_OK);
    size_t room = deflateBound(&stream, bytes) + 64;
    char *out = malloc(room);
    char *in = malloc(bytes);
    assert_non_null(out);
    assert_non_null(in);
    memcpy(in, text, bytes);
    stream.next_in = (unsigned char *) in;
    stream.avail_in = (unsigned) bytes;
    stream.next_out = (unsigned char *) out;
    stream.avail_out = (unsigned) room;
    assert_int_equal(deflate(&stream, Z_SYNC_FLUSH), Z_OK);
    *count = room - stream.avail_out;
    deflateEnd(&stream);
    free(in);
    return out;
}

static void
a_stream_is_unpacked_the_same_wherever_it_is_cut(void **state)
{
    (void) state;
    char *text = text_of(SHORT_BYTES);
    size_t count;
    char *gzip = packed(text, SHORT_BYTES, &count);
    world_t world = {.seen = malloc(TEXT_BYTES)};
    sse_unzip_t *unzip = sse_unzip_new();
    for (size_t cut = 0; cut <= count; cut++) {
        world.seen_bytes = 0;
        world.parts_left = ENOUGH;
        sse_unzip_begin_anew(unzip);
        assert_int_equal(sse_unzip_feed(unzip, gzip, cut, on_part, &world), 0);
        assert_int_equal(sse_unzip_feed(unzip, gzip + cut, count - cut, on_part, &world), 0);
        assert_int_equal(world.seen_bytes, SHORT_BYTES);
        assert_memory_equal(world.seen, text, SHORT_BYTES);
    }
    sse_unzip_destroy(&unzip);
    free(world.seen);
    free(gzip);
    free(text);
}

static void
more_than_a_part_comes_whole_and_in_order_unless_it_is_told_to_stop(void **state)
{
    (void) state;
    char *text = text_of(TEXT_BYTES);
    size_t count;
    char *gzip = packed(text, TEXT_BYTES, &count);
    world_t world = {.seen = malloc(TEXT_BYTES), .parts_left = ENOUGH};
    sse_unzip_t *unzip = sse_unzip_new();
    assert_int_equal(sse_unzip_feed(unzip, gzip, count, on_part, &world), 0);
    assert_int_equal(world.seen_bytes, TEXT_BYTES);
    assert_memory_equal(world.seen, text, TEXT_BYTES);

    world.seen_bytes = 0;
    world.parts_left = 1;
    sse_unzip_begin_anew(unzip);
    assert_int_equal(sse_unzip_feed(unzip, gzip, count, on_part, &world), 0);
    assert_true(world.seen_bytes > 0 && world.seen_bytes < TEXT_BYTES);
    assert_memory_equal(world.seen, text, world.seen_bytes);
    sse_unzip_destroy(&unzip);
    free(world.seen);
    free(gzip);
    free(text);
}

static void
what_is_not_gzip_is_told(void **state)
{
    (void) state;
    static const char plain[] = "event: stream.opened\ndata: {}\n\n";
    world_t world = {.seen = malloc(TEXT_BYTES), .parts_left = ENOUGH};
    sse_unzip_t *unzip = sse_unzip_new();
    assert_int_equal(sse_unzip_feed(unzip, plain, sizeof plain - 1, on_part, &world), -1);
    assert_int_equal(world.seen_bytes, 0);
    sse_unzip_destroy(&unzip);
    sse_unzip_destroy(&unzip);
    free(world.seen);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_is_unpacked_the_same_wherever_it_is_cut),
        cmocka_unit_test(more_than_a_part_comes_whole_and_in_order_unless_it_is_told_to_stop),
        cmocka_unit_test(what_is_not_gzip_is_told),
    };
    return cmocka_run_group_tests_name("sse_unzip", tests, NULL, NULL);
}
