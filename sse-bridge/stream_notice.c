// stream_notice - the events that one client is told about its own stream
// SPDX-License-Identifier: MPL-2.0
#include "stream_notice.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "event_frame.h"

static const char *const reason_names[STREAM_REASONS] = {
    [STREAM_REASON_ENDED] = "ended",           [STREAM_REASON_SLOW] = "slow",
    [STREAM_REASON_STOPPING] = "stopping",     [STREAM_REASON_EXPIRED] = "token_expired",
    [STREAM_REASON_REVOKED] = "token_revoked", [STREAM_REASON_REPLACED] = "replaced",
    [STREAM_REASON_AGED] = "max_age",
};

const char *
stream_reason_name(stream_reason_t reason)
{
    return reason_names[reason];
}

static void
set_cursor(json_t *json, const char *member, const mesh_cursor_t *cursor)
{
    char text[MESH_CURSOR_SIZE];
    mesh_cursor_format(cursor, text);
    json_object_set_new(json, member, json_string(text));
}

static void
set_count(json_t *json, const char *member, uint64_t count)
{
    json_object_set_new(json, member,
                        json_integer(count < INT64_MAX ? (json_int_t) count : INT64_MAX));
}

static json_t *
notice(const stream_t *stream)
{
    char id[MESH_UUID_TEXT_SIZE];
    mesh_uuid_format(&stream->client_id, id);
    json_t *json = json_object();
    json_object_set_new(json, "client_id", json_string(id));
    return json;
}

static char *
frame_of(int64_t retry_ms, const mesh_cursor_t *cursor, const char *type, json_t *json,
         size_t *bytes)
{
    char *frame = event_frame_control(retry_ms, cursor, type, json, bytes);
    json_decref(json);
    return frame;
}

static void
set_range(json_t *json, uint64_t epoch, const resume_answer_t *answer)
{
    if (answer->from_known)
        set_cursor(json, "from", &(mesh_cursor_t){epoch, answer->from});
    set_cursor(json, "to", &(mesh_cursor_t){epoch, answer->to});
    set_count(json, "at_most", answer->at_most);
}

char *
stream_notice_opened(const stream_t *stream, const resume_answer_t *answer,
                     const mesh_cursor_t *position, int64_t retry_ms, size_t *bytes)
{
    // A client that showed a dead cursor must not show it again; any other keeps its own.
    bool move = answer->verdict == RESUME_RESET || answer->verdict == RESUME_UNKNOWN;
    bool gap = answer->verdict == RESUME_GAP;
    json_t *json = notice(stream);
    json_object_set_new(json, "verdict", json_string(resume_verdict_name(answer->verdict)));
    set_cursor(json, "cursor", position);
    if (gap)
        set_range(json, position->epoch, answer);
    char *opened = frame_of(retry_ms, move ? position : NULL, "stream.opened", json, bytes);
    if (!gap)
        return opened;

    json = notice(stream);
    json_object_set_new(json, "reason",
                        json_string(answer->forgotten ? "forgotten" : "removed"));
    set_range(json, position->epoch, answer);
    size_t gap_bytes;
    // Where the stream goes on, which is before the end of the range where others are kept in
    // it.
    char *frame = frame_of(-1, position, "stream.gap", json, &gap_bytes);
    char *both = realloc(opened, *bytes + gap_bytes);
    assert(both);
    memcpy(both + *bytes, frame, gap_bytes);
    *bytes += gap_bytes;
    free(frame);
    return both;
}

char *
stream_notice_gap(const char *reason, const mesh_cursor_t *from, const mesh_cursor_t *to,
                  uint64_t at_most, size_t *bytes)
{
    json_t *json = json_object();
    json_object_set_new(json, "reason", json_string(reason));
    set_cursor(json, "from", from);
    set_cursor(json, "to", to);
    // Across epochs nobody can count.
    if (from->epoch == to->epoch)
        set_count(json, "at_most", at_most);
    return frame_of(-1, to, "stream.gap", json, bytes);
}

char *
stream_notice_forgotten(const stream_t *stream, const mesh_cursor_t *from,
                        const mesh_cursor_t *to, uint64_t at_most, size_t *bytes)
{
    json_t *json = notice(stream);
    json_object_set_new(json, "reason", json_string("forgotten"));
    set_cursor(json, "from", from);
    set_cursor(json, "to", to);
    set_count(json, "at_most", at_most);
    return frame_of(-1, NULL, "stream.gap", json, bytes);
}

char *
stream_notice_removed(const stream_t *stream, const mesh_cursor_t *from,
                      const mesh_cursor_t *to, const mesh_cursor_t *position, size_t *bytes)
{
    json_t *json = notice(stream);
    json_object_set_new(json, "reason", json_string("removed"));
    set_cursor(json, "from", from);
    set_cursor(json, "to", to);
    set_count(json, "at_most", to->offset - from->offset);
    return frame_of(-1, position, "stream.gap", json, bytes);
}

char *
stream_notice_dropped(const stream_t *stream, uint64_t epoch, size_t *bytes)
{
    json_t *json = notice(stream);
    json_object_set_new(json, "reason", json_string("slow"));
    set_cursor(json, "from", &(mesh_cursor_t){epoch, stream->lost_from});
    set_cursor(json, "to", &(mesh_cursor_t){epoch, stream->lost_to});
    set_count(json, "at_most", stream->lost_count);
    return frame_of(-1, NULL, "stream.dropped", json, bytes);
}

char *
stream_notice_closing(const stream_t *stream, stream_reason_t reason,
                      const mesh_cursor_t *cursor, int64_t retry_ms, size_t *bytes)
{
    json_t *json = notice(stream);
    json_object_set_new(json, "reason", json_string(reason_names[reason]));
    return frame_of(retry_ms, cursor, "stream.closing", json, bytes);
}

char *
stream_notice_warning(const stream_t *stream, stream_reason_t reason, int64_t left_ms,
                      size_t *bytes)
{
    json_t *json = notice(stream);
    json_object_set_new(json, "reason", json_string(reason_names[reason]));
    json_object_set_new(json, "in", json_real((double) left_ms / 1000.0));
    return frame_of(-1, NULL, "stream.closing", json, bytes);
}

char *
stream_notice_refused(const char *reason, const char *detail, int64_t retry_ms, size_t *bytes)
{
    json_t *json = json_object();
    json_object_set_new(json, "reason", json_string(reason));
    json_object_set_new(json, "detail", json_string(detail));
    return frame_of(retry_ms, NULL, "stream.closing", json, bytes);
}
