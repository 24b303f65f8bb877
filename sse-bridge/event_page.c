// event_page - one answer of GET /api/v1/events: the events in it, and how they are written
// SPDX-License-Identifier: MPL-2.0
#include "event_page.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gap_report.h"
#include "payload_json.h"

struct event_page {
    event_page_limits_t limits;
    char *text;    // owned; what is finished of the answer
    size_t bytes;
    size_t room_bytes;
    size_t before_bytes;    // of what stands before the first event
    size_t count;
    bool full;
    json_t *gap;    // owned; NULL for none
};

enum { FIRST_ROOM_BYTES = 4096 };

static void
append(event_page_t *self, const char *text, size_t bytes)
{
    if (self->room_bytes - self->bytes < bytes + 1) {
        while (self->room_bytes - self->bytes < bytes + 1)
            self->room_bytes *= 2;
        self->text = realloc(self->text, self->room_bytes);
        assert(self->text);
    }
    memcpy(self->text + self->bytes, text, bytes);
    self->bytes += bytes;
    self->text[self->bytes] = '\0';
}

static void
append_text(event_page_t *self, const char *text)
{
    append(self, text, strlen(text));
}

event_page_t *
event_page_new(const event_page_limits_t *limits)
{
    assert(limits->events > 0);
    event_page_t *self = calloc(1, sizeof *self);
    assert(self);
    self->limits = *limits;
    self->room_bytes = FIRST_ROOM_BYTES;
    self->text = malloc(self->room_bytes);
    assert(self->text);
    append_text(self, limits->ndjson ? "" : "{\"events\":[");
    self->before_bytes = self->bytes;
    return self;
}

void
event_page_destroy(event_page_t **self_p)
{
    assert(self_p);
    event_page_t *self = *self_p;
    if (self) {
        json_decref(self->gap);
        free(self->text);
        free(self);
        *self_p = NULL;
    }
}

static void
set_text(json_t *json, const char *member, const char *text)
{
    if (text && *text)
        json_object_set_new(json, member, json_string(text));
}

// What goes before the payload: all members but that one, without the closing brace.
static char *
event_head(const mesh_cursor_t *cursor, const filter_event_t *event)
{
    json_t *json = json_object();
    if (cursor)
        gap_report_cursor(json, "id", cursor);
    set_text(json, "type", event->type);
    set_text(json, "host", event->host);
    set_text(json, "session", event->session);
    char *text = json_dumps(json, JSON_COMPACT);
    assert(text && strlen(text) >= 2);    // an object that we have made
    json_decref(json);
    text[strlen(text) - 1] = '\0';
    return text;
}

// The payload as a JSON string where it is no JSON itself, or NULL.
static char *
payload_as_string(const filter_event_t *event)
{
    if (payload_json_is_good(event->payload, event->payload_bytes))
        return NULL;
    json_t *json = json_stringn(event->payload, event->payload_bytes);
    // Frames hold nothing but UTF-8, but this module has not made them.
    char *text = json_dumps(json ? json : json_null(), JSON_COMPACT | JSON_ENCODE_ANY);
    assert(text);
    json_decref(json);
    return text;
}

// Whether an event of so many bytes is taken. Where it is not, the page is full.
static bool
has_room(event_page_t *self, size_t bytes)
{
    if (event_page_room(self) == 0)
        return false;
    // With what stands between it and the next.
    bool fits =
        self->count == 0 || self->bytes - self->before_bytes + bytes + 1 <= self->limits.bytes;
    self->full = !fits;
    return fits;
}

static void
begin_event(event_page_t *self)
{
    if (!self->limits.ndjson && self->count > 0)
        append_text(self, ",");
    self->count++;
}

static void
end_event(event_page_t *self)
{
    if (self->limits.ndjson)
        append_text(self, "\n");
}

int
event_page_add(event_page_t *self, const mesh_cursor_t *cursor, const filter_event_t *event)
{
    if (event_page_room(self) == 0)
        return -1;
    char *head = event_head(cursor, event);
    char *string = payload_as_string(event);
    size_t payload_bytes = string ? strlen(string) : event->payload_bytes;
    bool fits = has_room(self, strlen(head) + sizeof ",\"data\":}" - 1 + payload_bytes);
    if (fits) {
        begin_event(self);
        append_text(self, head);
        append_text(self, ",\"data\":");
        append(self, string ? string : event->payload, payload_bytes);
        append_text(self, "}");
        end_event(self);
    }
    free(head);
    free(string);
    return fits ? 0 : -1;
}

int
event_page_add_text(event_page_t *self, const char *text, size_t bytes)
{
    if (!has_room(self, bytes))
        return -1;
    begin_event(self);
    append(self, text, bytes);
    end_event(self);
    return 0;
}

void
event_page_add_gap(event_page_t *self, json_t *gap)
{
    if (!self->gap) {
        self->gap = gap;
        return;
    }
    json_int_t at_most = json_integer_value(json_object_get(self->gap, "at_most")) +
                         json_integer_value(json_object_get(gap, "at_most"));
    // Across epochs nobody can count.
    bool counted = json_object_get(self->gap, "at_most") && json_object_get(gap, "at_most");
    json_object_set(self->gap, "reason", json_object_get(gap, "reason"));
    json_object_set(self->gap, "to", json_object_get(gap, "to"));
    if (counted)
        json_object_set_new(self->gap, "at_most", json_integer(at_most));
    else
        json_object_del(self->gap, "at_most");
    json_decref(gap);
}

size_t
event_page_count(const event_page_t *self)
{
    return self->count;
}

bool
event_page_has_gap(const event_page_t *self)
{
    return self->gap != NULL;
}

size_t
event_page_room(const event_page_t *self)
{
    return self->full ? 0 : self->limits.events - self->count;
}

char *
event_page_finish(event_page_t *self, const char *verdict, const mesh_cursor_t *next,
                  size_t *bytes)
{
    assert(self->text);
    json_t *json = json_object();
    gap_report_cursor(json, "next_cursor", next);
    set_text(json, "verdict", verdict);
    if (self->gap)
        json_object_set(json, "gap", self->gap);
    char *rest = json_dumps(json, JSON_COMPACT);
    assert(rest);
    json_decref(json);
    append_text(self, self->limits.ndjson ? "" : "],");
    append_text(self, self->limits.ndjson ? rest : rest + 1);
    append_text(self, "\n");
    free(rest);
    *bytes = self->bytes;
    char *text = self->text;
    self->text = NULL;
    return text;
}
