// journal_writer - the thread that writes the journal: commits batches, trims, keeps the mark
// SPDX-License-Identifier: MPL-2.0
#include "journal_writer.h"

#include <assert.h>
#include <czmq.h>
#include <pthread.h>
#include <signal.h>

#include "journal_exchange.h"
#include "journal_mover.h"
#include "mesh/clock.h"

enum {
    TICK_MS = 1000,    // the mark is kept up to date, and a journal that is down is tried again
    TRIM_EVERY_MS = 250,
    TRIM_ROWS = 2000,    // looked at in one step, and as many again as were appended since
    // Of the log, moved into the file: at once, and at least once in TICK_MS.
    MOVE_BYTES = 8 * 1024 * 1024,
    MOVE_SLOWLY_BYTES = 1024 * 1024,
    FORGET_EVENTS = 1000,            // looked at in one step
    FORGET_AGAIN_MS = 10,            // when somebody reads what is to be emptied
    LAST_STEP_BYTES = 256 * 1024,    // left of a log that the writer has begin anew
};

struct journal_writer {
    pthread_t thread;
    journal_writer_options_t options;
    journal_exchange_t *exchange;    // owned; of both threads

    // Of the thread alone.
    journal_file_t *file;      // owned
    journal_mover_t *mover;    // owned; while the file is open
    uint64_t moving;           // the log of which it moves
    retention_t retention;
    uint64_t era;
    bool open;
    journal_origin_t owed;    // what must be set aside before it is opened again, and why;
    char owed_why[512];       // "" for nothing
    uint64_t appended;        // since the last step of trimming
    bool trim_more;
    journal_forgotten_t *forgetting;    // owned; sessions that are not told as forgotten
    size_t forgetting_count;
    int64_t ticked_ms, trimmed_ms, tried_ms;
};

// ---- in the thread

static void
tell_ended(journal_writer_t *self, journal_batch_t *batches)
{
    journal_news_t *news = zmalloc(sizeof *news);
    news->kind = JOURNAL_NEWS_ENDED;
    news->batches = batches;
    journal_exchange_tell(self->exchange, news);
}

// Takes what the opening owns.
static void
tell_opening(journal_writer_t *self, journal_news_kind_t kind, journal_opening_t *opening)
{
    journal_news_t *news = zmalloc(sizeof *news);
    news->kind = kind;
    news->opening = *opening;
    news->era = self->era;
    *opening = (journal_opening_t){0};
    journal_exchange_tell(self->exchange, news);
}

static void
note_holdings(journal_writer_t *self)
{
    journal_store_t *store = journal_file_store(self->file);
    journal_holdings_t holdings = {0};
    if (journal_store_first(store, &holdings.first) != 0 ||
        journal_store_bytes(store, &holdings.used_bytes, &holdings.wal_bytes) != 0)
        return;    // the next transaction will say what is wrong
    const journal_state_t *state = journal_store_state(store);
    memcpy(holdings.removed, state->removed, sizeof holdings.removed);
    holdings.events = state->events;
    journal_exchange_set_holdings(self->exchange, &holdings);
}

// The file is open: what goes with it.
static void
begin_moving(journal_writer_t *self)
{
    self->mover = journal_mover_new(journal_file_path(self->file),
                                    journal_exchange_wake_fd(self->exchange));
}

static void
let_go(journal_writer_t *self)
{
    journal_mover_destroy(&self->mover);
    journal_file_abandon(self->file);
    self->open = false;
}

// The journal cannot be written any more.
static void
go_down(journal_writer_t *self, mesh_db_fault_t fault, const char *reason)
{
    journal_opening_t opening = {.fault = fault};
    snprintf(opening.why, sizeof opening.why, "%s", reason);
    if (fault == MESH_DB_CORRUPT) {
        self->owed = JOURNAL_ORIGIN_CORRUPT;
        snprintf(self->owed_why, sizeof self->owed_why, "%s", reason);
    }
    let_go(self);
    self->tried_ms = fault == MESH_DB_CORRUPT ? 0 : zclock_mono();
    tell_opening(self, JOURNAL_NEWS_DOWN, &opening);
}

static void
go_down_by_store(journal_writer_t *self)
{
    journal_store_t *store = journal_file_store(self->file);
    char reason[512];
    snprintf(reason, sizeof reason, "%s", journal_store_reason(store));
    go_down(self, journal_store_fault(store), reason);
}

static void
end_forgetting(journal_writer_t *self)
{
    for (size_t i = 0; i < self->forgetting_count; i++)
        journal_forgotten_clear(&self->forgetting[i]);
    free(self->forgetting);
    self->forgetting = NULL;
    self->forgetting_count = 0;
}

// Begin with the sessions of which it is not told that they are forgotten: also those at which
// the broker before was interrupted.
static void
take_forgetting(journal_writer_t *self, const journal_forgotten_t *rows, size_t count)
{
    end_forgetting(self);
    self->forgetting = zmalloc((count + 1) * sizeof *self->forgetting);
    for (size_t i = 0; i < count; i++)
        if (rows[i].state != JOURNAL_FORGOTTEN_TOLD)
            self->forgetting[self->forgetting_count++] = journal_forgotten_copy(&rows[i]);
}

static int
reload_forgetting(journal_writer_t *self)
{
    journal_forgotten_t *rows;
    size_t count;
    int rc = journal_store_forgotten(journal_file_store(self->file), &rows, &count);
    if (rc == 0)
        take_forgetting(self, rows, count);
    for (size_t i = 0; i < count; i++)
        journal_forgotten_clear(&rows[i]);
    free(rows);
    return rc;
}

static void
try_to_open(journal_writer_t *self)
{
    journal_opening_t opening;
    self->tried_ms = zclock_mono();
    int rc = self->owed_why[0]
                 ? journal_file_renew(self->file, self->owed, self->owed_why, &opening)
                 : journal_file_open(self->file, &opening);
    if (rc == 0) {
        self->owed_why[0] = '\0';
        self->open = true;
        begin_moving(self);
        self->era++;
        self->ticked_ms = 0;
        retention_begin(&self->retention);
        take_forgetting(self, opening.forgotten, opening.forgotten_count);
        note_holdings(self);
        tell_opening(self, JOURNAL_NEWS_OPENED, &opening);
    } else {
        tell_opening(self, JOURNAL_NEWS_DOWN, &opening);
    }
}

// Commit batches in one transaction. Returns false when that failed, and the journal is down.
static bool
commit(journal_writer_t *self, const journal_batch_t *batches)
{
    journal_store_t *store = journal_file_store(self->file);
    uint64_t last = 0;
    bool forgets = false;
    for (const journal_batch_t *batch = batches; batch; batch = batch->next) {
        forgets = forgets || batch->kind == JOURNAL_BATCH_FORGET;
        if (batch->kind != JOURNAL_BATCH_EVENTS)
            continue;
        for (size_t i = 0; i < batch->count; i++)
            if (batch->entries[i].record)
                last = batch->entries[i].record->offset;
        self->appended += batch->count;
    }
    if (journal_file_reserve(self->file, last) != 0) {
        go_down(self, journal_file_fault(self->file), journal_file_reason(self->file));
        return false;
    }
    int rc = journal_store_begin(store);
    for (const journal_batch_t *batch = batches; batch && rc == 0; batch = batch->next)
        rc = journal_store_add(store, batch);
    if (rc == 0)
        rc = journal_store_commit(store);
    if (rc == 0 && last > 0 && journal_file_tell(self->file) != 0) {
        go_down(self, journal_file_fault(self->file), journal_file_reason(self->file));
        return false;
    }
    // What was committed is kept, also when the list of the forgotten cannot be read.
    if (rc != 0 || (forgets && reload_forgetting(self) != 0))
        go_down_by_store(self);
    return rc == 0;
}

// Those of a former era come first: their offsets belong to an order that was broken off.
static journal_batch_t *
split_former(const journal_writer_t *self, journal_batch_t **batches_p)
{
    journal_batch_t *former = *batches_p, **end = batches_p;
    while (*end && (!self->open || (*end)->era != self->era))
        end = &(*end)->next;
    journal_batch_t *present = *end;
    *end = NULL;
    *batches_p = present;
    return former == present ? NULL : former;
}

static void
handle(journal_writer_t *self, journal_batch_t *batches)
{
    journal_batch_t *former = split_former(self, &batches);
    if (former)
        tell_ended(self, former);
    if (!batches)
        return;
    bool kept = commit(self, batches);
    for (journal_batch_t *batch = batches; batch; batch = batch->next)
        batch->kept = kept;
    tell_ended(self, batches);
}

// The broker's time, as it is recorded: it does not go back with the clock.
static int64_t
recorded_now_us(const journal_writer_t *self)
{
    int64_t now_us = mesh_clock_unix_us();
    int64_t recorded_us = journal_store_state(journal_file_store(self->file))->recorded_us;
    return now_us > recorded_us ? now_us : recorded_us;
}

static int
trim(journal_writer_t *self, int64_t now_ms)
{
    if (!self->trim_more && now_ms - self->trimmed_ms < TRIM_EVERY_MS)
        return 0;
    uint64_t rows = TRIM_ROWS + self->appended;
    self->trimmed_ms = now_ms;
    self->appended = 0;
    int rc = retention_step(&self->retention, journal_file_store(self->file),
                            recorded_now_us(self), rows, &self->trim_more);
    if (rc == 0 && self->trim_more)
        note_holdings(self);
    return rc;
}

// One step of removing the first session that is to be forgotten.
static int
forget(journal_writer_t *self, int *wait_ms)
{
    journal_store_t *store = journal_file_store(self->file);
    journal_forgotten_t *what = &self->forgetting[0];
    *wait_ms = 0;
    if (what->state == JOURNAL_FORGOTTEN_REMOVING)
        return journal_store_forget(store, what, FORGET_EVENTS);
    bool done = false;
    int rc = journal_store_empty_log(store, &done);
    if (rc != 0 || !done) {
        *wait_ms = FORGET_AGAIN_MS;
        return rc;
    }
    note_holdings(self);
    journal_news_t *news = zmalloc(sizeof *news);
    news->kind = JOURNAL_NEWS_FORGOTTEN;
    news->forgotten = *what;
    *what = self->forgetting[--self->forgetting_count];
    journal_exchange_tell(self->exchange, news);
    return 0;
}

// Returns false when that failed, and the journal is down.
static bool
take_moved(journal_writer_t *self)
{
    journal_moved_t moved;
    if (!journal_mover_take(self->mover, &moved))
        return true;
    if (moved.fault != MESH_DB_SOUND) {
        go_down(self, moved.fault, moved.reason);
        return false;
    }
    journal_store_note_moved(journal_file_store(self->file), self->moving, moved.frames);
    return true;
}

// The mover moves nearly all of the log, but behind a writer who goes on it never comes to its
// end, where the log can begin anew: the writer takes the last step, once it is a short one, or
// when the mover does not keep up. Returns false when that failed, and the journal is down.
static bool
move_log(journal_writer_t *self, bool slowly)
{
    if (journal_mover_is_busy(self->mover))
        return true;
    if (!take_moved(self))
        return false;
    journal_store_t *store = journal_file_store(self->file);
    uint64_t pending = journal_store_pending_bytes(store);
    uint64_t log_bytes = journal_store_log_bytes(store), limit = self->options.wal_bytes;
    uint64_t most_pending = slowly ? MOVE_SLOWLY_BYTES : MOVE_BYTES;
    bool begin_anew = pending > 0 && log_bytes > limit;
    if (begin_anew)
        most_pending = LAST_STEP_BYTES;
    if (begin_anew && (pending <= most_pending || log_bytes > 2 * limit)) {
        if (journal_store_checkpoint(store, true) != 0) {
            go_down_by_store(self);
            return false;
        }
    } else if (pending > most_pending) {
        self->moving = journal_store_log(store);
        journal_mover_start(self->mover);
    }
    return true;
}

// What there is to do between batches: one bounded step of each. Returns how long the thread
// may wait for work, in milliseconds.
static int
keep_up(journal_writer_t *self)
{
    int64_t now_ms = zclock_mono();
    if (!self->open) {
        if (self->tried_ms == 0 || now_ms - self->tried_ms >= TICK_MS)
            try_to_open(self);
        return self->open ? 0 : TICK_MS / 10;
    }
    bool tick = now_ms - self->ticked_ms >= TICK_MS;
    if (trim(self, now_ms) != 0) {
        go_down_by_store(self);
        return 0;
    }
    if (!move_log(self, tick))
        return 0;
    if (tick) {
        self->ticked_ms = now_ms;
        note_holdings(self);
        if (journal_file_witness(self->file) != 0) {
            go_down(self, journal_file_fault(self->file), journal_file_reason(self->file));
            return 0;
        }
    }
    int wait_ms = self->trim_more ? 0 : TICK_MS;
    if (self->forgetting_count > 0 && forget(self, &wait_ms) != 0)
        go_down_by_store(self);
    return wait_ms;
}

static void
renew(journal_writer_t *self, journal_origin_t origin, const char *why)
{
    self->owed = origin;
    snprintf(self->owed_why, sizeof self->owed_why, "%s", why);
    if (self->open)
        let_go(self);
    try_to_open(self);
}

static void *
work(void *arg)
{
    journal_writer_t *self = arg;
    for (int wait_ms = 0;;) {
        journal_work_t todo;
        journal_exchange_wait(self->exchange, wait_ms, &todo);
        if (todo.batches)
            handle(self, todo.batches);
        if (todo.stopping)
            return NULL;
        if (todo.renewing)
            renew(self, todo.origin, todo.why);
        wait_ms = keep_up(self);
    }
}

// ---- in the broker's thread

// Signals are the broker's thread's.
static void
start_thread(journal_writer_t *self)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&self->thread, NULL, work, self);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    assert(rc == 0);
}

journal_writer_t *
journal_writer_new(journal_file_t *file, const journal_opening_t *opening,
                   const journal_writer_options_t *options)
{
    assert(file && options);
    journal_writer_t *self = zmalloc(sizeof *self);
    self->options = *options;
    self->file = file;
    self->retention = retention_new(&options->limits);
    self->exchange = journal_exchange_new();
    self->open = journal_file_store(file) != NULL;
    self->era = self->open ? 1 : 0;
    self->tried_ms = zclock_mono();
    if (self->open) {
        journal_holdings_t holdings = {.first = opening->first,
                                       .events = opening->state.events};
        memcpy(holdings.removed, opening->state.removed, sizeof holdings.removed);
        journal_exchange_set_holdings(self->exchange, &holdings);
        take_forgetting(self, opening->forgotten, opening->forgotten_count);
    }
    if (self->open)
        begin_moving(self);
    start_thread(self);
    return self;
}

journal_batch_t *
journal_writer_destroy(journal_writer_t **self_p)
{
    assert(self_p && *self_p);
    journal_writer_t *self = *self_p;
    journal_exchange_stop(self->exchange);
    pthread_join(self->thread, NULL);

    // Before the file: the last connection to close moves the log into it.
    journal_mover_destroy(&self->mover);
    journal_file_destroy(&self->file);
    // After the mover, which wakes the thread through it.
    journal_batch_t *batches = journal_exchange_destroy(&self->exchange);
    end_forgetting(self);
    free(self);
    *self_p = NULL;
    return batches;
}

int
journal_writer_fd(const journal_writer_t *self)
{
    return journal_exchange_news_fd(self->exchange);
}

void
journal_writer_submit(journal_writer_t *self, journal_batch_t *batch)
{
    journal_exchange_submit(self->exchange, batch);
}

journal_news_t *
journal_writer_take(journal_writer_t *self)
{
    return journal_exchange_take_news(self->exchange);
}

void
journal_writer_renew(journal_writer_t *self, journal_origin_t origin, const char *why)
{
    journal_exchange_renew(self->exchange, origin, why);
}

journal_holdings_t
journal_writer_holdings(journal_writer_t *self)
{
    return journal_exchange_holdings(self->exchange);
}
