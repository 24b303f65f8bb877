// sse_bridge_feed - what the mesh tells the sse-bridge
// SPDX-License-Identifier: MPL-2.0
#include <stdlib.h>
#include <string.h>

#include "announcement.h"
#include "mesh/control.h"
#include "mesh/log.h"
#include "mesh/paths.h"
#include "sse_bridge_private.h"

static const char forgotten_prefix[] = "mesh.session_forgotten/";

static void
on_event(void *arg, const mesh_event_t *event)
{
    sse_bridge_t *self = arg;
    type_counts_add(&self->types, event->topic, event->topic_bytes);
    transport_list_note(self->transports, event);
    // Pages may hold what is to be forgotten.
    if (event->topic_bytes >= strlen(forgotten_prefix) &&
        memcmp(event->topic, forgotten_prefix, strlen(forgotten_prefix)) == 0)
        past_clear(past_link_pages(self->past));
    stream_hub_event(self->hub, event, zclock_mono());
    events_door_news(self->events_door);
}

static void
on_gap(void *arg, const mesh_gap_t *gap)
{
    static const char *const reasons[] = {
        [MESH_GAP_TRIMMED] = "trimmed",
        [MESH_GAP_NEW_EPOCH] = "new_epoch",
        [MESH_GAP_JOURNAL_DOWN] = "journal_down",
        [MESH_GAP_JOURNAL_UP] = "journal_up",
    };
    sse_bridge_t *self = arg;
    mesh_log_warning("events-missed", "%s", reasons[gap->reason]);
    bool welcomed = gap->to.epoch == self->before_first.epoch;
    if (gap->reason == MESH_GAP_NEW_EPOCH)
        past_clear(past_link_pages(self->past));
    if (gap->reason == MESH_GAP_NEW_EPOCH)
        stream_hub_epoch(self->hub, welcomed ? &self->before_first : &gap->to,
                         welcomed && self->removed_known ? self->removed : NULL, zclock_mono());
    else
        stream_hub_gap(self->hub, reasons[gap->reason], &gap->to, gap->holes_to, zclock_mono());
}

static void
on_removed(void *arg, uint64_t epoch, const uint64_t removed[MESH_FAMILIES])
{
    sse_bridge_t *self = arg;
    stream_hub_removed(self->hub, epoch, removed);
}

void
sse_bridge_note_feed(sse_bridge_t *self)
{
    stream_hub_feed(self->hub, mesh_subscriber_state(self->subscriber) == MESH_SUBSCRIBER_LIVE,
                    mesh_subscriber_last_heard_ms(self->subscriber), zclock_mono());
}

static void
on_state(void *arg, mesh_subscriber_state_t state)
{
    static const char *const names[] = {
        [MESH_SUBSCRIBER_AWAY] = "away",
        [MESH_SUBSCRIBER_CATCHING_UP] = "catching up",
        [MESH_SUBSCRIBER_LIVE] = "live",
    };
    sse_bridge_t *self = arg;
    mesh_log_info("feed-state", "%s", names[state]);
    if (self->subscriber)
        sse_bridge_note_feed(self);
    events_door_news(self->events_door);
}

static void
on_caught_up(void *arg)
{
    sse_bridge_t *self = arg;
    if (self->turn_wanted)
        sse_bridge_turn(self);
}

static const mesh_subscriber_handler_t subscriber_handler = {
    .on_event = on_event,
    .on_gap = on_gap,
    .on_state = on_state,
    .on_removed = on_removed,
    .on_caught_up = on_caught_up,
};

// What the broker says of its journal, in its welcome and in answer to every heartbeat.
static void
note_journal(sse_bridge_t *self, const json_t *body)
{
    json_t *journal = json_object_get(body, "journal");
    if (!json_is_object(journal))
        return;
    json_decref(self->journal);
    self->journal = json_incref(journal);
}

// What it says of the monitor, because our heartbeats ask.
static void
note_monitor(sse_bridge_t *self, const json_t *body)
{
    const json_t *watched = json_object_get(body, "watched");
    uint64_t programs, silent_ms;
    if (mesh_control_get_number(watched, "programs", &programs) == 0 &&
        mesh_control_get_number(watched, "silent_ms", &silent_ms) == 0 &&
        silent_ms <= INT64_MAX)
        monitor_watch_told(&self->monitor, programs, (int64_t) silent_ms, self->heartbeat_ms,
                           zclock_mono());
}

static void
on_heartbeat(void *arg, json_t *body)
{
    (void) arg;
    json_object_set_new(body, "watch", json_string("monitor"));
}

static void
on_message(void *arg, const char *verb, const json_t *body)
{
    if (streq(verb, "ack")) {
        note_journal(arg, body);
        note_monitor(arg, body);
    }
}

// The subscriber does not tell what was gone before it began; the welcome does. So this listens
// before the subscriber does.
static void
on_welcome(void *arg, const mesh_welcome_t *welcome)
{
    sse_bridge_t *self = arg;
    note_journal(self, welcome->body);
    uint64_t heartbeat_ms;
    if (mesh_control_get_number(welcome->body, "heartbeat_ms", &heartbeat_ms) == 0 &&
        heartbeat_ms <= INT32_MAX)
        self->heartbeat_ms = (int64_t) heartbeat_ms;
    transport_list_welcomed(self->transports);
    monitor_watch_welcomed(&self->monitor, zclock_mono());
    self->before_first = (mesh_cursor_t){
        .epoch = welcome->epoch,
        .offset = welcome->first > 0 ? welcome->first - 1 : welcome->head,
    };
    self->removed_known = mesh_subscriber_read_removed(welcome->body, self->removed) == 0;
    if (event_ring_position(stream_hub_ring(self->hub)).epoch == 0)
        stream_hub_epoch(self->hub, &self->before_first,
                         self->removed_known ? self->removed : NULL, zclock_mono());
}

static const mesh_link_listener_t link_listener = {
    .on_welcome = on_welcome, .on_message = on_message, .on_heartbeat = on_heartbeat};

static void
on_past_news(void *arg)
{
    sse_bridge_t *self = arg;
    stream_hub_past_news(self->hub);
    events_door_news(self->events_door);
}

int
sse_bridge_join(sse_bridge_t *self, const mesh_settings_t *settings, char **error_p)
{
    char *host = mesh_paths_host(settings);
    json_t *json = announcement_new(settings, self->port);
    mesh_link_identity_t identity = {.transport_type = "sse", .host = host, .metadata = json};
    self->link = mesh_link_new(self->loop, settings, &identity, error_p);
    json_decref(json);
    free(host);
    if (!self->link)
        return -1;
    transport_list_join(self->transports, self->link);
    self->past = past_link_new(self->loop, self->link, on_past_news, self);
    events_door_use_past(self->events_door, past_link_pages(self->past));
    stream_hub_use_past(self->hub, past_link_pages(self->past));
    mesh_link_listen(self->link, &link_listener, self);
    self->subscriber = mesh_subscriber_new(self->loop, self->link, MESH_FROM_EARLIEST, NULL,
                                           &subscriber_handler, self);
    return 0;
}
