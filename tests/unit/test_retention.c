// test_retention - which events the journal lets go of
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <stdlib.h>

#include "journal_events.h"
#include "retention.h"
#include "temp_dir.h"

enum { STEPS_MOST = 1000 };

typedef struct bench {
    char *dir;
    journal_store_t *store;
    mesh_uuid_t source;
    uint64_t head;
} bench_t;

static int
setup(void **state)
{
    bench_t *self = test_calloc(1, sizeof *self);
    self->dir = temp_dir_new();
    char *path = temp_dir_file(self->dir, "journal.db"), *reason = NULL;
    mesh_db_fault_t fault;
    self->store = journal_store_open(path, false, &fault, &reason);
    free(path);
    assert_non_null(self->store);
    assert_int_equal(journal_store_start(self->store, 1, 1, 0, 1000000), 0);
    self->source = mesh_uuid_new();
    *state = self;
    return 0;
}

static int
teardown(void **state)
{
    bench_t *self = *state;
    journal_store_abandon(&self->store);
    temp_dir_destroy(&self->dir);
    test_free(self);
    return 0;
}

static void
append(bench_t *self, const char *type, size_t count)
{
    journal_batch_t *batch = journal_events_new(&self->source, type, self->head + 1, count);
    self->head += count;
    assert_int_equal(journal_store_begin(self->store), 0);
    assert_int_equal(journal_store_add(self->store, batch), 0);
    assert_int_equal(journal_store_commit(self->store), 0);
    journal_events_destroy(&batch);
}

// Step until nothing is left to do, in every family's turn.
static void
settle(bench_t *self, retention_t *retention, int64_t now_us, uint64_t rows)
{
    for (int quiet = 0, steps = 0; quiet < 2 * MESH_FAMILIES; steps++) {
        bool more;
        assert_true(steps < STEPS_MOST);
        assert_int_equal(retention_step(retention, self->store, now_us, rows, &more), 0);
        quiet = more ? 0 : quiet + 1;
    }
}

static uint64_t
first_of(const bench_t *self)
{
    uint64_t first;
    assert_int_equal(journal_store_first(self->store, &first), 0);
    return first;
}

static const journal_state_t *
state_of(const bench_t *self)
{
    return journal_store_state(self->store);
}

static retention_limits_t
unlimited(void)
{
    return (retention_limits_t){.events = UINT64_MAX, .bytes = UINT64_MAX};
}

static void
within_its_limits_nothing_goes(void **state)
{
    bench_t *self = *state;
    retention_limits_t limits = unlimited();
    retention_t retention = retention_new(&limits);
    append(self, "aider.x", 50);
    settle(self, &retention, INT64_MAX, 10);
    assert_int_equal(state_of(self)->events, 50);
}

static void
past_the_count_the_oldest_go_a_few_at_a_time(void **state)
{
    bench_t *self = *state;
    retention_limits_t limits = unlimited();
    bool more;
    limits.events = 30;
    retention_t retention = retention_new(&limits);
    append(self, "aider.x", 100);
    assert_int_equal(retention_step(&retention, self->store, 0, 10, &more), 0);
    assert_true(more);
    assert_int_equal(state_of(self)->events, 90);
    settle(self, &retention, 0, 10);
    assert_int_equal(state_of(self)->events, 30);
    assert_int_equal(first_of(self), 71);
    assert_int_equal(state_of(self)->removed[MESH_FAMILY_SESSIONS], 70);
    assert_int_equal(state_of(self)->removed[MESH_FAMILY_MESH], 0);
}

static void
past_the_bytes_the_oldest_go(void **state)
{
    bench_t *self = *state;
    retention_limits_t limits = unlimited();
    limits.bytes = 262144;
    retention_t retention = retention_new(&limits);
    for (int i = 0; i < 40; i++) {
        append(self, "aider.x", 100);
        assert_int_equal(journal_store_checkpoint(self->store, true), 0);
    }
    settle(self, &retention, 0, 50);
    // Removing writes to the log too; it is moved between steps.
    for (int i = 0; i < 20; i++) {
        assert_int_equal(journal_store_checkpoint(self->store, true), 0);
        settle(self, &retention, 0, 50);
    }
    uint64_t used, wal;
    assert_int_equal(journal_store_bytes(self->store, &used, &wal), 0);
    assert_true(used <= limits.bytes);
    assert_true(first_of(self) > 1);
    assert_int_equal(first_of(self), state_of(self)->removed[MESH_FAMILY_SESSIONS] + 1);
}

static void
by_age_each_family_goes_in_its_time(void **state)
{
    bench_t *self = *state;
    retention_limits_t limits = unlimited();
    for (int i = 0; i < MESH_FAMILIES; i++)
        limits.age_us[i] = 100;
    limits.age_us[MESH_FAMILY_ERRORS] = 1000;
    limits.age_us[MESH_FAMILY_PROGRESS] = 10;
    retention_t retention = retention_new(&limits);
    // Recorded at the microsecond of their offsets.
    for (int i = 0; i < 10; i++) {
        append(self, "aider.error_occurred", 1);
        append(self, "aider.session_progress", 8);
        append(self, "mesh.health", 1);
    }
    settle(self, &retention, 100, 7);
    // Of progress those from 90 on are left (90 is of the mesh, 91 an error).
    assert_int_equal(state_of(self)->events, 10 + 10 + 8);
    assert_int_equal(state_of(self)->removed[MESH_FAMILY_PROGRESS], 89);
    assert_int_equal(state_of(self)->removed[MESH_FAMILY_MESH], 0);
    settle(self, &retention, 200, 7);
    assert_int_equal(state_of(self)->events, 11);
    settle(self, &retention, 500, 7);
    assert_int_equal(state_of(self)->events, 10);
    assert_int_equal(state_of(self)->removed[MESH_FAMILY_ERRORS], 0);
    settle(self, &retention, 1050, 7);
    assert_int_equal(state_of(self)->events, 5);
    assert_int_equal(state_of(self)->removed[MESH_FAMILY_ERRORS], 41);
    settle(self, &retention, 5000, 7);
    assert_int_equal(state_of(self)->events, 0);
    assert_int_equal(first_of(self), self->head + 1);
}

static void
an_age_of_0_keeps_for_ever(void **state)
{
    bench_t *self = *state;
    retention_limits_t limits = unlimited();
    limits.age_us[MESH_FAMILY_MESH] = 1;
    retention_t retention = retention_new(&limits);
    append(self, "aider.x", 5);
    append(self, "mesh.x", 5);
    settle(self, &retention, INT64_MAX, 3);
    assert_int_equal(state_of(self)->events, 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(within_its_limits_nothing_goes),
        TEST(past_the_count_the_oldest_go_a_few_at_a_time),
        TEST(past_the_bytes_the_oldest_go),
        TEST(by_age_each_family_goes_in_its_time),
        TEST(an_age_of_0_keeps_for_ever),
    };
    return cmocka_run_group_tests_name("retention", tests, NULL, NULL);
}
