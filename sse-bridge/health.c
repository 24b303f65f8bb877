// health - how the sse-bridge is: ready or not, as JSON and as Prometheus text
// SPDX-License-Identifier: MPL-2.0
#include "health.h"

#include <assert.h>
#include <inttypes.h>
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

static void
metric(FILE *out, const char *name, const char *type, const char *help, double value)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n", name, help, name, type, name, value);
}

static void
family(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
labelled(FILE *out, const char *name, const char *label, const char *value, uint64_t number)
{
    fprintf(out, "%s{%s=\"%s\"} %" PRIu64 "\n", name, label, value, number);
}

static void
write_streams(FILE *out, const stream_hub_stats_t *stats)
{
    family(out, "aidermesh_sse_clients", "gauge", "Streams that are open.");
    for (int at = 0; at < ENDPOINTS; at++)
        labelled(out, "aidermesh_sse_clients", "endpoint", endpoint_info((endpoint_t) at)->name,
                 stats->clients[at]);
    family(out, "aidermesh_sse_resumes_total", "counter", "Streams begun, by verdict.");
    for (int at = RESUME_LIVE; at <= RESUME_UNKNOWN; at++)
        labelled(out, "aidermesh_sse_resumes_total", "verdict",
                 resume_verdict_name((resume_verdict_t) at), stats->opened[at]);
    family(out, "aidermesh_sse_closed_total", "counter", "Streams ended by us, by reason.");
    for (int at = 0; at < STREAM_REASONS; at++)
        labelled(out, "aidermesh_sse_closed_total", "reason",
                 stream_reason_name((stream_reason_t) at), stats->closed[at]);
    labelled(out, "aidermesh_sse_closed_total", "reason", "cut", stats->cut);
    metric(out, "aidermesh_sse_vanished_total", "counter", "Streams that the client ended.",
           (double) stats->vanished);
    metric(out, "aidermesh_sse_held_streams", "gauge",
           "Streams that wait to know where they begin.", (double) stats->held);
    metric(out, "aidermesh_sse_filters", "gauge", "Different filters in use.",
           (double) stats->filters);
    metric(out, "aidermesh_sse_frames_total", "counter", "Events written to clients.",
           (double) stats->written.events);
    metric(out, "aidermesh_sse_bytes_total", "counter", "Bytes written to clients.",
           (double) stats->written.bytes);
    metric(out, "aidermesh_sse_writes_total", "counter", "System calls that wrote to clients.",
           (double) stats->written.calls);
    family(out, "aidermesh_sse_dropped_events_total", "counter",
           "Events that were not written or not taken, by reason.");
    labelled(out, "aidermesh_sse_dropped_events_total", "reason", "slow",
             stats->dropped_events);
    labelled(out, "aidermesh_sse_dropped_events_total", "reason", "malformed", stats->refused);
    // A start that the ring could answer, and one that it could not.
    metric(out, "aidermesh_sse_replay_hits_total", "counter",
           "Streams that went on where they had been.", (double) stats->opened[RESUME_EXACT]);
    metric(out, "aidermesh_sse_replay_misses_total", "counter",
           "Streams that could not go on where they had been.",
           (double) (stats->opened[RESUME_GAP] + stats->opened[RESUME_RESET] +
                     stats->opened[RESUME_UNKNOWN]));
}

static void
write_ring(FILE *out, const event_ring_t *ring)
{
    uint64_t first = event_ring_epoch_first(ring);
    uint64_t next = event_ring_next(ring);
    metric(out, "aidermesh_sse_ring_bytes", "gauge", "Bytes of frames in the ring.",
           (double) event_ring_bytes(ring));
    metric(out, "aidermesh_sse_ring_events", "gauge", "Events in the ring.",
           (double) (next - event_ring_first(ring)));
    metric(out, "aidermesh_sse_ring_first_offset", "gauge",
           "Offset of the oldest event of this epoch in the ring.",
           first < next ? (double) event_ring_entry(ring, first)->offset : 0);
    metric(out, "aidermesh_sse_ring_last_offset", "gauge", "Offset of the newest event.",
           (double) event_ring_position(ring).offset);
}

char *
health_metrics(const health_facts_t *facts, size_t *bytes)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, bytes);
    assert(out);
    const char *reason;
    family(out, "aidermesh_build_info", "gauge", "The version that runs.");
    fprintf(out, "aidermesh_build_info{program=\"aidermesh-sse-bridge\",version=\"%s\"} 1\n",
            mesh_version());
    metric(out, "aidermesh_sse_ready", "gauge", "Whether /readyz says yes.",
           health_is_ready(facts, &reason) ? 1 : 0);
    metric(out, "aidermesh_sse_uptime_seconds", "gauge", "Seconds since the start.",
           facts->uptime_s);
    metric(out, "aidermesh_sse_broker_silence_seconds", "gauge",
           "Seconds since the broker was last heard; -1 for never.",
           facts->heard_age_ms < 0 ? -1 : (double) facts->heard_age_ms / 1000.0);
    metric(out, "aidermesh_sse_head_offset", "gauge", "Offset of the broker's newest event.",
           (double) facts->head.offset);
    metric(out, "aidermesh_sse_events_total", "counter", "Events taken in from the mesh.",
           (double) facts->streams.events);
    write_streams(out, &facts->streams);
    write_ring(out, facts->ring);
    metric(out, "aidermesh_sse_sessions", "gauge", "Sessions remembered.",
           (double) facts->sessions);
    metric(out, "aidermesh_sse_sessions_running", "gauge", "Sessions that have not ended.",
           (double) facts->sessions_running);
    metric(out, "aidermesh_http_connections", "gauge", "Connections that are open.",
           (double) facts->connections);
    metric(out, "aidermesh_http_waiting_requests", "gauge",
           "Requests to /api/v1/events that wait for events.", (double) facts->waiting);
    metric(out, "aidermesh_http_requests_total", "counter", "Requests that came whole.",
           (double) facts->requests);
    metric(out, "aidermesh_http_heads_late_total", "counter",
           "Connections closed because the request did not come in time.",
           (double) facts->heads_late);
    family(out, "aidermesh_http_refused_total", "counter", "Requests refused, by reason.");
    labelled(out, "aidermesh_http_refused_total", "reason", "access", facts->refused_access);
    labelled(out, "aidermesh_http_refused_total", "reason", "limits", facts->refused_limits);
    fclose(out);
    return text;
}
