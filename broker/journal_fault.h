// journal_fault - what keeps the journal from being written or read
// SPDX-License-Identifier: MPL-2.0
#ifndef BROKER_JOURNAL_FAULT_H
#define BROKER_JOURNAL_FAULT_H

#include <stddef.h>

struct sqlite3;

typedef enum {
    JOURNAL_SOUND,
    JOURNAL_FULL,         // no room
    JOURNAL_READ_ONLY,    // may not be written
    JOURNAL_IO_ERROR,
    JOURNAL_BUSY,       // another program writes to it
    JOURNAL_CORRUPT,    // it is no journal, or a damaged one
} journal_fault_t;

// "disk_full", "read_only", ...; "sound".
const char *journal_fault_name(journal_fault_t fault);

// What a result of SQLite other than success means, and into reason (of so many bytes) what
// SQLite and the system said of it. db may be NULL where none could be opened.
journal_fault_t journal_fault_of(struct sqlite3 *db, int rc, char *reason, size_t size);

#endif
