// test_journal_mark - the witness beside the journal tells whatever was done to it
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal_mark.h"
#include "temp_dir.h"

typedef struct bench {
    char *dir, *path, *other;
    journal_mark_t mark;
} bench_t;

static int
setup(void **state)
{
    bench_t *self = test_calloc(1, sizeof *self);
    self->dir = temp_dir_new();
    self->path = temp_dir_file(self->dir, "mark");
    self->other = temp_dir_file(self->dir, "other");
    self->mark = (journal_mark_t){
        .epoch = 0xe1,
        .generation = 7,
        .reserved = 2000,
        .head = 1500,
        .journal = {.inode = 11, .device = 12, .bytes = 13, .mtime_ns = 14, .ctime_ns = 15},
        .wal = {.inode = 21, .device = 12, .bytes = 23, .mtime_ns = 24, .ctime_ns = 25},
    };
    journal_mark_name_host(&self->mark);
    *state = self;
    return 0;
}

static int
teardown(void **state)
{
    bench_t *self = *state;
    temp_dir_destroy(&self->dir);
    free(self->path);
    free(self->other);
    test_free(self);
    return 0;
}

static journal_mark_outcome_t
read_back(const char *path)
{
    journal_mark_t mark;
    return journal_mark_read(&mark, path);
}

static void
copy_file(const char *from, const char *to)
{
    char text[4096];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_non_null(in);
    assert_non_null(out);
    size_t bytes = fread(text, 1, sizeof text, in);
    assert_int_equal(fwrite(text, 1, bytes, out), bytes);
    fclose(in);
    fclose(out);
}

// Until the kernel's clock, which stamps files, has left the span in which a mark is written.
static void
let_the_file_clock_go_on(const bench_t *self)
{
    struct stat first, now;
    int fd = open(self->other, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &first), 0);
    do {
        assert_int_equal(pwrite(fd, "x", 1, 0), 1);
        assert_int_equal(fstat(fd, &now), 0);
    } while ((now.st_ctim.tv_sec - first.st_ctim.tv_sec) * 1000 +
                 (now.st_ctim.tv_nsec - first.st_ctim.tv_nsec) / 1000000 <
             150);
    close(fd);
    unlink(self->other);
}

static void
a_mark_is_read_as_it_was_written(void **state)
{
    bench_t *self = *state;
    journal_mark_t mark;
    for (int closed = 0; closed < 2; closed++) {
        self->mark.closed = closed;
        assert_int_equal(journal_mark_write(&self->mark, self->path, true), 0);
        assert_int_equal(journal_mark_read(&mark, self->path), JOURNAL_MARK_READ);
        assert_int_equal(mark.closed, closed);
        assert_int_equal(mark.epoch, 0xe1);
        assert_int_equal(mark.generation, 7);
        assert_int_equal(mark.reserved, 2000);
        assert_int_equal(mark.head, 1500);
        assert_memory_equal(&mark.journal, &self->mark.journal, sizeof mark.journal);
        assert_memory_equal(&mark.wal, &self->mark.wal, sizeof mark.wal);
        assert_string_equal(mark.machine, self->mark.machine);
        assert_string_equal(mark.boot, self->mark.boot);
    }
}

static void
a_mark_that_is_not_there_is_missing(void **state)
{
    bench_t *self = *state;
    assert_int_equal(read_back(self->path), JOURNAL_MARK_MISSING);
}

static void
no_byte_of_a_mark_can_be_changed(void **state)
{
    bench_t *self = *state;
    assert_int_equal(journal_mark_write(&self->mark, self->path, false), 0);
    struct stat status;
    assert_int_equal(stat(self->path, &status), 0);
    for (off_t at = 0; at < status.st_size; at++) {
        char byte, changed;
        int fd = open(self->path, O_RDWR | O_CLOEXEC);
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        changed = (char) (byte ^ 1);
        assert_int_equal(pwrite(fd, &changed, 1, at), 1);
        assert_int_equal(read_back(self->path), JOURNAL_MARK_DAMAGED);
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        close(fd);
    }
    for (off_t bytes = 0; bytes < status.st_size; bytes += 17) {
        assert_int_equal(truncate(self->path, status.st_size - bytes - 1), 0);
        assert_int_equal(read_back(self->path), JOURNAL_MARK_DAMAGED);
    }
}

static void
a_mark_that_was_put_back_is_told_by_its_ctime(void **state)
{
    bench_t *self = *state;
    assert_int_equal(journal_mark_write(&self->mark, self->path, false), 0);
    let_the_file_clock_go_on(self);
    assert_int_equal(read_back(self->path), JOURNAL_MARK_READ);
    // By copying over it, by moving a copy to its place, with its times put back.
    copy_file(self->path, self->other);
    copy_file(self->other, self->path);
    assert_int_equal(read_back(self->path), JOURNAL_MARK_MOVED);
    assert_int_equal(journal_mark_write(&self->mark, self->path, false), 0);
    let_the_file_clock_go_on(self);
    copy_file(self->path, self->other);
    struct stat status;
    assert_int_equal(stat(self->path, &status), 0);
    assert_int_equal(utimensat(AT_FDCWD, self->other,
                               (struct timespec[]){status.st_atim, status.st_mtim}, 0),
                     0);
    assert_int_equal(rename(self->other, self->path), 0);
    assert_int_equal(read_back(self->path), JOURNAL_MARK_MOVED);
}

static void
a_mark_that_cannot_be_written_says_why(void **state)
{
    bench_t *self = *state;
    char *nowhere = temp_dir_file(self->dir, "no/such/mark");
    assert_int_equal(journal_mark_write(&self->mark, nowhere, true), -1);
    assert_int_equal(errno, ENOENT);
    free(nowhere);
}

static const char *
objection(const bench_t *self, const journal_file_facts_t *journal,
          const journal_file_facts_t *wal)
{
    return journal_mark_contradicted_by_files(&self->mark, journal, wal);
}

static void
an_open_journal_may_have_grown(void **state)
{
    bench_t *self = *state;
    journal_file_facts_t journal = self->mark.journal, wal = self->mark.wal;
    assert_null(objection(self, &journal, &wal));
    journal.bytes++;
    journal.mtime_ns++;
    journal.ctime_ns++;
    wal.bytes++;
    assert_null(objection(self, &journal, &wal));
}

static void
an_open_journal_was_not_cut_replaced_or_parted_from_its_log(void **state)
{
    bench_t *self = *state;
    const journal_file_facts_t same = self->mark.journal, same_wal = self->mark.wal;
    journal_file_facts_t changed = same, none = {0};
    assert_non_null(objection(self, &same, &none));
    changed.bytes--;
    assert_non_null(objection(self, &changed, &same_wal));
    changed = same;
    changed.inode++;
    assert_non_null(objection(self, &changed, &same_wal));
    changed = same;
    changed.device++;
    assert_non_null(objection(self, &changed, &same_wal));
    changed = same_wal;
    changed.inode++;
    assert_non_null(objection(self, &same, &changed));
    changed = same_wal;
    changed.bytes--;
    assert_non_null(objection(self, &same, &changed));
}

static void
a_closed_journal_was_not_touched_at_all(void **state)
{
    bench_t *self = *state;
    self->mark.closed = true;
    self->mark.wal = (journal_file_facts_t){0};
    const journal_file_facts_t same = self->mark.journal, none = {0};
    assert_null(objection(self, &same, &none));
    journal_file_facts_t changed = same, wal = {.inode = 9, .bytes = 1};
    assert_non_null(objection(self, &same, &wal));
    changed.bytes++;
    assert_non_null(objection(self, &changed, &none));
    changed = same;
    changed.mtime_ns++;
    assert_non_null(objection(self, &changed, &none));
    changed = same;
    changed.ctime_ns++;
    assert_non_null(objection(self, &changed, &none));
}

static void
a_device_may_get_another_number_when_the_host_starts_anew(void **state)
{
    bench_t *self = *state;
    journal_file_facts_t journal = self->mark.journal;
    journal.device++;
    snprintf(self->mark.boot, sizeof self->mark.boot, "another");
    assert_null(objection(self, &journal, &self->mark.wal));
}

static void
a_journal_of_another_host_is_told(void **state)
{
    bench_t *self = *state;
    if (self->mark.machine[0] == '\0') {
        print_message("skipped: this host has no machine-id to be told by\n");
        skip();
    }
    self->mark.machine[0] = self->mark.machine[0] == 'a' ? 'b' : 'a';
    assert_non_null(objection(self, &self->mark.journal, &self->mark.wal));
}

static void
the_content_is_of_the_marks_epoch_opening_and_head(void **state)
{
    bench_t *self = *state;
    const journal_mark_t *mark = &self->mark;
    assert_null(journal_mark_contradicted_by_content(mark, 0xe1, 7, 1500));
    assert_null(journal_mark_contradicted_by_content(mark, 0xe1, 7, 1600));
    // An opening was cut off between the journal and its mark.
    assert_null(journal_mark_contradicted_by_content(mark, 0xe1, 8, 1500));
    assert_non_null(journal_mark_contradicted_by_content(mark, 0xe2, 7, 1500));
    assert_non_null(journal_mark_contradicted_by_content(mark, 0xe1, 6, 1500));
    assert_non_null(journal_mark_contradicted_by_content(mark, 0xe1, 9, 1500));
    assert_non_null(journal_mark_contradicted_by_content(mark, 0xe1, 7, 1499));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_mark_is_read_as_it_was_written),
        TEST(a_mark_that_is_not_there_is_missing),
        TEST(no_byte_of_a_mark_can_be_changed),
        TEST(a_mark_that_was_put_back_is_told_by_its_ctime),
        TEST(a_mark_that_cannot_be_written_says_why),
        TEST(an_open_journal_may_have_grown),
        TEST(an_open_journal_was_not_cut_replaced_or_parted_from_its_log),
        TEST(a_closed_journal_was_not_touched_at_all),
        TEST(a_device_may_get_another_number_when_the_host_starts_anew),
        TEST(a_journal_of_another_host_is_told),
        TEST(the_content_is_of_the_marks_epoch_opening_and_head),
    };
    return cmocka_run_group_tests_name("journal_mark", tests, NULL, NULL);
}
