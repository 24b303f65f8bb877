// past - pages of the broker's journal, from before what the ring holds
// SPDX-License-Identifier: MPL-2.0
#include "past.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/control.h"
#include "mesh/subscriber.h"
#include "mesh/wire.h"

// Room for a page whatever its events are: headers become ids, and the index needs room too.
// Memory is taken as it is filled.
enum { PAGE_RING_BYTES = 8 * 1024 * 1024 };

struct past {
    const past_owner_t *owner;    // borrowed
    void *arg;                    // borrowed
    past_page_t pages[PAST_PAGES];
    size_t page_count;
    mesh_cursor_t wanted[PAST_WANTED];    // the first is the one that is asked for
    size_t wanted_count;
    bool asking;           // the answer to the first one is under way
    bool stale;            // ... and is not to be kept
    int64_t not_before;    // when asking is allowed again
    uint64_t readings;
    uint64_t asked;
};

past_t *
past_new(const past_owner_t *owner, void *arg)
{
    past_t *self = calloc(1, sizeof *self);
    assert(self);
    self->owner = owner;
    self->arg = arg;
    return self;
}

static void
page_clear(past_page_t *page)
{
    page_matches_destroy(&page->matches);
    event_ring_destroy(&page->ring);
}

static void
drop_pages(past_t *self)
{
    for (size_t at = 0; at < self->page_count; at++)
        page_clear(&self->pages[at]);
    self->page_count = 0;
}

void
past_destroy(past_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        drop_pages(*self_p);
        free(*self_p);
        *self_p = NULL;
    }
}

static bool
covers(const past_page_t *page, const mesh_cursor_t *after)
{
    return page->epoch == after->epoch && page->after <= after->offset &&
           after->offset < page->to;
}

static past_page_t *
find(past_t *self, const mesh_cursor_t *after)
{
    for (size_t at = 0; at < self->page_count; at++)
        if (covers(&self->pages[at], after))
            return &self->pages[at];
    return NULL;
}

static void
drop_first(past_t *self)
{
    self->wanted_count--;
    memmove(self->wanted, self->wanted + 1, self->wanted_count * sizeof self->wanted[0]);
}

static void
ask_next(past_t *self, int64_t now_ms)
{
    // Pages that came meanwhile may have it: who wants it was told.
    while (!self->asking && self->wanted_count > 0 && find(self, &self->wanted[0]))
        drop_first(self);
    if (self->asking || self->wanted_count == 0 || now_ms < self->not_before)
        return;
    self->asking = true;
    self->stale = false;
    self->asked++;
    self->owner->ask(self->arg, &self->wanted[0]);
}

static bool
is_wanted(const past_t *self, const mesh_cursor_t *after)
{
    for (size_t at = 0; at < self->wanted_count; at++)
        if (self->wanted[at].epoch == after->epoch && self->wanted[at].offset == after->offset)
            return true;
    return false;
}

const past_page_t *
past_read(past_t *self, const mesh_cursor_t *after, int64_t now_ms)
{
    past_page_t *page = find(self, after);
    if (page) {
        page->used = ++self->readings;
        return page;
    }
    if (!is_wanted(self, after) && self->wanted_count < PAST_WANTED)
        self->wanted[self->wanted_count++] = *after;
    ask_next(self, now_ms);
    return NULL;
}

static mesh_cursor_t
end_asking(past_t *self)
{
    assert(self->asking);
    mesh_cursor_t asked = self->wanted[0];
    self->asking = false;
    drop_first(self);
    return asked;
}

static int
read_events(event_ring_t *ring, zmsg_t *frames)
{
    zframe_t *topic = frames ? zmsg_first(frames) : NULL;
    for (; topic; topic = zmsg_next(frames)) {
        zframe_t *body = zmsg_next(frames);
        mesh_event_t event;
        if (!body || mesh_wire_decode(&event.header, zframe_data(body), zframe_size(body)) !=
                         MESH_WIRE_OK)
            return -1;
        event.topic = (const char *) zframe_data(topic);
        event.topic_bytes = zframe_size(topic);
        event.payload = (const char *) zframe_data(body) + MESH_WIRE_HEADER_BYTES;
        event.payload_bytes = zframe_size(body) - MESH_WIRE_HEADER_BYTES;
        // One that the ring refuses is as one that the live ring has refused.
        (void) event_ring_append(ring, &event);
    }
    return event_ring_first(ring) == 0 ? 0 : -1;
}

// Read an answer to a question. Returns 0, or -1 when it is none.
static int
read_page(past_page_t *page, const mesh_cursor_t *after, const json_t *body, zmsg_t *frames)
{
    const json_t *more = json_object_get(body, "more");
    *page = (past_page_t){.epoch = after->epoch, .after = after->offset};
    uint64_t epoch;
    if (mesh_control_get_epoch(body, "epoch", &epoch) != 0 || epoch != after->epoch ||
        mesh_control_get_number(body, "to", &page->to) != 0 || page->to < after->offset ||
        !json_is_boolean(more) || mesh_subscriber_read_removed(body, page->removed) != 0)
        return -1;
    page->more = json_is_true(more);
    if (page->more && page->to == after->offset)
        return -1;    // nobody would ever come to the end
    page->ring = event_ring_new(PAGE_RING_BYTES);
    event_ring_begin_epoch(page->ring, after, NULL);
    if (read_events(page->ring, frames) != 0) {
        event_ring_destroy(&page->ring);
        return -1;
    }
    page->matches = page_matches_new(page->ring);
    return 0;
}

// The place for one more page.
static past_page_t *
room_for_page(past_t *self)
{
    if (self->page_count < PAST_PAGES)
        return &self->pages[self->page_count++];
    past_page_t *oldest = &self->pages[0];
    for (size_t at = 1; at < self->page_count; at++)
        if (self->pages[at].used < oldest->used)
            oldest = &self->pages[at];
    page_clear(oldest);
    return oldest;
}

int
past_take(past_t *self, const json_t *body, zmsg_t *frames, int64_t now_ms)
{
    mesh_cursor_t asked = end_asking(self);
    past_page_t page;
    int rc = self->stale ? 0 : read_page(&page, &asked, body, frames);
    bool keeps = rc == 0 && !self->stale;
    if (keeps && page.to > page.after) {
        page.used = ++self->readings;
        *room_for_page(self) = page;
    } else if (keeps) {
        // The journal has nothing more: true now, and not for long.
        page_clear(&page);
    }
    if (rc != 0 || (keeps && page.to == page.after))
        self->not_before = now_ms + PAST_PAUSE_MS;
    // First those who wait for this page, then the next question: they may be gone by then.
    self->owner->news(self->arg);
    ask_next(self, now_ms);
    return rc;
}

void
past_fail(past_t *self, int64_t now_ms)
{
    // Whoever wants it still, wants it again.
    (void) end_asking(self);
    self->not_before = now_ms + PAST_PAUSE_MS;
}

void
past_tick(past_t *self, int64_t now_ms)
{
    if (self->asking || now_ms < self->not_before)
        return;
    ask_next(self, now_ms);
    if (!self->asking)
        self->owner->news(self->arg);
}

void
past_clear(past_t *self)
{
    drop_pages(self);
    self->stale = self->asking;
}

size_t
past_pages(const past_t *self)
{
    return self->page_count;
}

uint64_t
past_asked(const past_t *self)
{
    return self->asked;
}
