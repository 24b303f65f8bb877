// test_wire - what the header of an event promises, and what the test vectors say of it
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <dirent.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/topic.h"
#include "mesh/wire.h"

enum { VECTORS_AT_LEAST = 30, PATH_SIZE = 1024 };

typedef struct bytes {
    uint8_t *data;    // owned
    size_t size;
} bytes_t;

static unsigned
digit_value(int c)
{
    if (c >= '0' && c <= '9')
        return (unsigned) (c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned) (c - 'a') + 10;
    return UINT_MAX;
}

// The bytes of tests/fixtures/wire/<name><suffix>, hexadecimal digits in lines.
static bytes_t
read_hex(const char *name, const char *suffix)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, TEST_FIXTURES "/wire/%s%s", name, suffix);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    bytes_t bytes = {malloc(PATH_SIZE), 0};
    for (;;) {
        int high = fgetc(file);
        if (high == '\n')
            continue;
        if (high == EOF)
            break;
        unsigned upper = digit_value(high), lower = digit_value(fgetc(file));
        assert_true(upper < 16 && lower < 16 && bytes.size < PATH_SIZE);
        bytes.data[bytes.size++] = (uint8_t) (upper << 4 | lower);
    }
    fclose(file);
    return bytes;
}

static uint64_t
number(const json_t *object, const char *name)
{
    const json_t *member = json_object_get(object, name);
    assert_true(json_is_integer(member));
    return (uint64_t) json_integer_value(member);
}

static const char *
text(const json_t *object, const char *name)
{
    const json_t *member = json_object_get(object, name);
    assert_true(json_is_string(member));
    return json_string_value(member);
}

static void
check_header(const mesh_header_t *header, const json_t *expected)
{
    char source[MESH_UUID_TEXT_SIZE];
    mesh_uuid_format(&header->source, source);
    assert_string_equal(source, text(expected, "source"));
    assert_int_equal(header->flags, number(expected, "flags"));
    assert_int_equal(header->covers, number(expected, "covers"));
    assert_int_equal(header->seq, strtoull(text(expected, "seq"), NULL, 10));
    assert_int_equal(header->timestamp_us, number(expected, "timestamp_us"));
    assert_int_equal(header->epoch, strtoull(text(expected, "epoch"), NULL, 16));
    assert_int_equal(header->offset, strtoull(text(expected, "offset"), NULL, 10));
    assert_int_equal(header->previous, strtoull(text(expected, "previous"), NULL, 10));
    assert_int_equal(header->recorded_us, number(expected, "recorded_us"));
}

// A message that is read gives what the vector says, and what it says gives the message again.
static void
check_good(const json_t *meaning, const bytes_t *topic, const bytes_t *body)
{
    mesh_topic_t parts;
    assert_int_equal(mesh_topic_parse(&parts, (char *) topic->data, topic->size), 0);
    assert_string_equal(parts.type, text(meaning, "type"));
    assert_string_equal(parts.host, text(meaning, "host"));
    assert_string_equal(parts.session, text(meaning, "session"));
    mesh_header_t header;
    assert_int_equal(mesh_wire_decode(&header, body->data, body->size), MESH_WIRE_OK);
    check_header(&header, json_object_get(meaning, "header"));
    const char *payload = text(meaning, "payload");
    assert_int_equal(body->size - MESH_WIRE_HEADER_BYTES, strlen(payload));
    assert_memory_equal(body->data + MESH_WIRE_HEADER_BYTES, payload, strlen(payload));

    char again[MESH_TOPIC_SIZE];
    assert_int_equal(mesh_topic_format(again, parts.type, parts.host, parts.session),
                     topic->size);
    assert_memory_equal(again, topic->data, topic->size);
    uint8_t bytes[MESH_WIRE_HEADER_BYTES];
    mesh_wire_encode(&header, strlen(payload), bytes);
    assert_memory_equal(bytes, body->data, sizeof bytes);
}

static void
check_refused(const char *reason, const bytes_t *topic, const bytes_t *body)
{
    mesh_topic_t parts;
    mesh_header_t header;
    mesh_wire_outcome_t outcome = mesh_wire_decode(&header, body->data, body->size);
    int rc = mesh_topic_parse(&parts, (char *) topic->data, topic->size);
    assert_string_equal(rc == 0 ? mesh_wire_outcome_name(outcome) : "topic-wrong", reason);
    if (rc != 0)
        assert_int_equal(outcome, MESH_WIRE_OK);    // each vector has one fault
}

static void
check_vector(const char *name)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, TEST_FIXTURES "/wire/%s.json", name);
    json_t *meaning = json_load_file(path, 0, NULL);
    assert_non_null(meaning);
    bytes_t topic = read_hex(name, ".topic.hex");
    bytes_t body = read_hex(name, ".body.hex");
    const char *reason = json_string_value(json_object_get(meaning, "refused"));
    print_message("%s: %s\n", name, text(meaning, "says"));
    if (reason)
        check_refused(reason, &topic, &body);
    else
        check_good(meaning, &topic, &body);
    free(topic.data);
    free(body.data);
    json_decref(meaning);
}

static void
each_test_vector_means_what_is_written_beside_it(void **state)
{
    (void) state;
    DIR *dir = opendir(TEST_FIXTURES "/wire");
    assert_non_null(dir);
    size_t count = 0;
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        char name[sizeof entry->d_name];
        snprintf(name, sizeof name, "%s", entry->d_name);
        char *end = strstr(name, ".json");
        if (!end)
            continue;
        *end = '\0';
        check_vector(name);
        count++;
    }
    closedir(dir);
    assert_true(count >= VECTORS_AT_LEAST);
}

static uint8_t *
frame_of(size_t payload_bytes)
{
    uint8_t *frame = calloc(1, MESH_WIRE_HEADER_BYTES + payload_bytes);
    mesh_header_t header = {.covers = 1, .seq = 1};
    if (payload_bytes <= MESH_WIRE_PAYLOAD_LIMIT)
        mesh_wire_encode(&header, payload_bytes, frame);
    else
        frame[0] = MESH_WIRE_VERSION;
    return frame;
}

static void
the_largest_payload_is_read_and_one_byte_more_is_refused(void **state)
{
    (void) state;
    mesh_header_t header;
    uint8_t *frame = frame_of(MESH_WIRE_PAYLOAD_LIMIT);
    assert_int_equal(
        mesh_wire_decode(&header, frame, MESH_WIRE_HEADER_BYTES + MESH_WIRE_PAYLOAD_LIMIT),
        MESH_WIRE_OK);
    free(frame);
    frame = frame_of(MESH_WIRE_PAYLOAD_LIMIT + 1);
    assert_int_equal(
        mesh_wire_decode(&header, frame, MESH_WIRE_HEADER_BYTES + MESH_WIRE_PAYLOAD_LIMIT + 1),
        MESH_WIRE_TOO_LARGE);
    free(frame);
}

static void
a_refused_frame_leaves_the_header_as_it_was(void **state)
{
    (void) state;
    mesh_header_t header;
    memset(&header, 0x5a, sizeof header);
    mesh_header_t before = header;
    uint8_t *frame = frame_of(1);
    frame[4 + 3] = 0;    // covers
    assert_int_equal(mesh_wire_decode(&header, frame, MESH_WIRE_HEADER_BYTES + 1),
                     MESH_WIRE_COVERS_WRONG);
    assert_memory_equal(&header, &before, sizeof header);
    free(frame);
}

static void
every_shorter_part_of_a_frame_is_refused(void **state)
{
    (void) state;
    uint8_t *frame = frame_of(10);
    for (size_t bytes = 0; bytes < MESH_WIRE_HEADER_BYTES + 10; bytes++) {
        mesh_header_t header;
        assert_int_not_equal(mesh_wire_decode(&header, frame, bytes), MESH_WIRE_OK);
    }
    free(frame);
}

static void
stamping_changes_the_brokers_part_and_nothing_else(void **state)
{
    (void) state;
    uint8_t frame[MESH_WIRE_HEADER_BYTES + 2];
    mesh_header_t sent = {.covers = 2, .source = mesh_uuid_new(), .seq = 9, .timestamp_us = -3};
    mesh_wire_encode(&sent, 2, frame);
    frame[MESH_WIRE_HEADER_BYTES] = '{';
    frame[MESH_WIRE_HEADER_BYTES + 1] = '}';
    mesh_header_t header = sent;
    header.flags = MESH_WIRE_LATE;
    header.epoch = 1;
    header.offset = 2;
    header.previous = 3;
    header.recorded_us = 4;
    mesh_wire_stamp(frame, &header);
    mesh_header_t read;
    assert_int_equal(mesh_wire_decode(&read, frame, sizeof frame), MESH_WIRE_OK);
    assert_int_equal(read.flags, MESH_WIRE_LATE);
    assert_int_equal(read.epoch, 1);
    assert_int_equal(read.offset, 2);
    assert_int_equal(read.previous, 3);
    assert_int_equal(read.recorded_us, 4);
    assert_int_equal(read.seq, 9);
    assert_int_equal(read.covers, 2);
    assert_int_equal(read.timestamp_us, -3);
    assert_true(mesh_uuid_equal(&read.source, &sent.source));
    assert_memory_equal(frame + MESH_WIRE_HEADER_BYTES, "{}", 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_test_vector_means_what_is_written_beside_it),
        cmocka_unit_test(the_largest_payload_is_read_and_one_byte_more_is_refused),
        cmocka_unit_test(a_refused_frame_leaves_the_header_as_it_was),
        cmocka_unit_test(every_shorter_part_of_a_frame_is_refused),
        cmocka_unit_test(stamping_changes_the_brokers_part_and_nothing_else),
    };
    return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
