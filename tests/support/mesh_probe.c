// mesh_probe - a publisher or a subscriber of the C library, for scenarios that watch it
// SPDX-License-Identifier: MPL-2.0
//
// usage: mesh_probe RUNTIME_DIR publish COUNT PAUSE_MS    ends when all are acknowledged
//        mesh_probe RUNTIME_DIR subscribe                 ends on SIGTERM
//
// A publisher says "source UUID" and at the end "drained". A subscriber says what it is
// told: "event EPOCH OFFSET SOURCE SEQ COVERS", "gap REASON FROM TO", "state NAME".
#include <inttypes.h>

#include "mesh/publisher.h"
#include "mesh/signals.h"
#include "mesh/subscriber.h"

enum { STORE_BYTES = 16 * 1024 * 1024, BATCH = 5 };

typedef struct probe {
    zloop_t *loop;                  // owned
    mesh_link_t *link;              // owned
    mesh_publisher_t *publisher;    // owned, or NULL
    size_t left;                    // to publish
} probe_t;

static void
on_drained(void *arg)
{
    (void) arg;
    printf("drained\n");
    fflush(stdout);
    // Ends the loop from its next handler; a drained publisher has nothing else to do.
    raise(SIGTERM);
}

static int
on_publish_due(zloop_t *loop, int timer_id, void *arg)
{
    probe_t *self = arg;
    for (int i = 0; i < BATCH && self->left > 0; i++, self->left--) {
        json_t *payload = json_pack("{s:s, s:s}", "stage", "banner", "message", "probe");
        if (!mesh_publisher_publish(self->publisher, "aider.session_progress", "s", NULL,
                                    (double) zclock_time() / 1000, payload))
            return -1;
    }
    if (self->left == 0) {
        zloop_timer_end(loop, timer_id);
        mesh_publisher_on_drained(self->publisher, on_drained, self);
    }
    return 0;
}

static void
on_event(void *arg, const mesh_event_t *event)
{
    (void) arg;
    char source[MESH_UUID_TEXT_SIZE];
    mesh_uuid_format(&event->header.source, source);
    printf("event %016" PRIx64 " %" PRIu64 " %s %" PRIu64 " %" PRIu32 "\n", event->header.epoch,
           event->header.offset, source, event->header.seq, event->header.covers);
}

static void
on_gap(void *arg, const mesh_gap_t *gap)
{
    (void) arg;
    static const char *const reasons[] = {"trimmed", "new_epoch", "journal_down", "journal_up"};
    char from[MESH_CURSOR_SIZE], to[MESH_CURSOR_SIZE];
    mesh_cursor_format(&gap->from, from);
    mesh_cursor_format(&gap->to, to);
    printf("gap %s %s %s\n", reasons[gap->reason], from, to);
}

static void
on_state(void *arg, mesh_subscriber_state_t state)
{
    (void) arg;
    static const char *const names[] = {"away", "catching_up", "live"};
    printf("state %s\n", names[state]);
}

static const mesh_subscriber_handler_t handler = {on_event, on_gap, on_state};

static int
on_signal(int number, void *arg)
{
    (void) number;
    (void) arg;
    return -1;
}

// What is printed becomes readable at once.
static int
on_flush_due(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    (void) arg;
    fflush(stdout);
    return 0;
}

static void
publish(probe_t *self, size_t count, size_t pause_ms)
{
    char source[MESH_UUID_TEXT_SIZE];
    self->left = count;
    self->publisher = mesh_publisher_new(self->loop, self->link, STORE_BYTES);
    mesh_uuid_format(mesh_publisher_source(self->publisher), source);
    printf("source %s\n", source);
    zloop_timer(self->loop, pause_ms, 0, on_publish_due, self);
    zloop_start(self->loop);
    mesh_publisher_destroy(&self->publisher);
}

static void
subscribe(probe_t *self)
{
    mesh_subscriber_t *subscriber =
        mesh_subscriber_new(self->loop, self->link, MESH_FROM_EARLIEST, NULL, &handler, self);
    zloop_timer(self->loop, 20, 0, on_flush_due, NULL);
    zloop_start(self->loop);
    mesh_subscriber_destroy(&subscriber);
}

int
main(int argc, char *argv[])
{
    bool publishes = argc == 5 && streq(argv[2], "publish");
    if (!publishes && !(argc == 3 && streq(argv[2], "subscribe"))) {
        fprintf(stderr, "usage: mesh_probe RUNTIME_DIR publish COUNT PAUSE_MS | subscribe\n");
        return 2;
    }
    zsys_init();
    zsys_handler_set(NULL);
    char *error = NULL, *assignment = zsys_sprintf("mesh/runtime_dir=%s", argv[1]);
    mesh_settings_t *settings = mesh_settings_new();
    probe_t self = {.loop = zloop_new()};
    zloop_set_nonstop(self.loop, true);
    mesh_signals_t *signals = mesh_signals_new(self.loop, on_signal, NULL);
    mesh_link_identity_t identity = {.transport_type = "cli", .host = "probe-host"};
    if (mesh_settings_assign(settings, assignment, "probe", &error) == 0)
        self.link = mesh_link_new(self.loop, settings, &identity, &error);
    if (self.link && publishes)
        publish(&self, strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10));
    else if (self.link)
        subscribe(&self);
    else
        fprintf(stderr, "mesh_probe: %s\n", error);
    int status = self.link ? 0 : 1;
    mesh_link_destroy(&self.link);
    mesh_signals_destroy(&signals);
    zloop_destroy(&self.loop);
    mesh_settings_destroy(&settings);
    zstr_free(&assignment);
    free(error);
    return status;
}
