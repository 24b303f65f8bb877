// session_list - the sessions that events told of, as the API shows them
// SPDX-License-Identifier: MPL-2.0
#include "session_list.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <czmq.h>

#include "mesh/cursor.h"
#include "mesh/topic.h"
#include "payload_json.h"

typedef struct row {
    char *id;    // owned; also the key in by_id
    char *host;
    json_t *about;    // owned; what its start and its end have told
    bool ended;
    uint64_t serial;    // grows with each session that is new here
    uint64_t events;
    int64_t first_us;    // when its first event happened that came here
    int64_t last_us;
    char last_type[MESH_TYPE_SIZE];
    mesh_cursor_t last;
    void *place;    // in order
    char *text;     // what is shown of it; owned; NULL until it is asked for
} row_t;

struct session_list {
    zhashx_t *by_id;    // row_t, owned
    zlistx_t *order;    // row_t, by serial
    size_t limit;
    uint64_t serial;
};

static void
row_destroy(void **item_p)
{
    row_t *row = *item_p;
    json_decref(row->about);
    free(row->text);
    free(row->host);
    free(row->id);
    free(row);
    *item_p = NULL;
}

session_list_t *
session_list_new(size_t limit)
{
    assert(limit > 0);
    session_list_t *self = calloc(1, sizeof *self);
    assert(self);
    self->by_id = zhashx_new();
    zhashx_set_destructor(self->by_id, row_destroy);
    self->order = zlistx_new();
    self->limit = limit;
    return self;
}

void
session_list_destroy(session_list_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        zlistx_destroy(&(*self_p)->order);
        zhashx_destroy(&(*self_p)->by_id);
        free(*self_p);
        *self_p = NULL;
    }
}

static void
forget(session_list_t *self, const row_t *row)
{
    zlistx_detach(self->order, row->place);
    zhashx_delete(self->by_id, row->id);
}

static void
make_room(session_list_t *self)
{
    if (zhashx_size(self->by_id) < self->limit)
        return;
    const row_t *row = zlistx_first(self->order);
    while (row && !row->ended)
        row = zlistx_next(self->order);
    forget(self, row ? row : zlistx_first(self->order));
}

static row_t *
row_of(session_list_t *self, const mesh_topic_t *topic, int64_t timestamp_us)
{
    row_t *row = zhashx_lookup(self->by_id, topic->session);
    if (row)
        return row;
    make_room(self);
    row = calloc(1, sizeof *row);
    assert(row);
    row->id = strdup(topic->session);
    row->host = strdup(topic->host);
    row->about = json_object();
    row->serial = ++self->serial;
    row->first_us = timestamp_us;
    row->place = zlistx_add_end(self->order, row);
    zhashx_insert(self->by_id, row->id, row);
    return row;
}

// Take over the members that are named, as far as they are there.
static void
learn(row_t *row, const json_t *payload, const char *const names[])
{
    for (size_t at = 0; names[at]; at++) {
        json_t *value = json_object_get(payload, names[at]);
        if (value)
            json_object_set(row->about, names[at], value);
    }
}

static void
note_payload(row_t *row, const char *type, const mesh_event_t *event)
{
    static const char *const of_start[] = {"mode",          "model",  "name", "labels",
                                           "repo",          "branch", "user", "working_dir",
                                           "aider_version", NULL};
    static const char *const of_end[] = {"success",
                                         "outcome",
                                         "exit_code",
                                         "signal",
                                         "duration",
                                         "model_used",
                                         "rate_limit_encountered",
                                         NULL};
    bool starts = strcmp(type, "aider.session_started") == 0;
    bool ends = strcmp(type, "aider.session_completed") == 0;
    if (!starts && !ends)
        return;
    json_t *payload = payload_json_read(event->payload, event->payload_bytes);
    if (starts) {
        json_object_clear(row->about);
        row->first_us = event->header.timestamp_us;
    }
    learn(row, payload, starts ? of_start : of_end);
    row->ended = ends;
    json_decref(payload);
}

static void
note_forgotten(session_list_t *self, const mesh_event_t *event)
{
    json_t *payload = payload_json_read(event->payload, event->payload_bytes);
    const char *session = json_string_value(json_object_get(payload, "session_id"));
    const row_t *row = session ? zhashx_lookup(self->by_id, session) : NULL;
    if (row)
        forget(self, row);
    json_decref(payload);
}

void
session_list_note(session_list_t *self, const mesh_event_t *event)
{
    mesh_topic_t topic;
    if (mesh_topic_parse(&topic, event->topic, event->topic_bytes) != 0)
        return;
    if (strcmp(topic.type, "mesh.session_forgotten") == 0)
        note_forgotten(self, event);
    if (topic.session[0] == '\0' || strncmp(topic.type, "aider.", 6) != 0)
        return;
    row_t *row = row_of(self, &topic, event->header.timestamp_us);
    free(row->text);
    row->text = NULL;
    // One that comes again after the journal was away has its place only then.
    if (event->header.offset > 0)
        row->last =
            (mesh_cursor_t){.epoch = event->header.epoch, .offset = event->header.offset};
    row->events++;
    row->last_us = event->header.timestamp_us;
    memcpy(row->last_type, topic.type, sizeof row->last_type);
    note_payload(row, topic.type, event);
}

static json_t *
show(const row_t *row)
{
    json_t *json = json_copy(row->about);
    json_object_set_new(json, "session_id", json_string(row->id));
    json_object_set_new(json, "host", json_string(row->host));
    json_object_set_new(json, "state", json_string(row->ended ? "ended" : "running"));
    json_object_set_new(json, "started_at", json_real((double) row->first_us / 1e6));
    json_object_set_new(json, "last_event_at", json_real((double) row->last_us / 1e6));
    json_object_set_new(json, "last_event", json_string(row->last_type));
    json_object_set_new(json, "events_seen", json_integer((json_int_t) row->events));
    if (row->last.epoch != 0) {
        char text[MESH_CURSOR_SIZE];
        mesh_cursor_format(&row->last, text);
        json_object_set_new(json, "cursor", json_string(text));
    }
    return json;
}

static bool
is_wanted(const row_t *row, const api_query_t *query)
{
    const char *state = api_query_value(query, "state");
    const char *host = api_query_value(query, "host");
    return (!state || strcmp(state, row->ended ? "ended" : "running") == 0) &&
           (!host || strcmp(host, row->host) == 0) &&
           api_query_may_see(query, "aider.session_started", row->host, row->id);
}

json_t *
session_list_page(session_list_t *self, const api_query_t *query)
{
    // The cursor is the serial of the last row that was given.
    const char *cursor = api_query_value(query, "cursor");
    uint64_t before = cursor ? strtoull(cursor, NULL, 16) : UINT64_MAX;
    json_t *rows = json_array();
    json_t *page = json_pack("{s:o}", "sessions", rows);
    uint64_t given = 0;
    for (const row_t *row = zlistx_last(self->order); row; row = zlistx_prev(self->order)) {
        if (row->serial >= before || !is_wanted(row, query))
            continue;
        if (json_array_size(rows) == query->limit) {
            char text[24];
            (void) snprintf(text, sizeof text, "%" PRIx64, given);
            json_object_set_new(page, "next_cursor", json_string(text));
            break;
        }
        json_array_append_new(rows, show(row));
        given = row->serial;
    }
    return page;
}

json_t *
session_list_one(session_list_t *self, const char *session, const api_query_t *query)
{
    const row_t *row = zhashx_lookup(self->by_id, session);
    return row && is_wanted(row, query) ? show(row) : NULL;
}

// Kept until the session's next event: many may ask at once, when a journal is lost.
static const char *
text_of(row_t *row)
{
    if (!row->text) {
        json_t *json = show(row);
        row->text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(16));    // microseconds
        assert(row->text);
        json_decref(json);
    }
    return row->text;
}

char *
session_list_live(session_list_t *self, const filter_t *filter, size_t most, size_t most_bytes,
                  size_t *text_bytes, size_t *left_out)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, text_bytes);
    assert(out);
    size_t count = 0;
    size_t bytes = strlen("[]");
    *left_out = 0;
    fputc('[', out);
    for (row_t *row = zlistx_last(self->order); row; row = zlistx_prev(self->order)) {
        if (row->ended || !filter_takes_session(filter, row->host, row->id,
                                                json_object_get(row->about, "labels")))
            continue;
        bool fits = *left_out == 0 && count < most;
        size_t row_bytes = fits ? strlen(text_of(row)) + (count > 0) : 0;
        if (!fits || row_bytes > most_bytes || bytes > most_bytes - row_bytes) {
            (*left_out)++;
            continue;
        }
        bytes += row_bytes;
        fprintf(out, "%s%s", count++ > 0 ? "," : "", row->text);
    }
    fputc(']', out);
    fclose(out);
    assert(text);
    return text;
}

size_t
session_list_size(const session_list_t *self)
{
    return zhashx_size(self->by_id);
}
