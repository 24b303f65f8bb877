// test_journal - batches go in, come back committed, and are read; also when the disk fails
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "journal.h"
#include "journal_events.h"
#include "temp_dir.h"

enum { DEADLINE_MS = 60000 };

typedef struct bench {
    char *dir, *path;
    journal_t *journal;
    mesh_uuid_t source;
    size_t kept, refused, openings, downs;
    mesh_db_fault_t fault;
    journal_origin_t origin;
    uint64_t epoch, last;
    size_t shown;
    size_t forgotten, forget_noted, forget_failed;
    journal_forgotten_t what;
} bench_t;

static void
on_ended(void *arg, journal_batch_t *batch)
{
    bench_t *self = arg;
    *(batch->kept ? &self->kept : &self->refused) += batch->count;
    journal_events_destroy(&batch);
}

static void
on_opened(void *arg, const journal_opening_t *opening)
{
    bench_t *self = arg;
    self->openings++;
    self->origin = opening->origin;
    self->epoch = opening->state.epoch;
}

static void
on_down(void *arg, mesh_db_fault_t fault, const char *why)
{
    bench_t *self = arg;
    assert_true(strlen(why) > 0);
    self->downs++;
    self->fault = fault;
}

static void
on_forgotten(void *arg, const journal_forgotten_t *what)
{
    bench_t *self = arg;
    journal_forgotten_clear(&self->what);
    self->what = journal_forgotten_copy(what);
    self->forgotten++;
}

static void
on_forget_noted(void *arg, const char *session)
{
    bench_t *self = arg;
    assert_string_equal(session, "b");
    assert_int_equal(self->forgotten, 0);
    self->forget_noted++;
}

static void
on_forget_failed(void *arg, const char *session)
{
    bench_t *self = arg;
    assert_string_equal(session, "b");
    self->forget_failed++;
}

static const journal_events_t events = {
    .ended = on_ended,
    .opened = on_opened,
    .down = on_down,
    .forgotten = on_forgotten,
    .forget_noted = on_forget_noted,
    .forget_failed = on_forget_failed,
};

static journal_options_t
options_of(const bench_t *self)
{
    return (journal_options_t){
        .path = self->path,
        .block = 1000,
        .wal_bytes = 1 << 20,
        .limits = {.events = 1000000, .bytes = UINT64_MAX},
        .memory_events = 10,
        .memory_bytes = 1 << 20,
    };
}

static void
start(bench_t *self)
{
    char *error = NULL;
    journal_options_t options = options_of(self);
    self->journal = journal_new(&options, &events, self, &error);
    assert_non_null(self->journal);
    journal_dispatch(self->journal);
}

static int
setup(void **state)
{
    bench_t *self = test_calloc(1, sizeof *self);
    self->dir = temp_dir_new();
    self->path = temp_dir_file(self->dir, "journal.db");
    self->source = mesh_uuid_new();
    *state = self;
    return 0;
}

static int
teardown(void **state)
{
    bench_t *self = *state;
    journal_destroy(&self->journal);
    journal_forgotten_clear(&self->what);
    temp_dir_destroy(&self->dir);
    free(self->path);
    test_free(self);
    return 0;
}

// Dispatch until a number that the bench counts has come up to what is wanted.
static void
wait_for(bench_t *self, const size_t *count, size_t wanted)
{
    while (*count < wanted) {
        struct pollfd news = {.fd = journal_fd(self->journal), .events = POLLIN};
        assert_int_equal(poll(&news, 1, DEADLINE_MS), 1);
        journal_dispatch(self->journal);
    }
}

static void
submit(bench_t *self, uint64_t first, size_t count)
{
    journal_batch_t *batch = journal_events_new(&self->source, "aider.x", first, count);
    batch->era = journal_era(self->journal);
    journal_submit(self->journal, batch);
}

static bool
on_record(void *arg, record_t *record)
{
    bench_t *self = arg;
    assert_true(record->offset > self->last);
    self->last = record->offset;
    self->shown++;
    return true;
}

static size_t
count_after(bench_t *self, uint64_t after)
{
    self->last = after;
    self->shown = 0;
    assert_int_equal(journal_read(self->journal, after, on_record, self, NULL),
                     JOURNAL_READ_DONE);
    return self->shown;
}

static void
what_was_submitted_comes_back_committed_and_is_read(void **state)
{
    bench_t *self = *state;
    start(self);
    assert_int_equal(self->openings, 1);
    assert_true(journal_is_idle(self->journal));
    for (uint64_t i = 0; i < 50; i++)
        submit(self, 1 + 10 * i, 10);
    assert_false(journal_is_idle(self->journal));
    wait_for(self, &self->kept, 500);
    assert_true(journal_is_idle(self->journal));
    assert_int_equal(journal_head(self->journal), 500);
    assert_int_equal(journal_first(self->journal), 1);
    // From the disk, and from memory, which holds ten.
    assert_int_equal(count_after(self, 0), 500);
    assert_int_equal(count_after(self, 495), 5);
    assert_int_equal(self->refused, 0);
}

static void
what_is_under_way_at_the_end_is_committed(void **state)
{
    bench_t *self = *state;
    start(self);
    submit(self, 1, 100);
    journal_destroy(&self->journal);
    assert_int_equal(self->kept, 100);
    start(self);
    assert_int_equal(self->origin, JOURNAL_ORIGIN_CONTINUED);
    assert_int_equal(count_after(self, 0), 100);
}

static void
in_memory_all_is_the_same_and_nothing_stays(void **state)
{
    bench_t *self = *state;
    free(self->path);
    self->path = NULL;
    start(self);
    submit(self, 1, 25);
    wait_for(self, &self->kept, 25);
    assert_int_equal(count_after(self, 0), 10);
    assert_int_equal(journal_first(self->journal), 16);
    uint64_t removed[MESH_FAMILIES];
    journal_removed(self->journal, removed);
    assert_int_equal(removed[MESH_FAMILY_SESSIONS], 15);
    uint64_t epoch = journal_epoch(self->journal);
    journal_destroy(&self->journal);
    start(self);
    assert_int_not_equal(journal_epoch(self->journal), epoch);
    assert_int_equal(count_after(self, 0), 0);
}

static void
only_one_may_have_it(void **state)
{
    bench_t *self = *state;
    char *error = NULL;
    start(self);
    journal_options_t options = options_of(self);
    assert_null(journal_new(&options, &events, self, &error));
    assert_non_null(strstr(error, "another broker"));
    free(error);
}

// Files that may not grow are a disk that is full.
static void
limit_files(rlim_t bytes)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
while_the_disk_is_full_nothing_is_kept_and_afterwards_all_goes_on(void **state)
{
    bench_t *self = *state;
    start(self);
    submit(self, 1, 10);
    wait_for(self, &self->kept, 10);
    uint64_t epoch = self->epoch;
    limit_files(16384);
    submit(self, 11, 500);
    wait_for(self, &self->downs, 1);
    wait_for(self, &self->refused, 500);
    submit(self, 511, 5);
    wait_for(self, &self->refused, 505);
    assert_int_equal(self->fault, MESH_DB_FULL);
    assert_int_equal(count_after(self, 0), 10);
    limit_files(RLIM_INFINITY);
    wait_for(self, &self->openings, 2);
    assert_int_equal(self->origin, JOURNAL_ORIGIN_RECOVERED);
    assert_int_equal(self->epoch, epoch);
    uint64_t head = journal_head(self->journal);
    assert_true(head >= 1000);
    submit(self, head + 1, 20);
    wait_for(self, &self->kept, 30);
    assert_int_equal(count_after(self, 0), 30);
}

static void
a_batch_of_an_order_that_was_broken_off_is_not_kept(void **state)
{
    bench_t *self = *state;
    start(self);
    journal_batch_t *batch = journal_events_new(&self->source, "aider.x", 1, 5);
    batch->era = journal_era(self->journal);
    journal_renew(self->journal, "a test");
    wait_for(self, &self->openings, 2);
    assert_int_equal(self->origin, JOURNAL_ORIGIN_UNPROVEN);
    journal_submit(self->journal, batch);
    wait_for(self, &self->refused, 5);
    submit(self, 1, 5);
    wait_for(self, &self->kept, 5);
}

static void
a_journal_that_cannot_be_opened_is_down_until_it_can(void **state)
{
    bench_t *self = *state;
    char *dir = temp_dir_file(self->dir, "later");
    free(self->path);
    self->path = temp_dir_file(dir, "journal.db");
    start(self);
    assert_int_equal(self->openings, 0);
    assert_int_equal(self->downs, 1);
    assert_false(journal_is_readable(self->journal));
    submit(self, 1, 5);
    wait_for(self, &self->refused, 5);
    assert_int_equal(mkdir(dir, 0700), 0);
    wait_for(self, &self->openings, 1);
    submit(self, 1, 5);
    wait_for(self, &self->kept, 5);
    free(dir);
}

static void
what_sessions_are_shown_first_is_kept_until_it_is_forgotten(void **state)
{
    bench_t *self = *state;
    start(self);
    journal_batch_t *made = journal_events_new(&self->source, "aider.x", 7, 1);
    journal_keep_latest(self->journal, &made->entries[0].record, 1, NULL, 0, 7);
    journal_destroy(&self->journal);
    start(self);
    assert_int_equal(journal_read_latest(self->journal, on_record, self), JOURNAL_READ_DONE);
    assert_int_equal(self->shown, 1);
    assert_int_equal(self->last, 7);
    char **forgotten = malloc(sizeof *forgotten);
    forgotten[0] = strdup("session");
    journal_keep_latest(self->journal, NULL, 0, forgotten, 1, 8);
    journal_destroy(&self->journal);
    start(self);
    assert_int_equal(journal_read_latest(self->journal, on_record, self), JOURNAL_READ_DONE);
    assert_int_equal(self->shown, 1);
    journal_events_destroy(&made);
}

// Append events of two sessions in turn, "a" and "b", from an offset on.
static void
submit_sessions(bench_t *self, uint64_t first, size_t count)
{
    journal_batch_t *batch = journal_events_new(&self->source, "aider.x", first, count);
    for (size_t i = 0; i < count; i++) {
        journal_entry_t *entry = &batch->entries[i];
        char topic[64];
        snprintf(topic, sizeof topic, "aider.x/h/%s", i % 2 ? "b" : "a");
        record_t *record = record_new(entry->record->offset, topic, strlen(topic),
                                      record_body(entry->record), entry->record->body_bytes);
        record_release(&entry->record);
        entry->record = record;
    }
    batch->era = journal_era(self->journal);
    journal_submit(self->journal, batch);
}

static void
assert_forgotten(bench_t *self)
{
    assert_string_equal(self->what.session, "b");
    assert_int_equal(self->what.removed, 50);
    assert_int_equal(self->what.first, 2);
    assert_int_equal(self->what.last, 100);
    assert_int_equal(json_integer_value(json_object_get(self->what.types, "aider.x")), 50);
    assert_int_equal(count_after(self, 0), 50);
    assert_int_equal(count_after(self, 99), 0);
}

static void
a_forgotten_session_is_gone_from_memory_and_file_and_counted(void **state)
{
    bench_t *self = *state;
    start(self);
    submit_sessions(self, 1, 100);
    journal_forget(self->journal, "b");
    wait_for(self, &self->forgotten, 1);
    assert_forgotten(self);
    assert_int_equal(self->kept, 100);
    // What comes later, under another era of the same journal, is not touched.
    submit(self, 101, 1);
    wait_for(self, &self->kept, 101);
    journal_told(self->journal, "b");
    journal_destroy(&self->journal);
    start(self);
    assert_int_equal(count_after(self, 0), 51);
    assert_int_equal(self->forgotten, 1);
}

static void
what_was_noted_to_be_forgotten_is_when_the_journal_is_opened_again(void **state)
{
    bench_t *self = *state;
    start(self);
    submit_sessions(self, 1, 100);
    journal_forget(self->journal, "b");
    journal_destroy(&self->journal);    // what was submitted is committed, and no more
    assert_int_equal(self->forgotten, 0);
    assert_int_equal(self->forget_noted, 1);
    start(self);
    wait_for(self, &self->forgotten, 1);
    assert_forgotten(self);
    // Until it is noted that it was told, it is told at each start.
    journal_destroy(&self->journal);
    start(self);
    wait_for(self, &self->forgotten, 2);
    assert_int_equal(self->what.removed, 50);
}

static void
in_memory_a_session_is_forgotten_too(void **state)
{
    bench_t *self = *state;
    free(self->path);
    self->path = NULL;
    start(self);
    submit_sessions(self, 1, 100);
    journal_forget(self->journal, "b");
    wait_for(self, &self->forgotten, 1);
    assert_int_equal(self->forget_noted, 1);
    // Of as many as are kept in memory.
    assert_int_equal(self->what.removed, 5);
    assert_int_equal(self->what.last, 100);
    assert_int_equal(count_after(self, 90), 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_submitted_comes_back_committed_and_is_read),
        TEST(what_is_under_way_at_the_end_is_committed),
        TEST(in_memory_all_is_the_same_and_nothing_stays),
        TEST(only_one_may_have_it),
        TEST(while_the_disk_is_full_nothing_is_kept_and_afterwards_all_goes_on),
        TEST(a_batch_of_an_order_that_was_broken_off_is_not_kept),
        TEST(a_journal_that_cannot_be_opened_is_down_until_it_can),
        TEST(what_sessions_are_shown_first_is_kept_until_it_is_forgotten),
        TEST(a_forgotten_session_is_gone_from_memory_and_file_and_counted),
        TEST(what_was_noted_to_be_forgotten_is_when_the_journal_is_opened_again),
        TEST(in_memory_a_session_is_forgotten_too),
    };
    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
