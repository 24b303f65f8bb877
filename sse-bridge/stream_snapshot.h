// stream_snapshot - the live sessions, as one event that a stream begins with
// SPDX-License-Identifier: MPL-2.0
//
//     event: stream.snapshot
//     data: {"client_id":"…","cursor":"…","sessions":[…],"left_out":0}
//
// Without an id: a client that is cut off before its first event asks anew, and is told anew.
#ifndef SSE_STREAM_SNAPSHOT_H
#define SSE_STREAM_SNAPSHOT_H

#include "session_list.h"
#include "stream.h"

enum {
    // Of sessions, as many as a page of the API has, and of their text; those that began last.
    STREAM_SNAPSHOT_SESSIONS = 1000,
    STREAM_SNAPSHOT_BYTES = 512 * 1024,
};

// Make the frame for a stream: the sessions that its filter is about, as of position, after
// which everything comes. Their text takes at most room_bytes too; what has no room is counted
// in left_out. The caller frees the frame; *bytes is its length.
char *stream_snapshot_frame(const stream_t *stream, session_list_t *sessions,
                            const mesh_cursor_t *position, size_t room_bytes, size_t *bytes);

#endif
