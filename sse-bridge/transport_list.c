// transport_list - the programs of the mesh, as the broker last listed them
// SPDX-License-Identifier: MPL-2.0
#include "transport_list.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <czmq.h>

#include "mesh/control.h"

enum { SNAPSHOT_DEADLINE_MS = 5000 };

struct transport_list {
    mesh_link_t *link;    // borrowed; NULL before there is one
    json_t *rows;         // owned; by transport_id; NULL before the first list
    bool wanted;
    uint64_t request_id;    // of the request under way; 0 for none
    uint64_t epoch;         // of the last event that told of a program, and its offset
    uint64_t changed_at;
};

transport_list_t *
transport_list_new(void)
{
    transport_list_t *self = calloc(1, sizeof *self);
    assert(self);
    return self;
}

void
transport_list_join(transport_list_t *self, mesh_link_t *link)
{
    self->link = link;
}

void
transport_list_destroy(transport_list_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        if ((*self_p)->link)
            mesh_link_cancel((*self_p)->link, (*self_p)->request_id);
        json_decref((*self_p)->rows);
        free(*self_p);
        *self_p = NULL;
    }
}

void
transport_list_note(transport_list_t *self, const mesh_event_t *event)
{
    static const char family[] = "mesh.transport_";
    if (event->topic_bytes < sizeof family - 1 ||
        memcmp(event->topic, family, sizeof family - 1) != 0)
        return;
    self->wanted = true;
    self->epoch = event->header.epoch;
    self->changed_at = event->header.offset;
}

static const char *
id_of(const json_t *row)
{
    const char *id = json_string_value(json_object_get(row, "transport_id"));
    return id ? id : "";
}

static int
by_id(const void *left, const void *right)
{
    return strcmp(id_of(*(json_t *const *) left), id_of(*(json_t *const *) right));
}

// A new array of the same rows, in order.
static json_t *
sorted(const json_t *rows)
{
    size_t count = json_array_size(rows);
    json_t **order = calloc(count + 1, sizeof *order);
    assert(order);
    for (size_t at = 0; at < count; at++)
        order[at] = json_array_get(rows, at);
    qsort(order, count, sizeof *order, by_id);
    json_t *array = json_array();
    for (size_t at = 0; at < count; at++)
        json_array_append(array, order[at]);
    free(order);
    return array;
}

// mesh_link_reply_fn
static void
on_snapshot(void *arg, const char *verb, const json_t *body, zmsg_t *frames)
{
    (void) frames;
    transport_list_t *self = arg;
    self->request_id = 0;
    uint64_t offset = 0, epoch = 0;
    const json_t *transports = json_object_get(body, "transports");
    if (!streq(verb, "snapshot") || !json_is_array(transports) ||
        mesh_control_get_number(body, "offset", &offset) != 0 ||
        mesh_control_get_epoch(body, "epoch", &epoch) != 0) {
        self->wanted = true;    // with the next tick
        return;
    }
    // The list and the events come by different ways: one that is older than what events have
    // told says what was.
    if (epoch == self->epoch && offset < self->changed_at)
        self->wanted = true;
    json_decref(self->rows);
    self->rows = sorted(transports);
}

void
transport_list_tick(transport_list_t *self)
{
    if (!self->wanted || !self->link || self->request_id != 0 || !mesh_link_is_up(self->link))
        return;
    self->wanted = false;
    self->request_id = mesh_link_request(self->link, "snapshot", json_object(),
                                         SNAPSHOT_DEADLINE_MS, on_snapshot, self);
}

void
transport_list_welcomed(transport_list_t *self)
{
    self->wanted = true;
    transport_list_tick(self);
}

static const char *
text_of(const json_t *row, const char *member)
{
    const char *text = json_string_value(json_object_get(row, member));
    return text ? text : "";
}

static bool
is_wanted(const json_t *row, const api_query_t *query)
{
    const char *type = api_query_value(query, "type");
    const char *host = api_query_value(query, "host");
    const char *cursor = api_query_value(query, "cursor");
    return (!type || streq(type, text_of(row, "transport_type"))) &&
           (!host || streq(host, text_of(row, "host"))) &&
           (!cursor || strcmp(id_of(row), cursor) > 0) &&
           !json_is_true(json_object_get(row, "passing")) &&
           api_query_may_see(query, "mesh.transport_joined", text_of(row, "host"), "");
}

static json_t *
show(const json_t *row)
{
    static const char *const members[] = {"transport_id", "transport_type", "host",
                                          "pid",          "version",        "capabilities",
                                          "services",     "metadata",       "joined_at"};
    json_t *json = json_object();
    for (size_t at = 0; at < sizeof members / sizeof members[0]; at++) {
        json_t *value = json_object_get(row, members[at]);
        if (value)
            json_object_set(json, members[at], value);
    }
    return json;
}

json_t *
transport_list_page(const transport_list_t *self, const api_query_t *query)
{
    if (!self->rows)
        return NULL;
    json_t *rows = json_array();
    json_t *page = json_pack("{s:o}", "transports", rows);
    const char *given = NULL;
    size_t index;
    const json_t *row;
    json_array_foreach(self->rows, index, row)
    {
        if (!is_wanted(row, query))
            continue;
        if (json_array_size(rows) == query->limit) {
            json_object_set_new(page, "next_cursor", json_string(given));
            break;
        }
        json_array_append_new(rows, show(row));
        given = id_of(row);
    }
    return page;
}

json_t *
transport_list_counts(const transport_list_t *self)
{
    if (!self->rows)
        return NULL;
    json_t *counts = json_object();
    size_t index;
    const json_t *row;
    json_array_foreach(self->rows, index, row)
    {
        if (json_is_true(json_object_get(row, "passing")))
            continue;
        const char *type = text_of(row, "transport_type");
        json_int_t count = json_integer_value(json_object_get(counts, type));
        json_object_set_new(counts, type, json_integer(count + 1));
    }
    return counts;
}
