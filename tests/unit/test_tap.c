// test_tap - what the relay copies aside, and what it says of what did not fit
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

enum { CHUNK_BYTES = 40000 };

// Writer and reader are two processes; here a fork in the middle makes them.
typedef void side_fn(tap_t *tap);

static const tap_note_t note = {.columns = 132, .relay = 4711, .analytics_path = "/a/log"};

static void
become_writer(tap_t *tap)
{
    tap_let_go(tap);
}

// As the observer does, in a program of its own.
static void
become_reader(tap_t **tap_p)
{
    int bell = dup(tap_reader_bell(*tap_p));
    int ring = dup(tap_reader_ring(*tap_p));
    tap_destroy(tap_p);
    *tap_p = tap_new_reader(bell, ring);
    assert_non_null(*tap_p);
}

// Let one process write all it wants, and then read in this one.
static void
write_then_read(side_fn *write_side, side_fn *read_side)
{
    tap_t *tap = tap_new(&note);
    assert_non_null(tap);
    pid_t writer = fork();
    if (writer == 0) {
        become_writer(tap);
        write_side(tap);
        _exit(0);
    }
    become_reader(&tap);
    assert_int_equal(waitpid(writer, NULL, 0), writer);
    read_side(tap);
    tap_destroy(&tap);
    assert_null(tap);
}

static void
write_three(tap_t *tap)
{
    tap_write(tap, TAP_STDOUT, (const uint8_t *) "one", 3, 10);
    tap_write(tap, TAP_STDERR, (const uint8_t *) "two", 3, 20);
    tap_write(tap, TAP_STDIN, (const uint8_t *) "three", 5, 30);
    tap_end(tap, 0x100, 40);
}

static void
expect(tap_t *tap, tap_kind_t kind, const char *text, uint64_t time_ns, uint64_t lost_bytes)
{
    tap_record_t record;
    assert_int_equal(tap_next(tap, &record), TAP_RECORD);
    assert_int_equal(record.kind, kind);
    assert_int_equal(record.length, strlen(text));
    assert_memory_equal(record.bytes, text, strlen(text));
    assert_int_equal(record.time_ns, time_ns);
    assert_int_equal(record.lost_bytes, lost_bytes);
}

static void
read_three(tap_t *tap)
{
    tap_record_t record;
    expect(tap, TAP_STDOUT, "one", 10, 0);
    expect(tap, TAP_STDERR, "two", 20, 0);
    expect(tap, TAP_STDIN, "three", 30, 0);
    assert_int_equal(tap_next(tap, &record), TAP_RECORD);
    assert_int_equal(record.kind, TAP_ENDED);
    assert_int_equal(record.status, 0x100);
    assert_int_equal(tap_next(tap, &record), TAP_CLOSED);
}

static void
records_come_in_order_and_then_the_end(void **state)
{
    (void) state;
    write_then_read(write_three, read_three);
}

static void
write_too_much(tap_t *tap)
{
    static uint8_t bytes[CHUNK_BYTES];
    for (int i = 0; i < 100; i++)
        tap_write(tap, TAP_STDOUT, bytes, sizeof bytes, (uint64_t) i);
    tap_end(tap, 0, 1000);
}

static void
count_it(tap_t *tap)
{
    tap_record_t record;
    uint64_t copied = 0;
    uint64_t lost = 0;
    bool ended = false;
    while (tap_next(tap, &record) == TAP_RECORD) {
        if (record.kind == TAP_STDOUT)
            copied += record.length;
        lost += record.lost_bytes;
        ended = record.kind == TAP_ENDED;
    }
    assert_true(copied > TAP_RING_BYTES / 2);
    assert_true(lost > 0);
    assert_int_equal(copied + lost, 100 * CHUNK_BYTES);
    assert_true(ended);
}

static void
what_does_not_fit_is_counted_and_the_end_always_fits(void **state)
{
    (void) state;
    write_then_read(write_too_much, count_it);
}

static void
nothing(tap_t *tap)
{
    (void) tap;
}

static void
see_the_end(tap_t *tap)
{
    tap_record_t record;
    struct pollfd bell = {.fd = tap_fd(tap), .events = POLLIN};
    assert_int_equal(poll(&bell, 1, 0), 1);
    assert_int_equal(tap_next(tap, &record), TAP_CLOSED);
}

static void
a_writer_that_dies_without_a_word_is_noticed(void **state)
{
    (void) state;
    write_then_read(nothing, see_the_end);
}

static void
a_long_run_goes_around_the_ring_unharmed(void **state)
{
    (void) state;
    tap_t *tap = tap_new(&note);
    pid_t writer = fork();
    assert_true(writer >= 0);
    if (writer == 0) {
        become_writer(tap);
        static uint8_t bytes[5000];
        for (uint32_t i = 0; i < 5000; i++) {
            size_t size = 1 + (size_t) i * 7919 % sizeof bytes;
            memset(bytes, (int) (i & 0xff), size);
            tap_write(tap, TAP_STDOUT, bytes, size, i);
        }
        tap_end(tap, 0, 5000);
        _exit(0);
    }
    become_reader(&tap);
    uint64_t total = 0;
    uint64_t last = 0;
    tap_outcome_t outcome = TAP_EMPTY;
    while (outcome != TAP_CLOSED) {
        tap_record_t record;
        struct pollfd bell = {.fd = tap_fd(tap), .events = POLLIN};
        assert_int_equal(poll(&bell, 1, 60000), 1);
        while ((outcome = tap_next(tap, &record)) == TAP_RECORD) {
            total += record.length + record.lost_bytes;
            assert_true(record.time_ns >= last);
            last = record.time_ns;
            for (uint32_t at = 0; at < record.length; at++)
                assert_int_equal(record.bytes[at], record.time_ns & 0xff);
        }
        assert_int_not_equal(outcome, TAP_BROKEN);
    }
    uint64_t written = 0;
    for (uint32_t i = 0; i < 5000; i++)
        written += 1 + i * 7919 % 5000;
    assert_int_equal(total, written);
    assert_int_equal(waitpid(writer, NULL, 0), writer);
    tap_destroy(&tap);
}

static void
a_writer_without_a_reader_goes_on(void **state)
{
    (void) state;
    tap_t *tap = tap_new(&note);
    pid_t reader = fork();
    if (reader == 0)
        _exit(0);
    assert_int_equal(waitpid(reader, NULL, 0), reader);
    become_writer(tap);
    write_too_much(tap);
    tap_destroy(&tap);
}

static void
the_reader_has_the_writers_note(void **state)
{
    (void) state;
    tap_t *tap = tap_new(&note);
    assert_true(tap && !tap_is_heard(tap));    // nobody has taken the reader's ends yet
    become_reader(&tap);
    assert_int_equal(tap_note(tap)->columns, 132);
    assert_int_equal(tap_note(tap)->relay, 4711);
    assert_string_equal(tap_note(tap)->analytics_path, "/a/log");
    tap_destroy(&tap);
}

static void
what_is_no_tap_is_refused_and_left_open(void **state)
{
    (void) state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_null(tap_new_reader(ends[0], ends[1]));
    assert_null(tap_new_reader(ends[0], 9999));
    assert_int_equal(close(ends[0]) + close(ends[1]), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_in_order_and_then_the_end),
        cmocka_unit_test(what_does_not_fit_is_counted_and_the_end_always_fits),
        cmocka_unit_test(a_writer_that_dies_without_a_word_is_noticed),
        cmocka_unit_test(a_long_run_goes_around_the_ring_unharmed),
        cmocka_unit_test(a_writer_without_a_reader_goes_on),
        cmocka_unit_test(the_reader_has_the_writers_note),
        cmocka_unit_test(what_is_no_tap_is_refused_and_left_open),
    };
    return cmocka_run_group_tests_name("tap", tests, NULL, NULL);
}
