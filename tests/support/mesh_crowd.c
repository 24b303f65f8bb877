// mesh_crowd - many subscribers of the C library in one program, for scenarios
// SPDX-License-Identifier: MPL-2.0
//
// usage: mesh_crowd PLACE COUNT
//
// PLACE is a runtime directory or the endpoint of a control socket. Each subscriber has a link
// of its own and begins with the earliest event. Says "live COUNT" once all are live, and after
// that "all OFFSET" whenever all are live at the same place. Ends with failure where a
// subscriber is given an event that does not follow the one before, or is told of a gap; else
// on SIGTERM.
#include <assert.h>
#include <inttypes.h>

#include "mesh/subscriber.h"
#include "probe.h"

enum { COUNT_LIMIT = 1000, LOOK_MS = 100 };

typedef struct member {
    struct crowd *crowd;              // borrowed
    mesh_link_t *link;                // owned
    mesh_subscriber_t *subscriber;    // owned
    uint64_t offset;                  // of the last event
} member_t;

typedef struct crowd {
    member_t members[COUNT_LIMIT];
    size_t count;
    bool all_live;
    bool wronged;
    uint64_t told;    // the offset that was said last
} crowd_t;

static void
on_event(void *arg, const mesh_event_t *event)
{
    member_t *self = arg;
    if (event->header.offset <= self->offset)
        self->crowd->wronged = true;
    self->offset = event->header.offset;
}

static void
on_gap(void *arg, const mesh_gap_t *gap)
{
    (void) gap;
    ((member_t *) arg)->crowd->wronged = true;
}

static const mesh_subscriber_handler_t handler = {.on_event = on_event, .on_gap = on_gap};

// zloop_timer_fn
static int
on_look(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    crowd_t *self = arg;
    uint64_t offset = mesh_subscriber_position(self->members[0].subscriber).offset;
    for (size_t i = 0; i < self->count && !self->wronged; i++) {
        const mesh_subscriber_t *subscriber = self->members[i].subscriber;
        if (mesh_subscriber_state(subscriber) != MESH_SUBSCRIBER_LIVE)
            return 0;
        if (self->all_live && mesh_subscriber_position(subscriber).offset != offset)
            return 0;
    }
    if (!self->all_live)
        printf("live %zu\n", self->count);
    else if (offset != self->told)
        printf("all %" PRIu64 "\n", self->told = offset);
    self->all_live = true;
    (void) fflush(stdout);
    return self->wronged ? -1 : 0;
}

int
main(int argc, char *argv[])
{
    size_t count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (count == 0 || count > COUNT_LIMIT) {
        fprintf(stderr, "usage: mesh_crowd PLACE COUNT\n");
        return 2;
    }
    probe_t probe;
    bool connected = probe_begin(&probe, argv[1]) == 0;
    crowd_t *self = zmalloc(sizeof *self);
    while (connected && self->count < count) {
        member_t *member = &self->members[self->count];
        member->crowd = self;
        member->link = probe_link(&probe);
        connected = member->link != NULL;
        if (!connected)
            break;
        member->subscriber = mesh_subscriber_new(probe.loop, member->link, MESH_FROM_EARLIEST,
                                                 NULL, &handler, member);
        self->count++;
    }
    if (connected) {
        zloop_timer(probe.loop, LOOK_MS, 0, on_look, self);
        zloop_start(probe.loop);
    }
    for (size_t i = 0; i < self->count; i++) {
        mesh_subscriber_destroy(&self->members[i].subscriber);
        mesh_link_destroy(&self->members[i].link);
    }
    bool well = connected && !self->wronged;
    free(self);
    probe_end(&probe);
    return well ? 0 : 1;
}
