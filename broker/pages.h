// pages - answers of bounded size: a page of the journal, of the snapshot, of who is there
// SPDX-License-Identifier: MPL-2.0
#ifndef BROKER_PAGES_H
#define BROKER_PAGES_H

#include <czmq.h>
#include <jansson.h>

#include "journal.h"
#include "record_list.h"
#include "registry.h"
#include "sessions.h"

enum {
    PAGE_BYTES_LIMIT =
        960 * 1024,    // of events; the rest of a control message's 1 MiB is for its body
    PAGE_LOOKS_LIMIT =
        20000,    // events looked at for one page, however few are wanted of them
};

// What a replay leaves out, by the topic alone. All borrowed from the request's body.
typedef struct page_filter {
    const json_t *types;    // array of types, or prefixes ending in '*'; NULL for all
    const char *host;       // NULL for all
    const char *session;    // NULL for all
    size_t limit_bytes;
} page_filter_t;

// Read the filter of a request. Returns NULL, or the name of the member that is wrong (static).
const char *page_filter_read(page_filter_t *self, const json_t *body);

// A page of what comes after an offset: the body of "events" without "id", and the events
// held in events, which is empty before. The caller owns the body; NULL when the journal cannot
// be read.
json_t *page_replay(journal_t *journal, uint64_t after, const page_filter_t *filter,
                    record_list_t *events);

// The highest offset that was removed, by family. The caller owns the object.
json_t *page_removed(journal_t *journal);

// A page of at most limit_bytes of sessions after one: "count", "more" and "next_session", and
// the events held in events, which is empty before. The caller owns the body.
json_t *page_snapshot(sessions_t *sessions, const char *after_session, size_t limit_bytes,
                      record_list_t *events);

// Who is registered: each hello with joined_at and last_seen_ms (how long ago it was heard), as
// many as fit in PAGE_BYTES_LIMIT; how many do not goes to *left_out.
json_t *page_transports(registry_t *registry, int64_t now_ms, size_t *left_out);

#endif
