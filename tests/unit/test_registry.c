// test_registry - who is there
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "registry.h"

typedef struct bench {
    registry_t *registry;
    zframe_t *route, *other_route;
    peer_t *peer;
    const char *wrong;
} bench_t;

static int
setup(void **state)
{
    bench_t *self = test_calloc(1, sizeof *self);
    self->registry = registry_new(2);
    self->route = zframe_new("r1", 2);
    self->other_route = zframe_new("r2", 2);
    *state = self;
    return 0;
}

static int
teardown(void **state)
{
    bench_t *self = *state;
    registry_destroy(&self->registry);
    zframe_destroy(&self->route);
    zframe_destroy(&self->other_route);
    test_free(self);
    return 0;
}

static json_t *
hello_of(const char *id)
{
    return json_pack("{s:i, s:s, s:s, s:s, s:i, s:s, s:i, s:[s], s:{}, s:[s], s:[]}", "id", 1,
                     "transport_id", id, "transport_type", "sse", "host", "h", "pid", 7,
                     "version", "0.1.0", "protocol", 1, "capabilities", "aider.x", "metadata",
                     "services", "history", "sources");
}

// Say hello; steals it.
static registry_outcome_t
say(bench_t *self, json_t *hello, zframe_t *route, int64_t now_ms)
{
    registry_outcome_t outcome =
        registry_hello(self->registry, hello, route, now_ms, (double) now_ms / 1000,
                       &self->peer, &self->wrong);
    json_decref(hello);
    return outcome;
}

static void
a_new_program_joins_and_a_known_one_renews(void **state)
{
    bench_t *self = *state;
    assert_int_equal(say(self, hello_of("a"), self->route, 1000), REGISTRY_JOINED);
    const peer_t *peer = self->peer;
    assert_string_equal(peer->transport_id, "a");
    assert_string_equal(peer_type(peer), "sse");
    assert_string_equal(peer_host(peer), "h");
    assert_true(peer_serves(peer, "history"));
    assert_false(peer_serves(peer, "hist"));
    assert_null(json_object_get(peer->hello, "sources"));
    assert_int_equal(say(self, hello_of("a"), self->other_route, 2000), REGISTRY_RENEWED);
    assert_ptr_equal(self->peer, peer);
    assert_int_equal(registry_size(self->registry), 1);
    assert_null(registry_by_route(self->registry, self->route));
    assert_ptr_equal(registry_by_route(self->registry, self->other_route), peer);
}

static void
metadata_is_bounded(void **state)
{
    enum { LIMIT = 16 * 1024, AROUND = 8 };    // {"m":""} are eight bytes
    static const struct {
        size_t bytes;
        registry_outcome_t outcome;
    } cases[] = {{LIMIT, REGISTRY_JOINED}, {LIMIT + 1, REGISTRY_MALFORMED}};
    bench_t *self = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[LIMIT] = "";
        memset(text, 'x', cases[i].bytes - AROUND);
        json_t *hello = hello_of("a");
        json_object_set_new(hello, "metadata", json_pack("{s:s}", "m", text));
        assert_int_equal(say(self, hello, self->route, 1000), cases[i].outcome);
    }
    assert_string_equal(self->wrong, "metadata");
}

static void
one_welcomed_by_the_broker_before_has_not_joined(void **state)
{
    bench_t *self = *state;
    json_t *hello = hello_of("a");
    json_object_set_new(hello, "previous_incarnation", json_string("i"));
    assert_int_equal(say(self, hello, self->route, 1), REGISTRY_RENEWED);
    assert_int_equal(registry_size(self->registry), 1);
}

static void
as_many_as_may_be_are_registered(void **state)
{
    bench_t *self = *state;
    assert_int_equal(say(self, hello_of("a"), self->route, 1), REGISTRY_JOINED);
    assert_int_equal(say(self, hello_of("b"), self->other_route, 1), REGISTRY_JOINED);
    assert_int_equal(say(self, hello_of("c"), self->route, 1), REGISTRY_FULL);
    assert_int_equal(say(self, hello_of("b"), self->other_route, 1), REGISTRY_RENEWED);
}

static void
one_is_heard_by_its_own_route_only(void **state)
{
    bench_t *self = *state;
    assert_int_equal(say(self, hello_of("a"), self->route, 1000), REGISTRY_JOINED);
    assert_null(registry_heard(self->registry, "a", self->other_route, 2000));
    assert_null(registry_heard(self->registry, "b", self->route, 2000));
    assert_null(registry_overdue(self->registry, 1000));
    assert_ptr_equal(registry_overdue(self->registry, 1001), self->peer);
    assert_ptr_equal(registry_heard(self->registry, "a", self->route, 2000), self->peer);
    assert_null(registry_overdue(self->registry, 2000));
}

static void
one_that_is_removed_is_gone(void **state)
{
    bench_t *self = *state;
    assert_int_equal(say(self, hello_of("a"), self->route, 1), REGISTRY_JOINED);
    registry_remove(self->registry, &self->peer);
    assert_null(self->peer);
    assert_int_equal(registry_size(self->registry), 0);
    assert_null(registry_first(self->registry));
    assert_null(registry_by_route(self->registry, self->route));
    assert_int_equal(say(self, hello_of("a"), self->route, 1), REGISTRY_JOINED);
}

// Say a hello in which one member is another; NULL leaves it out.
static void
assert_malformed(bench_t *self, const char *name, json_t *value)
{
    json_t *hello = hello_of("a");
    if (value)
        json_object_set_new(hello, name, value);
    else
        json_object_del(hello, name);
    assert_int_equal(say(self, hello, self->route, 1), REGISTRY_MALFORMED);
    assert_string_equal(self->wrong, name);
    assert_int_equal(registry_size(self->registry), 0);
}

static json_t *
array_of(size_t count, json_t *item)
{
    json_t *array = json_array();
    while (count-- > 0)
        json_array_append(array, item);
    json_decref(item);
    return array;
}

static void
a_hello_that_is_not_as_it_must_be_is_refused_by_the_members_name(void **state)
{
    bench_t *self = *state;
    char longer[300];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    static const char *const needed[] = {"transport_id", "transport_type", "host",   "pid",
                                         "version",      "protocol",       "sources"};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        assert_malformed(self, needed[i], NULL);
        assert_malformed(self, needed[i], json_true());
    }
    assert_malformed(self, "transport_id", json_string(""));
    assert_malformed(self, "transport_id", json_string("a b"));
    assert_malformed(self, "transport_id", json_string("\xc3\xa9"));
    assert_malformed(self, "transport_id", json_string(longer));
    assert_malformed(self, "transport_type", json_string(longer));
    assert_malformed(self, "host", json_string(""));
    assert_malformed(self, "pid", json_integer(-1));
    assert_malformed(self, "services", json_string("history"));
    assert_malformed(self, "services", array_of(17, json_string("s")));
    assert_malformed(self, "services", array_of(1, json_integer(1)));
    assert_malformed(self, "capabilities", array_of(257, json_string("c")));
    assert_malformed(self, "capabilities", array_of(1, json_string(longer)));
    assert_malformed(self, "metadata", json_array());
    assert_malformed(self, "sources", array_of(17, json_object()));
}

static void
silence_is_that_of_the_one_of_a_type_that_was_heard_last(void **state)
{
    bench_t *self = *state;
    int64_t silent_ms = -1;
    assert_int_equal(registry_silence(self->registry, "sse", 0, &silent_ms), 0);
    assert_int_equal(silent_ms, 0);
    json_t *hello = hello_of("one");
    registry_hello(self->registry, hello, self->route, 100, 0, &self->peer, &self->wrong);
    json_decref(hello);
    hello = hello_of("two");
    registry_hello(self->registry, hello, self->other_route, 300, 0, &self->peer, &self->wrong);
    json_decref(hello);
    assert_int_equal(registry_silence(self->registry, "sse", 1000, &silent_ms), 2);
    assert_int_equal(silent_ms, 700);
    assert_int_equal(registry_silence(self->registry, "monitor", 1000, &silent_ms), 0);
    // One that came with a question only is not there.
    json_object_set_new(self->peer->hello, "passing", json_true());
    assert_int_equal(registry_silence(self->registry, "sse", 1000, &silent_ms), 1);
    assert_int_equal(silent_ms, 900);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_program_joins_and_a_known_one_renews),
        TEST(metadata_is_bounded),
        TEST(one_welcomed_by_the_broker_before_has_not_joined),
        TEST(as_many_as_may_be_are_registered),
        TEST(one_is_heard_by_its_own_route_only),
        TEST(one_that_is_removed_is_gone),
        TEST(a_hello_that_is_not_as_it_must_be_is_refused_by_the_members_name),
        TEST(silence_is_that_of_the_one_of_a_type_that_was_heard_last),
    };
    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
