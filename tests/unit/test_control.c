// test_control - what control messages promise
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "mesh/control.h"

// A message of these texts; the list ends with NULL.
static zmsg_t *
message_of(const char *const texts[])
{
    zmsg_t *message = zmsg_new();
    for (size_t i = 0; texts[i]; i++)
        zmsg_addstr(message, texts[i]);
    return message;
}

static mesh_control_outcome_t
outcome_of(zmsg_t *message)
{
    mesh_control_t control;
    mesh_control_outcome_t outcome = mesh_control_unpack(&control, &message);
    assert_null(message);
    if (outcome == MESH_CONTROL_OK) {
        mesh_control_clear(&control);
    } else {
        assert_null(control.body);
        assert_null(control.frames);
    }
    return outcome;
}

static void
what_is_packed_is_unpacked(void **state)
{
    (void) state;
    json_t *body = json_pack("{s:i, s:s}", "id", 7, "text", "gr\xc3\xbc\xc3\x9f");
    zmsg_t *frames = zmsg_new();
    zmsg_addstr(frames, "topic");
    zmsg_addmem(frames, "\0\1", 2);
    zmsg_t *message = mesh_control_pack("events", body, &frames);
    assert_null(frames);
    mesh_control_t control;
    assert_int_equal(mesh_control_unpack(&control, &message), MESH_CONTROL_OK);
    assert_null(message);
    assert_string_equal(control.verb, "events");
    assert_true(json_equal(control.body, body));
    assert_int_equal(zmsg_size(control.frames), 2);
    assert_true(zframe_streq(zmsg_first(control.frames), "topic"));
    assert_int_equal(zframe_size(zmsg_next(control.frames)), 2);
    mesh_control_clear(&control);
    json_decref(body);
}

static void
a_message_may_have_no_further_frames(void **state)
{
    (void) state;
    json_t *body = json_object();
    zmsg_t *none = NULL;
    zmsg_t *message = mesh_control_pack("bye", body, &none);
    assert_int_equal(outcome_of(message), MESH_CONTROL_OK);
    message = mesh_control_pack("bye", body, NULL);
    assert_int_equal(outcome_of(message), MESH_CONTROL_OK);
    json_decref(body);
}

static void
another_first_frame_is_another_protocol(void **state)
{
    (void) state;
    static const char *const wrong[][4] = {
        {NULL},
        {"", NULL},
        {"aidermesh/2", "hello", "{}", NULL},
        {"aidermesh/", "hello", "{}", NULL},
        {"aidermesh/11", "hello", "{}", NULL},
        {"hello", "{}", NULL},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(outcome_of(message_of(wrong[i])), MESH_CONTROL_VERSION);
}

static void
what_has_no_verb_or_no_object_is_malformed(void **state)
{
    (void) state;
    static const char *const wrong[][4] = {
        {"aidermesh/1", NULL},
        {"aidermesh/1", "hello", NULL},
        {"aidermesh/1", "", "{}", NULL},
        {"aidermesh/1", "Hello", "{}", NULL},
        {"aidermesh/1", "hel lo", "{}", NULL},
        {"aidermesh/1", "a_verb_that_is_as_long_as_its_room", "{}", NULL},
        {"aidermesh/1", "hello", "", NULL},
        {"aidermesh/1", "hello", "[]", NULL},
        {"aidermesh/1", "hello", "7", NULL},
        {"aidermesh/1", "hello", "{", NULL},
        {"aidermesh/1", "hello", "{} ]", NULL},
        {"aidermesh/1", "hello", "{\"a\":1,\"a\":2}", NULL},
        {"aidermesh/1", "hello", "{\"a\":\"\xff\"}", NULL},
        {"aidermesh/1", "hello", "{\"a\":99999999999999999999}", NULL},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(outcome_of(message_of(wrong[i])), MESH_CONTROL_MALFORMED);
}

static void
more_than_a_mebibyte_is_malformed(void **state)
{
    (void) state;
    zmsg_t *message = message_of((const char *const[]){"aidermesh/1", "events", "{}", NULL});
    zframe_t *frame = zframe_new(NULL, MESH_CONTROL_LIMIT - strlen("events{}"));
    memset(zframe_data(frame), 0, zframe_size(frame));
    zmsg_append(message, &frame);
    zmsg_t *larger = zmsg_dup(message);
    assert_int_equal(outcome_of(message), MESH_CONTROL_OK);
    zmsg_addmem(larger, "x", 1);
    assert_int_equal(outcome_of(larger), MESH_CONTROL_MALFORMED);
}

static void
a_deeply_nested_body_is_malformed(void **state)
{
    (void) state;
    enum { DEPTH = 100000 };
    char *text = malloc(DEPTH + 1);
    memset(text, '[', DEPTH);
    text[DEPTH] = '\0';
    zmsg_t *message = message_of((const char *const[]){"aidermesh/1", "hello", text, NULL});
    assert_int_equal(outcome_of(message), MESH_CONTROL_MALFORMED);
    free(text);
}

static void
members_are_given_only_when_they_are_of_their_kind(void **state)
{
    (void) state;
    json_t *body = json_pack("{s:s, s:i, s:i, s:f, s:n, s:s#}", "text", "abc", "number", 7,
                             "negative", -1, "real", 1.0, "null", "nul", "a\0b", (size_t) 3);
    const char *text = NULL;
    uint64_t number = 0;
    assert_int_equal(mesh_control_get_text(body, "text", 3, &text), 0);
    assert_string_equal(text, "abc");
    assert_int_equal(mesh_control_get_text(body, "text", 2, &text), -1);
    assert_int_equal(mesh_control_get_text(body, "number", 9, &text), -1);
    assert_int_equal(mesh_control_get_text(body, "null", 9, &text), -1);
    assert_int_equal(mesh_control_get_text(body, "missing", 9, &text), -1);
    assert_int_equal(mesh_control_get_text(body, "nul", 9, &text), -1);
    assert_int_equal(mesh_control_get_text(NULL, "text", 9, &text), -1);
    assert_int_equal(mesh_control_get_number(body, "number", &number), 0);
    assert_int_equal(number, 7);
    assert_int_equal(mesh_control_get_number(body, "negative", &number), -1);
    assert_int_equal(mesh_control_get_number(body, "real", &number), -1);
    assert_int_equal(mesh_control_get_number(body, "text", &number), -1);
    assert_int_equal(mesh_control_get_number(body, "missing", &number), -1);
    json_decref(body);
}

static void
an_epoch_is_sixteen_lower_case_digits(void **state)
{
    (void) state;
    const uint64_t epochs[] = {1, 0x00c0ffee00c0ffee, UINT64_MAX};
    for (size_t i = 0; i < sizeof epochs / sizeof epochs[0]; i++) {
        uint64_t read = 0;
        json_t *body = json_pack("{s:o}", "epoch", mesh_control_epoch(epochs[i]));
        assert_int_equal(mesh_control_get_epoch(body, "epoch", &read), 0);
        assert_int_equal(read, epochs[i]);
        json_decref(body);
    }
    static const char *const wrong[] = {"",
                                        "1",
                                        "00C0FFEE00C0FFEE",
                                        "00c0ffee00c0ffe",
                                        "00c0ffee00c0ffee0",
                                        "0x00c0ffee00c0ff",
                                        " 0c0ffee00c0ffee",
                                        "+0c0ffee00c0ffee"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint64_t read = 0;
        json_t *body = json_pack("{s:s}", "epoch", wrong[i]);
        assert_int_equal(mesh_control_get_epoch(body, "epoch", &read), -1);
        json_decref(body);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_packed_is_unpacked),
        cmocka_unit_test(a_message_may_have_no_further_frames),
        cmocka_unit_test(another_first_frame_is_another_protocol),
        cmocka_unit_test(what_has_no_verb_or_no_object_is_malformed),
        cmocka_unit_test(more_than_a_mebibyte_is_malformed),
        cmocka_unit_test(a_deeply_nested_body_is_malformed),
        cmocka_unit_test(members_are_given_only_when_they_are_of_their_kind),
        cmocka_unit_test(an_epoch_is_sixteen_lower_case_digits),
    };
    return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
