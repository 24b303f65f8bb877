// test_bindings - where a socket is bound, and what clients are told of it
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "bindings.h"
#include "temp_dir.h"

static const char key[] = "broker/bind_publish";

typedef struct bench {
    char *dir;
    mesh_settings_t *settings;
    zsock_t *socket;
} bench_t;

static int
setup(void **state)
{
    bench_t *self = test_calloc(1, sizeof *self);
    self->dir = temp_dir_new();
    self->settings = mesh_settings_new();
    self->socket = zsock_new(ZMQ_SUB);
    *state = self;
    return 0;
}

static int
teardown(void **state)
{
    bench_t *self = *state;
    zsock_destroy(&self->socket);
    mesh_settings_destroy(&self->settings);
    temp_dir_destroy(&self->dir);
    test_free(self);
    return 0;
}

static void
assign(bench_t *self, const char *assignment)
{
    char *error = NULL;
    if (mesh_settings_assign(self->settings, assignment, "test", &error) != 0)
        fail_msg("%s", error);
}

static char *
bound(bench_t *self)
{
    char *error = NULL;
    char *endpoint =
        bindings_bind(self->socket, self->settings, key, self->dir, "publish", &error);
    if (!endpoint)
        fail_msg("%s", error);
    assert_null(error);
    return endpoint;
}

// The sentence names the setting and says this.
static void
assert_refused(bench_t *self, const char *assignment, const char *because)
{
    char *error = NULL;
    assign(self, assignment);
    assert_null(bindings_bind(self->socket, self->settings, key, self->dir, "publish", &error));
    assert_non_null(error);
    assert_non_null(strstr(error, key));
    assert_non_null(strstr(error, because));
    free(error);
}

static void
by_default_it_is_a_socket_in_the_runtime_directory(void **state)
{
    bench_t *self = *state;
    char *endpoint = bound(self), *expected = zsys_sprintf("ipc://%s/publish", self->dir);
    assert_string_equal(endpoint, expected);
    zstr_free(&expected);
    free(endpoint);
}

static void
a_port_that_was_chosen_is_told(void **state)
{
    bench_t *self = *state;
    assign(self, "broker/bind_publish=tcp://127.0.0.1:*");
    char *endpoint = bound(self);
    assert_memory_equal(endpoint, "tcp://127.0.0.1:", strlen("tcp://127.0.0.1:"));
    assert_in_range(strtol(endpoint + strlen("tcp://127.0.0.1:"), NULL, 10), 1, 65535);
    free(endpoint);
}

static void
of_several_endpoints_the_first_is_told(void **state)
{
    bench_t *self = *state;
    char *assignment =
        zsys_sprintf("broker/bind_publish=ipc://%s/one,tcp://127.0.0.1:*", self->dir);
    assign(self, assignment);
    char *endpoint = bound(self), *expected = zsys_sprintf("ipc://%s/one", self->dir);
    assert_string_equal(endpoint, expected);
    zstr_free(&expected);
    zstr_free(&assignment);
    free(endpoint);
}

static void
what_is_no_endpoint_is_refused(void **state)
{
    bench_t *self = *state;
    assert_refused(self, "broker/bind_publish=5771", "is no endpoint");
    assert_refused(self, "broker/bind_publish=inproc://x", "is no endpoint");
    assert_refused(self, "broker/bind_publish=ipc://", "is no endpoint");
    assert_refused(self, "broker/bind_publish=tcp://127.0.0.1", "is no endpoint");
    assert_refused(self, "broker/bind_publish=tcp://127.0.0.1:", "is no endpoint");
    assert_refused(self, "broker/bind_publish=tcp://127.0.0.1:http", "is no endpoint");
    assert_refused(self, "broker/bind_publish=tcp://127.0.0.1:65536", "is no endpoint");
    assert_refused(self, "broker/bind_publish=ipc:///run/x,udp://127.0.0.1:1",
                   "is no endpoint");
}

// Nothing is bound to it: it is refused before.
static void
what_other_hosts_can_reach_is_refused_without_keys(void **state)
{
    bench_t *self = *state;
    assert_refused(self, "broker/bind_publish=tcp://*:*", "other hosts");
    assert_refused(self, "broker/bind_publish=tcp://0.0.0.0:*", "other hosts");
    assert_refused(self, "broker/bind_publish=tcp://10.0.0.1:5771", "other hosts");
    assert_refused(self, "broker/bind_publish=tcp://[::]:5771", "other hosts");
    assert_refused(self, "broker/bind_publish=tcp://localhost.example:5771", "other hosts");
}

static void
a_check_tells_the_same_without_a_socket(void **state)
{
    bench_t *self = *state;
    char *error = NULL;
    assert_int_equal(bindings_check(self->settings, key, false, &error), 0);
    assign(self, "broker/bind_publish=tcp://[::1]:5771,tcp://127.0.0.1:*,ipc:///run/x");
    assert_int_equal(bindings_check(self->settings, key, false, &error), 0);
    assign(self, "broker/bind_publish=tcp://*:5771");
    assert_int_equal(bindings_check(self->settings, key, true, &error), 0);
    assert_int_equal(bindings_check(self->settings, key, false, &error), -1);
    assert_non_null(strstr(error, "other hosts"));
    free(error);
    assign(self, "broker/insecure=true");
    assert_int_equal(bindings_check(self->settings, key, false, &error), 0);
}

static void
an_endpoint_that_is_taken_cannot_be_bound(void **state)
{
    bench_t *self = *state;
    zsock_t *other = zsock_new(ZMQ_XPUB);
    assert_true(zsock_bind(other, "tcp://127.0.0.1:*") > 0);
    char *assignment = zsys_sprintf("broker/bind_publish=%s", zsock_endpoint(other));
    assert_refused(self, assignment, "cannot be bound");
    zstr_free(&assignment);
    zsock_destroy(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(by_default_it_is_a_socket_in_the_runtime_directory),
        TEST(a_port_that_was_chosen_is_told),
        TEST(of_several_endpoints_the_first_is_told),
        TEST(what_is_no_endpoint_is_refused),
        TEST(what_other_hosts_can_reach_is_refused_without_keys),
        TEST(a_check_tells_the_same_without_a_socket),
        TEST(an_endpoint_that_is_taken_cannot_be_bound),
    };
    return cmocka_run_group_tests_name("bindings", tests, NULL, NULL);
}
