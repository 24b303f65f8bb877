// test_state_kills - killed anywhere, the monitor's successors say all it would have, once
// SPDX-License-Identifier: MPL-2.0
//
// One life after the other reads the same events, keeps what it knows and tells a broker in
// shared memory, and ends without a word at some write to the disk, in the middle of it, or
// between keeping and sending. In the end the broker has what a life without an end has told.
//
// usage: test_state_kills [KILLS [SEED]]
#include "unit_test.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "state_keeper.h"
#include "temp_dir.h"

enum {
    EVENTS = 300,
    REQUESTS = 5,
    ALERTS = 1000,
    TEXT_SIZE = 128,
    STEP_MS = 2000,    // each request is heard of every 10 s, as a bridge does
    KEEP_EVERY = 3,
    ACKNOWLEDGE_EVERY = 4,
    LIFE_STEPS = 150,    // at most, of those where it may end
    KILLED = 9,
    PLENTY = 1024 * 1024,
};

static const int64_t begin_ms = 1000000;
static const uint64_t epoch = 0xC0FFEE;

// Kept across lives.
typedef struct broker {
    mesh_uuid_t source;
    uint64_t taken;    // numbers up to here
    char said[ALERTS][TEXT_SIZE];
    char wrong[3 * TEXT_SIZE];    // what no broker should ever see; "" when nothing was
} broker_t;

static unsigned kills_wanted = 100;
static unsigned first_seed;
static unsigned seed;                     // of the present world
static int64_t steps_left = INT64_MAX;    // of this life
static bool tears;                        // whether it ends in the middle of a write

// ---- where a life may end

static bool
is_last_step(void)
{
    return --steps_left <= 0;
}

static void
may_end(void)
{
    if (is_last_step())
        _exit(KILLED);
}

typedef struct wrapped_methods {
    sqlite3_io_methods own;    // what SQLite calls; must be first
    const sqlite3_io_methods *real;
} wrapped_methods_t;

static wrapped_methods_t wrapped[4];
static sqlite3_vfs wrapped_vfs;
static sqlite3_vfs *real_vfs;

static const sqlite3_io_methods *
real_methods(const sqlite3_file *file)
{
    for (size_t i = 0; i < sizeof wrapped / sizeof *wrapped; i++)
        if (file->pMethods == &wrapped[i].own)
            return wrapped[i].real;
    abort();
}

static int
on_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 at)
{
    if (is_last_step()) {
        if (tears)
            (void) real_methods(file)->xWrite(file, bytes, count / 2, at);
        _exit(KILLED);
    }
    return real_methods(file)->xWrite(file, bytes, count, at);
}

static int
on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    may_end();
    return real_methods(file)->xTruncate(file, size);
}

static int
on_sync(sqlite3_file *file, int flags)
{
    may_end();
    return real_methods(file)->xSync(file, flags);
}

static int
on_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *given)
{
    (void) vfs;
    int rc = real_vfs->xOpen(real_vfs, name, file, flags, given);
    for (size_t i = 0; file->pMethods && i < sizeof wrapped / sizeof *wrapped; i++) {
        if (!wrapped[i].real) {
            wrapped[i].real = file->pMethods;
            wrapped[i].own = *file->pMethods;
            wrapped[i].own.xWrite = on_write;
            wrapped[i].own.xTruncate = on_truncate;
            wrapped[i].own.xSync = on_sync;
        }
        if (wrapped[i].real == file->pMethods) {
            file->pMethods = &wrapped[i].own;
            return rc;
        }
    }
    return rc;
}

static void
wrap_files(void)
{
    real_vfs = sqlite3_vfs_find(NULL);
    wrapped_vfs = *real_vfs;
    wrapped_vfs.zName = "ends";
    wrapped_vfs.xOpen = on_open;
    assert_int_equal(sqlite3_vfs_register(&wrapped_vfs, 1), SQLITE_OK);
}

// ---- the events

static unsigned
random_below(unsigned *state, unsigned limit)
{
    *state = *state * 1664525U + 1013904223U;
    return (*state >> 8) % limit;
}

static int64_t
time_of(uint64_t offset)
{
    return begin_ms + (int64_t) offset * STEP_MS;
}

// The event at an offset, always the same.
static observation_t
event_at(uint64_t offset)
{
    static const observed_t news[] = {OBSERVED_PROGRESS, OBSERVED_RETRY,
                                      OBSERVED_REQUEST_COMPLETED, OBSERVED_REQUEST_STARTED,
                                      OBSERVED_WAITING_FOR_INPUT};
    unsigned state = seed ^ (unsigned) (offset * 2654435761U);
    observation_t event = {.what = OBSERVED_STILL_WAITING, .attempt = 1};
    (void) snprintf(event.session, sizeof event.session, "s%u", (unsigned) (offset % 2));
    (void) snprintf(event.request, sizeof event.request, "r%u", (unsigned) (offset % REQUESTS));
    (void) snprintf(event.host, sizeof event.host, "build-7");
    if (random_below(&state, 12) == 0)
        event.what = news[random_below(&state, sizeof news / sizeof *news)];
    event.overloaded = event.what == OBSERVED_RETRY && random_below(&state, 2) == 0;
    return event;
}

// ---- one life

typedef struct life {
    broker_t *broker;
    state_keeper_t *keeper;
    mesh_outbox_t *outbox;
    request_watch_t *watch;
    int64_t now_ms;
    mesh_cursor_t consumed;
} life_t;

// request_watch_report_fn
static void
on_report(void *arg, const request_report_t *report)
{
    life_t *self = arg;
    char text[TEXT_SIZE];
    int length = snprintf(text, sizeof text, "%lld %s/%s %s %s %s %s after %lld of %lld",
                          (long long) (self->now_ms - begin_ms), report->request->session,
                          report->request->request, throttling_status(report->step),
                          throttling_severity(report->step), diagnosis_name(report->diagnosis),
                          report->reason ? report->reason : "-", (long long) report->silent_ms,
                          (long long) report->open_ms);
    assert_in_range(length, 1, TEXT_SIZE - 1);
    mesh_outbox_push(self->outbox, "a/h/s", 5, text, (size_t) length, 0, MESH_RANK_MIDDLE);
}

// The broker takes the next number, and knows those that it has.
static void
tell(broker_t *broker, const mesh_outbox_event_t *event)
{
    char text[TEXT_SIZE] = "";
    memcpy(text, event->body, event->body_bytes);
    if (event->seq == broker->taken + 1 && event->covers == 1 && event->seq < ALERTS) {
        memcpy(broker->said[event->seq], text, sizeof text);
        broker->taken++;
    } else if (event->seq > broker->taken || strcmp(broker->said[event->seq], text) != 0) {
        (void) snprintf(broker->wrong, sizeof broker->wrong, "%" PRIu64 " is '%s', was '%s'",
                        event->seq, text,
                        event->seq < ALERTS ? broker->said[event->seq] : "beyond");
    }
}

static void
settle(life_t *self, bool all)
{
    uint64_t last = mesh_outbox_next_seq(self->outbox) - 1;
    if ((all || last > state_keeper_sendable(self->keeper, self->outbox)) &&
        state_keeper_is_due(self->keeper, self->watch, self->outbox, &self->consumed,
                            self->now_ms))
        assert_int_equal(state_keeper_keep(self->keeper, self->watch, self->outbox,
                                           &self->consumed, self->now_ms, self->now_ms * 1000),
                         0);
    mesh_outbox_hold_after(self->outbox, state_keeper_sendable(self->keeper, self->outbox));
    may_end();
    const mesh_outbox_event_t *event;
    while ((event = mesh_outbox_send_next(self->outbox))) {
        tell(self->broker, event);
        may_end();
    }
}

static void
begin_life(life_t *self, broker_t *broker, const char *path)
{
    *self = (life_t){.broker = broker, .keeper = state_keeper_new(path, false)};
    request_watch_limits_t limits = {{30000, 60000}, 100};
    self->watch = request_watch_new(&limits, on_report, self);
    self->outbox = state_keeper_open(self->keeper, PLENTY, &self->consumed);
    assert_int_equal(state_keeper_fault(self->keeper), MESH_DB_SOUND);
    self->now_ms = time_of(self->consumed.offset);
    (void) state_keeper_restore(self->keeper, self->watch, self->now_ms, self->now_ms * 1000);
    self->consumed.epoch = epoch;
    mesh_outbox_set_window(self->outbox, ALERTS, PLENTY);
    const mesh_uuid_t *source = mesh_outbox_source(self->outbox);
    if (broker->taken == 0)
        broker->source = *source;
    else if (!mesh_uuid_equal(&broker->source, source))
        (void) snprintf(broker->wrong, sizeof broker->wrong, "the source is another one");
    if (broker->taken > mesh_outbox_ever_sent(self->outbox))
        (void) snprintf(broker->wrong, sizeof broker->wrong, "%" PRIu64 " was sent unkept",
                        broker->taken);
    mesh_outbox_acknowledge(self->outbox, broker->taken);
    mesh_outbox_rewind(self->outbox, broker->taken + 1);
    request_watch_resume(self->watch, self->now_ms);
}

static void
end_life(life_t *self)
{
    mesh_outbox_destroy(&self->outbox);
    request_watch_destroy(&self->watch);
    state_keeper_destroy(&self->keeper);
}

static void
live(broker_t *broker, const char *path)
{
    life_t life;
    begin_life(&life, broker, path);
    settle(&life, false);
    for (uint64_t offset = life.consumed.offset + 1; offset <= EVENTS; offset++) {
        observation_t event = event_at(offset);
        life.now_ms = time_of(offset);
        request_watch_advance(life.watch, life.now_ms);
        request_watch_observe(life.watch, &event, life.now_ms, false, life.now_ms);
        life.consumed.offset = offset;
        if (offset % ACKNOWLEDGE_EVERY == 0)
            mesh_outbox_acknowledge(life.outbox, broker->taken);
        settle(&life, offset % KEEP_EVERY == 0 || offset == EVENTS);
    }
    end_life(&life);
}

// ---- worlds

// Returns whether the life was killed.
static bool
live_in_a_process(broker_t *broker, const char *path, int64_t steps)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        steps_left = steps;
        tears = steps % 2 == 0;
        live(broker, path);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) != 0)
        assert_int_equal(WEXITSTATUS(status), KILLED);
    return WEXITSTATUS(status) != 0;
}

static broker_t *
broker_new(void)
{
    broker_t *broker =
        mmap(NULL, sizeof *broker, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(broker != MAP_FAILED);
    return broker;
}

static int
compare_texts(const void *left, const void *right)
{
    return strcmp(left, right);
}

// One world from its beginning to the end of its events. Returns how many lives were killed.
static unsigned
run_world(void)
{
    broker_t *broker = broker_new(), *expected = broker_new();
    char *dir = temp_dir_new(), *path = temp_dir_file(dir, "monitor.db");
    live(expected, NULL);
    unsigned state = seed, kills = 0;
    while (live_in_a_process(broker, path, 1 + (int64_t) random_below(&state, LIFE_STEPS)))
        kills++;
    if (broker->wrong[0])
        print_error("seed %u, after %u kills: %s\n", seed, kills, broker->wrong);
    assert_string_equal(broker->wrong, "");
    assert_in_range(expected->taken, 20, ALERTS);
    assert_int_equal(broker->taken, expected->taken);
    // What is due at one tick may come in any order.
    qsort(broker->said[1], broker->taken, TEXT_SIZE, compare_texts);
    qsort(expected->said[1], expected->taken, TEXT_SIZE, compare_texts);
    for (uint64_t seq = 1; seq <= expected->taken; seq++)
        assert_string_equal(broker->said[seq], expected->said[seq]);
    temp_dir_destroy(&dir);
    free(path);
    (void) munmap(broker, sizeof *broker);
    (void) munmap(expected, sizeof *expected);
    return kills;
}

static void
killed_anywhere_the_monitor_says_all_once(void **state)
{
    (void) state;
    unsigned kills = 0, worlds = 0;
    for (seed = first_seed; kills < kills_wanted; seed++, worlds++)
        kills += run_world();
    print_message("%u kills in %u worlds, seeds from %u\n", kills, worlds, first_seed);
}

int
main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_anywhere_the_monitor_says_all_once),
    };
    if (argc > 1)
        kills_wanted = (unsigned) strtoul(argv[1], NULL, 10);
    first_seed = argc > 2 ? (unsigned) strtoul(argv[2], NULL, 10) : (unsigned) time(NULL);
    wrap_files();
    return cmocka_run_group_tests_name("state_kills", tests, NULL, NULL);
}
