// test_spool_record - what is written is read again, and what was not is refused
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <string.h>

#include "mesh/spool_record.h"

static const mesh_spool_record_t example = {
    .seq = 7,
    .covers = 3,
    .rank = MESH_RANK_LAST,
    .timestamp_us = -5,
    .topic = "a/h/s",
    .topic_bytes = 5,
    .body = "{\"n\":1}",
    .body_bytes = 7,
};

static void
a_record_is_read_as_it_was_written(void **state)
{
    (void) state;
    uint8_t bytes[128];
    size_t wanted, size = mesh_spool_record_size(&example);
    assert_int_equal(size, 52);
    mesh_spool_record_encode(&example, bytes);
    mesh_spool_record_t record;
    assert_int_equal(mesh_spool_record_decode(&record, bytes, size, &wanted),
                     MESH_SPOOL_RECORD_OK);
    assert_int_equal(record.seq, 7);
    assert_int_equal(record.covers, 3);
    assert_int_equal(record.rank, MESH_RANK_LAST);
    assert_int_equal(record.timestamp_us, -5);
    assert_int_equal(record.topic_bytes, 5);
    assert_memory_equal(record.topic, "a/h/s", 5);
    assert_int_equal(record.body_bytes, 7);
    assert_memory_equal(record.body, "{\"n\":1}", 7);
}

static void
a_record_cut_anywhere_is_short_and_says_how_much_it_wants(void **state)
{
    (void) state;
    uint8_t bytes[128];
    mesh_spool_record_t record;
    size_t size = mesh_spool_record_size(&example);
    mesh_spool_record_encode(&example, bytes);
    for (size_t cut = 0; cut < size; cut++) {
        size_t wanted = 0;
        assert_int_equal(mesh_spool_record_decode(&record, bytes, cut, &wanted),
                         MESH_SPOOL_RECORD_SHORT);
        assert_int_equal(wanted,
                         cut < MESH_SPOOL_RECORD_BYTES ? MESH_SPOOL_RECORD_BYTES : size);
    }
}

static void
a_record_with_any_bit_turned_is_no_record(void **state)
{
    (void) state;
    uint8_t bytes[128];
    mesh_spool_record_t record;
    size_t wanted, size = mesh_spool_record_size(&example);
    mesh_spool_record_encode(&example, bytes);
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t) (1U << bit % 8);
        assert_int_not_equal(mesh_spool_record_decode(&record, bytes, size, &wanted),
                             MESH_SPOOL_RECORD_OK);
        bytes[bit / 8] ^= (uint8_t) (1U << bit % 8);
    }
}

static void
zeros_as_a_disk_leaves_them_are_no_record(void **state)
{
    (void) state;
    uint8_t bytes[4096] = {0};
    mesh_spool_record_t record;
    size_t wanted;
    assert_int_equal(mesh_spool_record_decode(&record, bytes, sizeof bytes, &wanted),
                     MESH_SPOOL_RECORD_BROKEN);
}

static void
a_head_is_read_as_it_was_written_or_refused(void **state)
{
    (void) state;
    mesh_spool_head_t head = {.created_us = 1234567, .source = mesh_uuid_new()}, read;
    uint8_t bytes[MESH_SPOOL_HEAD_BYTES];
    mesh_spool_head_encode(&head, bytes);
    assert_int_equal(mesh_spool_head_decode(&read, bytes), 0);
    assert_memory_equal(&read, &head, sizeof head);
    for (size_t i = 0; i < MESH_SPOOL_MARK_AT; i++) {
        bytes[i] ^= 1;
        assert_int_equal(mesh_spool_head_decode(&read, bytes), -1);
        bytes[i] ^= 1;
    }
}

static void
a_mark_is_read_as_it_was_written_or_refused(void **state)
{
    (void) state;
    mesh_spool_mark_t mark = {.forgotten = 3, .last = 9}, read = {0};
    uint8_t bytes[MESH_SPOOL_MARK_BYTES];
    mesh_spool_mark_encode(&mark, bytes);
    assert_int_equal(mesh_spool_mark_decode(&read, bytes), 0);
    assert_int_equal(read.forgotten, 3);
    assert_int_equal(read.last, 9);
    bytes[3] ^= 1;
    assert_int_equal(mesh_spool_mark_decode(&read, bytes), -1);
    mark = (mesh_spool_mark_t){.forgotten = 9, .last = 3};
    mesh_spool_mark_encode(&mark, bytes);
    assert_int_equal(mesh_spool_mark_decode(&read, bytes), -1);
}

static void
the_bytes_are_those_that_the_document_shows(void **state)
{
    (void) state;
    static const uint8_t shown[] = {
        0x1c, 0x5c, 0xec, 0xcc, 0xf4, 0xbd, 0x19, 0xf7,    // checksum
        0x00, 0x00, 0x00, 0x0c, 0x00, 0x05, 0x02, 0x00,    // lengths, rank, reserved
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x07,    // seq
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfb,    // timestamp
        0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00,    // covers, reserved
        'a',  '/',  'h',  '/',  's',                       // topic
        '{',  '"',  'n',  '"',  ':',  '1',  '}',           // payload
    };
    uint8_t bytes[64];
    mesh_spool_record_encode(&example, bytes);
    assert_int_equal(mesh_spool_record_size(&example), sizeof shown);
    assert_memory_equal(bytes, shown, sizeof shown);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_read_as_it_was_written),
        cmocka_unit_test(a_record_cut_anywhere_is_short_and_says_how_much_it_wants),
        cmocka_unit_test(a_record_with_any_bit_turned_is_no_record),
        cmocka_unit_test(zeros_as_a_disk_leaves_them_are_no_record),
        cmocka_unit_test(a_head_is_read_as_it_was_written_or_refused),
        cmocka_unit_test(a_mark_is_read_as_it_was_written_or_refused),
        cmocka_unit_test(the_bytes_are_those_that_the_document_shows),
    };
    return cmocka_run_group_tests_name("spool_record", tests, NULL, NULL);
}
