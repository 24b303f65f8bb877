// test_desk - how many requests of a program wait to be read
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdlib.h>

#include "desk.h"
#include "mesh/control.h"
#include "temp_dir.h"

enum {
    REQUEST_BYTES = 64 * 1024,
    MOST = 1000,
    RECEIVE_HWM = 64,
    FULL_MS = 300,    // where nothing could be sent for so long, no more is taken
};

static void
on_source(void *arg, const void *holder, const mesh_uuid_t *source)
{
    (void) arg;
    (void) holder;
    (void) source;
}

static void
on_ask_again(void *arg, const void *holder, const mesh_uuid_t *source, uint64_t from)
{
    (void) from;
    on_source(arg, holder, source);
}

static void
on_change(void *arg)
{
    (void) arg;
}

static const relay_events_t relay_events = {
    .acknowledge = on_source, .ask_again = on_ask_again, .ended = on_change};

static void
assign(mesh_settings_t *settings, const char *key, const char *value)
{
    char *text = zsys_sprintf("%s=%s", key, value), *error = NULL;
    assert_int_equal(mesh_settings_assign(settings, text, "the test", &error), 0);
    zstr_free(&text);
}

static void
of_requests_that_are_not_read_few_wait_and_the_rest_stays_with_who_asks(void **state)
{
    (void) state;
    char *dir = temp_dir_new(), *error = NULL;
    zloop_t *loop = zloop_new();
    mesh_settings_t *settings = mesh_settings_new();
    char *journal = temp_dir_file(dir, "journal.db");
    assign(settings, "broker/journal", journal);
    free(journal);
    relay_t *relay =
        relay_new(loop, settings, "host", "incarnation", &relay_events, NULL, &error);
    assert_non_null(relay);
    json_t *endpoints = json_object();
    const desk_identity_t identity = {
        .broker_id = "broker-1", .incarnation = "incarnation", .endpoints = endpoints};
    desk_t *desk = desk_new(loop, settings, relay, &identity, on_change, NULL);
    zsock_t *dealer = zsock_new(ZMQ_DEALER);
    zsock_set_sndhwm(dealer, 1);
    assert_int_equal(zsock_bind(desk_socket(desk), "ipc://%s/control", dir), 0);
    assert_int_equal(zsock_connect(dealer, "ipc://%s/control", dir), 0);

    // The loop does not run: nothing is read.
    char *request = calloc(1, REQUEST_BYTES);
    assert_non_null(request);
    int sent = 0;
    zmq_pollitem_t item = {.socket = zsock_resolve(dealer), .events = ZMQ_POLLOUT};
    while (sent < MOST && zmq_poll(&item, 1, FULL_MS) > 0)
        while (sent < MOST &&
               zmq_send(item.socket, request, REQUEST_BYTES, ZMQ_DONTWAIT) == REQUEST_BYTES)
            sent++;
    // Those on the way count as well: what the kernel and both queues of the sender have.
    assert_in_range(sent, 1, RECEIVE_HWM + 40);

    free(request);
    zsock_destroy(&dealer);
    desk_destroy(&desk);
    relay_destroy(&relay);
    json_decref(endpoints);
    mesh_settings_destroy(&settings);
    zloop_destroy(&loop);
    temp_dir_destroy(&dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            of_requests_that_are_not_read_few_wait_and_the_rest_stays_with_who_asks),
    };
    return cmocka_run_group_tests_name("desk", tests, NULL, NULL);
}
