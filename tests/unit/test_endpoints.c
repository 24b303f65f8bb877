// test_endpoints - what to try, and what the broker's answer means
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <czmq.h>

#include "mesh/discovery.h"
#include "mesh/endpoints.h"
#include "temp_dir.h"

typedef struct bench {
    char *dir, *discovery;
    mesh_settings_t *settings;
} bench_t;

static void
assign(bench_t *self, const char *key, const char *value)
{
    char *error = NULL, *text = zsys_sprintf("%s=%s", key, value);
    if (mesh_settings_assign(self->settings, text, "test", &error) != 0)
        fail_msg("%s", error);
    zstr_free(&text);
}

static int
setup(void **state)
{
    bench_t *self = test_calloc(1, sizeof *self);
    self->dir = temp_dir_new();
    self->discovery = temp_dir_file(self->dir, "discovery.json");
    self->settings = mesh_settings_new();
    assign(self, "mesh/runtime_dir", self->dir);
    assign(self, "mesh/discovery_file", self->discovery);
    *state = self;
    return 0;
}

static int
teardown(void **state)
{
    bench_t *self = *state;
    mesh_settings_destroy(&self->settings);
    free(self->discovery);
    temp_dir_destroy(&self->dir);
    test_free(self);
    return 0;
}

// What is to be tried, in one text; the caller frees it.
static void
assert_tried(bench_t *self, const char *expected)
{
    char *error = NULL;
    zlist_t *list = mesh_endpoints_control(self->settings, &error);
    if (!list)
        fail_msg("%s", error);
    char text[1024] = "";
    for (char *item = zlist_first(list); item; item = zlist_next(list)) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s", used ? " " : "", item);
    }
    assert_string_equal(text, expected);
    zlist_destroy(&list);
}

static void
without_seeds_the_runtime_directory_is_tried(void **state)
{
    bench_t *self = *state;
    char *expected = zsys_sprintf("ipc://%s/control", self->dir);
    assert_tried(self, expected);
    zstr_free(&expected);
}

static void
what_the_discovery_file_says_is_tried_first(void **state)
{
    bench_t *self = *state;
    char *error = NULL;
    json_t *entries = json_pack(
        "[{s:s, s:s, s:i, s:s, s:i, s:f, s:{s:{s:s}}}]", "coordinator_id", "b", "host", "h",
        "port", 5773, "transport_type", "zmq", "start_time", 0, "last_heartbeat",
        (double) zclock_time() / 1000, "metadata", "endpoints", "control", "ipc:///other");
    assert_int_equal(mesh_discovery_write(self->discovery, entries, &error), 0);
    json_decref(entries);
    char *expected = zsys_sprintf("ipc:///other ipc://%s/control", self->dir);
    assert_tried(self, expected);
    zstr_free(&expected);
}

static void
where_there_are_seeds_nothing_else_is_tried(void **state)
{
    bench_t *self = *state;
    assign(self, "mesh/seeds", "tcp://build-7,tcp://10.0.0.1:7000,tcp://[::1],ipc:///x/y");
    assert_tried(self, "tcp://build-7:5773 tcp://10.0.0.1:7000 tcp://[::1]:5773 ipc:///x/y");
}

static void
a_seed_that_is_none_is_refused_by_name(void **state)
{
    bench_t *self = *state;
    static const char *const wrong[] = {"build-7", "http://build-7", "tcp://"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char *error = NULL;
        assign(self, "mesh/seeds", wrong[i]);
        assert_null(mesh_endpoints_control(self->settings, &error));
        assert_non_null(error);
        assert_non_null(strstr(error, wrong[i]));
        free(error);
    }
}

static void
assert_resolved(const char *named, const char *reached, const char *expected)
{
    char *endpoint = mesh_endpoints_resolve(named, reached);
    if (expected)
        assert_string_equal(endpoint, expected);
    else
        assert_null(endpoint);
    free(endpoint);
}

static void
any_host_means_the_one_that_was_reached(void **state)
{
    (void) state;
    assert_resolved("tcp://*:5771", "tcp://build-7:5773", "tcp://build-7:5771");
    assert_resolved("tcp://0.0.0.0:5771", "tcp://10.0.0.1:99", "tcp://10.0.0.1:5771");
    assert_resolved("tcp://[::]:5771", "tcp://[fe80::1]:99", "tcp://[fe80::1]:5771");
    assert_resolved("tcp://*:5771", "ipc:///run/control", "tcp://127.0.0.1:5771");
}

static void
a_host_that_is_named_is_kept(void **state)
{
    (void) state;
    assert_resolved("tcp://10.0.0.2:5771", "tcp://build-7:5773", "tcp://10.0.0.2:5771");
    assert_resolved("ipc:///run/publish", "tcp://build-7:5773", "ipc:///run/publish");
}

static void
what_is_no_endpoint_is_refused(void **state)
{
    (void) state;
    char longer[1024] = "tcp://";
    memset(longer + strlen(longer), 'h', sizeof longer - strlen("tcp://") - 1);
    longer[sizeof longer - 1] = '\0';
    assert_resolved("", "ipc:///run/control", NULL);
    assert_resolved("build-7:5771", "ipc:///run/control", NULL);
    assert_resolved("udp://build-7:5771", "ipc:///run/control", NULL);
    assert_resolved(longer, "ipc:///run/control", NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_seeds_the_runtime_directory_is_tried),
        TEST(what_the_discovery_file_says_is_tried_first),
        TEST(where_there_are_seeds_nothing_else_is_tried),
        TEST(a_seed_that_is_none_is_refused_by_name),
        cmocka_unit_test(any_host_means_the_one_that_was_reached),
        cmocka_unit_test(a_host_that_is_named_is_kept),
        cmocka_unit_test(what_is_no_endpoint_is_refused),
    };
    return cmocka_run_group_tests_name("endpoints", tests, NULL, NULL);
}
