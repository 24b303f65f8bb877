// journal - what the broker keeps of the one order: opened, submitted to, what comes back told
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <czmq.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include "journal_mark.h"
#include "journal_private.h"
#include "mesh/log.h"

static uint64_t
random_epoch(void)
{
    uint64_t epoch = 0;
    while (epoch == 0)
        if (getrandom(&epoch, sizeof epoch, 0) != (ssize_t) sizeof epoch)
            abort();
    return epoch;
}

// ---- opening and closing

// Two brokers on one journal would each give the same offsets. Where no lock can be made, the
// journal cannot be written either.
static int
take_lock(journal_t *self, char **error_p)
{
    char path[4096];
    snprintf(path, sizeof path, "%s.lock", self->path);
    self->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (self->lock_fd < 0 || flock(self->lock_fd, LOCK_EX | LOCK_NB) == 0 ||
        errno != EWOULDBLOCK)
        return 0;
    if (asprintf(error_p, "another broker writes the journal %s", self->path) < 0)
        abort();
    return -1;
}

// Until the journal can be opened, its mark may tell which it is, so that nobody's cursor is
// called a stranger's meanwhile.
static void
take_epoch_of_mark(journal_t *self)
{
    char path[4096];
    journal_mark_t mark;
    snprintf(path, sizeof path, "%s.mark", self->path);
    if (journal_mark_read(&mark, path) == JOURNAL_MARK_READ)
        self->epoch = mark.epoch;
}

static void
open_file(journal_t *self, const journal_options_t *options)
{
    journal_file_t *file = journal_file_new(options->path, options->durable, options->block);
    if (journal_file_open(file, &self->first_opening) != 0)
        take_epoch_of_mark(self);
    journal_writer_options_t writer_options = {.limits = options->limits,
                                               .wal_bytes = options->wal_bytes};
    self->writer = journal_writer_new(file, &self->first_opening, &writer_options);
}

journal_t *
journal_new(const journal_options_t *options, const journal_events_t *events, void *arg,
            char **error_p)
{
    assert(options && events && error_p);
    journal_t *self = zmalloc(sizeof *self);
    self->events = events;
    self->arg = arg;
    self->lock_fd = -1;
    self->memory_fd = -1;
    self->ended_end = &self->ended;
    self->epoch = random_epoch();
    self->recent = record_ring_new(options->memory_events, options->memory_bytes);
    if (options->path) {
        self->path = strdup(options->path);
        if (take_lock(self, error_p) != 0) {
            journal_destroy(&self);
            return NULL;
        }
        open_file(self, options);
    } else {
        self->memory_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        assert(self->memory_fd >= 0);
        self->first_opening.state =
            (journal_state_t){.epoch = self->epoch, .recorded_us = INT64_MIN};
        self->first_opening.first = 1;
    }
    return self;
}

// ---- batches that end

static void
end_latest(journal_batch_t *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        record_release(&batch->entries[i].record);
    for (size_t i = 0; i < batch->forgotten_count; i++)
        free(batch->forgotten[i]);
    free(batch->forgotten);
    free(batch->entries);
    free(batch);
}

// record_ring_is_one_fn
static bool
is_of_session(void *arg, const record_t *record)
{
    journal_forgotten_t *what = arg;
    mesh_topic_t topic;
    if (!journal_forgotten_matches(what->session, record_topic(record), record->topic_bytes,
                                   &topic))
        return false;
    journal_forgotten_count(what, topic.type, record->offset);
    return true;
}

// What was handed over before is in the ring by now, and what comes later is not of the
// session.
static void
end_forget(journal_t *self, journal_batch_t *batch)
{
    for (size_t i = 0; batch->kind == JOURNAL_BATCH_FORGET && i < batch->forgotten_count; i++) {
        journal_forgotten_t what = journal_forgotten_new(batch->forgotten[i]);
        if (batch->kept)
            record_ring_forget(self->recent, is_of_session, &what);
        if (batch->kept)
            self->events->forget_noted(self->arg, what.session);
        else
            self->events->forget_failed(self->arg, what.session);
        if (batch->kept && !self->path)
            self->events->forgotten(self->arg, &what);
        journal_forgotten_clear(&what);
    }
    end_latest(batch);
}

static void
end_batches(journal_t *self, journal_batch_t *batches)
{
    while (batches) {
        journal_batch_t *batch = batches;
        batches = batch->next;
        batch->next = NULL;
        self->under_way--;
        if (batch->kind == JOURNAL_BATCH_LATEST) {
            self->latest_lost |= !batch->kept;
            end_latest(batch);
            continue;
        }
        if (batch->kind != JOURNAL_BATCH_EVENTS) {
            end_forget(self, batch);
            continue;
        }
        for (size_t i = 0; batch->kept && i < batch->count; i++) {
            record_t *record = batch->entries[i].record;
            if (!record)
                continue;
            record_ring_append(self->recent, record);
            self->head = record->offset;
        }
        self->events->ended(self->arg, batch);
    }
}

void
journal_destroy(journal_t **self_p)
{
    assert(self_p);
    if (!*self_p)
        return;
    journal_t *self = *self_p;
    // Before the writer: the last one to close moves the log into the file.
    journal_reader_close(&self->reader);
    if (self->writer)
        end_batches(self, journal_writer_destroy(&self->writer));
    journal_batch_t *ended = self->ended;
    self->ended = NULL;
    end_batches(self, ended);
    journal_opening_clear(&self->first_opening);
    record_ring_destroy(&self->recent);
    if (self->memory_fd >= 0)
        close(self->memory_fd);
    if (self->lock_fd >= 0)
        close(self->lock_fd);
    free(self->path);
    free(self);
    *self_p = NULL;
}

// ---- news

static void
open_reader(journal_t *self)
{
    char *reason = NULL;
    journal_reader_close(&self->reader);
    if (!self->path)
        return;
    self->reader = journal_reader_open(self->path, &reason);
    if (!self->reader)
        mesh_log_error("journal-unreadable", "%s: %s", self->path, reason);
    free(reason);
}

static void
log_opening(const journal_t *self, const journal_opening_t *opening)
{
    const char *path = self->path ? self->path : "in memory";
    char event[32];
    snprintf(event, sizeof event, "journal-%s", journal_origin_name(opening->origin));
    mesh_log(opening->origin >= JOURNAL_ORIGIN_LOST ? MESH_LOG_ERROR : MESH_LOG_INFO, event,
             "%s: %s%sepoch %016llx, from %llu to %llu", path, opening->why,
             opening->why[0] ? "; " : "", (unsigned long long) opening->state.epoch,
             (unsigned long long) opening->first, (unsigned long long) opening->state.head);
}

static void
take_opening(journal_t *self, const journal_opening_t *opening)
{
    log_opening(self, opening);
    self->up = true;
    self->renewing = false;
    self->fault = MESH_DB_SOUND;
    self->epoch = opening->state.epoch;
    self->head = opening->state.head;
    record_ring_begin(self->recent, self->head);
    open_reader(self);
    self->events->opened(self->arg, opening);
}

static void
take_down(journal_t *self, const journal_opening_t *opening)
{
    bool news = self->up || self->fault != opening->fault;
    self->up = false;
    self->fault = opening->fault;
    if (!news)
        return;
    mesh_log_error("journal-down", "%s: %s: %s", self->path, mesh_db_fault_name(self->fault),
                   opening->why);
    self->events->down(self->arg, opening->fault, opening->why);
}

static void
tell_first_opening(journal_t *self)
{
    if (self->first_told)
        return;
    self->first_told = true;
    if (self->first_opening.fault == MESH_DB_SOUND) {
        self->era = 1;
        take_opening(self, &self->first_opening);
    } else {
        take_down(self, &self->first_opening);
    }
    journal_opening_clear(&self->first_opening);
}

static void
take_news(journal_t *self, journal_news_t *news)
{
    switch (news->kind) {
    case JOURNAL_NEWS_ENDED: {
        journal_batch_t *batches = news->batches;
        news->batches = NULL;
        end_batches(self, batches);
        break;
    }
    case JOURNAL_NEWS_OPENED:
        self->era = news->era;
        take_opening(self, &news->opening);
        break;
    case JOURNAL_NEWS_DOWN:
        take_down(self, &news->opening);
        break;
    case JOURNAL_NEWS_FORGOTTEN:
        self->events->forgotten(self->arg, &news->forgotten);
        break;
    }
}

int
journal_fd(const journal_t *self)
{
    return self->writer ? journal_writer_fd(self->writer) : self->memory_fd;
}

void
journal_dispatch(journal_t *self)
{
    tell_first_opening(self);
    if (self->writer) {
        for (journal_news_t *news = journal_writer_take(self->writer); news;) {
            journal_news_t *next = news->next;
            take_news(self, news);
            journal_news_destroy(&news);
            news = next;
        }
        return;
    }
    uint64_t count;
    (void) !read(self->memory_fd, &count, sizeof count);
    journal_batch_t *ended = self->ended;
    self->ended = NULL;
    self->ended_end = &self->ended;
    end_batches(self, ended);
}

// ---- submitting

void
journal_submit(journal_t *self, journal_batch_t *batch)
{
    assert(self && batch && self->first_told);
    self->under_way++;
    if (self->writer) {
        journal_writer_submit(self->writer, batch);
        return;
    }
    uint64_t one = 1;
    batch->kept = true;
    batch->next = NULL;
    *self->ended_end = batch;
    self->ended_end = &batch->next;
    (void) !write(self->memory_fd, &one, sizeof one);
}

uint64_t
journal_era(const journal_t *self)
{
    return self->era;
}

bool
journal_is_idle(const journal_t *self)
{
    return self->under_way == 0;
}

bool
journal_can_forget(const journal_t *self)
{
    return !self->writer || self->up;
}

bool
journal_keeps_sessions(const journal_t *self)
{
    return self->writer && self->up;
}

void
journal_keep_latest(journal_t *self, record_t *const records[], size_t count, char **forgotten,
                    size_t forgotten_count, uint64_t through)
{
    journal_batch_t *batch = zmalloc(sizeof *batch);
    batch->kind = JOURNAL_BATCH_LATEST;
    batch->count = count;
    batch->entries = zmalloc((count + 1) * sizeof *batch->entries);
    for (size_t i = 0; i < count; i++)
        batch->entries[i].record = record_hold(records[i]);
    batch->forgotten = forgotten;
    batch->forgotten_count = forgotten_count;
    batch->through = through;
    batch->era = self->era;
    journal_submit(self, batch);
}

static void
submit_session(journal_t *self, journal_batch_kind_t kind, const char *session)
{
    journal_batch_t *batch = zmalloc(sizeof *batch);
    batch->kind = kind;
    batch->forgotten = zmalloc(sizeof *batch->forgotten);
    batch->forgotten[0] = strdup(session);
    batch->forgotten_count = 1;
    batch->era = self->era;
    journal_submit(self, batch);
}

void
journal_forget(journal_t *self, const char *session)
{
    assert(self && session);
    submit_session(self, JOURNAL_BATCH_FORGET, session);
}

void
journal_told(journal_t *self, const char *session)
{
    if (self->writer)
        submit_session(self, JOURNAL_BATCH_TOLD, session);
}

bool
journal_lost_latest(journal_t *self)
{
    bool lost = self->latest_lost;
    self->latest_lost = false;
    return lost;
}

void
journal_ask_to_renew(journal_t *self, journal_origin_t origin, const char *why)
{
    if (!self->writer || self->renewing)
        return;
    self->renewing = true;
    journal_writer_renew(self->writer, origin, why);
}

void
journal_renew(journal_t *self, const char *why)
{
    journal_ask_to_renew(self, JOURNAL_ORIGIN_UNPROVEN, why);
}
