// event_pull - one question for events and, step by step, its answer
// SPDX-License-Identifier: MPL-2.0
#include "event_pull.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "event_facts.h"
#include "stream_group.h"

typedef enum {
    PHASE_DECIDE,    // where to begin is not known yet
    PHASE_SEEK,      // looking back for the last n events
    PHASE_PAST,      // in the journal, before what the ring holds
    PHASE_READ,
    PHASE_DONE,
} phase_t;

struct event_pull {
    filter_t *filter;      // owned
    event_page_t *page;    // owned
    resume_ask_t ask;
    resume_answer_t answer;
    bool unasked;          // for no place: no verdict on what is gone
    int64_t due_ms;        // when waiting ends
    int64_t verdict_ms;    // when waiting for the verdict ends
    phase_t phase;
    uint64_t serial;     // of the next entry to look at; in PHASE_SEEK the last one looked at
    uint32_t found;      // in PHASE_SEEK
    bool seeks_time;     // in PHASE_PAST: what was recorded before the time is passed over
    uint64_t told_to;    // in PHASE_PAST: that something is missing up to here was told
    mesh_cursor_t looked;    // what is up to here has been looked at
};

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

// The same members as a stream's stream.gap.
static void
tell_gap(event_pull_t *self, uint64_t epoch)
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
        tell_gap(self, self->looked.epoch);
    self->serial = serial;
    self->phase = PHASE_READ;
}

// Whether what was removed from the ring is to be asked of the journal. Where no type that
// matches was removed, the ring alone has all there is.
static bool
goes_back(const event_pull_t *self, const event_pull_world_t *world,
          const resume_world_t *known)
{
    if (!world->page)
        return false;
    if (self->answer.start == RESUME_START_EARLIEST)
        return known->removed.count > 0;
    return self->answer.verdict == RESUME_GAP && !self->answer.forgotten &&
           self->answer.start != RESUME_START_LAST;
}

static void
begin_past(event_pull_t *self, const event_ring_t *ring)
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
    if (goes_back(self, world, &known)) {
        begin_past(self, ring);
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

// The cursor in the frame of an entry. Returns false when it has none.
static bool
cursor_of(const event_ring_t *ring, const event_ring_entry_t *entry, mesh_cursor_t *cursor)
{
    static const char id[] = "id: ";
    const char *frame = event_ring_frame(ring, entry);
    char text[MESH_CURSOR_SIZE];
    if (memcmp(frame, id, sizeof id - 1) != 0)
        return false;
    frame += sizeof id - 1;
    size_t bytes = (size_t) ((const char *) memchr(frame, '\n', sizeof text) - frame);
    memcpy(text, frame, bytes);
    text[bytes] = '\0';
    int rc = mesh_cursor_parse(cursor, text);
    assert(rc == 0);    // event_frame has written it
    return true;
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
    (void) cursor_of(ring, entry, &self->looked);
}

// Look at an event of the ring, or of a page of the past. Returns -1 when it does not fit any
// more.
static int
take_event(event_pull_t *self, const event_pull_world_t *world, const event_ring_t *ring,
           const event_ring_entry_t *entry, int64_t *budget)
{
    int rc = 0;
    if (!event_ring_is_gone(entry)) {
        filter_event_t event = event_facts(ring, entry, world->sessions);
        if (matches(self, &event, budget)) {
            mesh_cursor_t cursor;
            bool placed = cursor_of(ring, entry, &cursor);
            rc = event_page_add(self->page, placed ? &cursor : NULL, &event);
        }
        filter_event_clear(&event);
    }
    if (rc == 0)
        self->looked.offset = entry->offset;
    return rc;
}

// The same of any entry of the ring.
static int
take_entry(event_pull_t *self, const event_pull_world_t *world, int64_t *budget)
{
    const event_ring_entry_t *entry = event_ring_entry(world->ring, self->serial);
    if (entry->type == EVENT_RING_EVERYONE)
        take_control(self, world->ring, entry);
    else if (take_event(self, world, world->ring, entry, budget) != 0)
        return -1;
    self->serial++;
    return 0;
}

// As if the client asked now for what it has not been given.
static void
ask_anew(event_pull_t *self)
{
    if (event_page_count(self->page) > 0 || event_page_has_gap(self->page)) {
        self->phase = PHASE_DONE;
        return;
    }
    self->ask.id = RESUME_ID;
    self->ask.cursor = self->looked;
    self->phase = PHASE_DECIDE;
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
    tell_gap(self, self->looked.epoch);
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
                   take_event(self, world, page->ring, entry, budget) != 0) {
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
    return cursor_of(ring, entry, &cursor) ? self->looked.offset + 1 >= entry->offset
                                           : self->looked.offset >= entry->offset;
}

static void
read_past(event_pull_t *self, const event_pull_world_t *world, int64_t now_ms, int64_t *budget)
{
    const event_ring_t *ring = world->ring;
    if (event_ring_position(ring).epoch != self->looked.epoch) {
        ask_anew(self);
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

static void
read_on(event_pull_t *self, const event_pull_world_t *world, int64_t *budget)
{
    if (self->serial < event_ring_first(world->ring)) {
        // The ring has passed us.
        ask_anew(self);
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
            read_past(self, world, now_ms, budget);
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
