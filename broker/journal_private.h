// journal_private - what the files of the journal's owner share
// SPDX-License-Identifier: MPL-2.0
#ifndef BROKER_JOURNAL_PRIVATE_H
#define BROKER_JOURNAL_PRIVATE_H

#include "journal.h"
#include "journal_writer.h"
#include "record_ring.h"

struct journal {
    const journal_events_t *events;    // borrowed
    void *arg;                         // borrowed
    char *path;                        // owned; NULL in memory
    int lock_fd;
    record_ring_t *recent;       // owned
    journal_writer_t *writer;    // owned; NULL in memory
    journal_reader_t *reader;    // owned; NULL in memory and while there is nothing to read
    journal_opening_t first_opening;    // to be told by the first dispatch
    bool first_told;
    uint64_t epoch, head, era;
    bool up;
    mesh_db_fault_t fault;    // while it is not up
    bool renewing;            // asked for, and not yet done
    bool latest_lost;
    size_t under_way;    // batches submitted and not ended

    // In memory batches end as they come, at the next dispatch.
    int memory_fd;    // owned; -1 with a file
    journal_batch_t *ended, **ended_end;
};

// Have the journal set aside, once, for this reason.
void journal_ask_to_renew(journal_t *self, journal_origin_t origin, const char *why);

#endif
