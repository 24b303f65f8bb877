// test_journal_mover - the log is moved by another thread while the store goes on
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal_events.h"
#include "journal_mover.h"
#include "journal_store.h"
#include "temp_dir.h"

enum { PATIENCE_MS = 60000 };

typedef struct bench {
    char *dir, *path;
    journal_store_t *store;
    journal_mover_t *mover;
    mesh_uuid_t source;
    int done_fd;
    uint64_t next;
} bench_t;

static int
setup(void **state)
{
    bench_t *self = test_calloc(1, sizeof *self);
    mesh_db_fault_t fault;
    char *reason = NULL;
    self->dir = temp_dir_new();
    self->path = temp_dir_file(self->dir, "journal.db");
    self->source = mesh_uuid_new();
    self->next = 1;
    self->store = journal_store_open(self->path, false, &fault, &reason);
    assert_non_null(self->store);
    assert_int_equal(journal_store_start(self->store, 1, 1, 0, 1000000), 0);
    self->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->mover = journal_mover_new(self->path, self->done_fd);
    *state = self;
    return 0;
}

static int
teardown(void **state)
{
    bench_t *self = *state;
    journal_mover_destroy(&self->mover);
    journal_store_abandon(&self->store);
    close(self->done_fd);
    temp_dir_destroy(&self->dir);
    free(self->path);
    test_free(self);
    return 0;
}

static void
append(bench_t *self, size_t count)
{
    journal_batch_t *batch = journal_events_new(&self->source, "aider.x", self->next, count);
    self->next += count;
    assert_int_equal(journal_store_begin(self->store), 0);
    assert_int_equal(journal_store_add(self->store, batch), 0);
    assert_int_equal(journal_store_commit(self->store), 0);
    journal_events_destroy(&batch);
}

static journal_moved_t
wait_for_end(bench_t *self)
{
    journal_moved_t moved;
    uint64_t count;
    struct pollfd done = {.fd = self->done_fd, .events = POLLIN};
    assert_int_equal(poll(&done, 1, PATIENCE_MS), 1);
    assert_int_equal(read(self->done_fd, &count, sizeof count), sizeof count);
    assert_false(journal_mover_is_busy(self->mover));
    assert_true(journal_mover_take(self->mover, &moved));
    assert_false(journal_mover_take(self->mover, &moved));
    return moved;
}

static void
a_step_moves_what_was_in_the_log(void **state)
{
    bench_t *self = *state;
    append(self, 1000);
    uint64_t log = journal_store_log(self->store);
    assert_true(journal_store_pending_bytes(self->store) > 0);
    journal_mover_start(self->mover);
    journal_moved_t moved = wait_for_end(self);
    assert_int_equal(moved.fault, MESH_DB_SOUND);
    journal_store_note_moved(self->store, log, moved.frames);
    assert_int_equal(journal_store_pending_bytes(self->store), 0);
}

static void
behind_a_log_that_was_moved_whole_another_begins(void **state)
{
    bench_t *self = *state;
    append(self, 1000);
    uint64_t log = journal_store_log(self->store), bytes = journal_store_log_bytes(self->store);
    journal_mover_start(self->mover);
    journal_moved_t moved = wait_for_end(self);
    append(self, 1);
    assert_int_equal(journal_store_log(self->store), log + 1);
    assert_true(journal_store_log_bytes(self->store) < bytes);
    // What was said of the log before says nothing of this one.
    uint64_t pending = journal_store_pending_bytes(self->store);
    assert_true(pending > 0);
    journal_store_note_moved(self->store, log, moved.frames);
    assert_int_equal(journal_store_pending_bytes(self->store), pending);
}

static void
the_store_goes_on_while_a_step_is_taken(void **state)
{
    bench_t *self = *state;
    for (int step = 0; step < 20; step++) {
        append(self, 200);
        journal_mover_start(self->mover);
        append(self, 200);
        assert_int_equal(wait_for_end(self).fault, MESH_DB_SOUND);
    }
    assert_int_equal(journal_store_state(self->store)->events, 8000);
}

static void
a_journal_that_is_not_there_is_a_fault(void **state)
{
    bench_t *self = *state;
    journal_mover_destroy(&self->mover);
    char *path = temp_dir_file(self->dir, "nothing.db");
    self->mover = journal_mover_new(path, self->done_fd);
    journal_mover_start(self->mover);
    journal_moved_t moved = wait_for_end(self);
    assert_int_not_equal(moved.fault, MESH_DB_SOUND);
    assert_true(moved.reason[0] != '\0');
    assert_int_not_equal(access(path, F_OK), 0);    // and it was not made
    free(path);
}

static void
its_end_waits_for_the_step_that_is_taken(void **state)
{
    bench_t *self = *state;
    append(self, 5000);
    journal_mover_start(self->mover);
    journal_mover_destroy(&self->mover);
    assert_null(self->mover);
    assert_int_equal(journal_store_close(&self->store), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_step_moves_what_was_in_the_log),
        TEST(behind_a_log_that_was_moved_whole_another_begins),
        TEST(the_store_goes_on_while_a_step_is_taken),
        TEST(a_journal_that_is_not_there_is_a_fault),
        TEST(its_end_waits_for_the_step_that_is_taken),
    };
    return cmocka_run_group_tests_name("journal_mover", tests, NULL, NULL);
}
