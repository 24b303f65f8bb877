// renumber - what waits under one source, given to another
// SPDX-License-Identifier: MPL-2.0
#include "renumber.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "mesh/payload.h"
#include "mesh/topic.h"
#include "mesh/uuid.h"
#include "mesh/wire.h"

mesh_rank_t
mesh_renumber_rank(const char *type)
{
    if (strcmp(type, "aider.session_progress") == 0)
        return MESH_RANK_FIRST;
    return strcmp(type, "aider.rate_limit_detected") == 0 ||
                   strcmp(type, "aider.error_occurred") == 0
               ? MESH_RANK_LAST
               : MESH_RANK_MIDDLE;
}

// The payload repeats source and number, and is cut like any other where it no longer fits.
static void
move_event(const mesh_outbox_event_t *event, mesh_outbox_t *to, const char *source)
{
    mesh_topic_t topic;
    json_t *payload = json_loadb(event->body, event->body_bytes, 0, NULL);
    if (!payload || mesh_topic_parse(&topic, event->topic, event->topic_bytes) != 0) {
        json_decref(payload);    // none of ours: the broker would refuse it as well
        mesh_outbox_skip(to, event->covers);
        return;
    }
    mesh_outbox_skip(to, event->covers - 1);
    json_object_set_new(payload, "source", json_string(source));
    json_object_set_new(payload, "seq", json_integer((json_int_t) mesh_outbox_next_seq(to)));
    size_t bytes = 0;
    size_t cut_strings = 0;
    char *body = mesh_payload_dump(payload, MESH_WIRE_PAYLOAD_LIMIT, &bytes, &cut_strings);
    if (body)
        mesh_outbox_push(to, event->topic, event->topic_bytes, body, bytes, event->timestamp_us,
                         mesh_renumber_rank(topic.type));
    else
        mesh_outbox_skip(to, 1);
    free(body);
    json_decref(payload);
}

size_t
mesh_renumber(mesh_outbox_t *from, mesh_outbox_t *to)
{
    assert(from && to && from != to);
    char source[MESH_UUID_TEXT_SIZE];
    mesh_uuid_format(mesh_outbox_source(to), source);
    size_t count = mesh_outbox_count(from);
    mesh_outbox_set_window(from, UINT64_MAX, UINT64_MAX);
    mesh_outbox_hold_after(from, UINT64_MAX);
    mesh_outbox_rewind(from, mesh_outbox_first(from));
    const mesh_outbox_event_t *event;
    while ((event = mesh_outbox_send_next(from)))
        move_event(event, to, source);
    mesh_outbox_acknowledge(from, mesh_outbox_last(from));
    mesh_outbox_skip(to, (uint32_t) (mesh_outbox_next_seq(from) - 1 - mesh_outbox_last(from)));
    return count;
}
