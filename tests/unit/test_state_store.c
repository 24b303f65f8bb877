// test_state_store - what is committed comes back as it was, and nothing else is believed
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "request_watch.h"
#include "state_store.h"
#include "temp_dir.h"

typedef struct bench {
    char *dir, *path;
    state_store_t *store;
    request_t read;    // the last request that was read
    size_t requests;
    uint64_t numbers[4];    // of the events that were read
    char bodies[4][16];
    size_t events;
} bench_t;

static int
setup(void **state)
{
    bench_t *self = test_calloc(1, sizeof *self);
    self->dir = temp_dir_new();
    self->path = temp_dir_file(self->dir, "monitor.db");
    *state = self;
    return 0;
}

static int
teardown(void **state)
{
    bench_t *self = *state;
    state_store_destroy(&self->store);
    temp_dir_destroy(&self->dir);
    free(self->path);
    test_free(self);
    return 0;
}

static void
open_store(bench_t *self)
{
    mesh_db_fault_t fault = MESH_DB_SOUND;
    char *reason = NULL;
    state_store_destroy(&self->store);
    self->store = state_store_open(self->path, false, 0, &fault, &reason);
    if (!self->store)
        print_error("%s\n", reason);
    assert_non_null(self->store);
}

// Opening is refused for this reason.
static void
assert_refused(bench_t *self, mesh_db_fault_t expected)
{
    mesh_db_fault_t fault = MESH_DB_SOUND;
    char *reason = NULL;
    assert_null(state_store_open(self->path, false, 0, &fault, &reason));
    assert_int_equal(fault, expected);
    assert_non_null(reason);
    free(reason);
}

// What others do to the file.
static void
alter(bench_t *self, const char *text)
{
    sqlite3 *db = NULL;
    state_store_destroy(&self->store);
    assert_int_equal(sqlite3_open(self->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int
take_request(void *arg, const request_t *request)
{
    bench_t *self = arg;
    self->read = *request;
    self->requests++;
    return 0;
}

static int
take_event(void *arg, const mesh_spool_record_t *record)
{
    bench_t *self = arg;
    assert_in_range(self->events, 0, 3);
    assert_in_range(record->body_bytes, 1, 15);
    self->numbers[self->events] = record->seq;
    memcpy(self->bodies[self->events++], record->body, record->body_bytes);
    return 0;
}

static request_t
some_request(void)
{
    request_t request = {
        .session = "s\xc3\xa9",
        .request = "r",
        .correlation = "c",
        .host = "build-7",
        .provider = "openai",
        .model = "openai/gpt",
        .stage = "streaming",
        .attempt = 3,
        .started_ms = -5,
        .progress_ms = 6,
        .heard_ms = 7,
        .waiting_for_input = true,
        .overloaded = true,
        .owes_clear = true,
        .why_clear = request_watch_reason("progress"),
        .silent_until_clear_ms = 8,
        .diagnosis = DIAGNOSIS_RETRYING,
        .reported = THROTTLING_CRITICAL,
        .reported_diagnosis = DIAGNOSIS_PROVIDER_OVERLOADED,
        .number = 9,
        .place = 10,
    };
    return request;
}

static mesh_spool_record_t
event_of(uint64_t seq, const char *body)
{
    mesh_spool_record_t record = {.seq = seq,
                                  .covers = 1,
                                  .rank = MESH_RANK_LAST,
                                  .timestamp_us = -1,
                                  .topic = "a/h/s",
                                  .topic_bytes = 5,
                                  .body = body,
                                  .body_bytes = strlen(body)};
    return record;
}

static void
write_some(bench_t *self)
{
    request_t request = some_request();
    mesh_spool_record_t first = event_of(4, "four"), second = event_of(5, "five");
    state_mark_t mark = {.consumed = {UINT64_MAX, 17},
                         .source = mesh_uuid_new(),
                         .acknowledged = 3,
                         .last = 5,
                         .boot = "b",
                         .mono_ms = 11,
                         .wall_us = -12};
    assert_int_equal(state_store_begin(self->store), 0);
    assert_int_equal(state_store_put_request(self->store, &request), 0);
    assert_int_equal(state_store_put_event(self->store, &second), 0);
    assert_int_equal(state_store_put_event(self->store, &first), 0);
    assert_int_equal(state_store_put_mark(self->store, &mark), 0);
    assert_int_equal(state_store_commit(self->store), 0);
}

static void
a_new_file_has_nothing_in_it(void **state)
{
    bench_t *self = *state;
    open_store(self);
    state_mark_t mark;
    assert_int_equal(state_store_read_mark(self->store, &mark), 0);
    assert_int_equal(mark.consumed.epoch, 0);
    assert_true(mesh_uuid_is_zero(&mark.source));
    assert_int_equal(state_store_read_requests(self->store, take_request, self), 0);
    assert_int_equal(state_store_read_events(self->store, take_event, self), 0);
    assert_int_equal(self->requests + self->events, 0);
}

static void
what_was_committed_comes_back_as_it_was(void **state)
{
    bench_t *self = *state;
    open_store(self);
    write_some(self);
    open_store(self);
    state_mark_t mark;
    assert_int_equal(state_store_read_mark(self->store, &mark), 0);
    assert_true(mark.consumed.epoch == UINT64_MAX);
    assert_int_equal(mark.consumed.offset, 17);
    assert_false(mesh_uuid_is_zero(&mark.source));
    assert_int_equal(mark.acknowledged, 3);
    assert_int_equal(mark.last, 5);
    assert_string_equal(mark.boot, "b");
    assert_int_equal(mark.mono_ms, 11);
    assert_int_equal(mark.wall_us, -12);
    assert_int_equal(state_store_read_requests(self->store, take_request, self), 0);
    assert_int_equal(self->requests, 1);
    request_t request = some_request();
    // All that is kept, and no pointer but the literal.
    assert_memory_equal(&self->read, &request, sizeof request);
    assert_int_equal(state_store_read_events(self->store, take_event, self), 0);
    assert_int_equal(self->events, 2);
    assert_int_equal(self->numbers[0], 4);
    assert_string_equal(self->bodies[0], "four");
    assert_string_equal(self->bodies[1], "five");
}

static void
what_was_not_committed_does_not(void **state)
{
    bench_t *self = *state;
    open_store(self);
    request_t request = some_request();
    assert_int_equal(state_store_begin(self->store), 0);
    assert_int_equal(state_store_put_request(self->store, &request), 0);
    open_store(self);
    assert_int_equal(state_store_read_requests(self->store, take_request, self), 0);
    assert_int_equal(self->requests, 0);
}

static void
what_is_removed_is_gone_also_from_the_files_bytes(void **state)
{
    bench_t *self = *state;
    open_store(self);
    write_some(self);
    assert_int_equal(state_store_begin(self->store), 0);
    assert_int_equal(state_store_remove_request(self->store, 9), 0);
    assert_int_equal(state_store_remove_events(self->store, 4), 0);
    assert_int_equal(state_store_commit(self->store), 0);
    assert_int_equal(state_store_empty_log(self->store), 0);
    open_store(self);
    assert_int_equal(state_store_read_requests(self->store, take_request, self), 0);
    assert_int_equal(state_store_read_events(self->store, take_event, self), 0);
    assert_int_equal(self->requests, 0);
    assert_int_equal(self->events, 1);
    assert_int_equal(self->numbers[0], 5);
    state_store_destroy(&self->store);

    FILE *file = fopen(self->path, "rb");
    assert_non_null(file);
    static char bytes[1024 * 1024];
    size_t size = fread(bytes, 1, sizeof bytes, file);
    assert_int_equal(fclose(file), 0);
    assert_in_range(size, 4096, sizeof bytes - 1);
    assert_null(memmem(bytes, size, "openai/gpt", strlen("openai/gpt")));
    assert_null(memmem(bytes, size, "four", strlen("four")));
    assert_non_null(memmem(bytes, size, "five", strlen("five")));
}

static void
the_file_is_one_monitors_alone(void **state)
{
    bench_t *self = *state;
    open_store(self);
    assert_refused(self, MESH_DB_BUSY);
    state_store_destroy(&self->store);
    open_store(self);
}

static void
a_file_of_a_later_release_is_refused_and_left_as_it_is(void **state)
{
    bench_t *self = *state;
    open_store(self);
    write_some(self);
    alter(self, "PRAGMA user_version = 2; ALTER TABLE mark ADD COLUMN more INTEGER");
    assert_refused(self, MESH_DB_NEWER);
    alter(self, "ALTER TABLE mark DROP COLUMN more; PRAGMA user_version = 1");
    open_store(self);
    assert_int_equal(state_store_read_requests(self->store, take_request, self), 0);
    assert_int_equal(self->requests, 1);
}

static void
what_is_no_database_is_corrupt(void **state)
{
    bench_t *self = *state;
    FILE *file = fopen(self->path, "wb");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        assert_true(fputs("not a database", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_refused(self, MESH_DB_CORRUPT);
}

static void
a_row_that_is_none_of_ours_is_corrupt(void **state)
{
    static const char *const alterations[] = {
        "UPDATE requests SET session = ''",
        "UPDATE requests SET session = hex(zeroblob(65))",
        "UPDATE requests SET host = x'00ff00'",
        "UPDATE requests SET reported = 6",
        "UPDATE requests SET diagnosis = -1",
        "UPDATE requests SET finished = 2",
        "UPDATE requests SET started_ms = 'soon'",
        "UPDATE requests SET started_ms = 9223372036854775807",
        "UPDATE requests SET heard_ms = -4611686018427387904",
        "UPDATE requests SET why_clear = 'because'",
        "UPDATE requests SET place = 0",
        "UPDATE events SET covers = 6",
        "UPDATE events SET rank = 3",
        "UPDATE events SET topic = x''",
        "UPDATE events SET body = zeroblob(65537)",
        "UPDATE mark SET source = x'00'",
        "UPDATE mark SET acknowledged = 6",
        "UPDATE mark SET mono_ms = -1",
        "UPDATE mark SET mono_ms = 9223372036854775807",
        "DELETE FROM mark",
    };
    bench_t *self = *state;
    for (size_t i = 0; i < sizeof alterations / sizeof *alterations; i++) {
        open_store(self);
        write_some(self);
        alter(self, alterations[i]);
        open_store(self);
        state_mark_t mark;
        self->events = 0;
        int rc = state_store_read_mark(self->store, &mark);
        if (rc == 0)
            rc = state_store_read_requests(self->store, take_request, self);
        if (rc == 0)
            rc = state_store_read_events(self->store, take_event, self);
        if (rc == 0)
            print_error("believed: %s\n", alterations[i]);
        assert_int_equal(rc, -1);
        assert_int_equal(state_store_fault(self->store), MESH_DB_CORRUPT);
        alter(self, "DELETE FROM requests; DELETE FROM events");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_file_has_nothing_in_it, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_committed_comes_back_as_it_was, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_was_not_committed_does_not, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_removed_is_gone_also_from_the_files_bytes,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(the_file_is_one_monitors_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_of_a_later_release_is_refused_and_left_as_it_is,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_database_is_corrupt, setup, teardown),
        cmocka_unit_test_setup_teardown(a_row_that_is_none_of_ours_is_corrupt, setup, teardown),
    };
    return cmocka_run_group_tests_name("state_store", tests, NULL, NULL);
}
