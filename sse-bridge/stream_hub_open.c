// stream_hub_open - how a stream of the hub gets its socket, its verdict and its start
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <stdlib.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "stream_hub_private.h"
#include "stream_notice.h"
#include "stream_snapshot.h"

// xorshift64: spreads reconnects, nothing more.
static uint64_t
next_random(stream_hub_t *self)
{
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return self->random;
}

int64_t
stream_hub_retry_ms(stream_hub_t *self)
{
    int64_t fifth = self->limits.retry_ms / 5;
    return self->limits.retry_ms - fifth +
           (int64_t) (next_random(self) % (uint64_t) (2 * fifth + 1));
}

// When a stream that begins now is too old. Those that came together do not go together.
static int64_t
oldest_ms(stream_hub_t *self)
{
    int64_t age_ms = self->limits.max_age_ms;
    if (age_ms == 0)
        return INT64_MAX;
    return self->now_ms + age_ms - (int64_t) (next_random(self) % (uint64_t) (age_ms / 5 + 1));
}

// Up to which offset the client has all; 0 where it does not say.
static uint64_t
known_to(const resume_ask_t *ask)
{
    if (ask->id == RESUME_ID)
        return ask->cursor.offset;
    return ask->id == RESUME_NO_ID && ask->since == RESUME_SINCE_CURSOR
               ? ask->since_cursor.offset
               : 0;
}

resume_world_t
stream_hub_known(const stream_hub_t *self, const resume_ask_t *ask, const filter_t *filter,
                 int64_t now_ms)
{
    return (resume_world_t){
        // Where the broker has been silent for long, nobody knows what now is.
        .live = self->live && now_ms - self->heard_ms <= STREAM_HUB_FRESH_MS,
        .heard_ms = self->heard_ms,
        .position = event_ring_position(self->ring),
        .removed = type_ledger_removed(event_ring_ledger(self->ring), filter_may_match_type,
                                       filter_may_match_family, filter),
        .forgotten = forgotten_list_missing(self->forgotten, known_to(ask),
                                            filter_may_match_origin, filter),
    };
}

const char *
stream_hub_verdict(const stream_hub_t *self, const stream_t *stream, int64_t now_ms)
{
    resume_world_t world = stream_hub_known(self, &stream->ask, stream->group->filter, now_ms);
    resume_answer_t answer = resume_decide(&stream->ask, &world, now_ms);
    // The last n are to be counted first.
    bool known = answer.verdict != RESUME_HOLD && answer.start != RESUME_START_LAST;
    // Only the journal knows what it still has.
    if (self->past && (answer.verdict == RESUME_EXACT || answer.verdict == RESUME_GAP) &&
        answer.start != RESUME_START_EARLIEST &&
        past_reader_goes_back(&answer, &stream->ask, &world))
        known = false;
    return known ? resume_verdict_name(answer.verdict) : NULL;
}

// Say which sessions are live by all that the ring has.
static void
say_sessions(stream_hub_t *self, stream_t *stream)
{
    mesh_cursor_t position = event_ring_position(self->ring);
    size_t room = self->snapshot_bytes < STREAM_HUB_SNAPSHOT_BYTES
                      ? STREAM_HUB_SNAPSHOT_BYTES - self->snapshot_bytes
                      : 0;
    size_t bytes;
    char *frame = stream_snapshot_frame(stream, self->session_list, &position, room, &bytes);
    size_t before = stream_own_left(stream);
    stream_hub_say(self, stream, frame, bytes);
    free(frame);
    bytes = stream_own_left(stream) - before;    // fewer, where it is sent as gzip
    stream->snapshot_bytes += bytes;
    self->snapshot_bytes += bytes;
}

void
stream_hub_say_opened(stream_hub_t *self, stream_t *stream, const mesh_cursor_t *position)
{
    size_t bytes;
    char *frame = stream_notice_opened(stream, &stream->answer, position,
                                       stream_hub_retry_ms(self), &bytes);
    stream_hub_say(self, stream, frame, bytes);
    free(frame);
    self->stats.opened[stream->answer.verdict]++;
    if (resume_tells_sessions(&stream->ask, &stream->answer))
        say_sessions(self, stream);
    // Only now, since its id is a place that one comes back to without being told the sessions.
    if (stream->answer.verdict == RESUME_GAP) {
        frame = stream_notice_missed(stream, &stream->answer, position, &bytes);
        stream_hub_say(self, stream, frame, bytes);
        free(frame);
    }
}

// Say how the stream begins, at a serial of the ring, and let it be written to.
static void
open_at(stream_hub_t *self, stream_t *stream, uint64_t serial)
{
    mesh_cursor_t position = event_ring_position(self->ring);
    while (serial < event_ring_next(self->ring) &&
           event_ring_is_gone(event_ring_entry(self->ring, serial)))
        serial++;
    // Just before the first entry that comes.
    if (serial < event_ring_next(self->ring)) {
        uint64_t offset = event_ring_entry(self->ring, serial)->offset;
        position.offset = offset > 0 ? offset - 1 : 0;
    }
    const resume_answer_t *answer = &stream->answer;
    if (answer->start == RESUME_START_AFTER) {
        // What was lost may lie among what comes: then the stream goes on before its end.
        bool skips = answer->verdict == RESUME_GAP && position.offset > answer->after;
        uint64_t end = answer->to < position.offset ? answer->to : position.offset;
        position.offset = skips ? end : answer->after;
    }
    stream_hub_say_opened(self, stream, &position);
    stream->position = serial;
    stream->state = STREAM_OPEN;
    stream_move(stream, &self->ready);
    if (serial < self->slowest)
        self->slowest = serial;
    stream_hub_want_turn(self);
    // Ten thousand may begin here at once, when a journal is lost: what a socket takes now does
    // not wait for the turn, in memory.
    int64_t budget = 0;
    if (stream->snapshot_bytes > 0)
        stream_hub_advance(self, stream, &budget);
}

void
stream_hub_seek(stream_hub_t *self, stream_t *stream, int64_t *budget)
{
    uint64_t first = event_ring_epoch_first(self->ring);
    uint64_t next = event_ring_next(self->ring);
    stream_group_t *group = stream->group;
    size_t found;
    for (;;) {
        // Portions of a few hundred, since the last few are mostly near the end.
        uint64_t known = group->known_from > first ? group->known_from : first;
        found = stream_group_count(group, known, next);
        if (known == first || found >= stream->ask.last)
            break;
        uint64_t down_to = known - first > 256 ? known - 256 : first;
        if (!stream_group_look_back(group, self->ring, self->sessions, down_to, budget)) {
            stream_move(stream, &self->ready);
            stream_hub_want_turn(self);
            return;
        }
    }
    uint64_t from = group->known_from > first ? group->known_from : first;
    resume_world_t world =
        stream_hub_known(self, &stream->ask, stream->group->filter, self->now_ms);
    if (self->past && found < stream->ask.last && world.removed.count > 0) {
        stream_hub_go_back(self, stream, stream->ask.last - (uint32_t) found);
        return;
    }
    resume_last(&stream->answer, &world, stream->ask.last, (uint32_t) found);
    open_at(self, stream, stream_group_nth_last(group, from, next, stream->ask.last));
}

void
stream_hub_decide(stream_hub_t *self, stream_t *stream)
{
    resume_world_t world =
        stream_hub_known(self, &stream->ask, stream->group->filter, self->now_ms);
    stream->answer = resume_decide(&stream->ask, &world, self->now_ms);
    if (stream->answer.verdict == RESUME_HOLD)
        return;
    if (self->past && past_reader_goes_back(&stream->answer, &stream->ask, &world)) {
        stream_hub_go_back(self, stream, 0);
        return;
    }
    switch (stream->answer.start) {
    case RESUME_START_NOW:
        open_at(self, stream, event_ring_next(self->ring));
        break;
    case RESUME_START_AFTER:
        open_at(self, stream, event_ring_after(self->ring, stream->answer.after));
        break;
    case RESUME_START_TIME:
        open_at(self, stream, event_ring_since(self->ring, stream->ask.since_us));
        break;
    case RESUME_START_EARLIEST:
        open_at(self, stream, event_ring_epoch_first(self->ring));
        break;
    case RESUME_START_LAST:
        stream->state = STREAM_SEEKING;
        stream_move(stream, &self->ready);
        stream_hub_want_turn(self);
        break;
    }
}

static void
attach(stream_hub_t *self, stream_t *stream, int fd, uint32_t events, int64_t now_ms)
{
    assert(stream->state == STREAM_ADMITTED);
    self->now_ms = now_ms;
    stream->fd = fd;
    stream->written_ms = now_ms;
    stream->deadline_ms = oldest_ms(self);
    // Ours are whole messages: nothing is gained by waiting for more. Fails on a test's socket
    // pair, which has no such delay.
    int on = 1;
    (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // Edges: a socket that is full says once when it has room, without being armed for it.
    struct epoll_event watch = {.events = events | EPOLLRDHUP | EPOLLET, .data.ptr = stream};
    if (stream->zipped)
        stream_add_own(stream, ZIPPER_HEADER, ZIPPER_HEADER_BYTES);
    stream->state = STREAM_HELD;
    stream_move(stream, &self->held);
    if (epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, fd, &watch) != 0) {
        stream_hub_end(self, stream, false);
        return;
    }
    if (self->stopping) {
        stream_hub_goodbye(self, stream, STREAM_REASON_STOPPING);
        return;
    }
    stream_hub_decide(self, stream);
    if (stream->state == STREAM_HELD || stream->state == STREAM_PAST) {
        // A first byte, so that the client sees the response now and not with the verdict.
        stream_hub_comment(self, stream);
        int64_t budget = 0;
        stream_hub_advance(self, stream, &budget);
    }
}

void
stream_hub_attach(stream_hub_t *self, stream_t *stream, int fd, int64_t now_ms)
{
    attach(self, stream, fd, EPOLLIN | EPOLLOUT, now_ms);
}

void
stream_hub_attach_pulled(stream_hub_t *self, stream_t *stream, int fd, int64_t now_ms)
{
    stream->pulled = true;
    attach(self, stream, fd, 0, now_ms);
}
