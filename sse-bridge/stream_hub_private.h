// stream_hub_private - what the files of stream_hub share
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_STREAM_HUB_PRIVATE_H
#define SSE_STREAM_HUB_PRIVATE_H

#include <czmq.h>

#include "forgotten_list.h"
#include "group_index.h"
#include "past_reader.h"
#include "stream_group.h"
#include "stream_hub.h"

struct stream_hub {
    stream_hub_limits_t limits;
    const stream_hub_owner_t *owner;
    void *arg;
    event_ring_t *ring;
    session_table_t *sessions;
    session_list_t *session_list;
    forgotten_list_t *forgotten;
    past_t *past;             // borrowed; NULL while there is no journal to ask
    zhashx_t *groups;         // stream_group_t by filter key, owned
    group_index_t *index;     // of the same
    stream_group_t *dirty;    // those with news, by next_dirty

    // Streams that are in step stand in their group's idle list; the others here.
    stream_list_t held;       // waiting for the verdict
    stream_list_t ready;      // more to write, in the next turn
    stream_list_t blocked;    // the socket is full
    stream_list_t paged;      // wait for a page of the past
    uint64_t slowest;         // no position in ready and blocked is before it

    int epoll_fd;
    bool turn_wanted;
    bool live;
    int64_t heard_ms;
    int64_t now_ms;    // of the call we are in
    bool stopping;
    size_t clients;
    size_t rest_bytes;        // frames kept for slow clients because the ring lets go of them
    size_t snapshot_bytes;    // snapshots that clients have not taken yet
    size_t zipped_bytes;      // portions, or their rests, kept for clients that take gzip
    zipper_t *zipper;         // of portions for one client; owned; NULL before the first
    uint64_t random;          // state of the jitter
    stream_hub_stats_t stats;
};

enum {
    // Evaluations of a filter in one turn; see stream_group.h for what they cost.
    STREAM_HUB_TURN_BUDGET = 16384,
    STREAM_HUB_POLL_EVENTS = 256,
    // A client has nothing to say after its request; what it says is thrown away, up to here.
    STREAM_HUB_INPUT_BYTES = 16 * 1024,
    STREAM_HUB_REST_BYTES = 16 * 1024 * 1024,
    STREAM_HUB_ZIPPED_BYTES = 64 * 1024 * 1024,
    // Of snapshots not taken yet; beyond it sessions are left out of the next, which says so.
    STREAM_HUB_SNAPSHOT_BYTES = 16 * 1024 * 1024,
    // The broker is heard every second; see also HEALTH_HEAD_FRESH_MS.
    STREAM_HUB_FRESH_MS = 3 * 1000,
    // What a stream that is fetched from is given of the past at once, but for its last event.
    STREAM_HUB_COPY_BYTES = 64 * 1024,
    // Who reads the past, or a snapshot, holds no room in the ring that would tell that it is
    // slow: so long may it take nothing at all.
    STREAM_HUB_STALL_MS = 60 * 1000,
    // How long a client that was told goodbye may take to read it.
    STREAM_HUB_GOODBYE_MS = 10 * 1000,
};

// stream_hub.c
void stream_hub_want_turn(stream_hub_t *self);
void stream_hub_end(stream_hub_t *self, stream_t *stream, bool clean);

// stream_hub_open.c: decide where streams begin.
void stream_hub_decide(stream_hub_t *self, stream_t *stream);
void stream_hub_say_opened(stream_hub_t *self, stream_t *stream, const mesh_cursor_t *position);
void stream_hub_seek(stream_hub_t *self, stream_t *stream, int64_t *budget);
int64_t stream_hub_retry_ms(stream_hub_t *self);

// stream_hub_slow.c: the ring is about to let go of what is before first.
void stream_hub_let_go(void *arg, uint64_t first);
void stream_hub_say_lost(stream_hub_t *self, stream_t *stream);
int stream_hub_keep_rest(stream_hub_t *self, stream_t *stream);
int stream_hub_keep_rest_of(stream_hub_t *self, stream_t *stream, const event_ring_t *ring);
void stream_hub_goodbye(stream_hub_t *self, stream_t *stream, stream_reason_t reason);

// stream_hub_forget.c: what mesh.session_forgotten says.
void stream_hub_forget(stream_hub_t *self, const char *payload, size_t payload_bytes,
                       int64_t recorded_us);

// stream_hub_past.c: a stream begins in the journal, where the last n are asked for with
// `wanted` of them before the ring; goes on there; and goes back to it, rather than being
// passed by the ring, which lets go of what is before keep. Returns whether it does.
void stream_hub_go_back(stream_hub_t *self, stream_t *stream, uint32_t wanted);
void stream_hub_read_past(stream_hub_t *self, stream_t *stream, int64_t *budget);
bool stream_hub_return_to_past(stream_hub_t *self, stream_t *stream, uint64_t keep);
void stream_hub_past_tick(stream_hub_t *self);
void stream_hub_forget_past(stream_hub_t *self, const char *session, uint64_t removed,
                            uint64_t last, const json_t *types);

// stream_hub_turns.c
void stream_hub_fall_behind(stream_hub_t *self, stream_t *stream, stream_list_t *list);
stream_writer_outcome_t stream_hub_write(stream_hub_t *self, stream_t *stream,
                                         const event_ring_t *ring, const uint64_t serials[],
                                         size_t count);
int stream_hub_drain(stream_t *stream);
void stream_hub_advance(stream_hub_t *self, stream_t *stream, int64_t *budget);

void stream_hub_fall_behind(stream_hub_t *self, stream_t *stream, stream_list_t *list);

// stream_hub_zip.c: add words of the hub after what a stream has of its own, or a comment where
// it has nothing; have something of the ring be its own, where it is sent as gzip, or some of
// these entries of a page (how many is returned, 0 when the stream is to be cut); write the
// news of a group to those in step that are; and account that what was kept for a stream is no
// more.
void stream_hub_say(stream_hub_t *self, stream_t *stream, const char *bytes, size_t count);
void stream_hub_comment(stream_hub_t *self, stream_t *stream);
void stream_hub_zip_ahead(stream_hub_t *self, stream_t *stream);
size_t stream_hub_zip_entries(stream_hub_t *self, stream_t *stream, const event_ring_t *ring,
                              const uint64_t serials[], size_t count);
void stream_hub_zip_group(stream_hub_t *self, stream_group_t *group, int64_t *budget);
void stream_hub_drop_rest(stream_hub_t *self, stream_t *stream);
void stream_hub_forget_gzip(stream_hub_t *self, stream_t *stream);

#endif
