// journal_writer - the thread that writes the journal: commits batches, trims, keeps the mark
// SPDX-License-Identifier: MPL-2.0
//
// Called from the broker's thread; answers come as news, which a descriptor tells. All that
// waits is committed in one transaction: a batch is as large as what came during the commit
// before, and nothing ever waits for a batch to grow. While the journal cannot be written,
// batches come back at once as not kept, and once a second it is opened again.
#ifndef BROKER_JOURNAL_WRITER_H
#define BROKER_JOURNAL_WRITER_H

#include "journal_exchange.h"
#include "retention.h"

typedef struct journal_writer journal_writer_t;

typedef struct journal_writer_options {
    retention_limits_t limits;
    uint64_t wal_bytes;    // past this the write-ahead log is begun anew
} journal_writer_options_t;

// Start the thread. Takes the file, which is open (with that opening, era 1) or is not yet.
journal_writer_t *journal_writer_new(journal_file_t *file, const journal_opening_t *opening,
                                     const journal_writer_options_t *options);

// End the thread: what was submitted is committed, the journal closed in order. The batches are
// the caller's again.
journal_batch_t *journal_writer_destroy(journal_writer_t **self_p);

// Readable when there is news.
int journal_writer_fd(const journal_writer_t *self);

// Hand over a batch. Its members may be read, not changed, until news of it came.
void journal_writer_submit(journal_writer_t *self, journal_batch_t *batch);

// All news, oldest first; NULL when there is none. The caller ends each with
// journal_news_destroy.
journal_news_t *journal_writer_take(journal_writer_t *self);

// Set the journal aside, for this reason, and begin a new one.
void journal_writer_renew(journal_writer_t *self, journal_origin_t origin, const char *why);

journal_holdings_t journal_writer_holdings(journal_writer_t *self);

#endif
