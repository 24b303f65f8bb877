// stream_hub_past - streams that read the journal, before what the ring holds
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <stdlib.h>

#include "stream_hub_private.h"
#include "stream_notice.h"

static void
begin(stream_t *stream)
{
    assert(!stream->past);
    stream->past = calloc(1, sizeof *stream->past);
    assert(stream->past);
    stream->state = STREAM_PAST;
    stream->frame_sent = 0;
}

static void
leave(stream_t *stream)
{
    free(stream->past);
    stream->past = NULL;
}

void
stream_hub_go_back(stream_hub_t *self, stream_t *stream, uint32_t wanted)
{
    begin(stream);
    past_reader_begin(stream->past, &stream->answer, &stream->ask, self->ring, wanted);
    stream_move(stream, &self->ready);
    stream_hub_want_turn(self);
}

// Say how the stream begins, now that the page is there that has its first events; without one
// the ring has them.
static void
open_stream(stream_hub_t *self, stream_t *stream, const past_page_t *page)
{
    past_reader_t *past = stream->past;
    resume_world_t known =
        stream_hub_known(self, &stream->ask, stream->group->filter, self->now_ms);
    stream->answer = past_reader_answer(past, &stream->answer, &stream->ask, &known, page,
                                        stream->group->filter);
    mesh_cursor_t position = past->looked;
    bool is_after = stream->answer.start == RESUME_START_AFTER;
    bool has_gap = stream->answer.verdict == RESUME_GAP;
    if (page && (has_gap || !is_after))
        position.offset = past_reader_next_place(past, page);
    if (has_gap && is_after && stream->answer.to < position.offset)
        position.offset = stream->answer.to;
    stream_hub_say_opened(self, stream, &position);
    stream->opened = true;
}

// Say that what the page's broker has removed is missing.
static void
say_missing(stream_hub_t *self, stream_t *stream, const past_page_t *page)
{
    const past_reader_t *past = stream->past;
    mesh_cursor_t from = past->looked, to = past->looked, position = past->looked;
    if (!past_reader_missing(stream->past, page, stream->group->filter, &from.offset,
                             &to.offset))
        return;
    position.offset = past_reader_next_place(past, page);
    if (to.offset < position.offset)
        position.offset = to.offset;
    size_t bytes;
    char *frame = stream_notice_removed(stream, &from, &to, &position, &bytes);
    stream_hub_say(self, stream, frame, bytes);
    free(frame);
}

// The socket took a part: of a frame that was begun the rest is kept, since the page may go.
// Returns 0, or -1 when too much is kept already.
static int
take_part(stream_hub_t *self, stream_t *stream, const past_page_t *page,
          const uint64_t serials[], size_t count)
{
    uint64_t taken = stream->past->looked.offset;
    for (size_t at = 0; at < count && serials[at] < stream->position; at++)
        taken = event_ring_entry(page->ring, serials[at])->offset;
    if (stream->frame_sent > 0)
        taken = event_ring_entry(page->ring, stream->position)->offset;
    past_reader_took(stream->past, taken);
    return stream_hub_keep_rest_of(self, stream, page->ring);
}

// Write what a page has for the stream, as much as one call takes. Returns whether there may be
// more to do at once.
static bool
write_page(stream_hub_t *self, stream_t *stream, const past_reader_world_t *world,
           const past_page_t *page, int64_t *budget)
{
    if (!stream->opened)
        open_stream(self, stream, page);
    say_missing(self, stream, page);
    uint64_t serials[STREAM_WRITER_EVENTS], to;
    size_t count = past_reader_collect(stream->past, world, page, serials, STREAM_WRITER_EVENTS,
                                       budget, &to);
    switch (stream_hub_write(self, stream, page->ring, serials, count)) {
    case STREAM_WRITER_BLOCKED:
        if (take_part(self, stream, page, serials, count) == 0) {
            stream_move(stream, &self->blocked);
        } else {
            self->stats.cut++;
            stream_hub_end(self, stream, true);
        }
        return false;
    case STREAM_WRITER_GONE:
        stream_hub_end(self, stream, false);
        return false;
    default:
        past_reader_took(stream->past, to);
        return true;
    }
}

// The ring has all that follows.
static void
join(stream_hub_t *self, stream_t *stream, uint64_t serial)
{
    if (!stream->opened)
        open_stream(self, stream, NULL);
    leave(stream);
    stream->position = serial;
    stream->state = STREAM_OPEN;
    stream_hub_fall_behind(self, stream, &self->ready);
    stream_hub_want_turn(self);
}

// What the stream was reading is no more: the journal is another.
static void
lose(stream_hub_t *self, stream_t *stream)
{
    mesh_cursor_t from = stream->past->looked;
    if (!stream->opened) {
        leave(stream);
        stream->state = STREAM_HELD;
        stream_move(stream, &self->held);
        stream_hub_decide(self, stream);
        return;
    }
    mesh_cursor_t to = event_ring_position(self->ring);
    to.offset = past_reader_ring_place(self->ring);
    size_t bytes;
    char *frame =
        stream_notice_gap((envelope_t) stream->envelope, "new_epoch", &from, &to, 0, &bytes);
    stream_hub_say(self, stream, frame, bytes);
    free(frame);
    join(self, stream, event_ring_epoch_first(self->ring));
}

// Write what the stream has of its own, and have it stand in list when that is done.
static bool
write_own(stream_hub_t *self, stream_t *stream, stream_list_t *list)
{
    stream_writer_outcome_t outcome = stream_hub_write(self, stream, self->ring, NULL, 0);
    if (outcome == STREAM_WRITER_GONE)
        stream_hub_end(self, stream, false);
    else
        stream_move(stream, outcome == STREAM_WRITER_BLOCKED ? &self->blocked : list);
    return outcome == STREAM_WRITER_DONE;
}

static const past_page_t *
read_page(void *arg, const mesh_cursor_t *after)
{
    stream_hub_t *self = arg;
    return past_read(self->past, after, self->now_ms);
}

void
stream_hub_read_past(stream_hub_t *self, stream_t *stream, int64_t *budget)
{
    const past_reader_world_t world = {.ring = self->ring,
                                       .sessions = self->sessions,
                                       .filter = stream->group->filter,
                                       .page = read_page,
                                       .arg = self};
    // No page is asked for before the client has taken what it was given.
    if ((stream->rest_bytes > 0 || stream->pulled) && !write_own(self, stream, &self->ready))
        return;
    for (;;) {
        const past_page_t *page = NULL;
        switch (past_reader_step(stream->past, &world, budget, &page)) {
        case PAST_READER_PAGE:
            if (!write_page(self, stream, &world, page, budget))
                return;
            break;
        case PAST_READER_RING:
            join(self, stream, past_reader_serial(stream->past, self->ring));
            return;
        case PAST_READER_LOST:
            lose(self, stream);
            return;
        case PAST_READER_WAITS:
            (void) write_own(self, stream, &self->paged);
            return;
        case PAST_READER_MORE:
            stream_move(stream, &self->ready);
            stream_hub_want_turn(self);
            return;
        }
    }
}

void
stream_hub_use_past(stream_hub_t *self, past_t *past)
{
    self->past = past;
}

void
stream_hub_past_news(stream_hub_t *self)
{
    if (!self->paged.first)
        return;
    while (self->paged.first)
        stream_move(self->paged.first, &self->ready);
    stream_hub_want_turn(self);
}

bool
stream_hub_return_to_past(stream_hub_t *self, stream_t *stream, uint64_t keep)
{
    if (!self->past || stream->in_step || stream->position < event_ring_epoch_first(self->ring))
        return false;
    // What no journal has is taken along.
    const event_ring_entry_t *entry = event_ring_entry(self->ring, stream->position);
    for (; stream->position < keep && entry->type == EVENT_RING_EVERYONE;
         entry = event_ring_entry(self->ring, stream->position)) {
        frame_cache_hold_t hold = FRAME_CACHE_NONE;
        size_t bytes;
        const char *frame =
            event_ring_shown(self->ring, entry, (envelope_t) stream->envelope, &bytes, &hold);
        stream_hub_say(self, stream, frame, bytes);
        stream->position++;
    }
    if (stream->position >= keep)
        return true;
    mesh_cursor_t looked = event_ring_position(self->ring), cursor;
    bool placed = event_ring_cursor(self->ring, entry, &cursor);
    looked.offset = placed ? entry->offset - 1 : entry->offset;
    uint64_t told_to = stream->answer.verdict == RESUME_GAP ? stream->answer.to : 0;
    begin(stream);
    past_reader_begin_at(stream->past, &looked, told_to);
    return true;
}

void
stream_hub_past_tick(stream_hub_t *self)
{
    for (stream_t *stream = self->blocked.first, *next; stream; stream = next) {
        next = stream->next;
        bool is_bound = stream->state == STREAM_PAST ||
                        (stream->state == STREAM_OPEN && stream->snapshot_bytes > 0);
        if (is_bound && self->now_ms - stream->written_ms >= STREAM_HUB_STALL_MS)
            stream_hub_goodbye(self, stream, STREAM_REASON_SLOW);
    }
}

static void
tell_list(stream_hub_t *self, stream_list_t *list, const forgotten_list_t *forgotten,
          uint64_t last)
{
    for (stream_t *stream = list->first; stream; stream = stream->next) {
        if (stream->state != STREAM_PAST || !stream->opened)
            continue;
        mesh_cursor_t from = stream->past->looked, to = from;
        to.offset = last;
        type_removal_t missing = forgotten_list_missing(
            forgotten, from.offset, filter_may_match_origin, stream->group->filter);
        if (missing.count == 0 || from.epoch != event_ring_position(self->ring).epoch)
            continue;
        uint64_t most = last - from.offset;
        size_t bytes;
        char *frame = stream_notice_forgotten(
            stream, &from, &to, missing.count < most ? missing.count : most, &bytes);
        stream_hub_say(self, stream, frame, bytes);
        free(frame);
    }
}

void
stream_hub_forget_past(stream_hub_t *self, const char *session, uint64_t removed, uint64_t last,
                       const json_t *types)
{
    forgotten_list_t *forgotten = forgotten_list_new();
    forgotten_list_add(forgotten, session, removed, last, types, 0);
    tell_list(self, &self->paged, forgotten, last);
    tell_list(self, &self->ready, forgotten, last);
    tell_list(self, &self->blocked, forgotten, last);
    forgotten_list_destroy(&forgotten);
}
