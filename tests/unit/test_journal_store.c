// test_journal_store - what is committed is there, what is not is not
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal_events.h"
#include "journal_reader.h"
#include "journal_store.h"
#include "temp_dir.h"

typedef struct bench {
    char *dir, *path;
    journal_store_t *store;
    mesh_uuid_t source;
    uint64_t last;    // of what a reader was shown
    size_t shown;
} bench_t;

static void
open_store(bench_t *self)
{
    mesh_db_fault_t fault;
    char *reason = NULL;
    self->store = journal_store_open(self->path, false, &fault, &reason);
    assert_non_null(self->store);
}

static int
setup(void **state)
{
    bench_t *self = test_calloc(1, sizeof *self);
    self->dir = temp_dir_new();
    self->path = temp_dir_file(self->dir, "journal.db");
    self->source = mesh_uuid_new();
    open_store(self);
    *state = self;
    return 0;
}

static int
teardown(void **state)
{
    bench_t *self = *state;
    journal_store_abandon(&self->store);
    temp_dir_destroy(&self->dir);
    free(self->path);
    test_free(self);
    return 0;
}

static void
begin_epoch(bench_t *self)
{
    assert_int_equal(journal_store_start(self->store, 0xe1, 1, 0, 1000000), 0);
}

static int
try_to_append(bench_t *self, const char *type, uint64_t first, size_t count)
{
    journal_batch_t *batch = journal_events_new(&self->source, type, first, count);
    int rc = journal_store_begin(self->store);
    if (rc == 0)
        rc = journal_store_add(self->store, batch);
    if (rc == 0)
        rc = journal_store_commit(self->store);
    journal_events_destroy(&batch);
    return rc;
}

static void
append(bench_t *self, const char *type, uint64_t first, size_t count)
{
    assert_int_equal(try_to_append(self, type, first, count), 0);
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
count_after(bench_t *self, uint64_t after, uint64_t up_to)
{
    char *reason = NULL;
    journal_reader_t *reader = journal_reader_open(self->path, &reason);
    assert_non_null(reader);
    self->last = after;
    self->shown = 0;
    assert_int_equal(journal_reader_events(reader, after, up_to, on_record, self, NULL),
                     JOURNAL_READ_DONE);
    journal_reader_close(&reader);
    return self->shown;
}

static void
a_new_store_is_empty_and_has_no_epoch(void **state)
{
    bench_t *self = *state;
    const journal_state_t *now = journal_store_state(self->store);
    assert_int_equal(now->epoch, 0);
    assert_int_equal(now->head, 0);
    assert_int_equal(now->events, 0);
    assert_true(now->recorded_us == INT64_MIN);
    begin_epoch(self);
    uint64_t first;
    assert_int_equal(journal_store_first(self->store, &first), 0);
    assert_int_equal(first, 1);
}

static void
what_was_committed_is_there_when_the_process_is_gone(void **state)
{
    bench_t *self = *state;
    begin_epoch(self);
    append(self, "aider.x", 1, 10);
    append(self, "mesh.x", 20, 5);
    journal_store_abandon(&self->store);
    open_store(self);
    const journal_state_t *now = journal_store_state(self->store);
    assert_int_equal(now->epoch, 0xe1);
    assert_int_equal(now->generation, 1);
    assert_int_equal(now->reserved, 1000000);
    assert_int_equal(now->head, 24);
    assert_int_equal(now->recorded_us, 24);
    assert_int_equal(now->events, 15);
    assert_int_equal(count_after(self, 0, 24), 15);
    assert_int_equal(count_after(self, 9, 22), 4);
    assert_int_equal(count_after(self, 24, 24), 0);
}

static void
closing_in_order_leaves_one_file(void **state)
{
    bench_t *self = *state;
    begin_epoch(self);
    append(self, "aider.x", 1, 10);
    assert_int_equal(journal_store_close(&self->store), 0);
    char *wal = temp_dir_file(self->dir, "journal.db-wal");
    assert_int_not_equal(access(wal, F_OK), 0);
    free(wal);
    open_store(self);
    assert_int_equal(journal_store_state(self->store)->events, 10);
}

static void
the_high_water_of_each_source_goes_with_its_events(void **state)
{
    bench_t *self = *state;
    journal_source_t *sources;
    size_t count;
    mesh_uuid_t one = self->source, other = mesh_uuid_new();
    begin_epoch(self);
    journal_batch_t *batches[] = {journal_events_new(&one, "a", 1, 3),
                                  journal_events_new(&other, "a", 4, 2),
                                  journal_events_new(&one, "a", 6, 2)};
    assert_int_equal(journal_store_begin(self->store), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(journal_store_add(self->store, batches[i]), 0);
    assert_int_equal(journal_store_commit(self->store), 0);
    for (int i = 0; i < 3; i++)
        journal_events_destroy(&batches[i]);
    assert_int_equal(journal_store_sources(self->store, &sources, &count), 0);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(sources[i].seq, mesh_uuid_equal(&sources[i].source, &one) ? 7 : 5);
    free(sources);
}

// Add that a hello has named a source, of which the number seq was taken.
static void
add_hello(bench_t *self, const mesh_uuid_t *source, uint64_t seq)
{
    journal_entry_t entry = {.registers = true, .source = *source, .seq = seq};
    journal_batch_t batch = {.kind = JOURNAL_BATCH_EVENTS, .count = 1, .entries = &entry};
    assert_int_equal(journal_store_begin(self->store), 0);
    assert_int_equal(journal_store_add(self->store, &batch), 0);
    assert_int_equal(journal_store_commit(self->store), 0);
}

// The source, which is one of so many.
static journal_source_t
known_source(bench_t *self, const mesh_uuid_t *source, size_t of)
{
    journal_source_t *sources, known = {.seq = UINT64_MAX};
    size_t count;
    assert_int_equal(journal_store_sources(self->store, &sources, &count), 0);
    assert_int_equal(count, of);
    for (size_t i = 0; i < count; i++)
        if (mesh_uuid_equal(&sources[i].source, source))
            known = sources[i];
    free(sources);
    assert_true(known.seq != UINT64_MAX);
    return known;
}

static void
a_source_that_said_hello_is_known_as_such_also_when_it_has_said_nothing_else(void **state)
{
    bench_t *self = *state;
    mesh_uuid_t one = self->source, stranger = mesh_uuid_new(), silent = mesh_uuid_new();
    begin_epoch(self);
    add_hello(self, &one, 0);
    add_hello(self, &silent, 0);
    append(self, "a", 1, 3);
    self->source = stranger;
    append(self, "a", 4, 2);
    journal_store_abandon(&self->store);
    open_store(self);
    assert_true(known_source(self, &one, 3).registered);
    assert_int_equal(known_source(self, &one, 3).seq, 3);
    assert_true(known_source(self, &silent, 3).registered);
    assert_int_equal(known_source(self, &silent, 3).seq, 0);
    assert_false(known_source(self, &stranger, 3).registered);
}

static void
with_a_source_it_is_forgotten_that_it_said_hello(void **state)
{
    bench_t *self = *state;
    mesh_uuid_t one = self->source;
    begin_epoch(self);
    add_hello(self, &one, 0);
    assert_int_equal(journal_store_trim_sources(self->store, 0), 0);
    append(self, "a", 1, 1);
    assert_false(known_source(self, &one, 1).registered);
}

static void
the_sources_unheard_for_the_longest_are_forgotten(void **state)
{
    bench_t *self = *state;
    journal_source_t *sources;
    size_t count;
    begin_epoch(self);
    mesh_uuid_t oldest = self->source;
    for (uint64_t i = 0; i < 5; i++) {
        append(self, "a", i + 1, 1);
        self->source = mesh_uuid_new();
    }
    assert_int_equal(journal_store_trim_sources(self->store, 4), 0);
    assert_int_equal(journal_store_sources(self->store, &sources, &count), 0);
    assert_int_equal(count, 4);
    for (size_t i = 0; i < count; i++)
        assert_false(mesh_uuid_equal(&sources[i].source, &oldest));
    free(sources);
}

static void
a_file_that_is_no_journal_is_corrupt(void **state)
{
    bench_t *self = *state;
    mesh_db_fault_t fault;
    char *reason = NULL;
    journal_store_abandon(&self->store);
    char *path = temp_dir_file(self->dir, "garbage");
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("this is no journal ", file);
    fclose(file);
    assert_null(journal_store_open(path, false, &fault, &reason));
    assert_int_equal(fault, MESH_DB_CORRUPT);
    assert_non_null(reason);
    free(reason);
    free(path);
    open_store(self);
}

static void
an_event_that_was_changed_on_the_disk_is_told_when_it_is_read(void **state)
{
    bench_t *self = *state;
    begin_epoch(self);
    append(self, "aider.x", 1, 100);
    assert_int_equal(journal_store_close(&self->store), 0);
    struct stat status;
    assert_int_equal(stat(self->path, &status), 0);
    char *content = malloc((size_t) status.st_size);
    FILE *file = fopen(self->path, "r+b");
    assert_int_equal(fread(content, 1, (size_t) status.st_size, file), status.st_size);
    const char *topic = memmem(content, (size_t) status.st_size, "aider.x/h/session", 17);
    assert_non_null(topic);
    fseek(file, topic - content, SEEK_SET);
    fputc('b', file);
    fclose(file);
    free(content);
    char *reason = NULL;
    journal_reader_t *reader = journal_reader_open(self->path, &reason);
    self->last = 0;
    assert_int_equal(journal_reader_events(reader, 0, 100, on_record, self, NULL),
                     JOURNAL_READ_CORRUPT);
    assert_non_null(strstr(journal_reader_reason(reader), "was changed"));
    journal_reader_close(&reader);
    open_store(self);
}

typedef struct trimmer {
    bench_t *bench;
    size_t shown;
} trimmer_t;

// journal_visit_fn: at the first event the writer removes all there is.
static bool
trim_meanwhile(void *arg, record_t *record)
{
    trimmer_t *self = arg;
    (void) record;
    if (self->shown++ == 0) {
        uint64_t until;
        bool more;
        assert_int_equal(journal_store_trim(self->bench->store, UINT32_MAX, 0, INT64_MAX, 1000,
                                            &until, &more),
                         0);
        assert_int_equal(journal_store_state(self->bench->store)->events, 0);
    }
    return true;
}

static void
what_is_told_as_removed_is_what_the_reading_misses(void **state)
{
    bench_t *self = *state;
    begin_epoch(self);
    append(self, "mesh.x", 1, 7);
    char *reason = NULL;
    journal_reader_t *reader = journal_reader_open(self->path, &reason);
    assert_non_null(reader);
    trimmer_t trimmer = {.bench = self};
    uint64_t removed[MESH_FAMILIES];
    assert_int_equal(journal_reader_events(reader, 0, 100, trim_meanwhile, &trimmer, removed),
                     JOURNAL_READ_DONE);
    assert_int_equal(trimmer.shown, 7);
    assert_int_equal(removed[MESH_FAMILY_MESH], 0);
    self->last = self->shown = 0;
    assert_int_equal(journal_reader_events(reader, 0, 100, on_record, self, removed),
                     JOURNAL_READ_DONE);
    assert_int_equal(self->shown, 0);
    assert_int_equal(removed[MESH_FAMILY_MESH], 7);
    assert_int_equal(removed[MESH_FAMILY_ERRORS], 0);
    journal_reader_close(&reader);
}

// No file may grow past a limit: what a full disk does, without one.
static void
a_transaction_for_which_there_is_no_room_leaves_nothing(void **state)
{
    bench_t *self = *state;
    struct rlimit before, small;
    begin_epoch(self);
    append(self, "aider.x", 1, 10);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 65536;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int rc = try_to_append(self, "aider.x", 11, 2000);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(rc, -1);
    assert_int_equal(journal_store_fault(self->store), MESH_DB_FULL);
    journal_store_abandon(&self->store);
    open_store(self);
    assert_int_equal(journal_store_state(self->store)->head, 10);
    assert_int_equal(count_after(self, 0, 100), 10);
    append(self, "aider.x", 11, 5);
    assert_int_equal(count_after(self, 0, 100), 15);
}

static void
a_log_that_was_moved_is_begun_anew(void **state)
{
    bench_t *self = *state;
    uint64_t used, wal_before, wal_after;
    begin_epoch(self);
    append(self, "aider.x", 1, 1000);
    assert_true(journal_store_pending_bytes(self->store) > 0);
    assert_int_equal(journal_store_checkpoint(self->store, false), 0);
    assert_int_equal(journal_store_pending_bytes(self->store), 0);
    assert_int_equal(journal_store_bytes(self->store, &used, &wal_before), 0);
    for (uint64_t i = 0; i < 10; i++) {
        append(self, "aider.x", 2000 + 100 * i, 100);
        assert_int_equal(journal_store_checkpoint(self->store, true), 0);
    }
    assert_int_equal(journal_store_bytes(self->store, &used, &wal_after), 0);
    assert_int_equal(wal_before, wal_after);
    assert_int_equal(count_after(self, 0, 10000), 2000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_store_is_empty_and_has_no_epoch),
        TEST(what_was_committed_is_there_when_the_process_is_gone),
        TEST(closing_in_order_leaves_one_file),
        TEST(the_high_water_of_each_source_goes_with_its_events),
        TEST(a_source_that_said_hello_is_known_as_such_also_when_it_has_said_nothing_else),
        TEST(with_a_source_it_is_forgotten_that_it_said_hello),
        TEST(the_sources_unheard_for_the_longest_are_forgotten),
        TEST(a_file_that_is_no_journal_is_corrupt),
        TEST(an_event_that_was_changed_on_the_disk_is_told_when_it_is_read),
        TEST(what_is_told_as_removed_is_what_the_reading_misses),
        TEST(a_transaction_for_which_there_is_no_room_leaves_nothing),
        TEST(a_log_that_was_moved_is_begun_anew),
    };
    return cmocka_run_group_tests_name("journal_store", tests, NULL, NULL);
}
