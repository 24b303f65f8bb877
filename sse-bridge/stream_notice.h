// stream_notice - the events that one client is told about its own stream
// SPDX-License-Identifier: MPL-2.0
//
// Each function returns a frame that the caller frees, and its length in *bytes. It is in the
// stream's envelope; where there is no stream, in the one that is given.
#ifndef SSE_STREAM_NOTICE_H
#define SSE_STREAM_NOTICE_H

#include "stream.h"

// stream.opened. position is where the stream begins: everything after it comes.
char *stream_notice_opened(const stream_t *stream, const resume_answer_t *answer,
                           const mesh_cursor_t *position, int64_t retry_ms, size_t *bytes);

// stream.gap of a stream that begins with one. Its id is where the stream goes on.
char *stream_notice_missed(const stream_t *stream, const resume_answer_t *answer,
                           const mesh_cursor_t *position, size_t *bytes);

// stream.gap for all streams: what lay between from and to will not come.
char *stream_notice_gap(envelope_t envelope, const char *reason, const mesh_cursor_t *from,
                        const mesh_cursor_t *to, uint64_t at_most, size_t *bytes);

// stream.gap for one stream that was behind: so many events of a session that was forgotten
// will not come, and others between from and to will. Without an id: the client's own stays
// right.
char *stream_notice_forgotten(const stream_t *stream, const mesh_cursor_t *from,
                              const mesh_cursor_t *to, uint64_t at_most, size_t *bytes);

// stream.gap: what is up to `to` was removed, of what a stream may match, before it was read.
// It goes on at position, which the event's id says.
char *stream_notice_removed(const stream_t *stream, const mesh_cursor_t *from,
                            const mesh_cursor_t *to, const mesh_cursor_t *position,
                            size_t *bytes);

// stream.dropped: events of this stream were passed over, because it read too slowly.
char *stream_notice_dropped(const stream_t *stream, uint64_t epoch, size_t *bytes);

// stream.closing. retry_ms is said when it is not negative; cursor, where the client may go on,
// when it is not NULL.
char *stream_notice_closing(const stream_t *stream, stream_reason_t reason,
                            const mesh_cursor_t *cursor, int64_t retry_ms, size_t *bytes);

// stream.closing ahead of time, with `in`, the seconds until then.
char *stream_notice_warning(const stream_t *stream, stream_reason_t reason, int64_t left_ms,
                            size_t *bytes);

// stream.closing for a client that gets no stream at all ("overloaded", ...).
char *stream_notice_refused(envelope_t envelope, const char *reason, const char *detail,
                            int64_t retry_ms, size_t *bytes);

// "ended", "slow", "stopping", "token_expired", "token_revoked", "replaced",
// "max_age".
const char *stream_reason_name(stream_reason_t reason);

#endif
