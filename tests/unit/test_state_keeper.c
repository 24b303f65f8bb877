// test_state_keeper - state, place and events of ours change together, or the fault is told
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include <czmq.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state_keeper.h"
#include "temp_dir.h"

enum { PLENTY = 1024 * 1024, BEGIN_MS = 1000000 };

// One life of a monitor: its keeper, what it knows, what it says.
typedef struct bench {
    char *dir, *path;
    state_keeper_t *keeper;
    request_watch_t *watch;
    mesh_outbox_t *outbox;
    mesh_cursor_t consumed;
    int64_t now_ms;
    size_t reports;
    throttling_step_t step;    // of the last report
    const char *reason;        // of the last report
    size_t restored;
} bench_t;

// request_watch_report_fn
static void
on_report(void *arg, const request_report_t *report)
{
    bench_t *self = arg;
    self->reports++;
    self->step = report->step;
    self->reason = report->reason;
}

static void
end_life(bench_t *self)
{
    mesh_outbox_destroy(&self->outbox);
    request_watch_destroy(&self->watch);
    state_keeper_destroy(&self->keeper);
}

// The monitor ends, if it lives, and begins again at now_ms.
static void
begin_life(bench_t *self)
{
    end_life(self);
    request_watch_limits_t limits = {{30000, 60000}, 100};
    self->keeper = state_keeper_new(self->path, false);
    self->watch = request_watch_new(&limits, on_report, self);
    self->outbox = state_keeper_open(self->keeper, PLENTY, &self->consumed);
    mesh_outbox_set_window(self->outbox, 1000, PLENTY);
    self->reports = 0;
    self->restored =
        state_keeper_restore(self->keeper, self->watch, self->now_ms, self->now_ms * 1000);
    request_watch_resume(self->watch, self->now_ms);
}

static int
setup(void **state)
{
    bench_t *self = test_calloc(1, sizeof *self);
    self->dir = temp_dir_new();
    self->path = temp_dir_file(self->dir, "monitor.db");
    self->now_ms = BEGIN_MS;
    begin_life(self);
    *state = self;
    return 0;
}

static int
teardown(void **state)
{
    bench_t *self = *state;
    end_life(self);
    temp_dir_destroy(&self->dir);
    free(self->path);
    test_free(self);
    return 0;
}

static bool
is_due(const bench_t *self)
{
    return state_keeper_is_due(self->keeper, self->watch, self->outbox, &self->consumed,
                               self->now_ms);
}

static int
keep(bench_t *self)
{
    int rc = state_keeper_keep(self->keeper, self->watch, self->outbox, &self->consumed,
                               self->now_ms, self->now_ms * 1000);
    mesh_outbox_hold_after(self->outbox, state_keeper_sendable(self->keeper, self->outbox));
    return rc;
}

static void
observe(bench_t *self, observed_t what, const char *request)
{
    observation_t observation = {.what = what, .session = "s"};
    (void) snprintf(observation.request, sizeof observation.request, "%s", request);
    self->consumed.epoch = 7;
    self->consumed.offset++;
    request_watch_observe(self->watch, &observation, self->now_ms, false, self->now_ms);
}

static void
say(bench_t *self, const char *text)
{
    mesh_outbox_push(self->outbox, "a/h/s", 5, text, strlen(text), 1, MESH_RANK_MIDDLE);
}

// The next event that is sent says this; NULL: there is none.
static void
assert_sends(bench_t *self, const char *text)
{
    const mesh_outbox_event_t *event = mesh_outbox_send_next(self->outbox);
    if (!text) {
        assert_null(event);
        return;
    }
    assert_non_null(event);
    assert_int_equal(event->body_bytes, strlen(text));
    assert_memory_equal(event->body, text, strlen(text));
}

static void
assert_fault(const bench_t *self, mesh_db_fault_t fault)
{
    assert_int_equal(state_keeper_fault(self->keeper), fault);
}

static void
pass(bench_t *self, int64_t ms)
{
    self->now_ms += ms;
    request_watch_advance(self->watch, self->now_ms);
}

// ---- in order

static void
an_event_is_sent_once_it_is_kept(void **state)
{
    bench_t *self = *state;
    say(self, "one");
    assert_sends(self, NULL);
    assert_true(is_due(self));
    assert_int_equal(keep(self), 0);
    assert_sends(self, "one");
    say(self, "two");
    assert_sends(self, NULL);
}

static void
nothing_is_due_when_nothing_has_changed(void **state)
{
    bench_t *self = *state;
    observe(self, OBSERVED_REQUEST_STARTED, "r");
    say(self, "one");
    assert_int_equal(keep(self), 0);
    assert_false(is_due(self));
    self->consumed.offset++;
    assert_true(is_due(self));
    assert_int_equal(keep(self), 0);
    assert_sends(self, "one");
    assert_false(is_due(self));
    mesh_outbox_acknowledge(self->outbox, 1);
    assert_true(is_due(self));
    assert_int_equal(keep(self), 0);
    observe(self, OBSERVED_SESSION_FORGOTTEN, "");
    assert_true(is_due(self));
}

static void
a_successor_goes_on_under_the_same_source_and_place(void **state)
{
    bench_t *self = *state;
    mesh_uuid_t source = *mesh_outbox_source(self->outbox);
    observe(self, OBSERVED_REQUEST_STARTED, "r");
    say(self, "one");
    say(self, "two");
    assert_int_equal(keep(self), 0);
    assert_sends(self, "one");
    mesh_outbox_acknowledge(self->outbox, 1);
    assert_int_equal(keep(self), 0);
    say(self, "never kept");
    begin_life(self);
    assert_true(mesh_uuid_equal(mesh_outbox_source(self->outbox), &source));
    assert_int_equal(self->consumed.epoch, 7);
    assert_int_equal(self->consumed.offset, 1);
    assert_int_equal(self->restored, 1);
    assert_int_equal(mesh_outbox_acknowledged(self->outbox), 1);
    assert_int_equal(mesh_outbox_next_seq(self->outbox), 3);
    assert_sends(self, "two");
    assert_sends(self, NULL);
}

static void
what_was_kept_and_not_what_came_after_is_known(void **state)
{
    bench_t *self = *state;
    observe(self, OBSERVED_REQUEST_STARTED, "kept");
    assert_int_equal(keep(self), 0);
    observe(self, OBSERVED_REQUEST_STARTED, "lost");
    begin_life(self);
    const request_table_t *table = request_watch_table(self->watch);
    assert_non_null(request_table_find(table, "s", "kept"));
    assert_null(request_table_find(table, "s", "lost"));
    assert_int_equal(self->consumed.offset, 1);
}

static void
a_silence_goes_on_over_a_restart_to_the_tick(void **state)
{
    bench_t *self = *state;
    observe(self, OBSERVED_REQUEST_STARTED, "r");
    pass(self, 29999);
    assert_int_equal(self->reports, 0);
    assert_int_equal(keep(self), 0);
    begin_life(self);
    pass(self, 0);
    assert_int_equal(self->reports, 0);
    pass(self, 1);
    assert_int_equal(self->reports, 1);
    assert_int_equal(self->step, THROTTLING_LONG_RUNNING);
    assert_int_equal(keep(self), 0);
    begin_life(self);
    pass(self, 29999);
    assert_int_equal(self->reports, 0);
    pass(self, 1);
    assert_int_equal(self->reports, 1);
    assert_int_equal(self->step, THROTTLING_MEDIUM);
}

static void
what_was_reported_before_is_cleared_after(void **state)
{
    bench_t *self = *state;
    observe(self, OBSERVED_REQUEST_STARTED, "r");
    pass(self, 30000);
    assert_int_equal(keep(self), 0);
    begin_life(self);
    assert_int_equal(self->reports, 0);
    observe(self, OBSERVED_REQUEST_COMPLETED, "r");
    assert_int_equal(self->reports, 1);
    assert_string_equal(self->reason, "completed");
    assert_int_equal(keep(self), 0);
    begin_life(self);
    // An event that comes again opens nothing.
    observe(self, OBSERVED_PROGRESS, "r");
    pass(self, 600000);
    assert_int_equal(self->reports, 0);
}

static void
who_was_not_heard_of_for_long_is_not_reported_by_a_successor(void **state)
{
    bench_t *self = *state;
    observe(self, OBSERVED_REQUEST_STARTED, "r");
    assert_int_equal(keep(self), 0);
    self->now_ms += REQUEST_WATCH_ALIVE_MS;
    begin_life(self);
    pass(self, 600000);
    assert_int_equal(self->reports, 0);
    observe(self, OBSERVED_STILL_WAITING, "r");
    assert_int_equal(self->reports, 1);
}

static void
a_forgotten_session_is_in_no_file(void **state)
{
    bench_t *self = *state;
    observe(self, OBSERVED_REQUEST_STARTED, "a-name-to-be-forgotten");
    assert_int_equal(keep(self), 0);
    state_keeper_forget(self->keeper);
    observe(self, OBSERVED_SESSION_FORGOTTEN, "");
    assert_int_equal(keep(self), 0);
    static const char *const names[] = {"monitor.db", "monitor.db-wal"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        static char bytes[256 * 1024];
        char *path = temp_dir_file(self->dir, names[i]);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        size_t size = fread(bytes, 1, sizeof bytes, file);
        assert_int_equal(fclose(file), 0);
        assert_in_range(size, 0, sizeof bytes - 1);
        assert_null(memmem(bytes, size, "a-name-to-be", strlen("a-name-to-be")));
        free(path);
    }
}

static void
an_event_that_made_room_is_not_kept_either(void **state)
{
    bench_t *self = *state;
    for (int i = 0; i < 3; i++)
        mesh_outbox_push(self->outbox, "a/h/s", 5, "x", 1, 1, MESH_RANK_FIRST);
    assert_int_equal(keep(self), 0);
    assert_int_equal(mesh_outbox_forget(self->outbox, "s"), 3);
    say(self, "last");
    assert_int_equal(keep(self), 0);
    begin_life(self);
    const mesh_outbox_event_t *event = mesh_outbox_send_next(self->outbox);
    assert_non_null(event);
    assert_int_equal(event->seq, 4);
    assert_int_equal(event->covers, 4);
    assert_null(mesh_outbox_send_next(self->outbox));
}

static void
under_a_new_source_nothing_is_sent_before_it_is_kept(void **state)
{
    bench_t *self = *state;
    mesh_uuid_t before = *mesh_outbox_source(self->outbox);
    say(self, "one");
    say(self, "two");
    assert_int_equal(keep(self), 0);
    assert_sends(self, "one");
    mesh_outbox_t *renewed = mesh_outbox_new(PLENTY);
    mesh_outbox_set_window(renewed, 1000, PLENTY);
    state_keeper_renewed(self->keeper, self->outbox, renewed);
    mesh_outbox_destroy(&self->outbox);
    self->outbox = renewed;
    say(self, "one again");
    assert_sends(self, NULL);
    assert_int_equal(keep(self), 0);
    assert_sends(self, "one again");
    mesh_uuid_t now = *mesh_outbox_source(self->outbox);
    // Of the one before, what was sent is ours; what came after is somebody else's.
    assert_true(state_keeper_has_said(self->keeper, &before, 1));
    assert_false(state_keeper_has_said(self->keeper, &before, 2));
    assert_true(state_keeper_has_said(self->keeper, &now, 1));
    begin_life(self);
    assert_true(mesh_uuid_equal(mesh_outbox_source(self->outbox), &now));
    assert_sends(self, "one again");
    assert_sends(self, NULL);
}

// ---- faults

static void
limit_files(rlim_t bytes, struct rlimit *before)
{
    (void) signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, before), 0);
    struct rlimit small = {.rlim_cur = bytes, .rlim_max = before->rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
}

static void
on_a_full_disk_events_go_at_once_and_all_is_kept_when_there_is_room(void **state)
{
    bench_t *self = *state;
    struct rlimit before;
    observe(self, OBSERVED_REQUEST_STARTED, "r");
    assert_int_equal(keep(self), 0);
    limit_files(4096, &before);
    observe(self, OBSERVED_REQUEST_STARTED, "second");
    say(self, "unkept");
    int rc = keep(self);
    bool is_due_at_once = is_due(self);
    self->now_ms += STATE_KEEPER_RETRY_MS;
    int rc_again = keep(self);
    mesh_db_fault_t fault = state_keeper_fault(self->keeper);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(rc, -1);
    assert_int_equal(rc_again, -1);
    assert_int_equal(fault, MESH_DB_FULL);
    assert_false(is_due_at_once);
    assert_sends(self, "unkept");
    say(self, "unkept, too");
    assert_sends(self, "unkept, too");

    self->now_ms += STATE_KEEPER_RETRY_MS;
    assert_true(is_due(self));
    assert_int_equal(keep(self), 0);
    assert_fault(self, MESH_DB_SOUND);
    say(self, "held");
    assert_sends(self, NULL);
    begin_life(self);
    assert_int_equal(self->restored, 2);
    assert_int_equal(mesh_outbox_next_seq(self->outbox), 3);
    assert_int_equal(mesh_outbox_count(self->outbox), 2);
}

static void
killed_on_a_full_disk_its_successor_hears_what_was_said_since(void **state)
{
    bench_t *self = *state;
    struct rlimit before;
    say(self, "kept");
    assert_int_equal(keep(self), 0);
    mesh_uuid_t source = *mesh_outbox_source(self->outbox);
    limit_files(4096, &before);
    say(self, "unkept");
    int rc = keep(self);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(rc, -1);
    begin_life(self);
    // The broker has 2, which this life has never sent: the publisher asks for a new source.
    assert_int_equal(mesh_outbox_ever_sent(self->outbox), 1);
    mesh_outbox_t *renewed = mesh_outbox_new(PLENTY);
    state_keeper_renewed(self->keeper, self->outbox, renewed);
    assert_true(state_keeper_has_said(self->keeper, &source, 1));
    assert_false(state_keeper_has_said(self->keeper, &source, 2));
    mesh_outbox_destroy(&renewed);
}

static void
write_file(const char *path, const char *mode, long at)
{
    FILE *file = fopen(path, mode);
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    for (int i = 0; i < 500; i++)
        assert_true(fputs("no database ", file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void
a_damaged_file_is_set_aside_and_begun_anew(void **state)
{
    bench_t *self = *state;
    observe(self, OBSERVED_REQUEST_STARTED, "r");
    say(self, "one");
    assert_int_equal(keep(self), 0);
    mesh_uuid_t source = *mesh_outbox_source(self->outbox);
    end_life(self);
    write_file(self->path, "rb+", 0);
    begin_life(self);
    assert_fault(self, MESH_DB_SOUND);
    assert_int_equal(self->consumed.epoch, 0);
    assert_int_equal(self->restored, 0);
    assert_false(mesh_uuid_equal(mesh_outbox_source(self->outbox), &source));
    char *aside = temp_dir_file(self->dir, "monitor.db.damaged");
    assert_int_equal(access(aside, R_OK), 0);
    free(aside);
    say(self, "anew");
    assert_int_equal(keep(self), 0);
    begin_life(self);
    assert_sends(self, "anew");
}

static void
another_monitors_file_is_left_alone(void **state)
{
    bench_t *self = *state;
    say(self, "the first's");
    assert_int_equal(keep(self), 0);
    state_keeper_t *second = state_keeper_new(self->path, false);
    mesh_cursor_t consumed;
    mesh_outbox_t *outbox = state_keeper_open(second, PLENTY, &consumed);
    assert_int_equal(state_keeper_fault(second), MESH_DB_BUSY);
    assert_int_equal(consumed.epoch, 0);
    assert_false(mesh_uuid_equal(mesh_outbox_source(outbox), mesh_outbox_source(self->outbox)));
    assert_true(state_keeper_sendable(second, outbox) == UINT64_MAX);
    // The first is gone, and its file is still its successor's.
    end_life(self);
    request_watch_limits_t limits = {{30000, 60000}, 100};
    self->watch = request_watch_new(&limits, on_report, self);
    self->now_ms += STATE_KEEPER_RETRY_MS;
    assert_true(state_keeper_is_due(second, self->watch, outbox, &consumed, self->now_ms));
    assert_int_equal(state_keeper_keep(second, self->watch, outbox, &consumed, self->now_ms, 0),
                     -1);
    self->now_ms += STATE_KEEPER_RETRY_MS;
    assert_false(state_keeper_is_due(second, self->watch, outbox, &consumed, self->now_ms));
    assert_int_equal(state_keeper_fault(second), MESH_DB_BUSY);
    mesh_outbox_destroy(&outbox);
    state_keeper_destroy(&second);
    begin_life(self);
    assert_fault(self, MESH_DB_SOUND);
    assert_sends(self, "the first's");
}

// Of those, at least one is not delayed by the machine.
static void
who_tries_again_for_a_file_of_another_does_not_wait_for_it(void **state)
{
    enum { TRIES = 5, WAIT_LIMIT_MS = 500 };
    bench_t *self = *state;
    state_keeper_t *second = state_keeper_new(self->path, false);
    mesh_cursor_t consumed;
    mesh_outbox_t *outbox = state_keeper_open(second, PLENTY, &consumed);
    int64_t least_ms = INT64_MAX;
    for (int i = 0; i < TRIES; i++) {
        self->now_ms += STATE_KEEPER_RETRY_MS;
        int64_t began_ms = zclock_mono();
        assert_int_equal(state_keeper_keep(second, self->watch, outbox, &consumed, self->now_ms,
                                           self->now_ms * 1000),
                         -1);
        int64_t took_ms = zclock_mono() - began_ms;
        least_ms = took_ms < least_ms ? took_ms : least_ms;
    }
    assert_true(least_ms < WAIT_LIMIT_MS);
    mesh_outbox_destroy(&outbox);
    state_keeper_destroy(&second);
}

static void
a_directory_that_cannot_be_written_is_a_fault_until_it_can(void **state)
{
    bench_t *self = *state;
    end_life(self);
    free(self->path);
    self->path = temp_dir_file(self->dir, "later/monitor.db");
    begin_life(self);
    assert_int_not_equal(state_keeper_fault(self->keeper), MESH_DB_SOUND);
    say(self, "at once");
    mesh_outbox_hold_after(self->outbox, state_keeper_sendable(self->keeper, self->outbox));
    assert_sends(self, "at once");
    observe(self, OBSERVED_REQUEST_STARTED, "r");
    char *later = temp_dir_file(self->dir, "later");
    assert_int_equal(mkdir(later, 0700), 0);
    free(later);
    self->now_ms += STATE_KEEPER_RETRY_MS;
    assert_true(is_due(self));
    assert_int_equal(keep(self), 0);
    begin_life(self);
    assert_fault(self, MESH_DB_SOUND);
    assert_int_equal(self->restored, 1);
}

static void
without_a_file_nothing_is_kept_and_nothing_is_wrong(void **state)
{
    bench_t *self = *state;
    end_life(self);
    free(self->path);
    self->path = NULL;
    begin_life(self);
    say(self, "at once");
    assert_sends(self, "at once");
    assert_false(is_due(self));
    assert_fault(self, MESH_DB_SOUND);
}

static void
without_a_place_for_a_file_nothing_is_kept_and_that_is_a_fault(void **state)
{
    bench_t *self = *state;
    state_keeper_t *keeper = state_keeper_new(NULL, false);
    state_keeper_refuse(keeper, "the directory is open to others");
    mesh_cursor_t consumed;
    mesh_outbox_t *outbox = state_keeper_open(keeper, PLENTY, &consumed);
    assert_int_equal(state_keeper_fault(keeper), MESH_DB_READ_ONLY);
    assert_true(state_keeper_sendable(keeper, outbox) == UINT64_MAX);
    assert_false(
        state_keeper_is_due(keeper, self->watch, outbox, &consumed, self->now_ms + 5000));
    mesh_outbox_destroy(&outbox);
    state_keeper_destroy(&keeper);
}

// ---- clocks

static void
times_are_kept_by_the_clock_of_the_boot_and_else_by_the_wall(void **state)
{
    (void) state;
    enum { SECOND_US = 1000000 };
    state_mark_t mark = {.boot = "this", .mono_ms = 5000, .wall_us = 100LL * SECOND_US};
    // The same boot: however the wall clock has jumped.
    assert_int_equal(state_keeper_shift_ms(&mark, "this", 6000, 0), 0);
    // Another one, which counts from 0: two seconds after the mark.
    assert_int_equal(state_keeper_shift_ms(&mark, "other", 1000, 102LL * SECOND_US),
                     1000 - 2000 - 5000);
    // The wall clock was set back: as if no time had passed.
    assert_int_equal(state_keeper_shift_ms(&mark, "other", 1000, 50LL * SECOND_US),
                     1000 - 5000);
    // A boot that is not known is never the same one.
    mark.boot[0] = '\0';
    assert_int_equal(state_keeper_shift_ms(&mark, "", 6000, 100LL * SECOND_US), 1000);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_event_is_sent_once_it_is_kept),
        TEST(nothing_is_due_when_nothing_has_changed),
        TEST(a_successor_goes_on_under_the_same_source_and_place),
        TEST(what_was_kept_and_not_what_came_after_is_known),
        TEST(a_silence_goes_on_over_a_restart_to_the_tick),
        TEST(what_was_reported_before_is_cleared_after),
        TEST(who_was_not_heard_of_for_long_is_not_reported_by_a_successor),
        TEST(a_forgotten_session_is_in_no_file),
        TEST(an_event_that_made_room_is_not_kept_either),
        TEST(under_a_new_source_nothing_is_sent_before_it_is_kept),
        TEST(on_a_full_disk_events_go_at_once_and_all_is_kept_when_there_is_room),
        TEST(killed_on_a_full_disk_its_successor_hears_what_was_said_since),
        TEST(a_damaged_file_is_set_aside_and_begun_anew),
        TEST(another_monitors_file_is_left_alone),
        TEST(who_tries_again_for_a_file_of_another_does_not_wait_for_it),
        TEST(a_directory_that_cannot_be_written_is_a_fault_until_it_can),
        TEST(without_a_file_nothing_is_kept_and_nothing_is_wrong),
        TEST(without_a_place_for_a_file_nothing_is_kept_and_that_is_a_fault),
        cmocka_unit_test(times_are_kept_by_the_clock_of_the_boot_and_else_by_the_wall),
    };
    return cmocka_run_group_tests_name("state_keeper", tests, NULL, NULL);
}
