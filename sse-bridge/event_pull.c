// event_pull - one question for events and, step by step, its answer
// SPDX-License-Identifier: MPL-2.0
#include "event_pull.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "event_facts.h"
#include "event_pull_private.h"
#include "stream_group.h"

event_pull_t *
event_pull_new(stream_query_t *query, bool ndjson, int64_t now_ms)
{
    event_pull_t *self = calloc(1, sizeof *self);
    assert(self);
    event_page_limits_t limits = {
        .events = query->once.limit, .bytes = query->once.max_bytes, .ndjson = ndjson};
    self->page = event_page_new(&limits);
    self->filter = query->filter;
    query->filter = NULL;
    self->ask = query->ask;
    self->ask.asked_ms = now_ms;
    self->unasked = self->ask.id == RESUME_NO_ID && self->ask.since == RESUME_SINCE_NOTHING;
    if (self->ask.since == RESUME_SINCE_NOTHING) {
        self->ask.since = RESUME_SINCE_LAST;
        self->ask.last = query->once.limit;
    }
    self->due_ms = now_ms + query->once.wait_ms;
    self->verdict_ms =
        now_ms + (query->once.wait_ms > EVENT_PULL_HOLD_MS ? query->once.wait_ms
                                                           : (int64_t) EVENT_PULL_HOLD_MS);
    return self;
}

void
event_pull_destroy(event_pull_t **self_p)
{
    assert(self_p);
    event_pull_t *self = *self_p;
    if (self) {
        event_page_destroy(&self->page);
        filter_destroy(&self->filter);
        free(self);
        *self_p = NULL;
    }
}

static void
set_cursor(json_t *json, const char *member, uint64_t epoch, uint64_t offset)
{
    char text[MESH_CURSOR_SIZE];
    mesh_cursor_format(&(mesh_cursor_t){epoch, offset}, text);
    json_object_set_new(json, member, json_string(text));
}

void
event_pull_tell_gap(event_pull_t *self, uint64_t epoch)
{
    const resume_answer_t *answer = &self->answer;
    json_t *gap = json_pack("{s:s}", "reason", answer->forgotten ? "forgotten" : "removed");
    if (answer->from_known)
        set_cursor(gap, "from", epoch, answer->from);
    set_cursor(gap, "to", epoch, answer->to);
    json_object_set_new(
        gap, "at_most",
        json_integer(answer->at_most < INT64_MAX ? (json_int_t) answer->at_most : INT64_MAX));
    event_page_add_gap(self->page, gap);
}

// Read from a serial on.
static void
begin_at(event_pull_t *self, const event_ring_t *ring, uint64_t serial)
{
    self->looked = event_ring_position(ring);
    if (serial < event_ring_next(ring)) {
        // Just before what comes first.
        uint64_t offset = event_ring_entry(ring, serial)->offset;
        self->looked.offset = offset > 0 ? offset - 1 : 0;
    }
    if (self->answer.start == RESUME_START_AFTER && self->answer.verdict != RESUME_GAP)
        self->looked.offset = self->answer.after;
    if (self->answer.verdict == RESUME_GAP)
        event_pull_tell_gap(self, self->looked.epoch);
    self->serial = serial;
    self->phase = PHASE_READ;
}

static void
decide(event_pull_t *self, const event_pull_world_t *world, int64_t now_ms)
{
    const event_ring_t *ring = world->ring;
    resume_world_t known = world->known(world->arg, &self->ask, self->filter);
    self->answer = resume_decide(&self->ask, &known, now_ms);
    if (self->answer.verdict == RESUME_HOLD)
        return;
    if (self->unasked)
        self->answer.verdict = RESUME_LIVE;
    if (event_pull_goes_back(self, world, &known)) {
        event_pull_begin_past(self, ring);
        return;
    }
    switch (self->answer.start) {
    case RESUME_START_NOW:
        begin_at(self, ring, event_ring_next(ring));
        break;
    case RESUME_START_AFTER:
        begin_at(self, ring, event_ring_after(ring, self->answer.after));
        break;
    case RESUME_START_TIME:
        begin_at(self, ring, event_ring_since(ring, self->ask.since_us));
        break;
    case RESUME_START_EARLIEST:
        begin_at(self, ring, event_ring_epoch_first(ring));
        break;
    case RESUME_START_LAST:
        self->phase = PHASE_SEEK;
        self->serial = event_ring_next(ring);
        self->found = 0;
        break;
    }
}

// Whether the entry matches; everyone's do not count as events.
static bool
matches(const event_pull_t *self, filter_event_t *event, int64_t *budget)
{
    bool good = filter_matches(self->filter, event);
    *budget -= event->parsed ? STREAM_GROUP_PAYLOAD_COST : STREAM_GROUP_TOPIC_COST;
    return good;
}

static void
seek(event_pull_t *self, const event_pull_world_t *world, int64_t *budget)
{
    const event_ring_t *ring = world->ring;
    uint64_t first = event_ring_epoch_first(ring);
    if (self->serial < first)
        self->serial = first;
    while (self->serial > first && self->found<self->ask.last && * budget> 0) {
        const event_ring_entry_t *entry = event_ring_entry(ring, --self->serial);
        if (entry->type == EVENT_RING_EVERYONE || event_ring_is_gone(entry))
            continue;
        filter_event_t event = event_facts(ring, entry, world->sessions);
        self->found += matches(self, &event, budget);
        filter_event_clear(&event);
    }
    if (self->serial > first && self->found < self->ask.last)
        return;
    resume_world_t known = world->known(world->arg, &self->ask, self->filter);
    resume_last(&self->answer, &known, self->ask.last, self->found);
    begin_at(self, ring, self->serial);
}

// A control frame of ours says that something is missing, and where the order goes on.
static void
take_control(event_pull_t *self, const event_ring_t *ring, const event_ring_entry_t *entry)
{
    static const char data[] = "\ndata: ";
    const char *frame = event_ring_frame(ring, entry);
    const char *payload = memmem(frame, entry->frame_bytes, data, sizeof data - 1);
    assert(payload);
    payload += sizeof data - 1;
    size_t bytes = entry->frame_bytes - (size_t) (payload - frame);
    json_t *gap = json_loadb(payload, bytes, JSON_DISABLE_EOF_CHECK, NULL);
    assert(gap);
    event_page_add_gap(self->page, gap);
    (void) event_ring_cursor(ring, entry, &self->looked);
}

int
event_pull_take_event(event_pull_t *self, const event_pull_world_t *world,
                      const event_ring_t *ring, const event_ring_entry_t *entry,
                      int64_t *budget)
{
    int rc = 0;
    if (!event_ring_is_gone(entry)) {
        filter_event_t event = event_facts(ring, entry, world->sessions);
        if (matches(self, &event, budget)) {
            mesh_cursor_t cursor;
            bool placed = event_ring_cursor(ring, entry, &cursor);
            rc = event_page_add(self->page, placed ? &cursor : NULL, &event);
        }
        filter_event_clear(&event);
    }
    if (rc == 0)
        self->looked.offset = entry->offset;
    return rc;
}

// Look at any entry of the ring. Returns -1 when it does not fit any more.
static int
take_entry(event_pull_t *self, const event_pull_world_t *world, int64_t *budget)
{
    const event_ring_entry_t *entry = event_ring_entry(world->ring, self->serial);
    if (entry->type == EVENT_RING_EVERYONE)
        take_control(self, world->ring, entry);
    else if (event_pull_take_event(self, world, world->ring, entry, budget) != 0)
        return -1;
    self->serial++;
    return 0;
}

void
event_pull_ask_anew(event_pull_t *self)
{
    if (event_page_count(self->page) > 0 || event_page_has_gap(self->page)) {
        self->phase = PHASE_DONE;
        return;
    }
    self->ask.id = RESUME_ID;
    self->ask.cursor = self->looked;
    self->phase = PHASE_DECIDE;
}

static void
read_on(event_pull_t *self, const event_pull_world_t *world, int64_t *budget)
{
    if (self->serial < event_ring_first(world->ring)) {
        // The ring has passed us.
        event_pull_ask_anew(self);
        return;
    }
    while (self->serial < event_ring_next(world->ring) && *budget > 0) {
        if (event_page_is_full(self->page) || take_entry(self, world, budget) != 0) {
            self->phase = PHASE_DONE;
            return;
        }
    }
}

// Whether there is something to tell, so that waiting is over.
static bool
has_news(const event_pull_t *self)
{
    return event_page_count(self->page) > 0 || event_page_has_gap(self->page) ||
           self->answer.verdict == RESUME_RESET || self->answer.verdict == RESUME_UNKNOWN;
}

event_pull_outcome_t
event_pull_step(event_pull_t *self, const event_pull_world_t *world, bool hurry, int64_t now_ms,
                int64_t *budget)
{
    for (;;) {
        if (self->phase == PHASE_DECIDE) {
            decide(self, world, now_ms);
            if (self->phase == PHASE_DECIDE)
                return hurry || now_ms >= self->verdict_ms ? EVENT_PULL_UNKNOWN
                                                           : EVENT_PULL_WAITS;
        }
        if (self->phase == PHASE_SEEK)
            seek(self, world, budget);
        if (self->phase == PHASE_PAST)
            event_pull_read_past(self, world, now_ms, budget);
        if (self->phase == PHASE_READ)
            read_on(self, world, budget);
        if (self->phase == PHASE_DONE)
            return EVENT_PULL_DONE;
        if (*budget <= 0)
            return EVENT_PULL_MORE;
        if (self->phase == PHASE_PAST) {
            // The next page has still to come.
            if (!hurry && now_ms < self->verdict_ms)
                return EVENT_PULL_WAITS;
            if (!has_news(self))
                return EVENT_PULL_UNKNOWN;
            self->phase = PHASE_DONE;
            return EVENT_PULL_DONE;
        }
        if (self->phase != PHASE_READ || self->serial < event_ring_next(world->ring))
            continue;
        if (!has_news(self) && !hurry && now_ms < self->due_ms)
            return EVENT_PULL_WAITS;
        self->phase = PHASE_DONE;
        return EVENT_PULL_DONE;
    }
}

int64_t
event_pull_due_ms(const event_pull_t *self)
{
    return self->phase == PHASE_DECIDE || self->phase == PHASE_PAST ? self->verdict_ms
                                                                    : self->due_ms;
}

event_pull_answer_t
event_pull_finish(event_pull_t *self)
{
    assert(self->phase == PHASE_DONE);
    event_pull_answer_t answer = {.verdict = resume_verdict_name(self->answer.verdict),
                                  .next = self->looked};
    answer.text = event_page_finish(self->page, answer.verdict, &answer.next, &answer.bytes);
    return answer;
}
