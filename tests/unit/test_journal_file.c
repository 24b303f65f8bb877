// test_journal_file - a journal is gone on with only if it is the one it was
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal_events.h"
#include "journal_file.h"
#include "temp_dir.h"

enum { BLOCK = 1000 };

typedef struct bench {
    char *dir, *backup;
    journal_file_t *file;
    journal_opening_t opening;
    mesh_uuid_t source;
} bench_t;

static char *
path_of(const char *dir, const char *suffix)
{
    char name[64];
    snprintf(name, sizeof name, "journal.db%s", suffix);
    return temp_dir_file(dir, name);
}

static int
setup(void **state)
{
    bench_t *self = test_calloc(1, sizeof *self);
    self->dir = temp_dir_new();
    self->backup = temp_dir_new();
    self->source = mesh_uuid_new();
    *state = self;
    return 0;
}

// The process is gone: nothing was closed.
static void
crash(bench_t *self)
{
    if (!self->file)
        return;
    journal_file_abandon(self->file);
    journal_file_destroy(&self->file);
    journal_opening_clear(&self->opening);
}

static void
stop(bench_t *self)
{
    journal_file_destroy(&self->file);
    journal_opening_clear(&self->opening);
}

static int
teardown(void **state)
{
    bench_t *self = *state;
    crash(self);
    temp_dir_destroy(&self->dir);
    temp_dir_destroy(&self->backup);
    test_free(self);
    return 0;
}

static int
try_to_start(bench_t *self)
{
    char *path = path_of(self->dir, "");
    self->file = journal_file_new(path, false, BLOCK);
    free(path);
    return journal_file_open(self->file, &self->opening);
}

// Open it, and say how.
static journal_origin_t
start(bench_t *self)
{
    assert_int_equal(try_to_start(self), 0);
    return self->opening.origin;
}

static void
append(bench_t *self, uint64_t first, size_t count)
{
    journal_store_t *store = journal_file_store(self->file);
    journal_batch_t *batch = journal_events_new(&self->source, "aider.x", first, count);
    assert_int_equal(journal_file_reserve(self->file, first + count - 1), 0);
    assert_int_equal(journal_store_begin(store), 0);
    assert_int_equal(journal_store_add(store, batch), 0);
    assert_int_equal(journal_store_commit(store), 0);
    assert_int_equal(journal_file_tell(self->file), 0);
    journal_events_destroy(&batch);
}

static void
copy_file(const char *from, const char *to)
{
    char part[65536];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_non_null(in);
    assert_non_null(out);
    for (size_t bytes; (bytes = fread(part, 1, sizeof part, in)) > 0;)
        assert_int_equal(fwrite(part, 1, bytes, out), bytes);
    fclose(in);
    fclose(out);
}

static void
copy_between(const char *from_dir, const char *to_dir, const char *suffix)
{
    char *from = path_of(from_dir, suffix), *to = path_of(to_dir, suffix);
    copy_file(from, to);
    free(from);
    free(to);
}

// A day passes on the clock that stamps files.
static void
let_the_file_clock_go_on(const bench_t *self)
{
    struct stat first, now;
    char *path = temp_dir_file(self->backup, "clock");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(fstat(fd, &first), 0);
    do {
        assert_int_equal(pwrite(fd, "x", 1, 0), 1);
        assert_int_equal(fstat(fd, &now), 0);
    } while ((now.st_ctim.tv_sec - first.st_ctim.tv_sec) * 1000 +
                 (now.st_ctim.tv_nsec - first.st_ctim.tv_nsec) / 1000000 <
             150);
    close(fd);
    free(path);
}

static size_t
set_aside(const bench_t *self, const char *why)
{
    size_t count = 0;
    DIR *entries = opendir(self->dir);
    assert_non_null(entries);
    for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries))
        if (strstr(entry->d_name, why) && !strstr(entry->d_name, "-wal"))
            count++;
    closedir(entries);
    return count;
}

// What no tampering may change: the epoch is another one, and nothing of the old is served.
static void
expect_new_epoch(bench_t *self, uint64_t epoch, journal_origin_t origin)
{
    assert_int_equal(start(self), origin);
    assert_int_not_equal(self->opening.state.epoch, epoch);
    assert_int_equal(self->opening.state.events, 0);
    assert_int_equal(self->opening.state.head, 0);
    assert_int_equal(self->opening.source_count, 0);
}

static void
a_journal_that_was_closed_goes_on_where_it_ended(void **state)
{
    bench_t *self = *state;
    assert_int_equal(start(self), JOURNAL_ORIGIN_NEW);
    uint64_t epoch = self->opening.state.epoch;
    append(self, 1, 10);
    stop(self);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(start(self), JOURNAL_ORIGIN_CONTINUED);
        assert_int_equal(self->opening.state.epoch, epoch);
        assert_int_equal(self->opening.state.head, 10);
        assert_int_equal(self->opening.first, 1);
        assert_int_equal(self->opening.source_count, 1);
        assert_int_equal(self->opening.sources[0].seq, 10);
        stop(self);
    }
}

static void
one_that_was_not_goes_on_at_the_next_block(void **state)
{
    bench_t *self = *state;
    start(self);
    uint64_t epoch = self->opening.state.epoch;
    append(self, 1, 10);
    for (uint64_t i = 1; i <= 3; i++) {
        crash(self);
        assert_int_equal(start(self), JOURNAL_ORIGIN_RECOVERED);
        assert_int_equal(self->opening.state.epoch, epoch);
        assert_int_equal(self->opening.state.head, i * BLOCK);
        assert_int_equal(self->opening.state.events, 10);
    }
    append(self, 3 * BLOCK + 1, 2 * BLOCK + 5);
    crash(self);
    start(self);
    assert_int_equal(self->opening.state.head, 6 * BLOCK);
}

static void
a_backup_put_back_in_place_is_told(void **state)
{
    bench_t *self = *state;
    start(self);
    uint64_t epoch = self->opening.state.epoch;
    append(self, 1, 10);
    stop(self);
    copy_between(self->dir, self->backup, "");
    copy_between(self->dir, self->backup, ".mark");
    start(self);
    append(self, 11, 10);
    stop(self);
    let_the_file_clock_go_on(self);
    copy_between(self->backup, self->dir, "");
    copy_between(self->backup, self->dir, ".mark");
    expect_new_epoch(self, epoch, JOURNAL_ORIGIN_UNPROVEN);
    assert_int_equal(set_aside(self, ".unproven-"), 1);
}

static void
a_backup_moved_to_its_place_is_told(void **state)
{
    bench_t *self = *state;
    start(self);
    uint64_t epoch = self->opening.state.epoch;
    append(self, 1, 10);
    stop(self);
    copy_between(self->dir, self->backup, "");
    let_the_file_clock_go_on(self);
    char *from = path_of(self->backup, ""), *to = path_of(self->dir, "");
    assert_int_equal(rename(from, to), 0);
    free(from);
    free(to);
    expect_new_epoch(self, epoch, JOURNAL_ORIGIN_UNPROVEN);
}

static void
a_backup_of_an_open_journal_is_told_by_its_opening(void **state)
{
    bench_t *self = *state;
    start(self);
    uint64_t epoch = self->opening.state.epoch;
    append(self, 1, 10);
    copy_between(self->dir, self->backup, "");
    copy_between(self->dir, self->backup, "-wal");
    crash(self);
    start(self);
    append(self, BLOCK + 1, 10);
    crash(self);
    // Over the same files, so that neither inode nor size tells it.
    copy_between(self->backup, self->dir, "");
    char *wal = path_of(self->dir, "-wal"), *old = path_of(self->backup, "-wal");
    struct stat now;
    assert_int_equal(stat(wal, &now), 0);
    copy_file(old, wal);
    assert_int_equal(truncate(wal, now.st_size), 0);
    free(wal);
    free(old);
    expect_new_epoch(self, epoch, JOURNAL_ORIGIN_UNPROVEN);
}

static void
a_copy_in_another_directory_is_told(void **state)
{
    bench_t *self = *state;
    start(self);
    uint64_t epoch = self->opening.state.epoch;
    append(self, 1, 10);
    stop(self);
    let_the_file_clock_go_on(self);
    copy_between(self->dir, self->backup, "");
    copy_between(self->dir, self->backup, ".mark");
    char *dir = self->dir;
    self->dir = self->backup;
    self->backup = dir;
    expect_new_epoch(self, epoch, JOURNAL_ORIGIN_UNPROVEN);
}

static void
a_journal_parted_from_its_log_is_told(void **state)
{
    bench_t *self = *state;
    start(self);
    uint64_t epoch = self->opening.state.epoch;
    append(self, 1, 10);
    crash(self);
    char *wal = path_of(self->dir, "-wal");
    assert_int_equal(unlink(wal), 0);
    free(wal);
    expect_new_epoch(self, epoch, JOURNAL_ORIGIN_UNPROVEN);
}

static void
a_journal_that_was_cut_is_told(void **state)
{
    bench_t *self = *state;
    start(self);
    uint64_t epoch = self->opening.state.epoch;
    append(self, 1, 500);
    stop(self);
    char *path = path_of(self->dir, "");
    assert_int_equal(truncate(path, 8192), 0);
    free(path);
    expect_new_epoch(self, epoch, JOURNAL_ORIGIN_UNPROVEN);
}

static void
a_log_whose_end_is_gone_is_told(void **state)
{
    bench_t *self = *state;
    start(self);
    uint64_t epoch = self->opening.state.epoch;
    append(self, 1, 10);
    append(self, 11, 10);
    crash(self);
    // Of the same size, but what was written last is not there.
    char *wal = path_of(self->dir, "-wal");
    struct stat status;
    assert_int_equal(stat(wal, &status), 0);
    assert_int_equal(truncate(wal, status.st_size - 4120), 0);
    assert_int_equal(truncate(wal, status.st_size), 0);
    free(wal);
    expect_new_epoch(self, epoch, JOURNAL_ORIGIN_UNPROVEN);
}

// The mark is of the second before, and says nothing of what was told since.
static void
a_log_cut_within_its_last_second_is_told(void **state)
{
    bench_t *self = *state;
    start(self);
    uint64_t epoch = self->opening.state.epoch;
    append(self, 1, 10);
    assert_int_equal(journal_file_witness(self->file), 0);
    char *wal = path_of(self->dir, "-wal");
    struct stat witnessed;
    assert_int_equal(stat(wal, &witnessed), 0);
    append(self, 11, 10);
    append(self, 21, 10);
    crash(self);
    assert_int_equal(truncate(wal, witnessed.st_size), 0);
    free(wal);
    expect_new_epoch(self, epoch, JOURNAL_ORIGIN_UNPROVEN);
}

static void
what_was_told_that_is_not_known_proves_nothing(void **state)
{
    bench_t *self = *state;
    start(self);
    uint64_t epoch = self->opening.state.epoch;
    append(self, 1, 10);
    crash(self);
    char *told = path_of(self->dir, ".told");
    assert_int_equal(truncate(told, 20), 0);
    expect_new_epoch(self, epoch, JOURNAL_ORIGIN_UNPROVEN);
    epoch = self->opening.state.epoch;
    append(self, 1, 10);
    crash(self);
    assert_int_equal(unlink(told), 0);
    expect_new_epoch(self, epoch, JOURNAL_ORIGIN_UNPROVEN);
    // A journal that was closed needs no such witness.
    epoch = self->opening.state.epoch;
    stop(self);
    assert_int_equal(unlink(told), 0);
    assert_int_equal(start(self), JOURNAL_ORIGIN_CONTINUED);
    assert_int_equal(self->opening.state.epoch, epoch);
    free(told);
}

static void
a_mark_that_is_gone_or_damaged_proves_nothing(void **state)
{
    bench_t *self = *state;
    char *mark = path_of(self->dir, ".mark");
    start(self);
    uint64_t epoch = self->opening.state.epoch;
    stop(self);
    assert_int_equal(unlink(mark), 0);
    expect_new_epoch(self, epoch, JOURNAL_ORIGIN_UNPROVEN);
    epoch = self->opening.state.epoch;
    stop(self);
    assert_int_equal(truncate(mark, 100), 0);
    expect_new_epoch(self, epoch, JOURNAL_ORIGIN_UNPROVEN);
    free(mark);
}

static void
a_journal_that_is_gone_is_lost_and_not_new(void **state)
{
    bench_t *self = *state;
    start(self);
    uint64_t epoch = self->opening.state.epoch;
    append(self, 1, 10);
    crash(self);
    char *path = path_of(self->dir, "");
    assert_int_equal(unlink(path), 0);
    free(path);
    expect_new_epoch(self, epoch, JOURNAL_ORIGIN_LOST);
}

static void
a_file_of_garbage_is_set_aside(void **state)
{
    bench_t *self = *state;
    start(self);
    uint64_t epoch = self->opening.state.epoch;
    append(self, 1, 100);
    crash(self);
    // Of the same inode and size: only opening it tells.
    char *path = path_of(self->dir, ""), *wal = path_of(self->dir, "-wal");
    const char *both[] = {path, wal};
    for (int i = 0; i < 2; i++) {
        FILE *file = fopen(both[i], "r+b");
        struct stat status;
        assert_int_equal(stat(both[i], &status), 0);
        for (off_t at = 0; at < status.st_size; at++)
            fputc('x', file);
        fclose(file);
    }
    free(path);
    free(wal);
    assert_int_equal(try_to_start(self), 0);
    assert_int_not_equal(self->opening.state.epoch, epoch);
    assert_int_equal(self->opening.state.events, 0);
    assert_int_equal(set_aside(self, ".corrupt-") + set_aside(self, ".unproven-"), 1);
}

static void
an_opening_that_is_cut_off_however_often_costs_no_epoch(void **state)
{
    bench_t *self = *state;
    start(self);
    uint64_t epoch = self->opening.state.epoch;
    append(self, 1, 10);
    // The journal is begun, and its mark is not: it is in the way of the new one.
    char *in_the_way = path_of(self->dir, ".mark.new");
    crash(self);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(mkdir(in_the_way, 0700), 0);
        assert_int_equal(try_to_start(self), -1);
        journal_file_destroy(&self->file);
        assert_int_equal(rmdir(in_the_way), 0);
    }
    free(in_the_way);
    assert_int_equal(start(self), JOURNAL_ORIGIN_RECOVERED);
    assert_int_equal(self->opening.state.epoch, epoch);
    assert_int_equal(self->opening.state.events, 10);
}

static void
a_directory_that_cannot_be_written_is_said(void **state)
{
    bench_t *self = *state;
    char *path = temp_dir_file(self->dir, "none/journal.db");
    journal_file_t *file = journal_file_new(path, false, BLOCK);
    assert_int_equal(journal_file_open(file, &self->opening), -1);
    assert_int_not_equal(self->opening.fault, MESH_DB_SOUND);
    assert_non_null(strstr(self->opening.why, "none"));
    journal_file_destroy(&file);
    free(path);
}

static void
of_journals_set_aside_the_newest_are_kept(void **state)
{
    bench_t *self = *state;
    static const char *const old[] = {".corrupt-20200101000000", ".unproven-20210101000000",
                                      ".unproven-20220101000000"};
    for (size_t i = 0; i < sizeof old / sizeof old[0]; i++) {
        char *path = path_of(self->dir, old[i]);
        fclose(fopen(path, "w"));
        free(path);
    }
    start(self);
    journal_opening_clear(&self->opening);
    assert_int_equal(
        journal_file_renew(self->file, JOURNAL_ORIGIN_UNPROVEN, "a test", &self->opening), 0);
    assert_int_equal(set_aside(self, ".unproven-"), 2);
    assert_int_equal(set_aside(self, ".unproven-2021"), 0);
    assert_int_equal(set_aside(self, ".corrupt-"), 0);
    assert_non_null(strstr(self->opening.why, "a test"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_journal_that_was_closed_goes_on_where_it_ended),
        TEST(one_that_was_not_goes_on_at_the_next_block),
        TEST(a_backup_put_back_in_place_is_told),
        TEST(a_backup_moved_to_its_place_is_told),
        TEST(a_backup_of_an_open_journal_is_told_by_its_opening),
        TEST(a_copy_in_another_directory_is_told),
        TEST(a_journal_parted_from_its_log_is_told),
        TEST(a_journal_that_was_cut_is_told),
        TEST(a_log_whose_end_is_gone_is_told),
        TEST(a_log_cut_within_its_last_second_is_told),
        TEST(what_was_told_that_is_not_known_proves_nothing),
        TEST(a_mark_that_is_gone_or_damaged_proves_nothing),
        TEST(a_journal_that_is_gone_is_lost_and_not_new),
        TEST(a_file_of_garbage_is_set_aside),
        TEST(an_opening_that_is_cut_off_however_often_costs_no_epoch),
        TEST(a_directory_that_cannot_be_written_is_said),
        TEST(of_journals_set_aside_the_newest_are_kept),
    };
    return cmocka_run_group_tests_name("journal_file", tests, NULL, NULL);
}
