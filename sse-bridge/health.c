// health - how the sse-bridge is: ready or not, as JSON
// SPDX-License-Identifier: MPL-2.0
#include "health.h"

#include <stdio.h>
#include <string.h>

#include "mesh/program.h"
#include "stream_notice.h"

static bool
broker_is_heard(const health_facts_t *facts)
{
    return facts->feed != HEALTH_FEED_AWAY && facts->heard_age_ms >= 0 &&
           facts->heard_age_ms <= HEALTH_HEAD_FRESH_MS;
}

const char *
health_part_name(health_part_t part)
{
    static const char *const names[] = {
        [HEALTH_BRIDGE] = "sse-bridge",
        [HEALTH_BROKER] = "broker",
        [HEALTH_JOURNAL] = "journal",
        [HEALTH_MONITOR] = "monitor",
    };
    return names[part];
}

static const char *
broker_fault(const health_facts_t *facts)
{
    if (facts->feed == HEALTH_FEED_AWAY)
        return "no broker is heard";
    if (!broker_is_heard(facts))
        return "the broker has said nothing for two and a half seconds";
    if (facts->feed == HEALTH_FEED_CATCHING_UP)
        return "events of the past are still being fetched from the broker";
    return NULL;
}

static const char *
journal_fault(const json_t *journal)
{
    static const struct {
        const char *reason;
        const char *sentence;
    } faults[] = {
        {"disk_full", "the journal cannot be written: its disk is full"},
        {"read_only", "the journal cannot be written: its disk is read-only"},
        {"io_error", "the journal cannot be written: its disk fails"},
        {"busy", "the journal cannot be written: another program has it"},
        {"corrupt", "the journal cannot be written: it is damaged"},
    };
    const char *state = json_string_value(json_object_get(journal, "state"));
    if (!state || strcmp(state, "down") != 0)
        return NULL;
    const char *reason = json_string_value(json_object_get(journal, "reason"));
    for (size_t at = 0; reason && at < sizeof faults / sizeof faults[0]; at++)
        if (strcmp(faults[at].reason, reason) == 0)
            return faults[at].sentence;
    return "the journal cannot be written";
}

static const char *
monitor_fault(monitor_watch_state_t state)
{
    if (state == MONITOR_WATCH_SILENT)
        return "the monitor has said nothing for two heartbeats";
    if (state == MONITOR_WATCH_GONE)
        return "the monitor is no longer there";
    return NULL;
}

const char *
health_fault(const health_facts_t *facts, health_part_t part)
{
    if (part == HEALTH_BRIDGE)
        return facts->stopping ? "the sse-bridge is stopping" : NULL;
    if (part == HEALTH_BROKER)
        return broker_fault(facts);
    // What was told of the others was told by the broker.
    if (!broker_is_heard(facts))
        return NULL;
    return part == HEALTH_JOURNAL ? journal_fault(facts->journal)
                                  : monitor_fault(facts->monitor.state);
}

bool
health_is_ready(const health_facts_t *facts, const char **reason_p)
{
    *reason_p = NULL;
    for (int part = HEALTH_BRIDGE; part < HEALTH_MONITOR && !*reason_p; part++)
        *reason_p = health_fault(facts, (health_part_t) part);
    return !*reason_p;
}

uint64_t
health_lag(const health_facts_t *facts)
{
    mesh_cursor_t position = event_ring_position(facts->ring);
    bool behind = facts->head.epoch == position.epoch && facts->head.offset > position.offset;
    return behind ? facts->head.offset - position.offset : 0;
}

static void
set_cursor(json_t *json, const char *member, mesh_cursor_t cursor)
{
    if (cursor.epoch == 0)
        return;
    char text[MESH_CURSOR_SIZE];
    mesh_cursor_format(&cursor, text);
    json_object_set_new(json, member, json_string(text));
}

static json_t *
report_ring(const event_ring_t *ring, size_t limit_bytes)
{
    json_t *json = json_object();
    uint64_t first = event_ring_first(ring);
    uint64_t next = event_ring_next(ring);
    mesh_cursor_t position = event_ring_position(ring);
    json_object_set_new(json, "events", json_integer((json_int_t) (next - first)));
    json_object_set_new(json, "bytes", json_integer((json_int_t) event_ring_bytes(ring)));
    json_object_set_new(json, "limit_bytes", json_integer((json_int_t) limit_bytes));
    if (event_ring_epoch_first(ring) < next) {
        mesh_cursor_t oldest = position;
        oldest.offset = event_ring_entry(ring, event_ring_epoch_first(ring))->offset;
        set_cursor(json, "first", oldest);
    }
    set_cursor(json, "last", position);
    return json;
}

static json_t *
report_clients(const stream_hub_stats_t *stats)
{
    json_t *json = json_object();
    size_t total = 0;
    for (int at = 0; at < ENDPOINTS; at++)
        total += stats->clients[at];
    json_object_set_new(json, "total", json_integer((json_int_t) total));
    for (int at = 0; at < ENDPOINTS; at++)
        json_object_set_new(json, endpoint_info((endpoint_t) at)->name,
                            json_integer((json_int_t) stats->clients[at]));
    return json;
}

// What is wrong, part by part.
static json_t *
report_problems(const health_facts_t *facts)
{
    json_t *problems = json_array();
    for (int part = HEALTH_BRIDGE; part < HEALTH_PARTS; part++) {
        const char *fault = health_fault(facts, (health_part_t) part);
        if (fault)
            json_array_append_new(problems, json_pack("{s:s, s:s}", "part",
                                                      health_part_name((health_part_t) part),
                                                      "reason", fault));
    }
    return problems;
}

static json_t *
report_lag(const health_facts_t *facts)
{
    json_t *json = json_object();
    json_object_set_new(json, "offsets", json_integer((json_int_t) health_lag(facts)));
    if (facts->heard_age_ms >= 0)
        json_object_set_new(json, "broker_silent",
                            json_real((double) facts->heard_age_ms / 1000.0));
    return json;
}

json_t *
health_report(const health_facts_t *facts)
{
    const char *reason;
    bool ready = health_is_ready(facts, &reason);
    json_t *problems = report_problems(facts);
    if (!reason)
        reason = json_string_value(json_object_get(json_array_get(problems, 0), "reason"));
    json_t *json = json_object();
    json_object_set_new(json, "status",
                        json_string(!ready   ? "unhealthy"
                                    : reason ? "degraded"
                                             : "healthy"));
    if (reason)
        json_object_set_new(json, "reason", json_string(reason));
    json_object_set_new(json, "problems", problems);
    json_object_set_new(json, "timestamp", json_real(facts->timestamp));
    json_object_set_new(json, "active_sse_connections", report_clients(&facts->streams));
    json_object_set_new(json, "coordinator_status",
                        json_string(broker_is_heard(facts) ? "active" : "unavailable"));
    if (broker_is_heard(facts))
        json_object_set_new(json, "monitor_status",
                            json_string(monitor_watch_name(facts->monitor.state)));
    json_object_set_new(json, "version", json_string(mesh_version()));
    json_object_set_new(json, "uptime", json_real(facts->uptime_s));
    set_cursor(json, "position", event_ring_position(facts->ring));
    set_cursor(json, "head", facts->head);
    json_object_set_new(json, "lag", report_lag(facts));
    json_t *transports = facts->transports ? transport_list_counts(facts->transports) : NULL;
    if (transports)
        json_object_set_new(json, "transports", transports);
    if (facts->journal)
        json_object_set(json, "journal", facts->journal);
    json_object_set_new(json, "ring", report_ring(facts->ring, facts->ring_limit_bytes));
    json_object_set_new(json, "events_per_second", json_real(facts->events_per_second));
    json_object_set_new(json, "frames_per_second", json_real(facts->frames_per_second));
    json_object_set_new(json, "sessions", json_integer((json_int_t) facts->sessions));
    json_object_set_new(json, "sessions_running",
                        json_integer((json_int_t) facts->sessions_running));
    return json;
}
