// event_pull_past - how an answer reads what the ring holds no more
// SPDX-License-Identifier: MPL-2.0
#include "event_facts.h"
#include "event_pull_private.h"

// Events of a page that are looked for at once: no answer is kept waiting by those of another.
enum { PORTION_EVENTS = 64 };

void
event_pull_begin_past(event_pull_t *self, const event_ring_t *ring, uint32_t wanted)
{
    past_reader_begin(&self->past, &self->answer, &self->ask, ring, wanted);
    self->phase = PHASE_PAST;
}

void
event_pull_return_to_past(event_pull_t *self)
{
    bool has_gap = self->answer.verdict == RESUME_GAP;
    uint64_t told_to = self->past.told_to;
    if (has_gap && self->answer.to > told_to)
        told_to = self->answer.to;
    past_reader_begin_at(&self->past, &self->looked, told_to);
    self->phase = PHASE_PAST;
}

// Where the reader begins is known, and with it the verdict; page is NULL where the ring has
// what comes first.
static void
open_past(event_pull_t *self, const event_pull_world_t *world, const past_page_t *page)
{
    resume_world_t known = world->known(world->arg, &self->ask, self->filter);
    resume_answer_t answer =
        past_reader_answer(&self->past, &self->answer, &self->ask, &known, page, self->filter);
    event_pull_open(self, &answer, self->past.looked.epoch);
}

static void
tell_missing(event_pull_t *self, const past_page_t *page)
{
    mesh_cursor_t from = self->past.looked, to = from;
    if (past_reader_missing(&self->past, page, self->filter, &from.offset, &to.offset))
        event_pull_tell(self, "removed", &from, &to, to.offset - from.offset);
}

// Take some of what a page has for us.
static void
read_page(event_pull_t *self, const event_pull_world_t *world,
          const past_reader_world_t *past_world, const past_page_t *page, int64_t *budget)
{
    if (!self->opened)
        open_past(self, world, page);
    tell_missing(self, page);
    size_t room = event_page_room(self->page);
    if (room == 0) {
        event_pull_end(self);
        return;
    }
    uint64_t serials[PORTION_EVENTS], to;
    size_t count =
        past_reader_collect(&self->past, past_world, page, serials,
                            room < PORTION_EVENTS ? room : PORTION_EVENTS, budget, &to);
    for (size_t at = 0; at < count; at++) {
        const event_ring_entry_t *entry = event_ring_entry(page->ring, serials[at]);
        filter_event_t event = event_facts(page->ring, entry, world->sessions);
        int rc = event_pull_take(self, page->ring, entry, &event);
        filter_event_clear(&event);
        if (rc != 0) {
            // What lies before it does not match.
            past_reader_took(&self->past, entry->offset - 1);
            event_pull_end(self);
            return;
        }
    }
    past_reader_took(&self->past, to);
}

// The ring has all that follows.
static void
join(event_pull_t *self, const event_pull_world_t *world)
{
    if (!self->opened)
        open_past(self, world, NULL);
    self->looked = self->past.looked;
    event_pull_read_from(self, world->ring, past_reader_serial(&self->past, world->ring));
}

// What was being read is no more: the journal is another.
static void
lose(event_pull_t *self, const event_ring_t *ring)
{
    if (!self->opened) {
        self->phase = PHASE_DECIDE;
        return;
    }
    mesh_cursor_t to = event_ring_position(ring);
    to.offset = past_reader_ring_place(ring);
    event_pull_tell(self, "new_epoch", &self->past.looked, &to, 0);
    self->looked = to;
    event_pull_read_from(self, ring, event_ring_epoch_first(ring));
}

// One who asks for a page, and has more time when there is one: it moves on.
typedef struct reading {
    event_pull_t *pull;
    const event_pull_world_t *world;
    int64_t now_ms;
} reading_t;

static const past_page_t *
next_page(void *arg, const mesh_cursor_t *after)
{
    reading_t *self = arg;
    const past_page_t *page = self->world->page(self->world->page_arg, after);
    int64_t until_ms = self->now_ms + EVENT_PULL_HOLD_MS;
    if (page && self->pull->verdict_ms < until_ms)
        self->pull->verdict_ms = until_ms;
    return page;
}

void
event_pull_read_past(event_pull_t *self, const event_pull_world_t *world, int64_t now_ms,
                     int64_t *budget)
{
    reading_t reading = {.pull = self, .world = world, .now_ms = now_ms};
    const past_reader_world_t past_world = {.ring = world->ring,
                                            .sessions = world->sessions,
                                            .filter = self->filter,
                                            .page = next_page,
                                            .arg = &reading};
    while (self->phase == PHASE_PAST) {
        const past_page_t *page = NULL;
        switch (past_reader_step(&self->past, &past_world, budget, &page)) {
        case PAST_READER_PAGE:
            read_page(self, world, &past_world, page, budget);
            break;
        case PAST_READER_RING:
            join(self, world);
            break;
        case PAST_READER_LOST:
            lose(self, world->ring);
            break;
        default:
            return;
        }
    }
}
