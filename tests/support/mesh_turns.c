// mesh_turns - one event again and again: the first after a connect, the last before a silence
// SPDX-License-Identifier: MPL-2.0
//
// usage: mesh_turns PLACE published|followed|silence COUNT SEED
//
//   published   each turn a new publisher, whose one event is published before it is connected
//   followed    each turn a new subscriber, for which one event is published once it is live
//   silence     each turn a burst of 1 to 20 events, and nothing more before the last is there
//
// A turn ends when its last event has come. Says at the end "COUNT turns, the slowest N ms".
// Ends with 1 and says which turn it was when an event does not come within 30 s, or another
// comes than the next.
#include <inttypes.h>

#include "choice.h"
#include "mesh/clock.h"
#include "mesh/publisher.h"
#include "mesh/subscriber.h"
#include "probe.h"

enum { STORE_BYTES = 1024 * 1024, BURST_LIMIT = 20, PATIENCE_MS = 30000, TICK_MS = 1 };

typedef enum { PUBLISHED, FOLLOWED, SILENCE, MODES } turns_mode_t;

static const char *const mode_names[MODES] = {"published", "followed", "silence"};

typedef struct turns {
    probe_t *probe;    // borrowed
    turns_mode_t mode;
    size_t count, done;
    choice_t choice;
    mesh_link_t *publishing, *following;    // owned
    mesh_publisher_t *publisher;            // owned
    mesh_subscriber_t *subscriber;          // owned
    mesh_uuid_t source;                     // the publisher's
    bool under_way;                         // events of this turn are published
    uint64_t last_seq;                      // of those published
    uint64_t seen_seq;                      // of those that came
    int64_t began_ms, slowest_ms;
    const char *wrong;    // what ends it before its time
} turns_t;

static void
on_event(void *arg, const mesh_event_t *event)
{
    turns_t *self = arg;
    if (!mesh_uuid_equal(&event->header.source, &self->source))
        return;
    if (event->header.seq != self->seen_seq + 1 || event->header.covers != 1)
        self->wrong = event->header.seq <= self->seen_seq ? "an event came twice"
                                                          : "an event was left out";
    self->seen_seq = event->header.seq;
}

static void
on_gap(void *arg, const mesh_gap_t *gap)
{
    (void) gap;
    turns_t *self = arg;
    self->wrong = "a gap was told";
}

static const mesh_subscriber_handler_t handler = {.on_event = on_event, .on_gap = on_gap};

static void
open_publisher(turns_t *self)
{
    self->publishing = probe_link(self->probe);
    self->publisher = mesh_publisher_new(self->probe->loop, self->publishing, STORE_BYTES);
    self->source = *mesh_publisher_source(self->publisher);
    self->last_seq = self->seen_seq = 0;
}

static void
close_publisher(turns_t *self)
{
    mesh_publisher_destroy(&self->publisher);
    mesh_link_destroy(&self->publishing);
}

static void
open_subscriber(turns_t *self)
{
    self->following = probe_link(self->probe);
    self->subscriber = mesh_subscriber_new(self->probe->loop, self->following, MESH_FROM_NOW,
                                           NULL, &handler, self);
}

static void
close_subscriber(turns_t *self)
{
    mesh_subscriber_destroy(&self->subscriber);
    mesh_link_destroy(&self->following);
}

static bool
is_live(const turns_t *self)
{
    return self->subscriber && mesh_subscriber_state(self->subscriber) == MESH_SUBSCRIBER_LIVE;
}

static void
publish(turns_t *self, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        json_t *payload = json_pack("{s:s, s:s}", "stage", "banner", "message", "turn");
        self->last_seq = mesh_publisher_publish(self->publisher, "aider.session_progress",
                                                "turn", NULL, mesh_clock_unix_s(), payload);
    }
    self->under_way = true;
}

// Begin a turn, if what it needs is there.
static void
begin(turns_t *self)
{
    if (self->mode == FOLLOWED && !self->subscriber)
        open_subscriber(self);
    if (!is_live(self))
        return;
    if (self->mode == PUBLISHED)
        open_publisher(self);
    publish(self, self->mode == SILENCE ? 1 + choose(&self->choice, BURST_LIMIT) : 1);
}

static void
end(turns_t *self, int64_t now_ms)
{
    if (now_ms - self->began_ms > self->slowest_ms)
        self->slowest_ms = now_ms - self->began_ms;
    if (self->mode == PUBLISHED)
        close_publisher(self);
    else if (self->mode == FOLLOWED)
        close_subscriber(self);
    self->done++;
    self->began_ms = now_ms;
    self->under_way = false;
}

// zloop_timer_fn: links and publishers are not ended from within their own handlers.
static int
on_tick(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    turns_t *self = arg;
    int64_t now_ms = zclock_mono();
    if (!self->under_way)
        begin(self);
    else if (self->seen_seq == self->last_seq)
        end(self, now_ms);
    if (now_ms - self->began_ms > PATIENCE_MS)
        self->wrong = "an event did not come within 30 s";
    return self->done == self->count || self->wrong ? -1 : 0;
}

static int
run(probe_t *probe, turns_mode_t mode, size_t count, uint64_t seed)
{
    turns_t self = {.probe = probe,
                    .mode = mode,
                    .count = count,
                    .choice = choice_of_seed(seed, count + 1),
                    .began_ms = zclock_mono()};
    if (mode != PUBLISHED)
        open_publisher(&self);
    if (mode != FOLLOWED)
        open_subscriber(&self);
    zloop_timer(probe->loop, TICK_MS, 0, on_tick, &self);
    zloop_start(probe->loop);
    close_subscriber(&self);
    close_publisher(&self);
    if (self.done == count)
        printf("%zu turns, the slowest %" PRId64 " ms\n", count, self.slowest_ms);
    else
        fprintf(stderr, "mesh_turns: turn %zu of %zu: %s\n", self.done + 1, count,
                self.wrong ? self.wrong : "stopped");
    return self.done == count ? 0 : -1;
}

int
main(int argc, char *argv[])
{
    turns_mode_t mode = 0;
    while (argc == 5 && mode < MODES && !streq(argv[2], mode_names[mode]))
        mode++;
    if (argc != 5 || mode == MODES) {
        fprintf(stderr, "usage: mesh_turns PLACE published|followed|silence COUNT SEED\n");
        return 2;
    }
    probe_t probe;
    int rc = probe_begin(&probe, argv[1]);
    if (rc == 0)
        rc = run(&probe, mode, strtoul(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
    probe_end(&probe);
    return rc == 0 ? 0 : 1;
}
