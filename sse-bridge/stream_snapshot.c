// stream_snapshot - the live sessions, as one event that a stream begins with
// SPDX-License-Identifier: MPL-2.0
#include "stream_snapshot.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "cloud_event.h"
#include "event_frame.h"
#include "stream_group.h"

char *
stream_snapshot_frame(const stream_t *stream, session_list_t *sessions,
                      const mesh_cursor_t *position, size_t room_bytes, size_t *bytes)
{
    size_t most_bytes = room_bytes < STREAM_SNAPSHOT_BYTES ? room_bytes : STREAM_SNAPSHOT_BYTES;
    size_t rows_bytes, left_out, payload_bytes;
    char *rows = session_list_live(sessions, stream->group->filter, STREAM_SNAPSHOT_SESSIONS,
                                   most_bytes, &rows_bytes, &left_out);
    char id[MESH_UUID_TEXT_SIZE];
    mesh_uuid_format(&stream->client_id, id);
    char cursor[MESH_CURSOR_SIZE];
    mesh_cursor_format(position, cursor);
    char *payload = NULL;
    FILE *out = open_memstream(&payload, &payload_bytes);
    assert(out);
    // The rows are text already, and many: they are not made anew for each client.
    fprintf(out, "{\"client_id\":\"%s\",\"cursor\":\"%s\",\"sessions\":", id, cursor);
    fwrite(rows, 1, rows_bytes, out);
    fprintf(out, ",\"left_out\":%zu}", left_out);
    fclose(out);
    assert(payload);
    char *frame =
        stream->envelope == ENVELOPE_DATA
            ? event_frame_text(-1, NULL, "stream.snapshot", payload, payload_bytes, bytes)
            : cloud_event_text(-1, NULL, "stream.snapshot", payload, payload_bytes, bytes);
    free(payload);
    free(rows);
    return frame;
}
