// stream - one client that follows events, and the lists that streams stand in
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_STREAM_H
#define SSE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event_types.h"
#include "mesh/uuid.h"
#include "resume.h"
#include "stream_query.h"

typedef enum {
    STREAM_ADMITTED,    // its head is being sent by libmicrohttpd
    STREAM_HELD,        // where it begins is not known yet
    STREAM_SEEKING,     // looking for the last n events
    STREAM_PAST,        // reads the journal: its first words wait for a page, or it is open
    STREAM_OPEN,
    STREAM_CLOSING,    // only what is its own is still written
    STREAM_ENDED,      // the socket is libmicrohttpd's again
} stream_state_t;

// What a stream's last words say.
typedef enum {
    STREAM_REASON_ENDED,       // the one session it follows has ended
    STREAM_REASON_SLOW,        // the ring has passed it
    STREAM_REASON_STOPPING,    // the program stops
    STREAM_REASON_EXPIRED,     // its token has ended
    STREAM_REASON_REVOKED,     // its token was taken back
    STREAM_REASON_REPLACED,    // its ticket was used again
    STREAM_REASON_AGED,        // it has been open for as long as any may
    STREAM_REASONS,
} stream_reason_t;

struct past_reader;
struct stream_group;
struct stream_list;

typedef struct stream {
    struct stream *previous;    // in its list
    struct stream *next;
    struct stream_list *list;
    struct stream_group *group;    // borrowed
    void *connection;              // of the hub's owner

    // What goes before the events: control frames, a comment, the rest of a frame that the ring
    // no longer has.
    const char *own;
    char *own_memory;    // owned; NULL when own is static or empty
    size_t own_bytes;
    size_t own_sent;
    size_t rest_bytes;        // how much of it is such a rest, or was made gzip ahead
    size_t snapshot_bytes;    // ... or a snapshot

    uint64_t position;      // serial of the next entry to look at
    uint32_t frame_sent;    // bytes of that entry's frame already written
    uint32_t portion;       // the group's last, where it has that and nothing else after it
    int fd;                 // libmicrohttpd's
    uint8_t state;          // stream_state_t
    uint8_t endpoint;       // endpoint_t
    uint8_t slow;           // stream_slow_t
    uint8_t envelope;       // envelope_t
    bool zipped;            // what it is sent is gzip; then frame_sent is 0
    bool pulled;            // libmicrohttpd fetches what is to be written: TLS is between
    bool opened;            // of STREAM_PAST
    bool in_step;          // it has had all there was: then it is slow where the ring passes it
    bool lost;             // drop-oldest: entries were passed over, and it was not said yet
    uint64_t lost_from;    // ... offsets
    uint64_t lost_to;
    uint64_t lost_count;
    size_t input_bytes;    // what came after the request, read and thrown away
    int64_t written_ms;
    int64_t deadline_ms;    // when it is too old, or, closing, has had time enough to read that
    resume_ask_t ask;       // until it is open
    resume_answer_t answer;
    struct past_reader *past;    // of STREAM_PAST; owned
    mesh_uuid_t client_id;
} stream_t;

// Streams in the order they came; a stream stands in one list at most.
typedef struct stream_list {
    stream_t *first;
    stream_t *last;
} stream_list_t;

// Move a stream to the end of a list, out of the one it stands in; list may be NULL.
void stream_move(stream_t *self, stream_list_t *list);

// Add bytes (copied) after what the stream has of its own.
void stream_add_own(stream_t *self, const char *bytes, size_t count);

// Let a stream that has nothing of its own to write send text, which is static.
void stream_set_own(stream_t *self, const char *text);

// Bytes of its own still to be written, and that count of them were.
size_t stream_own_left(const stream_t *self);
void stream_own_written(stream_t *self, size_t count);

// Throw away what the stream has of its own.
void stream_clear_own(stream_t *self);

#endif
