// stream_hub_turns - when the streams of the hub are written to
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <errno.h>

#include <sys/epoll.h>
#include <sys/socket.h>

#include "stream_hub_private.h"

void
stream_hub_fall_behind(stream_hub_t *self, stream_t *stream, stream_list_t *list)
{
    stream_move(stream, list);
    if (stream->state == STREAM_OPEN && stream->position < self->slowest)
        self->slowest = stream->position;
}

// Where a stream stands that has nothing to write.
static stream_list_t *
resting_place(stream_hub_t *self, stream_t *stream)
{
    return stream->state == STREAM_HELD ? &self->held : &stream->group->idle;
}

// What a stream has to write, it is asked for.
static stream_writer_outcome_t
announce(stream_hub_t *self, stream_t *stream)
{
    if (!stream_writer_waits(stream, self->ring))
        return STREAM_WRITER_DONE;
    self->owner->has_some(self->arg, stream);
    return STREAM_WRITER_BLOCKED;
}

// Bytes may have been written since there were so many.
static void
note_written(stream_hub_t *self, stream_t *stream, uint64_t bytes)
{
    if (self->stats.written.bytes != bytes)
        stream->written_ms = self->now_ms;
    if (stream->rest_bytes + stream->snapshot_bytes > 0 && stream_own_left(stream) == 0)
        stream_hub_drop_rest(self, stream);
}

// Libmicrohttpd copies what it fetches, and not now: what the page has is copied already.
static void
copy_entries(stream_hub_t *self, stream_t *stream, const event_ring_t *ring,
             const uint64_t serials[], size_t count)
{
    stream->position = count > 0 ? serials[0] : 0;
    for (size_t at = 0; at < count && stream_own_left(stream) < STREAM_HUB_COPY_BYTES; at++) {
        frame_cache_hold_t hold = FRAME_CACHE_NONE;
        size_t bytes;
        const char *frame = event_ring_shown(ring, event_ring_entry(ring, serials[at]),
                                             (envelope_t) stream->envelope, &bytes, &hold);
        stream_add_own(stream, frame, bytes);
        stream->position = serials[at] + 1;
        self->stats.written.events++;
    }
}

// A portion at a time: none is made before the one before it has gone.
static stream_writer_outcome_t
write_zipped(stream_hub_t *self, stream_t *stream, const event_ring_t *ring,
             const uint64_t serials[], size_t count)
{
    uint64_t reached = count > 0 ? serials[0] : 0;
    for (size_t at = 0;;) {
        uint64_t bytes = self->stats.written.bytes;
        stream_writer_outcome_t outcome =
            stream->pulled
                ? announce(self, stream)
                : stream_writer_write_entries(stream, ring, NULL, 0, &self->stats.written);
        note_written(self, stream, bytes);
        stream->position = reached;    // what is its own by now counts as taken
        if (outcome != STREAM_WRITER_DONE || at == count)
            return outcome;
        size_t zipped = stream_hub_zip_entries(self, stream, ring, serials + at, count - at);
        if (zipped == 0)
            return STREAM_WRITER_GONE;
        at += zipped;
        reached = serials[at - 1] + 1;
    }
}

stream_writer_outcome_t
stream_hub_write(stream_hub_t *self, stream_t *stream, const event_ring_t *ring,
                 const uint64_t serials[], size_t count)
{
    if (stream->zipped)
        return write_zipped(self, stream, ring, serials, count);
    if (stream->pulled) {
        copy_entries(self, stream, ring, serials, count);
        return announce(self, stream);
    }
    uint64_t bytes = self->stats.written.bytes;
    stream_writer_outcome_t outcome =
        stream_writer_write_entries(stream, ring, serials, count, &self->stats.written);
    note_written(self, stream, bytes);
    return outcome;
}

void
stream_hub_advance(stream_hub_t *self, stream_t *stream, int64_t *budget)
{
    if (stream->state == STREAM_PAST) {
        stream_hub_read_past(self, stream, budget);
        return;
    }
    if (stream->state == STREAM_SEEKING) {
        stream_hub_seek(self, stream, budget);
        return;
    }
    if (stream->state == STREAM_OPEN && stream->position < stream->group->known_from &&
        !stream_group_look_back(stream->group, self->ring, self->sessions, stream->position,
                                budget)) {
        stream_hub_fall_behind(self, stream, &self->ready);
        stream_hub_want_turn(self);
        return;
    }
    if (stream->lost && stream->state == STREAM_OPEN && stream_own_left(stream) == 0)
        stream_hub_say_lost(self, stream);
    stream_hub_zip_ahead(self, stream);
    if (stream->state == STREAM_ENDED)
        return;
    uint64_t bytes = self->stats.written.bytes;
    stream_writer_outcome_t outcome =
        stream->pulled ? announce(self, stream)
                       : stream_writer_write(stream, self->ring, &self->stats.written);
    note_written(self, stream, bytes);
    // What it had of its own may have hidden that there is more.
    if (outcome == STREAM_WRITER_DONE && stream->zipped && stream->state == STREAM_OPEN &&
        stream_group_match(stream->group, stream->position, event_ring_next(self->ring)) <
            event_ring_next(self->ring))
        outcome = STREAM_WRITER_MORE;
    switch (outcome) {
    case STREAM_WRITER_DONE:
        if (stream->state == STREAM_OPEN)
            stream->in_step = true;
        if (stream->state == STREAM_CLOSING)
            stream_hub_end(self, stream, true);
        else if (stream->list != resting_place(self, stream))
            stream_move(stream, resting_place(self, stream));
        break;
    case STREAM_WRITER_MORE:
        stream_hub_fall_behind(self, stream, &self->ready);
        stream_hub_want_turn(self);
        break;
    case STREAM_WRITER_BLOCKED:
        stream_hub_fall_behind(self, stream, &self->blocked);
        break;
    case STREAM_WRITER_GONE:
        stream_hub_end(self, stream, false);
        break;
    }
}

size_t
stream_hub_pull(stream_hub_t *self, stream_t *stream, char *buffer, size_t bytes,
                int64_t now_ms)
{
    self->now_ms = now_ms;
    if (stream->state == STREAM_ENDED || stream->state == STREAM_SEEKING)
        return 0;
    if (stream->state == STREAM_OPEN && stream->position < stream->group->known_from) {
        // What matches is worked out in turns, which then ask for this stream to be pulled.
        stream_hub_fall_behind(self, stream, &self->ready);
        stream_hub_want_turn(self);
        return 0;
    }
    if (stream->lost && stream->state == STREAM_OPEN && stream_own_left(stream) == 0)
        stream_hub_say_lost(self, stream);
    stream_hub_zip_ahead(self, stream);
    if (stream->state == STREAM_ENDED)
        return 0;
    uint64_t before = self->stats.written.bytes;
    size_t filled = stream_writer_fill(stream, self->ring, buffer, bytes, &self->stats.written);
    note_written(self, stream, before);
    if (stream->state == STREAM_PAST) {
        // What is next is read in a turn.
        if (stream_own_left(stream) == 0 && stream->list == &self->blocked) {
            stream_move(stream, &self->ready);
            stream_hub_want_turn(self);
        }
    } else if (filled > 0) {
        stream_hub_fall_behind(self, stream, &self->blocked);
    } else if (stream->state == STREAM_CLOSING) {
        stream_hub_end(self, stream, true);
    } else {
        stream->in_step = stream->in_step || stream->state == STREAM_OPEN;
        if (stream->list != resting_place(self, stream))
            stream_move(stream, resting_place(self, stream));
    }
    return filled;
}

static void
write_group(stream_hub_t *self, stream_group_t *group, int64_t *budget)
{
    stream_hub_zip_group(self, group, budget);
    // Those that fall behind leave the list; nobody joins it here.
    stream_t *last = group->idle.last;
    for (stream_t *stream = group->idle.first, *next; stream; stream = next) {
        next = stream == last ? NULL : stream->next;
        if (stream->zipped)
            continue;
        if (stream->position < group->dirty_from)
            stream->position = group->dirty_from;
        stream_hub_advance(self, stream, budget);
    }
}

void
stream_hub_turn(stream_hub_t *self, int64_t now_ms)
{
    self->now_ms = now_ms;
    self->turn_wanted = false;
    int64_t budget = STREAM_HUB_TURN_BUDGET;
    while (self->dirty) {
        stream_group_t *group = self->dirty;
        self->dirty = group->next_dirty;
        group->next_dirty = NULL;
        group->dirty = false;
        write_group(self, group, &budget);
    }
    // Those that were ready when the turn began, once each.
    stream_t *last = self->ready.last;
    for (stream_t *stream = self->ready.first, *next; stream; stream = next) {
        next = stream == last ? NULL : stream->next;
        // Who finds the budget used up is before the others in the next turn.
        if (budget <= 0) {
            stream_hub_want_turn(self);
            break;
        }
        stream_hub_advance(self, stream, &budget);
    }
}

// What a client sends after its request is read, so that closing the socket does not reset the
// connection and take our last words with it. Returns 0, or -1 when the client is gone, or
// sends too much.
int
stream_hub_drain(stream_t *stream)
{
    char scratch[4096];
    for (;;) {
        ssize_t bytes = recv(stream->fd, scratch, sizeof scratch, MSG_DONTWAIT);
        if (bytes < 0 && errno == EINTR)
            continue;
        if (bytes < 0)
            return (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
        if (bytes == 0)
            return -1;
        stream->input_bytes += (size_t) bytes;
        if (stream->input_bytes > STREAM_HUB_INPUT_BYTES)
            return -1;
    }
}

void
stream_hub_poll(stream_hub_t *self, int64_t now_ms)
{
    self->now_ms = now_ms;
    struct epoll_event events[STREAM_HUB_POLL_EVENTS];
    int count = epoll_wait(self->epoll_fd, events, STREAM_HUB_POLL_EVENTS, 0);
    int64_t budget = STREAM_HUB_TURN_BUDGET;
    for (int at = 0; at < count; at++) {
        stream_t *stream = events[at].data.ptr;
        uint32_t what = events[at].events;
        if ((what & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) ||
            ((what & EPOLLIN) && stream_hub_drain(stream) != 0))
            stream_hub_end(self, stream, false);
        else if ((what & EPOLLOUT) && stream->list == &self->blocked)
            stream_hub_advance(self, stream, &budget);
    }
}

static void
comment(stream_hub_t *self, stream_list_t *list)
{
    int64_t budget = 0;
    for (stream_t *stream = list->first, *next; stream; stream = next) {
        next = stream->next;
        if (self->now_ms - stream->written_ms < self->limits.comment_every_ms ||
            stream_own_left(stream) > 0)
            continue;
        // One that is in step may stand at a place that the ring has left long ago.
        stream->position = event_ring_next(self->ring);
        stream_hub_comment(self, stream);
        stream_hub_advance(self, stream, &budget);
    }
}

static void
close_ended(stream_hub_t *self, stream_group_t *group)
{
    const char *session = filter_only_session(group->filter);
    if (group->dirty || !session ||
        !session_table_ended(self->sessions, session, self->limits.ended_after_ms,
                             self->now_ms))
        return;
    for (stream_t *stream = group->idle.first, *next; stream; stream = next) {
        next = stream->next;
        stream_hub_goodbye(self, stream, STREAM_REASON_ENDED);
    }
}

static void
close_old(stream_hub_t *self, stream_list_t *list)
{
    for (stream_t *stream = list->first, *next; stream; stream = next) {
        next = stream->next;
        bool open = stream->state == STREAM_OPEN || stream->state == STREAM_PAST;
        if (open && self->now_ms >= stream->deadline_ms)
            stream_hub_goodbye(self, stream, STREAM_REASON_AGED);
    }
}

void
stream_hub_tick(stream_hub_t *self, int64_t now_ms)
{
    // Who is to go has everything first.
    if (self->dirty && self->limits.max_age_ms > 0)
        stream_hub_turn(self, now_ms);
    self->now_ms = now_ms;
    for (stream_t *stream = self->held.first, *next; stream; stream = next) {
        next = stream->next;
        stream_hub_decide(self, stream);
    }
    comment(self, &self->held);
    comment(self, &self->paged);
    stream_hub_past_tick(self);
    for (stream_group_t *group = zhashx_first(self->groups); group;
         group = zhashx_next(self->groups)) {
        close_ended(self, group);
        close_old(self, &group->idle);
        if (!group->dirty)
            comment(self, &group->idle);
    }
    close_old(self, &self->paged);
    close_old(self, &self->ready);
    close_old(self, &self->blocked);
    for (stream_t *stream = self->blocked.first, *next; stream; stream = next) {
        next = stream->next;
        if (stream->state == STREAM_CLOSING && now_ms >= stream->deadline_ms) {
            self->stats.cut++;
            stream_hub_end(self, stream, true);
        }
    }
}

static void
stop_list(stream_hub_t *self, stream_list_t *list)
{
    while (list->first) {
        stream_t *stream = list->first;
        if (stream->state != STREAM_CLOSING)
            stream_hub_goodbye(self, stream, STREAM_REASON_STOPPING);
        // Goodbye is tried once: what a full socket does not take now is not waited for.
        // Libmicrohttpd fetches it when it sends what it has before it stops.
        if (stream->pulled && stream->state == STREAM_CLOSING)
            stream_move(stream, NULL);
        else if (stream->list == list || stream->list == &self->blocked)
            stream_hub_end(self, stream, true);
    }
}

void
stream_hub_stop(stream_hub_t *self, int64_t now_ms)
{
    stream_hub_turn(self, now_ms);
    self->stopping = true;
    stop_list(self, &self->held);
    stop_list(self, &self->paged);
    stop_list(self, &self->ready);
    for (stream_group_t *group = zhashx_first(self->groups); group;
         group = zhashx_next(self->groups))
        stop_list(self, &group->idle);
    stop_list(self, &self->blocked);
}
