// test_http_base - where the HTTP side of a mesh is looked for
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_base.h"
#include "temp_dir.h"

typedef struct place {
    char *dir;
    mesh_settings_t *settings;
} place_t;

static void
assign(place_t *place, const char *key, const char *value)
{
    char *text = NULL;
    char *error = NULL;
    assert_true(asprintf(&text, "%s=%s", key, value) > 0);
    assert_int_equal(mesh_settings_assign(place->settings, text, "--set", &error), 0);
    free(text);
}

static int
set_up(void **state)
{
    place_t *place = calloc(1, sizeof *place);
    assert_non_null(place);
    place->dir = temp_dir_new();
    place->settings = mesh_settings_new();
    assign(place, "mesh/runtime_dir", place->dir);
    *state = place;
    return 0;
}

static int
tear_down(void **state)
{
    place_t *place = *state;
    mesh_settings_destroy(&place->settings);
    temp_dir_destroy(&place->dir);
    free(place);
    return 0;
}

static void
write_port(place_t *place, const char *text)
{
    char *path = temp_dir_file(place->dir, "http.port");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    free(path);
}

static void
expect_base(place_t *place, const char *expected)
{
    char *error = NULL;
    char *base = http_base_find(place->settings, &error);
    assert_null(error);
    assert_string_equal(base, expected);
    free(base);
}

static void
without_anything_it_is_the_default_port_of_loopback(void **state)
{
    expect_base(*state, "http://127.0.0.1:8790");
}

static void
the_port_file_of_the_running_mesh_beats_the_default(void **state)
{
    write_port(*state, "40123\n");
    expect_base(*state, "http://127.0.0.1:40123");
}

static void
a_port_that_was_set_beats_the_port_file(void **state)
{
    write_port(*state, "40123\n");
    assign(*state, "http/port", "9000");
    expect_base(*state, "http://127.0.0.1:9000");
}

static void
a_port_left_to_the_kernel_is_only_known_from_the_file(void **state)
{
    assign(*state, "http/port", "0");
    char *error = NULL;
    place_t *place = *state;
    assert_null(http_base_find(place->settings, &error));
    assert_non_null(strstr(error, "aidermesh up"));
    free(error);
    write_port(*state, "40123\n");
    expect_base(*state, "http://127.0.0.1:40123");
}

static void
a_port_file_that_is_damaged_or_half_written_has_no_port(void **state)
{
    static const char *const DAMAGED[] = {
        "", "4012", "x\n", "0\n", "-1\n", "65536\n", "1\n2\n", "99999999999999999999\n"};
    place_t *place = *state;
    char *path = temp_dir_file(place->dir, "http.port");
    assert_int_equal(http_base_read_port(path), -1);
    for (size_t i = 0; i < sizeof DAMAGED / sizeof *DAMAGED; i++) {
        write_port(place, DAMAGED[i]);
        assert_int_equal(http_base_read_port(path), -1);
    }
    free(path);
}

static void
a_url_that_was_given_is_taken_as_it_is(void **state)
{
    write_port(*state, "40123\n");
    assign(*state, "tail/url", "https://mesh.example:443/");
    expect_base(*state, "https://mesh.example:443");
}

static void
an_address_for_all_becomes_one_that_can_be_reached(void **state)
{
    (void) state;
    static const char *const CASES[][2] = {
        {"0.0.0.0", "http://127.0.0.1:80"},
        {"::", "http://[::1]:80"},
        {"10.0.0.7", "http://10.0.0.7:80"},
        {"fe80::1", "http://[fe80::1]:80"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char *url = http_base_format(CASES[i][0], 80, false);
        assert_string_equal(url, CASES[i][1]);
        free(url);
    }
}

static void
only_this_host_counts_as_loopback(void **state)
{
    (void) state;
    assert_true(http_base_is_loopback("http://127.0.0.1:8790/events"));
    assert_true(http_base_is_loopback("http://localhost/events"));
    assert_true(http_base_is_loopback("http://[::1]:1"));
    assert_false(http_base_is_loopback("http://127.evil.example/"));
    assert_false(http_base_is_loopback("http://127.0.0.1@evil.example/"));
    assert_false(http_base_is_loopback("http://localhost.evil.example/"));
    assert_false(http_base_is_loopback("http://10.0.0.1/"));
    assert_false(http_base_is_loopback("not a url"));
}

int
main(void)
{
#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_PLACE(without_anything_it_is_the_default_port_of_loopback),
        WITH_PLACE(the_port_file_of_the_running_mesh_beats_the_default),
        WITH_PLACE(a_port_that_was_set_beats_the_port_file),
        WITH_PLACE(a_port_left_to_the_kernel_is_only_known_from_the_file),
        WITH_PLACE(a_port_file_that_is_damaged_or_half_written_has_no_port),
        WITH_PLACE(a_url_that_was_given_is_taken_as_it_is),
        cmocka_unit_test(an_address_for_all_becomes_one_that_can_be_reached),
        cmocka_unit_test(only_this_host_counts_as_loopback),
    };
    return cmocka_run_group_tests_name("http_base", tests, NULL, NULL);
}
