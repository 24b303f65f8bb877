// stream_hub - all streams, the ring they read from, and the turns in which they are written to
// SPDX-License-Identifier: MPL-2.0
//
// Knows sockets only as file descriptors that it is given after the head of the response has
// gone, and gives back at the end. Events are taken in at once and written in the next turn, so
// that what comes together goes together. Times are CLOCK_MONOTONIC milliseconds.
#ifndef SSE_STREAM_HUB_H
#define SSE_STREAM_HUB_H

#include "event_ring.h"
#include "past.h"
#include "session_list.h"
#include "session_table.h"
#include "stream.h"
#include "stream_query.h"
#include "stream_writer.h"

typedef struct stream_hub stream_hub_t;

typedef struct stream_hub_limits {
    size_t ring_bytes;
    size_t clients;
    size_t filters;
    size_t sessions;
    int64_t comment_every_ms;
    int64_t retry_ms;          // told to clients, give or take a fifth
    int64_t ended_after_ms;    // from a session's completion to the end of its streams
    int64_t max_age_ms;        // of a stream, which ends up to a fifth earlier; 0: any
} stream_hub_limits_t;

typedef struct stream_hub_owner {
    // stream_hub_turn is to be called, once, soon.
    void (*wants_turn)(void *arg);
    // The stream's socket is the owner's again, to close. Called in the middle of the hub's
    // work: the stream is to be released later, not from here.
    void (*ended)(void *arg, stream_t *stream, bool clean);
    // A stream that is pulled has something: stream_hub_pull is to be called, later, until it
    // gives nothing.
    void (*has_some)(void *arg, stream_t *stream);
} stream_hub_owner_t;

// What has happened, for /health and /metrics.
typedef struct stream_hub_stats {
    uint64_t events;       // taken into the ring
    uint64_t refused;      // events that were not legal, or not in order
    uint64_t evaluated;    // filters, each for one event
    uint64_t
        kept_bytes;    // of frames, copied for a slow client because the ring lets go of them
    stream_writer_count_t written;
    uint64_t opened[RESUME_UNKNOWN + 1];    // by verdict
    uint64_t closed[STREAM_REASONS];
    uint64_t vanished;          // clients that went by themselves
    uint64_t dropped_events;    // passed over for slow readers, at most
    uint64_t cut;               // slow clients cut without a word, for want of memory or time
    size_t clients[ENDPOINTS];
    size_t filters;
    size_t held;
    size_t blocked;                 // clients whose sockets are full
    uint64_t queue_events;          // of the ring, that wait for the slowest client
    size_t zipped;                  // clients that are sent gzip
    size_t envelopes[ENVELOPES];    // clients, by envelope
} stream_hub_stats_t;

typedef enum {
    STREAM_HUB_ADMITTED,
    STREAM_HUB_FULL,    // limit of clients
    STREAM_HUB_FILTERS_FULL,
    STREAM_HUB_STOPPING,
} stream_hub_admission_t;

// limits are copied, owner is borrowed.
stream_hub_t *stream_hub_new(const stream_hub_limits_t *limits, const stream_hub_owner_t *owner,
                             void *arg, int64_t now_ms);
void stream_hub_destroy(stream_hub_t **self_p);

// From the mesh: an event; a hole in the order, which goes on after `to`, and may have more
// holes up to the offset holes_to (0 for none); another epoch, of which was removed what is up
// to these offsets of each family (NULL: all up to `after`); what is removed of the present
// one; and whether the ring has all that the broker has, and when the broker was last heard.
void stream_hub_event(stream_hub_t *self, const mesh_event_t *event, int64_t now_ms);
void stream_hub_gap(stream_hub_t *self, const char *reason, const mesh_cursor_t *to,
                    uint64_t holes_to, int64_t now_ms);
void stream_hub_epoch(stream_hub_t *self, const mesh_cursor_t *after,
                      const uint64_t removed[MESH_FAMILIES], int64_t now_ms);
void stream_hub_removed(stream_hub_t *self, uint64_t epoch,
                        const uint64_t removed[static MESH_FAMILIES]);
void stream_hub_feed(stream_hub_t *self, bool live, int64_t heard_ms, int64_t now_ms);

// Ask for what the ring holds no more; past is borrowed, and must hold until stream_hub_stop.
// Its owner's news are to be told to stream_hub_past_news.
void stream_hub_use_past(stream_hub_t *self, past_t *past);
void stream_hub_past_news(stream_hub_t *self);

// Make a stream for a query, whose filter is taken. connection is the owner's and is kept in
// the stream. On STREAM_HUB_ADMITTED *stream_p is set, and must be released in the end.
stream_hub_admission_t stream_hub_admit(stream_hub_t *self, stream_query_t *query,
                                        void *connection, int64_t now_ms, stream_t **stream_p);

// Send it as gzip. Before it is attached.
void stream_hub_use_gzip(stream_hub_t *self, stream_t *stream);

// The verdict as far as it is known now; NULL when it is not. What stream.opened says counts.
const char *stream_hub_verdict(const stream_hub_t *self, const stream_t *stream,
                               int64_t now_ms);

// Whether the answer to this query is that nothing more will ever come (204).
bool stream_hub_is_over(const stream_hub_t *self, const stream_query_t *query, int64_t now_ms);

// The head is sent: write to fd from here on, until owner->ended.
void stream_hub_attach(stream_hub_t *self, stream_t *stream, int fd, int64_t now_ms);

// The same for a stream over TLS, whose bytes the owner fetches: fd is only watched for the
// client's end. stream_hub_pull copies at most bytes to buffer and returns how many; 0 for none
// now, and, where stream->state is STREAM_ENDED then, for ever.
void stream_hub_attach_pulled(stream_hub_t *self, stream_t *stream, int fd, int64_t now_ms);
size_t stream_hub_pull(stream_hub_t *self, stream_t *stream, char *buffer, size_t bytes,
                       int64_t now_ms);

// The owner knows that the client is gone: end the stream, where it has not ended.
void stream_hub_gone(stream_hub_t *self, stream_t *stream);

// Say that the stream ends, and why, and end it; or say that it will in left_ms. Nothing
// happens to one that ends already, or was never attached: that one is ended when it is.
void stream_hub_close(stream_hub_t *self, stream_t *stream, stream_reason_t reason,
                      int64_t now_ms);
void stream_hub_warn(stream_hub_t *self, stream_t *stream, stream_reason_t reason,
                     int64_t left_ms, int64_t now_ms);

// The connection is no more: forget the stream, which has ended or was never attached.
void stream_hub_release(stream_hub_t *self, stream_t **stream_p);

// Write what waits; look at what the sockets say (stream_hub_fd is readable); and, every second
// or so, do what is due by time.
void stream_hub_turn(stream_hub_t *self, int64_t now_ms);
void stream_hub_poll(stream_hub_t *self, int64_t now_ms);
void stream_hub_tick(stream_hub_t *self, int64_t now_ms);
int stream_hub_fd(const stream_hub_t *self);

// Tell all streams that the program stops, and give all sockets back.
void stream_hub_stop(stream_hub_t *self, int64_t now_ms);

stream_hub_stats_t stream_hub_stats(const stream_hub_t *self);
size_t stream_hub_clients(const stream_hub_t *self);

// What resume is to know of a question.
resume_world_t stream_hub_known(const stream_hub_t *self, const resume_ask_t *ask,
                                const filter_t *filter, int64_t now_ms);
const event_ring_t *stream_hub_ring(const stream_hub_t *self);
const session_table_t *stream_hub_sessions(const stream_hub_t *self);

// The sessions as all that the ring was given tells of them. Borrowed.
session_list_t *stream_hub_session_list(stream_hub_t *self);

#endif
