// pages - answers of bounded size: a page of the journal, of the snapshot, of who is there
// SPDX-License-Identifier: MPL-2.0
#include "pages.h"

#include <assert.h>

#include "mesh/control.h"
#include "mesh/topic.h"

enum { TYPES_LIMIT = 64 };

typedef struct page {
    const page_filter_t *filter;    // borrowed
    record_list_t *events;          // borrowed
    size_t bytes;
    size_t looks;
    uint64_t to;
    bool full;
} page_t;

const char *
page_filter_read(page_filter_t *self, const json_t *body)
{
    *self = (page_filter_t){.limit_bytes = PAGE_BYTES_LIMIT};
    uint64_t limit_bytes;
    if (json_object_get(body, "limit_bytes")) {
        if (mesh_control_get_number(body, "limit_bytes", &limit_bytes) != 0 || limit_bytes == 0)
            return "limit_bytes";
        if (limit_bytes < PAGE_BYTES_LIMIT)
            self->limit_bytes = (size_t) limit_bytes;
    }
    if (json_object_get(body, "host") &&
        mesh_control_get_text(body, "host", MESH_HOST_SIZE, &self->host) != 0)
        return "host";
    if (json_object_get(body, "session") &&
        mesh_control_get_text(body, "session", MESH_SESSION_SIZE, &self->session) != 0)
        return "session";
    self->types = json_object_get(body, "types");
    if (!self->types)
        return NULL;
    size_t index;
    const json_t *type;
    if (!json_is_array(self->types) || json_array_size(self->types) > TYPES_LIMIT)
        return "types";
    json_array_foreach(self->types, index, type) if (!json_is_string(type)) return "types";
    return NULL;
}

static bool
type_matches(const json_t *types, const char *type)
{
    size_t index;
    const json_t *item;
    if (!types)
        return true;
    json_array_foreach(types, index, item)
    {
        const char *wanted = json_string_value(item);
        size_t length = json_string_length(item);
        bool prefix = length > 0 && wanted[length - 1] == '*';
        if (prefix ? strncmp(type, wanted, length - 1) == 0 : streq(type, wanted))
            return true;
    }
    return false;
}

static bool
matches(const page_filter_t *filter, const record_t *record)
{
    if (!filter->types && !filter->host && !filter->session)
        return true;
    mesh_topic_t topic;
    int rc = mesh_topic_parse(&topic, record_topic(record), record->topic_bytes);
    assert(rc == 0);    // it was parsed when it was taken
    return type_matches(filter->types, topic.type) &&
           (!filter->host || streq(filter->host, topic.host)) &&
           (!filter->session || streq(filter->session, topic.session));
}

static void
append(page_t *page, record_t *record)
{
    record_list_add(page->events, record);
    page->bytes += record->topic_bytes + record->body_bytes;
}

// journal_visit_fn: the first event fits in every page, so that each page goes on.
static bool
add_to_replay(void *arg, record_t *record)
{
    page_t *page = arg;
    if (page->looks++ == PAGE_LOOKS_LIMIT) {
        page->full = true;
        return false;
    }
    if (matches(page->filter, record)) {
        size_t bytes = record->topic_bytes + record->body_bytes;
        if (record_list_count(page->events) > 0 &&
            page->bytes + bytes > page->filter->limit_bytes) {
            page->full = true;
            return false;
        }
        append(page, record);
    }
    page->to = record->offset;
    return true;
}

static json_t *
by_family(const uint64_t removed[static MESH_FAMILIES])
{
    json_t *body = json_object();
    for (int family = 0; family < MESH_FAMILIES; family++)
        json_object_set_new(body, mesh_family_name((mesh_family_t) family),
                            json_integer((json_int_t) removed[family]));
    return body;
}

json_t *
page_removed(journal_t *journal)
{
    uint64_t removed[MESH_FAMILIES];
    journal_removed(journal, removed);
    return by_family(removed);
}

json_t *
page_replay(journal_t *journal, uint64_t after, const page_filter_t *filter,
            record_list_t *events)
{
    page_t page = {.filter = filter, .events = events, .to = after};
    uint64_t removed[MESH_FAMILIES];
    uint64_t first = journal_first(journal);
    if (journal_read(journal, after, add_to_replay, &page, removed) != JOURNAL_READ_DONE)
        return NULL;
    if (!page.full)
        page.to = journal_head(journal);
    json_t *body = json_pack(
        "{s:o, s:I, s:I, s:I, s:b, s:I, s:o}", "epoch",
        mesh_control_epoch(journal_epoch(journal)), "first", (json_int_t) first, "head",
        (json_int_t) journal_head(journal), "to", (json_int_t) page.to, "more", page.full,
        "count", (json_int_t) record_list_count(events), "removed", by_family(removed));
    assert(body);
    return body;
}

typedef struct snapshot_page {
    page_t page;
    char session[MESH_SESSION_SIZE];    // the one whose events are being added
    size_t whole_count;                 // as of the end of the session before
    size_t limit_bytes;
} snapshot_page_t;

// sessions_visit_fn: a session is shown whole, or in the next page. One that fills more than a
// whole page is shown as far as the page goes, so that the pages come to an end.
static bool
add_to_snapshot(void *arg, record_t *record)
{
    snapshot_page_t *self = arg;
    mesh_topic_t topic;
    int rc = mesh_topic_parse(&topic, record_topic(record), record->topic_bytes);
    assert(rc == 0);
    if (!streq(topic.session, self->session)) {
        memcpy(self->session, topic.session, sizeof self->session);
        self->whole_count = record_list_count(self->page.events);
    }
    size_t bytes = record->topic_bytes + record->body_bytes;
    if (self->page.bytes + bytes > self->limit_bytes)
        return self->whole_count == 0 && self->limit_bytes == PAGE_BYTES_LIMIT;
    append(&self->page, record);
    return true;
}

json_t *
page_snapshot(sessions_t *sessions, const char *after_session, size_t limit_bytes,
              record_list_t *events)
{
    snapshot_page_t self = {.page = {.events = events}, .limit_bytes = limit_bytes};
    bool more;
    const char *last = sessions_visit(sessions, after_session, add_to_snapshot, &self, &more);
    // A session that did not fit was begun: take its events out again.
    if (more)
        record_list_cut(events, self.whole_count);
    json_t *body = json_pack("{s:I, s:b, s:s}", "count", (json_int_t) record_list_count(events),
                             "more", more, "next_session", last);
    assert(body);
    return body;
}

json_t *
page_transports(registry_t *registry, int64_t now_ms, size_t *left_out)
{
    json_t *transports = json_array();
    size_t bytes = 2;    // of the array's brackets
    *left_out = 0;
    for (peer_t *peer = registry_first(registry); peer; peer = registry_next(registry)) {
        json_t *entry = json_copy(peer->hello);
        json_object_set_new(entry, "joined_at", json_real(peer->joined_at));
        json_object_set_new(entry, "last_seen_ms",
                            json_integer((json_int_t) (now_ms - peer->heard_ms)));
        size_t more_bytes = 1 + json_dumpb(entry, NULL, 0, JSON_COMPACT);
        if (bytes + more_bytes > PAGE_BYTES_LIMIT) {
            ++*left_out;
            json_decref(entry);
            continue;
        }
        bytes += more_bytes;
        json_array_append_new(transports, entry);
    }
    return transports;
}
