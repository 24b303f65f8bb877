// event_pull - one question for events and, step by step, its answer
// SPDX-License-Identifier: MPL-2.0
#include "event_pull.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "event_facts.h"
#include "event_pull_private.h"
#include "gap_report.h"
#include "stream_group.h"

event_pull_t *
event_pull_new(stream_query_t *query, bool ndjson, int64_t now_ms)
{
    event_pull_t *self = calloc(1, sizeof *self);
    assert(self);
    event_page_limits_t limits = {
        .events = query->once.limit, .bytes = query->once.max_bytes, .ndjson = ndjson};
    self->page = event_page_new(&limits);
    self->envelope = query->envelope;
    self->filter = query->filter;
    query->filter = NULL;
    self->ask = query->ask;
    self->ask.asked_ms = now_ms;
    self->unasked = self->ask.id == RESUME_NO_ID && self->ask.since == RESUME_SINCE_NOTHING;
    // As an id: where a cursor is of another journal, the newest are given.
    if (self->ask.id == RESUME_NO_ID && self->ask.since == RESUME_SINCE_CURSOR) {
        self->ask.id = RESUME_ID;
        self->ask.cursor = self->ask.since_cursor;
        self->ask.since = RESUME_SINCE_NOTHING;
    }
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

void
event_pull_tell(event_pull_t *self, const char *reason, const mesh_cursor_t *from,
                const mesh_cursor_t *to, uint64_t at_most)
{
    json_t *gap = json_pack("{s:s}", "reason", reason);
    gap_report_between(gap, from, to, at_most);
    event_page_add_gap(self->page, gap);
}

static void
tell_verdict(event_pull_t *self, uint64_t epoch)
{
    json_t *gap = json_pack("{s:s}", "reason", gap_report_reason(&self->answer));
    gap_report_range(gap, epoch, &self->answer);
    event_page_add_gap(self->page, gap);
}

void
event_pull_open(event_pull_t *self, const resume_answer_t *answer, uint64_t epoch)
{
    self->answer = *answer;
    if (self->unasked)
        self->answer.verdict = RESUME_LIVE;
    if (self->answer.verdict == RESUME_GAP)
        tell_verdict(self, epoch);
    self->opened = true;
}

// The place after which a serial of the ring comes next.
static uint64_t
place_before(const event_ring_t *ring, uint64_t serial)
{
    if (serial == event_ring_next(ring))
        return event_ring_position(ring).offset;
    const event_ring_entry_t *entry = event_ring_entry(ring, serial);
    mesh_cursor_t cursor;
    bool placed = event_ring_cursor(ring, entry, &cursor);
    return placed && entry->offset > 0 ? entry->offset - 1 : entry->offset;
}

void
event_pull_read_from(event_pull_t *self, const event_ring_t *ring, uint64_t serial)
{
    // What was passed over because of its time is not for the next answer, either.
    uint64_t before = place_before(ring, serial);
    if (self->looked.offset < before)
        self->looked.offset = before;
    self->serial = serial;
    self->phase = PHASE_READ;
}

// The ring has all that there is.
static void
begin_at(event_pull_t *self, const event_ring_t *ring, uint64_t serial)
{
    self->looked = event_ring_position(ring);
    self->looked.offset =
        self->answer.start == RESUME_START_AFTER ? self->answer.after : (uint64_t) 0;
    event_pull_open(self, &self->answer, self->looked.epoch);
    event_pull_read_from(self, ring, serial);
}

static void
decide(event_pull_t *self, const event_pull_world_t *world, int64_t now_ms)
{
    const event_ring_t *ring = world->ring;
    resume_world_t known = world->known(world->arg, &self->ask, self->filter);
    self->answer = resume_decide(&self->ask, &known, now_ms);
    if (self->answer.verdict == RESUME_HOLD)
        return;
    if (past_reader_goes_back(&self->answer, &self->ask, &known)) {
        event_pull_begin_past(self, ring, 0);
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
    if (self->found < self->ask.last && known.removed.count > 0) {
        event_pull_begin_past(self, ring, self->ask.last - self->found);
        return;
    }
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
event_pull_take(event_pull_t *self, const event_ring_t *ring, const event_ring_entry_t *entry,
                const filter_event_t *event)
{
    if (self->envelope != ENVELOPE_DATA) {
        size_t bytes;
        const char *text = event_ring_text(ring, entry, self->envelope, &bytes);
        return event_page_add_text(self->page, text, bytes);
    }
    mesh_cursor_t cursor;
    bool placed = event_ring_cursor(ring, entry, &cursor);
    return event_page_add(self->page, placed ? &cursor : NULL, event);
}

// Look at an event of the ring. Returns -1 when it does not fit any more.
static int
take_event(event_pull_t *self, const event_pull_world_t *world, const event_ring_entry_t *entry,
           int64_t *budget)
{
    int rc = 0;
    if (!event_ring_is_gone(entry)) {
        filter_event_t event = event_facts(world->ring, entry, world->sessions);
        if (matches(self, &event, budget))
            rc = event_pull_take(self, world->ring, entry, &event);
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
    else if (take_event(self, world, entry, budget) != 0)
        return -1;
    self->serial++;
    return 0;
}

void
event_pull_end(event_pull_t *self)
{
    if (self->phase == PHASE_PAST)
        self->looked = self->past.looked;
    self->phase = PHASE_DONE;
}

static void
read_on(event_pull_t *self, const event_pull_world_t *world, int64_t *budget)
{
    if (self->serial < event_ring_first(world->ring)) {
        // The ring has passed us.
        event_pull_return_to_past(self);
        return;
    }
    while (self->serial < event_ring_next(world->ring) && *budget > 0) {
        if (event_page_room(self->page) == 0 || take_entry(self, world, budget) != 0) {
            event_pull_end(self);
            return;
        }
    }
}

// Whether there is something to tell, so that waiting is over.
static bool
has_news(const event_pull_t *self)
{
    return event_page_count(self->page) > 0 || event_page_has_gap(self->page) ||
           (self->opened &&
            (self->answer.verdict == RESUME_RESET || self->answer.verdict == RESUME_UNKNOWN));
}

// What was forgotten of that which is still to be read.
static type_removal_t
forgotten_ahead(const event_pull_t *self, const event_pull_world_t *world)
{
    const resume_ask_t ask = {
        .id = RESUME_ID,
        .cursor = self->phase == PHASE_PAST ? self->past.looked : self->looked,
    };
    return world->known(world->arg, &ask, self->filter).forgotten;
}

static bool
is_behind(const event_pull_t *self, const event_ring_t *ring)
{
    return self->opened &&
           (self->phase == PHASE_PAST ||
            (self->phase == PHASE_READ && self->serial < event_ring_next(ring)));
}

// A session may be forgotten between two steps.
static void
tell_forgotten(event_pull_t *self, const event_pull_world_t *world)
{
    mesh_cursor_t from = self->phase == PHASE_PAST ? self->past.looked : self->looked;
    mesh_cursor_t to = from;
    type_removal_t gone = forgotten_ahead(self, world);
    if (gone.count <= self->forgotten || from.epoch != event_ring_position(world->ring).epoch)
        return;
    to.offset = gone.offset;
    event_pull_tell(self, "forgotten", &from, &to, gone.count - self->forgotten);
}

static event_pull_outcome_t
go_on(event_pull_t *self, const event_pull_world_t *world, bool hurry, int64_t now_ms,
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
        if (self->phase == PHASE_READ)
            read_on(self, world, budget);
        if (self->phase == PHASE_PAST)
            event_pull_read_past(self, world, now_ms, budget);
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
            event_pull_end(self);
            return EVENT_PULL_DONE;
        }
        if (self->phase != PHASE_READ || self->serial < event_ring_next(world->ring))
            continue;
        if (!has_news(self) && !hurry && now_ms < self->due_ms)
            return EVENT_PULL_WAITS;
        event_pull_end(self);
        return EVENT_PULL_DONE;
    }
}

event_pull_outcome_t
event_pull_step(event_pull_t *self, const event_pull_world_t *world, bool hurry, int64_t now_ms,
                int64_t *budget)
{
    if (self->behind)
        tell_forgotten(self, world);
    event_pull_outcome_t outcome = go_on(self, world, hurry, now_ms, budget);
    self->behind = is_behind(self, world->ring);
    if (self->behind)
        self->forgotten = forgotten_ahead(self, world).count;
    return outcome;
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
