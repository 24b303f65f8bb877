// past_reader - one reader's way through the pages of the past, to where the ring goes on
// SPDX-License-Identifier: MPL-2.0
#include "past_reader.h"

#include <assert.h>

#include "stream_group.h"

// Offsets that the first portion of counting goes back for each event that is wanted, at least
// so many in all: a page has about a thousand. Each further portion is twice as wide.
enum { PORTION_FACTOR = 2, PORTION_LEAST = 1024 };

bool
past_reader_goes_back(const resume_answer_t *answer, const resume_ask_t *ask,
                      const resume_world_t *known)
{
    const type_removal_t *removed = &known->removed;
    if (removed->count == 0)
        return false;
    switch (answer->start) {
    case RESUME_START_AFTER:
        return removed->offset > answer->after;
    case RESUME_START_TIME:
        return removed->recorded_us >= ask->since_us;
    case RESUME_START_EARLIEST:
        return true;
    default:
        return false;
    }
}

uint64_t
past_reader_ring_place(const event_ring_t *ring)
{
    uint64_t first = event_ring_epoch_first(ring);
    if (first == event_ring_next(ring))
        return event_ring_position(ring).offset;
    const event_ring_entry_t *entry = event_ring_entry(ring, first);
    mesh_cursor_t cursor;
    // One without a place stands after what may be gone already.
    bool placed = event_ring_cursor(ring, entry, &cursor);
    return placed && entry->offset > 0 ? entry->offset - 1 : entry->offset;
}

// A portion that ends at high.
static void
count_before(past_reader_t *self, uint64_t high, uint64_t width)
{
    self->high = high;
    self->low = high > width ? high - width : 0;
    self->found = 0;
    self->looked.offset = self->low;
}

void
past_reader_begin(past_reader_t *self, const resume_answer_t *answer, const resume_ask_t *ask,
                  const event_ring_t *ring, uint32_t wanted)
{
    *self = (past_reader_t){.phase = PAST_READER_GOES, .looked = event_ring_position(ring)};
    self->looked.offset = answer->start == RESUME_START_AFTER ? answer->after : (uint64_t) 0;
    uint64_t place = past_reader_ring_place(ring);
    if (answer->start == RESUME_START_TIME) {
        self->phase = place > 0 ? PAST_READER_HALVES : PAST_READER_GOES;
        self->seeks_time = true;
        self->since_us = ask->since_us;
        self->high = place;
    } else if (answer->start == RESUME_START_LAST) {
        uint64_t width = (uint64_t) wanted * PORTION_FACTOR;
        self->phase = PAST_READER_COUNTS;
        self->wanted = wanted;
        count_before(self, place, width > PORTION_LEAST ? width : PORTION_LEAST);
    }
}

void
past_reader_begin_at(past_reader_t *self, const mesh_cursor_t *looked, uint64_t told_to)
{
    *self = (past_reader_t){.phase = PAST_READER_GOES, .looked = *looked, .told_to = told_to};
}

// Count what matches in a page, up to the end of the portion.
static void
count(past_reader_t *self, const past_reader_world_t *world, const past_page_t *page,
      int64_t *budget)
{
    uint64_t next = event_ring_next(page->ring);
    uint64_t serial = event_ring_after(page->ring, self->looked.offset);
    page_match_t *matches = page_matches_of(page->matches, world->filter);
    for (; serial < next; serial++) {
        const event_ring_entry_t *entry = event_ring_entry(page->ring, serial);
        if (*budget <= 0 || entry->offset > self->high)
            break;
        self->found += page_match_entry(matches, serial, world->sessions, budget);
        self->looked.offset = entry->offset;
    }
    bool through = serial < next ? event_ring_entry(page->ring, serial)->offset > self->high
                                 : page->to >= self->high || !page->more;
    if (serial == next && self->looked.offset < page->to)
        self->looked.offset = page->to;
    if (!through)
        return;
    if (self->found < self->wanted && self->low > 0) {
        self->wanted -= self->found;
        count_before(self, self->low, 2 * (self->high - self->low));
        return;
    }
    self->skip = self->found > self->wanted ? self->found - self->wanted : 0;
    self->wanted -= self->found < self->wanted ? self->found : self->wanted;
    self->looked.offset = self->low;
    self->phase = PAST_READER_GOES;
}

// Where the next look for the time is taken: first at the beginning, then in the middle.
static uint64_t
probe_place(const past_reader_t *self)
{
    return self->low == 0 ? 0 : self->low + (self->high - self->low) / 2;
}

// Halve the range, by a page from its middle.
static void
halve(past_reader_t *self, uint64_t place, const past_page_t *page)
{
    uint64_t next = event_ring_next(page->ring);
    uint64_t first = event_ring_after(page->ring, place);
    const event_ring_entry_t *entry = event_ring_entry(page->ring, first);
    if (first == next || entry->recorded_us >= self->since_us) {
        self->high = place;
    } else {
        uint64_t later = event_ring_since(page->ring, self->since_us);
        self->low = event_ring_entry(page->ring, later - 1)->offset;
        if (later < next)
            self->high = self->low;
    }
    if (self->high > self->low + 1)
        return;
    self->looked.offset = self->low;
    self->phase = PAST_READER_GOES;
}

// Pass over what does not count yet, and nothing else: what is gone from before the first that
// counts may have counted. Returns whether that one was found, or the end of the page.
static bool
pass_over(past_reader_t *self, const past_reader_world_t *world, const past_page_t *page,
          int64_t *budget)
{
    uint64_t next = event_ring_next(page->ring);
    uint64_t serial = event_ring_after(page->ring, self->looked.offset);
    page_match_t *matches = page_matches_of(page->matches, world->filter);
    for (; serial < next && (self->seeks_time || self->skip > 0); serial++) {
        const event_ring_entry_t *entry = event_ring_entry(page->ring, serial);
        if (*budget <= 0)
            return false;
        if (self->seeks_time && entry->recorded_us >= self->since_us) {
            self->seeks_time = false;
            break;
        }
        if (self->seeks_time)
            *budget -= STREAM_GROUP_TOPIC_COST;
        else if (page_match_entry(matches, serial, world->sessions, budget))
            self->skip--;
        self->looked.offset = entry->offset;
    }
    return true;
}

// Go forwards within a page. Returns PAST_READER_WAITS when the next one is wanted.
static past_reader_outcome_t
go(past_reader_t *self, const past_reader_world_t *world, const past_page_t *page,
   int64_t *budget)
{
    if (*budget <= 0 || !pass_over(self, world, page, budget))
        return PAST_READER_MORE;
    if (event_ring_after(page->ring, self->looked.offset) < event_ring_next(page->ring))
        return PAST_READER_PAGE;
    if (self->looked.offset < page->to)
        self->looked.offset = page->to;
    return PAST_READER_WAITS;
}

past_reader_outcome_t
past_reader_step(past_reader_t *self, const past_reader_world_t *world, int64_t *budget,
                 const past_page_t **page_p)
{
    for (;;) {
        if (event_ring_position(world->ring).epoch != self->looked.epoch)
            return PAST_READER_LOST;
        bool goes = self->phase == PAST_READER_GOES;
        if (goes && self->looked.offset >= past_reader_ring_place(world->ring))
            return PAST_READER_RING;
        mesh_cursor_t place = self->looked;
        if (self->phase == PAST_READER_HALVES)
            place.offset = probe_place(self);
        const past_page_t *page = world->page(world->arg, &place);
        if (!page)
            return PAST_READER_WAITS;
        if (*budget <= 0)
            return PAST_READER_MORE;
        if (self->phase == PAST_READER_COUNTS) {
            count(self, world, page, budget);
        } else if (self->phase == PAST_READER_HALVES) {
            halve(self, place.offset, page);
        } else {
            past_reader_outcome_t outcome = go(self, world, page, budget);
            *page_p = page;
            if (outcome != PAST_READER_WAITS)
                return outcome;
        }
    }
}

// The last that is gone of what may match.
static uint64_t
gone_to(const past_page_t *page, const filter_t *filter)
{
    uint64_t gone = 0;
    for (int family = 0; family < MESH_FAMILIES; family++)
        if (page->removed[family] > gone &&
            filter_may_match_family(filter, (mesh_family_t) family))
            gone = page->removed[family];
    return gone;
}

resume_answer_t
past_reader_answer(past_reader_t *self, const resume_answer_t *before, const resume_ask_t *ask,
                   const resume_world_t *known, const past_page_t *page, const filter_t *filter)
{
    resume_world_t world = *known;
    uint64_t gone = page ? gone_to(page, filter) : known->removed.offset;
    bool missing = gone > self->looked.offset;
    // Of what follows the ring has everything but what it says itself.
    if (page)
        world.removed = (type_removal_t){
            .count = missing ? gone - self->looked.offset : 0,
            .offset = gone,
            .recorded_us = missing ? TYPE_LEDGER_TIME_UNKNOWN : 0,
        };
    resume_answer_t answer = resume_again(before, ask, &world);
    if (answer.start == RESUME_START_LAST)
        resume_last(&answer, &world, ask->last, ask->last - self->wanted);
    // Beside another verdict there is no place for what is missing after a time: it is told as
    // what goes missing on the way.
    if (answer.start != RESUME_START_TIME || answer.verdict == RESUME_GAP)
        self->told_to = gone;
    return answer;
}

bool
past_reader_missing(past_reader_t *self, const past_page_t *page, const filter_t *filter,
                    uint64_t *from, uint64_t *to)
{
    *from = self->looked.offset > self->told_to ? self->looked.offset : self->told_to;
    *to = gone_to(page, filter);
    if (*to <= *from)
        return false;
    self->told_to = *to;
    return true;
}

uint64_t
past_reader_next_place(const past_reader_t *self, const past_page_t *page)
{
    uint64_t serial = event_ring_after(page->ring, self->looked.offset);
    return serial < event_ring_next(page->ring)
               ? event_ring_entry(page->ring, serial)->offset - 1
               : page->to;
}

size_t
past_reader_collect(const past_reader_t *self, const past_reader_world_t *world,
                    const past_page_t *page, uint64_t serials[], size_t most, int64_t *budget,
                    uint64_t *to)
{
    size_t count_found = 0;
    *to = self->looked.offset;
    uint64_t next = event_ring_next(page->ring);
    uint64_t serial = event_ring_after(page->ring, self->looked.offset);
    page_match_t *matches = page_matches_of(page->matches, world->filter);
    for (; serial < next && count_found<most && * budget> 0; serial++) {
        if (page_match_entry(matches, serial, world->sessions, budget))
            serials[count_found++] = serial;
        *to = event_ring_entry(page->ring, serial)->offset;
    }
    if (serial == next && *to < page->to)
        *to = page->to;
    return count_found;
}

void
past_reader_took(past_reader_t *self, uint64_t offset)
{
    assert(offset >= self->looked.offset);
    self->looked.offset = offset;
}

uint64_t
past_reader_serial(const past_reader_t *self, const event_ring_t *ring)
{
    uint64_t after = event_ring_after(ring, self->looked.offset);
    uint64_t since = self->seeks_time ? event_ring_since(ring, self->since_us) : 0;
    return after > since ? after : since;
}
