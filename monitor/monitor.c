// monitor - watches the mesh's requests and the mesh itself, and says what it finds
// SPDX-License-Identifier: MPL-2.0
#include "monitor.h"

#include <assert.h>
#include <czmq.h>
#include <inttypes.h>
#include <jansson.h>

#include "event_reader.h"
#include "member_list.h"
#include "mesh/clock.h"
#include "mesh/exit_status.h"
#include "mesh/log.h"
#include "mesh/paths.h"
#include "mesh/program.h"
#include "mesh/publisher.h"
#include "mesh/ready.h"
#include "mesh/signals.h"
#include "mesh/subscriber.h"
#include "mesh/topic.h"
#include "mesh_health.h"
#include "monitor_settings.h"
#include "request_watch.h"
#include "sight.h"
#include "state_keeper.h"
#include "throttling_report.h"

enum {
    TICK_MS = 500,
    OUTBOX_BYTES = 4 * 1024 * 1024,    // of our own events, while the broker is away
    // Past so many that wait, silences are not reported yet: the outbox would drop some.
    WAITING_LIMIT = 2000,
    DRAIN_MS = 500,    // what a stop waits for, so that it ends within the second it has
};

typedef struct monitor {
    zloop_t *loop;    // owned, as all below
    mesh_signals_t *signals;
    mesh_link_t *link;
    mesh_publisher_t *publisher;
    mesh_subscriber_t *subscriber;
    request_watch_t *watch;
    state_keeper_t *keeper;
    mesh_health_t *health;
    member_list_t *members;
    sight_t sight;
    int64_t health_every_ms;

    int deadline_timer;     // -1: none
    int64_t deadline_ms;    // when it fires
    int64_t health_due_ms;
    bool health_told;    // at least once
    mesh_health_status_t health_status;
    uint64_t refused;
    bool stopping;
} monitor_t;

static int on_deadline(zloop_t *loop, int timer_id, void *arg);

// request_watch_room_fn
static bool
has_room(void *arg)
{
    const monitor_t *self = arg;
    return mesh_publisher_waiting(self->publisher) < WAITING_LIMIT;
}

// Have the loop call when the watch next has something to do; the next tick looks again where
// there is no room for it. A timer that fires too early is
// left alone: setting one anew for each progress would cost more than looking once in vain.
static void
arm(monitor_t *self, int64_t now_ms)
{
    int64_t next_ms = request_watch_next_ms(self->watch);
    if (next_ms < 0 || !has_room(self) ||
        (self->deadline_timer >= 0 && self->deadline_ms <= next_ms))
        return;
    if (self->deadline_timer >= 0)
        zloop_timer_end(self->loop, self->deadline_timer);
    int64_t delay_ms = next_ms > now_ms ? next_ms - now_ms : 1;
    self->deadline_timer = zloop_timer(self->loop, (size_t) delay_ms, 1, on_deadline, self);
    self->deadline_ms = next_ms;
}

// Keep what has changed: at once where an event of ours waits for it, all of it now and then.
// And send what is kept.
static void
settle(monitor_t *self, bool all, int64_t now_ms)
{
    mesh_outbox_t *outbox = mesh_publisher_outbox(self->publisher);
    mesh_cursor_t consumed = mesh_subscriber_position(self->subscriber);
    uint64_t last = mesh_outbox_next_seq(outbox) - 1;
    if ((all || last > state_keeper_sendable(self->keeper, outbox)) &&
        state_keeper_is_due(self->keeper, self->watch, outbox, &consumed, now_ms))
        (void) state_keeper_keep(self->keeper, self->watch, outbox, &consumed, now_ms,
                                 mesh_clock_unix_us());
    mesh_health_state(self->health, state_keeper_fault(self->keeper));
    mesh_publisher_allow(self->publisher, state_keeper_sendable(self->keeper, outbox));
}

// Look at the requests only as far as what is known of them is fresh.
static void
watch_requests(monitor_t *self, int64_t now_ms)
{
    if (!sight_is_clear(&self->sight, now_ms))
        request_watch_hold(self->watch);
    else if (request_watch_is_held(self->watch))
        request_watch_resume(self->watch, now_ms);
    else
        request_watch_advance(self->watch, now_ms);
    arm(self, now_ms);
}

// zloop_timer_fn: a request's next step begins.
static int
on_deadline(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    monitor_t *self = arg;
    self->deadline_timer = -1;
    int64_t now_ms = zclock_mono();
    sight_tick(&self->sight, now_ms);
    watch_requests(self, now_ms);
    settle(self, false, now_ms);
    return 0;
}

static void
tell_health(monitor_t *self, int64_t now_ms)
{
    mesh_cursor_t position = mesh_subscriber_position(self->subscriber);
    mesh_cursor_t head = mesh_subscriber_head(self->subscriber);
    bool behind = head.epoch == position.epoch && head.offset > position.offset;
    mesh_health_counts_t counts = {
        .requests = request_watch_count(self->watch),
        .events_refused = self->refused,
        .events_dropped = mesh_publisher_dropped(self->publisher),
        .lag = behind ? head.offset - position.offset : 0,
    };
    json_t *payload = mesh_health_payload(self->health, &counts, now_ms);
    mesh_publisher_publish(self->publisher, "mesh.health", NULL, NULL, mesh_clock_unix_s(),
                           payload);
    self->health_told = true;
    self->health_status = mesh_health_status(self->health, now_ms);
    // By the schedule, not by when the tick came; anew after a pause.
    self->health_due_ms += self->health_every_ms;
    if (self->health_due_ms <= now_ms)
        self->health_due_ms = now_ms + self->health_every_ms;
}

// Tell the health when it changes, and from time to time. While the broker is away only a
// change is told: each would wait, and arrive as old news.
static void
watch_health(monitor_t *self, int64_t now_ms)
{
    bool up = mesh_link_is_up(self->link);
    mesh_health_broker(self->health, up);
    mesh_health_catching_up(
        self->health, mesh_subscriber_state(self->subscriber) == MESH_SUBSCRIBER_CATCHING_UP,
        now_ms);
    if (!self->health_told && !sight_is_clear(&self->sight, now_ms))
        return;
    bool changed = self->health_status != mesh_health_status(self->health, now_ms);
    if (!self->health_told || changed || (up && now_ms >= self->health_due_ms))
        tell_health(self, now_ms);
}

// zloop_timer_fn: time to look around.
static int
on_tick(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    monitor_t *self = arg;
    int64_t now_ms = zclock_mono();
    sight_tick(&self->sight, now_ms);
    watch_requests(self, now_ms);
    member_list_tick(self->members);
    watch_health(self, now_ms);
    settle(self, true, now_ms);
    mesh_ready_notify("WATCHDOG=1");
    return 0;
}

// request_watch_report_fn
static void
on_report(void *arg, const request_report_t *report)
{
    monitor_t *self = arg;
    const request_t *request = report->request;
    // Whoever follows the session's host is to see it, wherever the monitor runs.
    mesh_publisher_publish_from(self->publisher, request->host[0] ? request->host : NULL,
                                report->reason ? "aider.throttling_cleared"
                                               : "aider.throttling_detected",
                                request->session, request->request[0] ? request->request : NULL,
                                mesh_clock_unix_s(), throttling_report_payload(report));
}

static void
observe(monitor_t *self, const mesh_event_t *event, const observation_t *observation,
        int64_t now_ms)
{
    int64_t wall_us = mesh_clock_unix_us();
    int64_t at_ms = now_ms;
    if (mesh_subscriber_state(self->subscriber) != MESH_SUBSCRIBER_LIVE)
        at_ms -= sight_age_ms(event->header.recorded_us, wall_us);

    bool of_transport = observation->transport_id[0] != '\0';
    if (of_transport) {
        member_list_changed(self->members, event->header.offset);
        mesh_health_observe(self->health, observation, at_ms);
        return;
    }
    // Our own words come back to us; we know them, and may have taken them back since.
    if (state_keeper_has_said(self->keeper, &event->header.source, event->header.seq))
        return;
    if (observation->what == OBSERVED_SESSION_FORGOTTEN)
        state_keeper_forget(self->keeper);
    bool late = event->header.flags & MESH_WIRE_LATE;
    request_watch_observe(self->watch, observation, at_ms, late, now_ms);
    arm(self, now_ms);
    settle(self, observation->what == OBSERVED_SESSION_FORGOTTEN, now_ms);
}

static void
on_event(void *arg, const mesh_event_t *event)
{
    monitor_t *self = arg;
    mesh_health_event(self->health, event->header.flags & MESH_WIRE_LATE);
    mesh_topic_t topic;
    if (mesh_topic_parse(&topic, event->topic, event->topic_bytes) != 0) {
        self->refused++;
        return;
    }
    observation_t observation;
    switch (event_reader_read(&observation, topic.type, event->payload, event->payload_bytes)) {
    case EVENT_READER_READ:
        observe(self, event, &observation, zclock_mono());
        break;
    case EVENT_READER_IGNORED:
        break;
    case EVENT_READER_REFUSED:
        self->refused++;
        mesh_log_warning("event-refused",
                         "%s at %016" PRIx64 "-%" PRIu64 "; %" PRIu64 " so far", topic.type,
                         event->header.epoch, event->header.offset, self->refused);
        break;
    }
}

// Requests go on being known; one that ended in the gap says nothing any more, and is not
// reported.
static void
note_gap(monitor_t *self, const mesh_gap_t *gap)
{
    char from[MESH_CURSOR_SIZE], to[MESH_CURSOR_SIZE];
    mesh_cursor_format(&gap->from, from);
    mesh_cursor_format(&gap->to, to);
    mesh_log_warning("events-missed", "%s; what was seen last is %s, what comes is after %s",
                     gap->reason == MESH_GAP_TRIMMED ? "the journal has them no more"
                                                     : "the journal is another one",
                     from, to);
    mesh_health_gap(self->health, zclock_mono());
}

static void
on_gap(void *arg, const mesh_gap_t *gap)
{
    monitor_t *self = arg;
    switch (gap->reason) {
    case MESH_GAP_JOURNAL_DOWN:
        mesh_health_journal(self->health, false);
        break;
    case MESH_GAP_JOURNAL_UP:
        mesh_health_journal(self->health, true);
        break;
    case MESH_GAP_NEW_EPOCH:
        member_list_new_epoch(self->members);
        note_gap(self, gap);
        break;
    case MESH_GAP_TRIMMED:
        note_gap(self, gap);
        break;
    }
}

static void
on_state(void *arg, mesh_subscriber_state_t state)
{
    monitor_t *self = arg;
    int64_t now_ms = zclock_mono();
    switch (state) {
    case MESH_SUBSCRIBER_AWAY:
        sight_lost(&self->sight);
        break;
    case MESH_SUBSCRIBER_CATCHING_UP:
        sight_behind(&self->sight);
        break;
    case MESH_SUBSCRIBER_LIVE:
        if (!sight_is_live(&self->sight))
            mesh_log_info("live", "every event up to now has been seen");
        member_list_want(self->members);
        sight_live(&self->sight, now_ms);
        break;
    }
    watch_requests(self, now_ms);
    settle(self, false, now_ms);
}

static const mesh_subscriber_handler_t SUBSCRIBER_HANDLER = {
    .on_event = on_event,
    .on_gap = on_gap,
    .on_state = on_state,
};

// mesh_link_service_fn: "requests"
static json_t *
on_requests_called(void *arg, const json_t *query)
{
    monitor_t *self = arg;
    return throttling_report_list(self->watch, query, zclock_mono());
}

static void
reload(monitor_t *self)
{
    char *error = NULL;
    mesh_settings_t *settings = mesh_program_reload(&error);
    if (!settings) {
        mesh_log_error("reload-failed", "%s", error);
        free(error);
        return;
    }
    request_watch_limits_t limits = monitor_settings_limits(settings);
    request_watch_set_thresholds(self->watch, &limits.throttling);
    self->health_every_ms = mesh_settings_ms(settings, "monitor/health_every");
    mesh_settings_destroy(&settings);
    int64_t now_ms = zclock_mono();
    self->health_due_ms = now_ms;
    watch_requests(self, now_ms);
    settle(self, false, now_ms);
    mesh_log_info("reloaded", "thresholds and intervals are those of the configuration now");
}

// zloop_timer_fn
static int
on_drain_over(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    (void) arg;
    return -1;
}

// mesh_publisher_drained_fn: it cannot end the loop by what it returns, a timer can.
static void
on_drained(void *arg)
{
    monitor_t *self = arg;
    zloop_timer(self->loop, 1, 1, on_drain_over, self);
}

// mesh_signals_fn
static int
on_signal(int number, void *arg)
{
    monitor_t *self = arg;
    if (number == SIGHUP) {
        reload(self);
        return 0;
    }
    if (self->stopping)
        return -1;
    self->stopping = true;
    mesh_ready_notify("STOPPING=1");
    if (mesh_publisher_waiting(self->publisher) == 0 || !mesh_link_is_up(self->link))
        return -1;
    mesh_publisher_on_drained(self->publisher, on_drained, self);
    mesh_link_heartbeat(self->link);
    zloop_timer(self->loop, DRAIN_MS, 1, on_drain_over, self);
    return 0;
}

// mesh_publisher_renew_fn
static mesh_outbox_t *
on_renewal(void *arg)
{
    monitor_t *self = arg;
    mesh_outbox_t *outbox = mesh_outbox_new(OUTBOX_BYTES);
    state_keeper_renewed(self->keeper, mesh_publisher_outbox(self->publisher), outbox);
    return outbox;
}

// Find the file of what was known.
static void
find_state(monitor_t *self, const mesh_settings_t *settings)
{
    char *path = NULL, *error = NULL;
    int rc = monitor_settings_state(&path, settings, &error);
    bool durable = streq(mesh_settings_string(settings, "broker/durability"), "disk");
    self->keeper = state_keeper_new(path, durable);
    if (rc != 0)
        state_keeper_refuse(self->keeper, error);
    free(error);
    free(path);
}

// Connect to the mesh. Returns 0, or -1 with the reason logged.
static int
connect_to_mesh(monitor_t *self, const mesh_settings_t *settings)
{
    char *host = mesh_paths_host(settings);
    json_t *capabilities = json_pack("[s, s, s]", "aider.throttling_detected",
                                     "aider.throttling_cleared", "mesh.health");
    assert(capabilities);
    mesh_link_identity_t identity = {
        .transport_type = "monitor", .host = host, .capabilities = capabilities};
    char *error = NULL;
    self->link = mesh_link_new(self->loop, settings, &identity, &error);
    json_decref(capabilities);
    free(host);
    if (!self->link) {
        mesh_log_error("link-unusable", "%s", error);
        free(error);
        return -1;
    }
    mesh_link_serve(self->link, "requests", on_requests_called, self);
    self->members = member_list_new(self->link, self->health);
    return 0;
}

// Go on where what is kept ends; without, at the beginning of what the mesh keeps.
static void
go_on(monitor_t *self)
{
    mesh_cursor_t consumed;
    mesh_outbox_t *outbox = state_keeper_open(self->keeper, OUTBOX_BYTES, &consumed);
    size_t waiting = mesh_outbox_count(outbox);
    self->publisher = mesh_publisher_new_on(self->loop, self->link, &outbox);
    mesh_publisher_on_renewal(self->publisher, on_renewal, self);
    request_watch_on_room(self->watch, has_room, self);
    mesh_from_t from = consumed.epoch ? MESH_FROM_CURSOR : MESH_FROM_EARLIEST;
    self->subscriber =
        mesh_subscriber_new(self->loop, self->link, from, &consumed, &SUBSCRIBER_HANDLER, self);
    size_t requests =
        state_keeper_restore(self->keeper, self->watch, zclock_mono(), mesh_clock_unix_us());
    char cursor[MESH_CURSOR_SIZE];
    mesh_cursor_format(&consumed, cursor);
    if (consumed.epoch)
        mesh_log_info("state-restored", "%zu requests, %zu events of ours to send, after %s",
                      requests, waiting, cursor);
}

int
monitor_run(const mesh_settings_t *settings, int argc, char *argv[])
{
    (void) argc;
    (void) argv;
    int64_t now_ms = zclock_mono();
    request_watch_limits_t limits = monitor_settings_limits(settings);
    monitor_t self = {
        .deadline_timer = -1,
        .health_every_ms = mesh_settings_ms(settings, "monitor/health_every"),
    };
    sight_begin(&self.sight, now_ms);
    self.loop = zloop_new();
    self.signals = mesh_signals_new(self.loop, on_signal, &self);
    self.watch = request_watch_new(&limits, on_report, &self);
    self.health = mesh_health_new(now_ms);

    int status = MESH_EXIT_FAILED;
    find_state(&self, settings);
    if (connect_to_mesh(&self, settings) != 0)
        goto done;
    go_on(&self);
    zloop_timer(self.loop, TICK_MS, 0, on_tick, &self);
    mesh_ready_notify("READY=1");
    mesh_log_info("started", "watching as %s", mesh_link_transport_id(self.link));
    zloop_start(self.loop);
    settle(&self, true, zclock_mono());
    mesh_log_info("stopped", "%zu events of ours not taken by the broker",
                  mesh_publisher_waiting(self.publisher));
    status = MESH_EXIT_STOPPED;

done:
    mesh_subscriber_destroy(&self.subscriber);
    mesh_publisher_destroy(&self.publisher);
    member_list_destroy(&self.members);
    mesh_link_destroy(&self.link);
    state_keeper_destroy(&self.keeper);
    mesh_health_destroy(&self.health);
    request_watch_destroy(&self.watch);
    mesh_signals_destroy(&self.signals);
    zloop_destroy(&self.loop);
    return status;
}
