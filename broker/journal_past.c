// journal_past - what is kept: read from, its bounds, how it is, what was set aside
// SPDX-License-Identifier: MPL-2.0
#include <czmq.h>
#include <glob.h>

#include "journal_private.h"
#include "mesh/log.h"

uint64_t
journal_epoch(const journal_t *self)
{
    return self->epoch;
}

uint64_t
journal_head(const journal_t *self)
{
    return self->head;
}

uint64_t
journal_first(journal_t *self)
{
    if (!self->writer)
        return record_ring_floor(self->recent) + 1;
    uint64_t first = journal_writer_holdings(self->writer).first;
    return first > self->head ? self->head + 1 : first;
}

void
journal_removed(journal_t *self, uint64_t removed[static MESH_FAMILIES])
{
    if (self->writer) {
        journal_holdings_t holdings = journal_writer_holdings(self->writer);
        memcpy(removed, holdings.removed, sizeof holdings.removed);
        return;
    }
    for (int i = 0; i < MESH_FAMILIES; i++)
        removed[i] = record_ring_floor(self->recent);
}

// What a read found wrong is logged, and a journal that is damaged set aside.
static journal_read_outcome_t
judge(journal_t *self, journal_read_outcome_t outcome)
{
    if (outcome == JOURNAL_READ_DONE)
        return outcome;
    mesh_log_error("journal-unreadable", "%s: %s", self->path,
                   journal_reader_reason(self->reader));
    if (outcome == JOURNAL_READ_CORRUPT)
        journal_ask_to_renew(self, JOURNAL_ORIGIN_CORRUPT, journal_reader_reason(self->reader));
    return outcome;
}

journal_read_outcome_t
journal_read(journal_t *self, uint64_t after, journal_visit_fn *visit, void *arg,
             uint64_t removed[MESH_FAMILIES])
{
    if (!self->writer || (self->reader && after >= record_ring_floor(self->recent))) {
        // Nothing after it has left the memory.
        if (removed)
            journal_removed(self, removed);
        record_ring_read(self->recent, after, visit, arg);
        return JOURNAL_READ_DONE;
    }
    if (!self->reader)
        return JOURNAL_READ_FAILED;
    // The thread may be ahead of what was told.
    return judge(self,
                 journal_reader_events(self->reader, after, self->head, visit, arg, removed));
}

journal_read_outcome_t
journal_read_latest(journal_t *self, journal_visit_fn *visit, void *arg)
{
    if (!self->reader)
        return JOURNAL_READ_DONE;
    return judge(self, journal_reader_latest(self->reader, visit, arg));
}

bool
journal_is_readable(const journal_t *self)
{
    return !self->writer || self->reader;
}

json_t *
journal_report(journal_t *self)
{
    if (!self->writer)
        return json_pack("{s:s}", "state", "memory");
    json_t *report = json_pack("{s:s}", "state", self->up ? "up" : "down");
    if (!self->up)
        json_object_set_new(report, "reason", json_string(mesh_db_fault_name(self->fault)));
    json_object_set_new(report, "first", json_integer((json_int_t) journal_first(self)));
    json_object_set_new(report, "head", json_integer((json_int_t) journal_head(self)));
    journal_holdings_t holdings = journal_writer_holdings(self->writer);
    json_object_set_new(report, "events", json_integer((json_int_t) holdings.events));
    json_object_set_new(report, "bytes", json_integer((json_int_t) holdings.used_bytes));
    json_object_set_new(report, "log_bytes", json_integer((json_int_t) holdings.wal_bytes));
    return report;
}

json_t *
journal_set_aside(const journal_t *self)
{
    json_t *paths = json_array();
    char *pattern = NULL;
    glob_t found = {0};
    if (!self->path)
        return paths;
    // "<path>.<why>-<time>" and their logs; the mark and the lock hold no events.
    if (asprintf(&pattern, "%s.*-*", self->path) < 0)
        abort();
    if (glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            json_array_append_new(paths, json_string(found.gl_pathv[i]));
    globfree(&found);
    free(pattern);
    return paths;
}
