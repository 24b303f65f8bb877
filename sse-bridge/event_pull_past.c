// event_pull_past - how an answer reads what the ring holds no more
// SPDX-License-Identifier: MPL-2.0
#include "event_pull_private.h"
#include "stream_group.h"

bool
event_pull_goes_back(const event_pull_t *self, const event_pull_world_t *world,
                     const resume_world_t *known)
{
    if (!world->page)
        return false;
    if (self->answer.start == RESUME_START_EARLIEST)
        return known->removed.count > 0;
    return self->answer.verdict == RESUME_GAP && !self->answer.forgotten &&
           self->answer.start != RESUME_START_LAST;
}

void
event_pull_begin_past(event_pull_t *self, const event_ring_t *ring)
{
    self->looked = event_ring_position(ring);
    self->looked.offset =
        self->answer.start == RESUME_START_AFTER ? self->answer.after : (uint64_t) 0;
    self->seeks_time = self->answer.start == RESUME_START_TIME;
    // Only the pages say what is missing.
    if (self->answer.verdict == RESUME_GAP)
        self->answer.verdict = RESUME_EXACT;
    // All that is kept was asked for, and nothing that is not.
    self->told_to = self->answer.start == RESUME_START_EARLIEST ? UINT64_MAX : 0;
    self->phase = PHASE_PAST;
}

// Say what the page's broker had removed after the place where we are.
static void
tell_removed(event_pull_t *self, const past_page_t *page)
{
    uint64_t removed = 0;
    for (int family = 0; family < MESH_FAMILIES; family++)
        if (page->removed[family] > removed &&
            filter_may_match_family(self->filter, (mesh_family_t) family))
            removed = page->removed[family];
    uint64_t from = self->looked.offset > self->told_to ? self->looked.offset : self->told_to;
    // Of what is passed over because of its time nothing is missing.
    bool early = self->seeks_time && event_ring_next(page->ring) > 0 &&
                 event_ring_entry(page->ring, 0)->recorded_us < self->ask.since_us;
    if (removed <= from || early)
        return;
    self->answer.verdict = RESUME_GAP;
    self->answer.from_known = !self->seeks_time;
    self->answer.from = from;
    self->answer.to = removed;
    self->answer.at_most = removed - from;
    self->answer.forgotten = false;
    self->told_to = removed;
    event_pull_tell_gap(self, self->looked.epoch);
}

// Take what a page has for us. Returns whether it is read to its end.
static bool
read_page(event_pull_t *self, const event_pull_world_t *world, const past_page_t *page,
          int64_t *budget)
{
    uint64_t next = event_ring_next(page->ring);
    uint64_t serial = event_ring_after(page->ring, self->looked.offset);
    for (; serial<next && * budget> 0; serial++) {
        const event_ring_entry_t *entry = event_ring_entry(page->ring, serial);
        if (self->seeks_time && entry->recorded_us < self->ask.since_us) {
            *budget -= STREAM_GROUP_TOPIC_COST;
            self->looked.offset = entry->offset;
        } else if (event_page_is_full(self->page) ||
                   event_pull_take_event(self, world, page->ring, entry, budget) != 0) {
            self->phase = PHASE_DONE;
            return false;
        }
    }
    if (serial < next)
        return false;
    if (self->looked.offset < page->to)
        self->looked.offset = page->to;
    return true;
}

// Whether the ring has all that follows the place where we are.
static bool
meets(const event_pull_t *self, const event_ring_t *ring)
{
    uint64_t first = event_ring_epoch_first(ring);
    if (first == event_ring_next(ring))
        return true;
    const event_ring_entry_t *entry = event_ring_entry(ring, first);
    mesh_cursor_t cursor;
    // One without a place stands after what may be gone already.
    return event_ring_cursor(ring, entry, &cursor) ? self->looked.offset + 1 >= entry->offset
                                                   : self->looked.offset >= entry->offset;
}

void
event_pull_read_past(event_pull_t *self, const event_pull_world_t *world, int64_t now_ms,
                     int64_t *budget)
{
    const event_ring_t *ring = world->ring;
    if (event_ring_position(ring).epoch != self->looked.epoch) {
        event_pull_ask_anew(self);
        return;
    }
    const past_page_t *page = NULL;
    while (!meets(self, ring) && (page = world->page(world->page_arg, &self->looked))) {
        tell_removed(self, page);
        self->verdict_ms = now_ms + EVENT_PULL_HOLD_MS;    // it moves on
        uint64_t before = self->looked.offset;
        if (!read_page(self, world, page, budget))
            return;
        // Nothing is between here and the ring, whatever its first place says.
        if (!page->more && self->looked.offset == before)
            break;
    }
    if (meets(self, ring) || page) {
        self->serial = event_ring_after(ring, self->looked.offset);
        self->phase = PHASE_READ;
    }
}
