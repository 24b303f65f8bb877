// journal_exchange - what passes between the broker's thread and the journal's, under one lock
// SPDX-License-Identifier: MPL-2.0
#include "journal_exchange.h"

#include <assert.h>
#include <czmq.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct journal_exchange {
    int wake_fd, news_fd;    // owned
    pthread_mutex_t lock;
    // All under the lock.
    journal_batch_t *submitted;    // oldest first
    journal_batch_t **submitted_end;
    journal_news_t *news;    // oldest first
    journal_news_t **news_end;
    journal_holdings_t holdings;
    bool stopping;
    bool renewing;
    journal_origin_t renew_origin;
    char renew_why[JOURNAL_WHY_SIZE];
};

static void
signal_fd(int fd)
{
    uint64_t one = 1;
    // It can only fail when the count is full, and then it is readable as it is.
    (void) !write(fd, &one, sizeof one);
}

static void
drain_fd(int fd)
{
    uint64_t count;
    (void) !read(fd, &count, sizeof count);
}

void
journal_news_destroy(journal_news_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        assert(!(*self_p)->batches);    // they are the receiver's
        journal_opening_clear(&(*self_p)->opening);
        journal_forgotten_clear(&(*self_p)->forgotten);
        free(*self_p);
        *self_p = NULL;
    }
}

journal_exchange_t *
journal_exchange_new(void)
{
    journal_exchange_t *self = zmalloc(sizeof *self);
    self->submitted_end = &self->submitted;
    self->news_end = &self->news;
    self->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert(self->wake_fd >= 0 && self->news_fd >= 0);
    pthread_mutex_init(&self->lock, NULL);
    return self;
}

journal_batch_t *
journal_exchange_destroy(journal_exchange_t **self_p)
{
    assert(self_p && *self_p);
    journal_exchange_t *self = *self_p;
    journal_batch_t *batches = NULL, **end = &batches;
    for (journal_news_t *news = self->news; news;) {
        journal_news_t *next = news->next;
        *end = news->batches;
        news->batches = NULL;
        while (*end)
            end = &(*end)->next;
        journal_news_destroy(&news);
        news = next;
    }
    close(self->wake_fd);
    close(self->news_fd);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
    return batches;
}

// ---- in the broker's thread

int
journal_exchange_news_fd(const journal_exchange_t *self)
{
    return self->news_fd;
}

journal_news_t *
journal_exchange_take_news(journal_exchange_t *self)
{
    drain_fd(self->news_fd);
    pthread_mutex_lock(&self->lock);
    journal_news_t *news = self->news;
    self->news = NULL;
    self->news_end = &self->news;
    pthread_mutex_unlock(&self->lock);
    return news;
}

void
journal_exchange_submit(journal_exchange_t *self, journal_batch_t *batch)
{
    assert(self && batch);
    batch->next = NULL;
    batch->kept = false;
    pthread_mutex_lock(&self->lock);
    *self->submitted_end = batch;
    self->submitted_end = &batch->next;
    pthread_mutex_unlock(&self->lock);
    signal_fd(self->wake_fd);
}

void
journal_exchange_renew(journal_exchange_t *self, journal_origin_t origin, const char *why)
{
    pthread_mutex_lock(&self->lock);
    self->renewing = true;
    self->renew_origin = origin;
    snprintf(self->renew_why, sizeof self->renew_why, "%s", why);
    pthread_mutex_unlock(&self->lock);
    signal_fd(self->wake_fd);
}

void
journal_exchange_stop(journal_exchange_t *self)
{
    pthread_mutex_lock(&self->lock);
    self->stopping = true;
    pthread_mutex_unlock(&self->lock);
    signal_fd(self->wake_fd);
}

journal_holdings_t
journal_exchange_holdings(journal_exchange_t *self)
{
    pthread_mutex_lock(&self->lock);
    journal_holdings_t holdings = self->holdings;
    pthread_mutex_unlock(&self->lock);
    return holdings;
}

// ---- in the journal's thread

int
journal_exchange_wake_fd(const journal_exchange_t *self)
{
    return self->wake_fd;
}

void
journal_exchange_wait(journal_exchange_t *self, int wait_ms, journal_work_t *work)
{
    struct pollfd wake = {.fd = self->wake_fd, .events = POLLIN};
    if (poll(&wake, 1, wait_ms) > 0)
        drain_fd(self->wake_fd);
    pthread_mutex_lock(&self->lock);
    work->batches = self->submitted;
    self->submitted = NULL;
    self->submitted_end = &self->submitted;
    work->stopping = self->stopping;
    work->renewing = self->renewing;
    work->origin = self->renew_origin;
    memcpy(work->why, self->renew_why, sizeof work->why);
    self->renewing = false;
    pthread_mutex_unlock(&self->lock);
}

void
journal_exchange_tell(journal_exchange_t *self, journal_news_t *news)
{
    pthread_mutex_lock(&self->lock);
    *self->news_end = news;
    self->news_end = &news->next;
    pthread_mutex_unlock(&self->lock);
    signal_fd(self->news_fd);
}

void
journal_exchange_set_holdings(journal_exchange_t *self, const journal_holdings_t *holdings)
{
    pthread_mutex_lock(&self->lock);
    self->holdings = *holdings;
    pthread_mutex_unlock(&self->lock);
}
