// test_pages - answers of bounded size that come to an end
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "mesh/control.h"
#include "mesh/topic.h"
#include "pages.h"

enum { PLENTY = 64 * 1024 * 1024, TURNS_MOST = 200 };

typedef struct bench {
    journal_t *journal;
    sessions_t *sessions;
    uint64_t offset;
} bench_t;

static void
on_ended(void *arg, journal_batch_t *batch)
{
    (void) arg;
    assert_true(batch->kept);
}

static void
on_opened(void *arg, const journal_opening_t *opening)
{
    (void) arg;
    (void) opening;
}

static const journal_events_t journal_events = {.ended = on_ended, .opened = on_opened};

static int
setup(void **state)
{
    bench_t *self = test_calloc(1, sizeof *self);
    char *error = NULL;
    journal_options_t options = {.memory_events = 100000, .memory_bytes = PLENTY};
    self->journal = journal_new(&options, &journal_events, self, &error);
    assert_non_null(self->journal);
    journal_dispatch(self->journal);
    self->sessions = sessions_new(1000);
    *state = self;
    return 0;
}

static int
teardown(void **state)
{
    bench_t *self = *state;
    journal_destroy(&self->journal);
    sessions_destroy(&self->sessions);
    test_free(self);
    return 0;
}

static void
note(bench_t *self, const char *type, const char *host, const char *session, size_t body_bytes)
{
    char text[MESH_TOPIC_SIZE];
    size_t topic_bytes = mesh_topic_format(text, type, host, session);
    assert_true(topic_bytes > 0);
    mesh_topic_t topic;
    assert_int_equal(mesh_topic_parse(&topic, text, topic_bytes), 0);
    char *body = zmalloc(body_bytes + 1);
    self->offset += 2;
    record_t *record = record_new(self->offset, text, topic_bytes, body, body_bytes);
    journal_entry_t entry = {.record = record};
    journal_batch_t batch = {.kind = JOURNAL_BATCH_EVENTS, .count = 1, .entries = &entry};
    journal_submit(self->journal, &batch);
    journal_dispatch(self->journal);
    sessions_note(self->sessions, &topic, record);
    record_release(&record);
    free(body);
}

static uint64_t
number(const json_t *body, const char *name)
{
    uint64_t value = 0;
    assert_int_equal(mesh_control_get_number(body, name, &value), 0);
    return value;
}

static size_t
bytes_of(const record_list_t *events)
{
    size_t bytes = 0;
    for (size_t i = 0; i < record_list_count(events); i++) {
        const record_t *record = record_list_at(events, i);
        bytes += record->topic_bytes + record->body_bytes;
    }
    return bytes;
}

// One page after an offset, with a filter as a request gives it (stolen).
static json_t *
replay(const bench_t *self, uint64_t after, json_t *request, record_list_t *events)
{
    page_filter_t filter;
    assert_null(page_filter_read(&filter, request));
    json_t *body = page_replay(self->journal, after, &filter, events);
    assert_int_equal(record_list_count(events), number(body, "count"));
    json_decref(request);
    return body;
}

static size_t
count_of(const bench_t *self, json_t *request)
{
    record_list_t *events = record_list_new();
    json_t *body = replay(self, 0, request, events);
    size_t count = number(body, "count");
    assert_true(json_is_false(json_object_get(body, "more")));
    assert_int_equal(number(body, "to"), journal_head(self->journal));
    json_decref(body);
    record_list_destroy(&events);
    return count;
}

static void
a_replay_of_nothing_ends_at_the_head(void **state)
{
    bench_t *self = *state;
    assert_int_equal(count_of(self, json_object()), 0);
    note(self, "a", "h", "s", 10);
    record_list_t *events = record_list_new();
    json_t *body = replay(self, 2, json_object(), events);
    assert_int_equal(number(body, "count"), 0);
    assert_int_equal(number(body, "to"), 2);
    assert_int_equal(number(body, "first"), 1);
    json_decref(body);
    record_list_destroy(&events);
}

static void
pages_follow_each_other_and_leave_nothing_out(void **state)
{
    bench_t *self = *state;
    for (int i = 0; i < 50; i++)
        note(self, "a", "h", "s", 60000);
    uint64_t after = 0;
    size_t count = 0;
    bool more = true;
    for (int turn = 0; more; turn++) {
        assert_true(turn < TURNS_MOST);
        record_list_t *events = record_list_new();
        json_t *body = replay(self, after, json_object(), events);
        assert_true(bytes_of(events) <= PAGE_BYTES_LIMIT);
        count += number(body, "count");
        after = number(body, "to");
        more = json_is_true(json_object_get(body, "more"));
        json_decref(body);
        record_list_destroy(&events);
    }
    assert_int_equal(count, 50);
    assert_int_equal(after, journal_head(self->journal));
}

static void
an_event_larger_than_the_asked_limit_comes_alone(void **state)
{
    bench_t *self = *state;
    note(self, "a", "h", "s", 5000);
    note(self, "a", "h", "s", 5000);
    record_list_t *events = record_list_new();
    json_t *body = replay(self, 0, json_pack("{s:i}", "limit_bytes", 1), events);
    assert_int_equal(number(body, "count"), 1);
    assert_int_equal(number(body, "to"), 2);
    assert_true(json_is_true(json_object_get(body, "more")));
    json_decref(body);
    record_list_destroy(&events);
}

static void
a_filter_leaves_out_by_type_host_and_session(void **state)
{
    bench_t *self = *state;
    note(self, "aider.error_occurred", "h1", "s1", 10);
    note(self, "aider.session_progress", "h1", "s2", 10);
    note(self, "mesh.health", "h2", "", 10);
    assert_int_equal(count_of(self, json_object()), 3);
    assert_int_equal(count_of(self, json_pack("{s:[s]}", "types", "aider.*")), 2);
    assert_int_equal(count_of(self, json_pack("{s:[s, s]}", "types", "mesh.health", "x")), 1);
    assert_int_equal(count_of(self, json_pack("{s:[s]}", "types", "aider")), 0);
    assert_int_equal(count_of(self, json_pack("{s:[s]}", "types", "*")), 3);
    assert_int_equal(count_of(self, json_pack("{s:[s]}", "types", "")), 0);
    assert_int_equal(count_of(self, json_pack("{s:[]}", "types")), 0);
    assert_int_equal(count_of(self, json_pack("{s:s}", "host", "h1")), 2);
    assert_int_equal(count_of(self, json_pack("{s:s, s:s}", "host", "h1", "session", "s2")), 1);
    assert_int_equal(count_of(self, json_pack("{s:s}", "session", "")), 1);
}

static void
a_filter_that_is_wrong_is_named(void **state)
{
    (void) state;
    static const struct {
        const char *name, *value;
    } wrong[] = {{"types", "7"},        {"types", "[7]"},        {"types", "\"aider.*\""},
                 {"host", "7"},         {"session", "[]"},       {"limit_bytes", "0"},
                 {"limit_bytes", "-1"}, {"limit_bytes", "\"1\""}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        page_filter_t filter;
        json_t *body = json_object();
        json_object_set_new(body, wrong[i].name,
                            json_loads(wrong[i].value, JSON_DECODE_ANY, NULL));
        assert_string_equal(page_filter_read(&filter, body), wrong[i].name);
        json_decref(body);
    }
}

// Walk all pages of a snapshot, the first of them of first_bytes. Returns how many events came.
static size_t
walk_snapshot(bench_t *self, size_t first_bytes)
{
    char after[MESH_SESSION_SIZE] = "";
    size_t count = 0, limit_bytes = first_bytes;
    bool more = true;
    for (int turn = 0; more; turn++) {
        assert_true(turn < TURNS_MOST);
        record_list_t *events = record_list_new();
        json_t *body = page_snapshot(self->sessions, after, limit_bytes, events);
        assert_int_equal(record_list_count(events), number(body, "count"));
        assert_true(bytes_of(events) <= limit_bytes);
        count += number(body, "count");
        more = json_is_true(json_object_get(body, "more"));
        snprintf(after, sizeof after, "%s",
                 json_string_value(json_object_get(body, "next_session")));
        limit_bytes = PAGE_BYTES_LIMIT;
        json_decref(body);
        record_list_destroy(&events);
    }
    return count;
}

static void
a_snapshot_shows_each_session_whole_whatever_room_the_first_page_has(void **state)
{
    bench_t *self = *state;
    for (int i = 0; i < 30; i++) {
        char session[16];
        snprintf(session, sizeof session, "s%d", i);
        note(self, "a", "h", session, 40000);
        note(self, "b", "h", session, 40000);
    }
    assert_int_equal(walk_snapshot(self, PAGE_BYTES_LIMIT), 60);
    assert_int_equal(walk_snapshot(self, 100000), 60);
    assert_int_equal(walk_snapshot(self, 50000), 60);
    assert_int_equal(walk_snapshot(self, 0), 60);
}

static void
a_session_larger_than_a_page_does_not_stop_the_others(void **state)
{
    bench_t *self = *state;
    for (int i = 0; i < SESSIONS_TYPES_LIMIT; i++) {
        char type[16];
        snprintf(type, sizeof type, "t%d", i);
        note(self, type, "h", "large", 60000);
    }
    note(self, "a", "h", "after", 10);
    note(self, "a", "h", "small", 10);
    size_t count = walk_snapshot(self, PAGE_BYTES_LIMIT);
    assert_in_range(count, 2 + PAGE_BYTES_LIMIT / 60100 - 1, SESSIONS_TYPES_LIMIT + 1);
    assert_in_range(walk_snapshot(self, 0), count - 1, count + 1);
}

static peer_t *
register_peer(registry_t *registry, const char *id, size_t metadata_bytes)
{
    char *text = zmalloc(metadata_bytes + 1);
    memset(text, 'm', metadata_bytes);
    json_t *hello = json_pack("{s:s, s:s, s:s, s:i, s:s, s:i, s:{s:s}, s:[]}", "transport_id",
                              id, "transport_type", "sse", "host", "h", "pid", 1, "version",
                              "1", "protocol", 1, "metadata", "text", text, "sources");
    zframe_t *route = zframe_new(id, strlen(id));
    peer_t *peer = NULL;
    const char *wrong;
    assert_int_equal(registry_hello(registry, hello, route, 1000, 5.5, &peer, &wrong),
                     REGISTRY_JOINED);
    zframe_destroy(&route);
    json_decref(hello);
    free(text);
    return peer;
}

static void
who_is_there_is_told_with_when_it_came_and_was_heard(void **state)
{
    (void) state;
    registry_t *registry = registry_new(10);
    register_peer(registry, "a", 3);
    size_t left_out = 1;
    json_t *transports = page_transports(registry, 1250, &left_out);
    const json_t *entry = json_array_get(transports, 0);
    assert_string_equal(json_string_value(json_object_get(entry, "transport_id")), "a");
    assert_int_equal(number(entry, "last_seen_ms"), 250);
    assert_true(json_real_value(json_object_get(entry, "joined_at")) > 5.4);
    assert_int_equal(left_out, 0);
    json_decref(transports);
    registry_destroy(&registry);
}

static void
who_does_not_fit_in_a_page_is_counted(void **state)
{
    (void) state;
    registry_t *registry = registry_new(100);
    for (int i = 0; i < 100; i++) {
        char id[16];
        snprintf(id, sizeof id, "peer-%d", i);
        register_peer(registry, id, 16000);
    }
    size_t left_out;
    json_t *transports = page_transports(registry, 1250, &left_out);
    assert_true(left_out > 0);
    assert_int_equal(json_array_size(transports) + left_out, 100);
    assert_true(json_dumpb(transports, NULL, 0, JSON_COMPACT) <= PAGE_BYTES_LIMIT);
    json_decref(transports);
    registry_destroy(&registry);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_replay_of_nothing_ends_at_the_head),
        TEST(pages_follow_each_other_and_leave_nothing_out),
        TEST(an_event_larger_than_the_asked_limit_comes_alone),
        TEST(a_filter_leaves_out_by_type_host_and_session),
        TEST(a_filter_that_is_wrong_is_named),
        TEST(a_snapshot_shows_each_session_whole_whatever_room_the_first_page_has),
        TEST(a_session_larger_than_a_page_does_not_stop_the_others),
        cmocka_unit_test(who_is_there_is_told_with_when_it_came_and_was_heard),
        cmocka_unit_test(who_does_not_fit_in_a_page_is_counted),
    };
    return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}
