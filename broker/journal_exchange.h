// journal_exchange - what passes between the broker's thread and the journal's, under one lock
// SPDX-License-Identifier: MPL-2.0
#ifndef BROKER_JOURNAL_EXCHANGE_H
#define BROKER_JOURNAL_EXCHANGE_H

#include "journal_batch.h"
#include "journal_file.h"

typedef enum {
    JOURNAL_NEWS_ENDED,        // batches came to their end, each as its `kept` says
    JOURNAL_NEWS_OPENED,       // the journal was opened: batches of this era are kept
    JOURNAL_NEWS_DOWN,         // it cannot be written; opening.fault and opening.why
    JOURNAL_NEWS_FORGOTTEN,    // a session is out of the files
} journal_news_kind_t;

typedef struct journal_news journal_news_t;

struct journal_news {
    journal_news_t *next;    // owned by the list
    journal_news_kind_t kind;
    journal_batch_t *batches;         // ENDED: in their order, the receiver's
    journal_opening_t opening;        // OPENED, DOWN
    uint64_t era;                     // OPENED
    journal_forgotten_t forgotten;    // FORGOTTEN
};

void journal_news_destroy(journal_news_t **self_p);

// What the journal holds, as of a moment ago.
typedef struct journal_holdings {
    uint64_t first;    // the oldest offset kept
    uint64_t removed[MESH_FAMILIES];
    uint64_t events, used_bytes, wal_bytes;
} journal_holdings_t;

enum { JOURNAL_WHY_SIZE = 256 };

// What the journal's thread is to do.
typedef struct journal_work {
    journal_batch_t *batches;    // oldest first; NULL for none
    bool stopping;
    bool renewing;    // set the journal aside, because of this
    journal_origin_t origin;
    char why[JOURNAL_WHY_SIZE];
} journal_work_t;

typedef struct journal_exchange journal_exchange_t;

journal_exchange_t *journal_exchange_new(void);

// When the journal's thread has ended. What was not taken is: batches are given back, oldest
// first.
journal_batch_t *journal_exchange_destroy(journal_exchange_t **self_p);

// ---- in the broker's thread

// Readable when there is news.
int journal_exchange_news_fd(const journal_exchange_t *self);

// All news, oldest first; NULL when there is none. The caller owns each.
journal_news_t *journal_exchange_take_news(journal_exchange_t *self);

void journal_exchange_submit(journal_exchange_t *self, journal_batch_t *batch);
void journal_exchange_renew(journal_exchange_t *self, journal_origin_t origin, const char *why);
void journal_exchange_stop(journal_exchange_t *self);
journal_holdings_t journal_exchange_holdings(journal_exchange_t *self);

// ---- in the journal's thread

// Written to by whoever has something for the thread to look at.
int journal_exchange_wake_fd(const journal_exchange_t *self);

// Wait for work, at most so long, and take what there is.
void journal_exchange_wait(journal_exchange_t *self, int wait_ms, journal_work_t *work);

// Takes the news.
void journal_exchange_tell(journal_exchange_t *self, journal_news_t *news);

void journal_exchange_set_holdings(journal_exchange_t *self,
                                   const journal_holdings_t *holdings);

#endif
