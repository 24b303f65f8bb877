// stream_hub_forget - a session is forgotten: its frames go, and who was to have them is told
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "stream_hub_private.h"
#include "stream_notice.h"

// What a stream has not been sent of it.
typedef struct missed {
    uint64_t count;
    uint64_t from, to;    // offsets
} missed_t;

static missed_t
look_ahead(const stream_hub_t *self, const stream_t *stream, const char *session)
{
    const stream_group_t *group = stream->group;
    missed_t missed = {0};
    for (uint64_t serial = stream->position; serial < event_ring_next(self->ring); serial++) {
        const event_ring_entry_t *entry = event_ring_entry(self->ring, serial);
        if (entry->type == EVENT_RING_EVERYONE ||
            strcmp(event_ring_session(self->ring, entry), session) != 0)
            continue;
        // Where it was not worked out yet, it might have been.
        bool matches = serial >= group->known_from
                           ? stream_group_match(group, serial, serial + 1) == serial
                           : filter_may_match_origin(group->filter, session,
                                                     event_ring_type(self->ring, entry));
        if (!matches)
            continue;
        if (missed.count++ == 0)
            missed.from = entry->offset > 0 ? entry->offset - 1 : 0;
        missed.to = entry->offset;
    }
    return missed;
}

static void
tell_list(stream_hub_t *self, stream_list_t *list, const char *session)
{
    for (stream_t *stream = list->first, *next; stream; stream = next) {
        next = stream->next;
        if (stream->state != STREAM_OPEN)
            continue;
        // The frame that is under way is finished: its beginning is with the client.
        if (stream->frame_sent > 0 && stream_hub_keep_rest(self, stream) != 0) {
            self->stats.cut++;
            stream_hub_end(self, stream, true);
            continue;
        }
        missed_t missed = look_ahead(self, stream, session);
        if (missed.count == 0)
            continue;
        uint64_t epoch = event_ring_position(self->ring).epoch;
        size_t bytes;
        char *frame =
            stream_notice_forgotten(stream, &(mesh_cursor_t){epoch, missed.from},
                                    &(mesh_cursor_t){epoch, missed.to}, missed.count, &bytes);
        stream_hub_say(self, stream, frame, bytes);
        free(frame);
    }
}

// event_ring_forget_fn
static void
on_gone(void *arg, uint64_t serial)
{
    stream_hub_t *self = arg;
    for (stream_group_t *group = zhashx_first(self->groups); group;
         group = zhashx_next(self->groups))
        stream_group_forget(group, serial);
}

void
stream_hub_forget(stream_hub_t *self, const char *payload, size_t payload_bytes,
                  int64_t recorded_us)
{
    json_t *json = json_loadb(payload, payload_bytes, 0, NULL);
    const char *session = json_string_value(json_object_get(json, "session_id"));
    json_int_t removed = json_integer_value(json_object_get(json, "removed"));
    const char *last = json_string_value(json_object_get(json, "last"));
    if (!session || !*session || strlen(session) >= MESH_SESSION_SIZE) {
        json_decref(json);
        return;
    }
    // Those in step have had all but the last few; then only who is behind is left.
    stream_hub_turn(self, self->now_ms);
    tell_list(self, &self->ready, session);
    tell_list(self, &self->blocked, session);
    (void) event_ring_forget(self->ring, session, on_gone, self);
    session_table_forget(self->sessions, session);
    mesh_cursor_t cursor;
    if (removed > 0 && last && mesh_cursor_parse(&cursor, last) == 0 &&
        cursor.epoch == event_ring_position(self->ring).epoch) {
        const json_t *types = json_object_get(json, "types");
        forgotten_list_add(self->forgotten, session, (uint64_t) removed, cursor.offset, types,
                           recorded_us);
        stream_hub_forget_past(self, session, (uint64_t) removed, cursor.offset, types);
    }
    json_decref(json);
}
