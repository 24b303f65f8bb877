// stream_hub_slow - what happens to streams that the ring passes, and how one says goodbye
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <stdlib.h>

#include "stream_hub_private.h"
#include "stream_notice.h"

// The ring lets go of the frame that the stream is in the middle of: keep its rest, so that the
// client gets it whole. Returns 0, or -1 when too much is kept already.
int
stream_hub_keep_rest(stream_hub_t *self, stream_t *stream)
{
    return stream_hub_keep_rest_of(self, stream, self->ring);
}

int
stream_hub_keep_rest_of(stream_hub_t *self, stream_t *stream, const event_ring_t *ring)
{
    if (stream->frame_sent == 0)
        return 0;
    const event_ring_entry_t *entry = event_ring_entry(ring, stream->position);
    frame_cache_hold_t hold = FRAME_CACHE_NONE;
    size_t rest;
    const char *frame =
        event_ring_shown(ring, entry, (envelope_t) stream->envelope, &rest, &hold);
    rest -= stream->frame_sent;
    if (self->rest_bytes + rest > STREAM_HUB_REST_BYTES)
        return -1;
    stream_add_own(stream, frame + stream->frame_sent, rest);
    stream->rest_bytes += rest;
    self->rest_bytes += rest;
    self->stats.kept_bytes += rest;
    stream->position++;
    stream->frame_sent = 0;
    return 0;
}

void
stream_hub_goodbye(stream_hub_t *self, stream_t *stream, stream_reason_t reason)
{
    if (stream->state == STREAM_OPEN && stream_hub_keep_rest(self, stream) != 0) {
        self->stats.cut++;
        stream_hub_end(self, stream, true);
        return;
    }
    // Who is cut off in quiet times may have no cursor at all, and would miss what comes until
    // it is back. One that has all there is can be given the newest.
    mesh_cursor_t newest = event_ring_position(self->ring);
    bool in_step = stream->list == &stream->group->idle && !stream->group->dirty;
    bool ours = reason == STREAM_REASON_AGED || reason == STREAM_REASON_STOPPING;
    bool tell = ours && in_step && newest.epoch != 0;
    stream_hub_say_lost(self, stream);
    size_t bytes;
    char *frame = stream_notice_closing(stream, reason, tell ? &newest : NULL,
                                        stream_hub_retry_ms(self), &bytes);
    stream_hub_say(self, stream, frame, bytes);
    free(frame);
    self->stats.closed[reason]++;
    stream->state = STREAM_CLOSING;
    stream->deadline_ms = self->now_ms + STREAM_HUB_GOODBYE_MS;
    // Nobody else's events go through here, so a budget is not needed.
    int64_t budget = 0;
    stream_hub_advance(self, stream, &budget);
}

void
stream_hub_close(stream_hub_t *self, stream_t *stream, stream_reason_t reason, int64_t now_ms)
{
    self->now_ms = now_ms;
    if (stream->state == STREAM_ADMITTED) {
        self->stats.closed[reason]++;
        stream->state = STREAM_ENDED;
    } else if (stream->state != STREAM_CLOSING && stream->state != STREAM_ENDED) {
        stream_hub_goodbye(self, stream, reason);
    }
}

void
stream_hub_warn(stream_hub_t *self, stream_t *stream, stream_reason_t reason, int64_t left_ms,
                int64_t now_ms)
{
    self->now_ms = now_ms;
    bool open =
        stream->state == STREAM_OPEN || (stream->state == STREAM_PAST && stream->opened);
    if (!open || stream_hub_keep_rest(self, stream) != 0)
        return;
    size_t bytes;
    char *frame = stream_notice_warning(stream, reason, left_ms, &bytes);
    stream_hub_say(self, stream, frame, bytes);
    free(frame);
    int64_t budget = 0;
    stream_hub_advance(self, stream, &budget);
}

void
stream_hub_say_lost(stream_hub_t *self, stream_t *stream)
{
    if (!stream->lost)
        return;
    size_t bytes;
    char *frame = stream_notice_dropped(stream, event_ring_position(self->ring).epoch, &bytes);
    stream_hub_say(self, stream, frame, bytes);
    free(frame);
    stream->lost = false;
    stream->lost_count = 0;
}

// The ring has passed the stream, which goes on at the serial keep, if at all.
static void
pass(stream_hub_t *self, stream_t *stream, uint64_t keep)
{
    const event_ring_entry_t *entry = event_ring_entry(self->ring, stream->position);
    uint64_t from =
        stream->frame_sent > 0 || entry->offset == 0 ? entry->offset : entry->offset - 1;
    if (stream_hub_keep_rest(self, stream) != 0) {
        self->stats.cut++;
        stream_hub_end(self, stream, true);
        return;
    }
    if (stream_hub_return_to_past(self, stream, keep))
        return;
    uint64_t lost = keep > stream->position ? keep - stream->position : 0;
    if (!stream->lost)
        stream->lost_from = from;
    stream->lost = true;
    stream->lost_count += lost;
    stream->lost_to = event_ring_entry(self->ring, keep - 1)->offset;
    self->stats.dropped_events += lost;
    stream->position = keep;
    if (stream->slow == STREAM_SLOW_DISCONNECT)
        stream_hub_goodbye(self, stream, STREAM_REASON_SLOW);
}

static void
pass_list(stream_hub_t *self, stream_list_t *list, uint64_t keep)
{
    for (stream_t *stream = list->first, *next; stream; stream = next) {
        next = stream->next;
        if (stream->state == STREAM_OPEN && stream->position < keep)
            pass(self, stream, keep);
        if (stream->state == STREAM_OPEN && stream->position < self->slowest)
            self->slowest = stream->position;
    }
}

void
stream_hub_let_go(void *arg, uint64_t first)
{
    stream_hub_t *self = arg;
    // News not yet written to those in step: write before it goes. Only a burst of the size of
    // the ring within one turn comes here.
    for (const stream_group_t *group = self->dirty; group; group = group->next_dirty) {
        if (group->dirty_from < first) {
            stream_hub_turn(self, self->now_ms);
            break;
        }
    }
    if (first <= self->slowest)
        return;
    // All streams are looked at: pass also those that are next, so that this is rare.
    uint64_t next = event_ring_next(self->ring);
    uint64_t keep = first + (next - first) / 16;
    self->slowest = UINT64_MAX;
    pass_list(self, &self->blocked, keep);
    pass_list(self, &self->ready, keep);
}
