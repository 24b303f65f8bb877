// stream_notice - the events that one client is told about its own stream
// SPDX-License-Identifier: MPL-2.0
#include "stream_notice.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cloud_event.h"
#include "event_frame.h"
#include "gap_report.h"

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
frame_of(unsigned envelope, int64_t retry_ms, const mesh_cursor_t *cursor, const char *type,
         json_t *json, size_t *bytes)
{
    char *frame = envelope == ENVELOPE_DATA
                      ? event_frame_control(retry_ms, cursor, type, json, bytes)
                      : cloud_event_control(retry_ms, cursor, type, json, bytes);
    json_decref(json);
    return frame;
}

char *
stream_notice_opened(const stream_t *stream, const resume_answer_t *answer,
                     const mesh_cursor_t *position, int64_t retry_ms, size_t *bytes)
{
    // A client that showed a dead cursor must not show it again; any other keeps its own.
    bool move = answer->verdict == RESUME_RESET || answer->verdict == RESUME_UNKNOWN;
    json_t *json = notice(stream);
    json_object_set_new(json, "verdict", json_string(resume_verdict_name(answer->verdict)));
    gap_report_cursor(json, "cursor", position);
    if (answer->verdict == RESUME_GAP)
        gap_report_range(json, position->epoch, answer);
    return frame_of(stream->envelope, retry_ms, move ? position : NULL, "stream.opened", json,
                    bytes);
}

char *
stream_notice_missed(const stream_t *stream, const resume_answer_t *answer,
                     const mesh_cursor_t *position, size_t *bytes)
{
    json_t *json = notice(stream);
    json_object_set_new(json, "reason", json_string(gap_report_reason(answer)));
    gap_report_range(json, position->epoch, answer);
    // Where the stream goes on, which is before the end of the range where others are kept in
    // it.
    return frame_of(stream->envelope, -1, position, "stream.gap", json, bytes);
}

char *
stream_notice_gap(envelope_t envelope, const char *reason, const mesh_cursor_t *from,
                  const mesh_cursor_t *to, uint64_t at_most, size_t *bytes)
{
    json_t *json = json_object();
    json_object_set_new(json, "reason", json_string(reason));
    gap_report_between(json, from, to, at_most);
    return frame_of(envelope, -1, to, "stream.gap", json, bytes);
}

char *
stream_notice_forgotten(const stream_t *stream, const mesh_cursor_t *from,
                        const mesh_cursor_t *to, uint64_t at_most, size_t *bytes)
{
    json_t *json = notice(stream);
    json_object_set_new(json, "reason", json_string("forgotten"));
    gap_report_between(json, from, to, at_most);
    return frame_of(stream->envelope, -1, NULL, "stream.gap", json, bytes);
}

char *
stream_notice_removed(const stream_t *stream, const mesh_cursor_t *from,
                      const mesh_cursor_t *to, const mesh_cursor_t *position, size_t *bytes)
{
    json_t *json = notice(stream);
    json_object_set_new(json, "reason", json_string("removed"));
    gap_report_between(json, from, to, to->offset - from->offset);
    return frame_of(stream->envelope, -1, position, "stream.gap", json, bytes);
}

char *
stream_notice_dropped(const stream_t *stream, uint64_t epoch, size_t *bytes)
{
    json_t *json = notice(stream);
    json_object_set_new(json, "reason", json_string("slow"));
    gap_report_between(json, &(mesh_cursor_t){epoch, stream->lost_from},
                       &(mesh_cursor_t){epoch, stream->lost_to}, stream->lost_count);
    return frame_of(stream->envelope, -1, NULL, "stream.dropped", json, bytes);
}

char *
stream_notice_closing(const stream_t *stream, stream_reason_t reason,
                      const mesh_cursor_t *cursor, int64_t retry_ms, size_t *bytes)
{
    json_t *json = notice(stream);
    json_object_set_new(json, "reason", json_string(reason_names[reason]));
    return frame_of(stream->envelope, retry_ms, cursor, "stream.closing", json, bytes);
}

char *
stream_notice_warning(const stream_t *stream, stream_reason_t reason, int64_t left_ms,
                      size_t *bytes)
{
    json_t *json = notice(stream);
    json_object_set_new(json, "reason", json_string(reason_names[reason]));
    json_object_set_new(json, "in", json_real((double) left_ms / 1000.0));
    return frame_of(stream->envelope, -1, NULL, "stream.closing", json, bytes);
}

char *
stream_notice_refused(envelope_t envelope, const char *reason, const char *detail,
                      int64_t retry_ms, size_t *bytes)
{
    json_t *json = json_object();
    json_object_set_new(json, "reason", json_string(reason));
    json_object_set_new(json, "detail", json_string(detail));
    return frame_of(envelope, retry_ms, NULL, "stream.closing", json, bytes);
}
