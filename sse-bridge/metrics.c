// metrics - how the sse-bridge is, as Prometheus text
// SPDX-License-Identifier: MPL-2.0
#include "metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "event_types.h"
#include "mesh/program.h"
#include "process_use.h"
#include "stream_notice.h"

static void
family(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
metric(FILE *out, const char *name, const char *type, const char *help, double value)
{
    family(out, name, type, help);
    fprintf(out, "%s %.15g\n", name, value);
}

static void
labelled(FILE *out, const char *name, const char *label, const char *value, uint64_t number)
{
    fprintf(out, "%s{%s=\"%s\"} %" PRIu64 "\n", name, label, value, number);
}

static void
write_streams(FILE *out, const stream_hub_stats_t *stats)
{
    family(out, "aider_sse_clients", "gauge", "Streams that are open.");
    for (int at = 0; at < ENDPOINTS; at++)
        labelled(out, "aider_sse_clients", "endpoint", endpoint_info((endpoint_t) at)->name,
                 stats->clients[at]);
    metric(out, "aider_sse_compressed_clients", "gauge", "Streams that are sent as gzip.",
           (double) stats->zipped);
    family(out, "aider_sse_resumes_total", "counter", "Streams begun, by verdict.");
    for (int at = RESUME_LIVE; at <= RESUME_UNKNOWN; at++)
        labelled(out, "aider_sse_resumes_total", "verdict",
                 resume_verdict_name((resume_verdict_t) at), stats->opened[at]);
    family(out, "aider_sse_replay_total", "counter",
           "Streams that came back: hit, they went on where they had been; miss, they could "
           "not.");
    labelled(out, "aider_sse_replay_total", "outcome", "hit", stats->opened[RESUME_EXACT]);
    labelled(out, "aider_sse_replay_total", "outcome", "miss",
             stats->opened[RESUME_GAP] + stats->opened[RESUME_RESET] +
                 stats->opened[RESUME_UNKNOWN]);
    family(out, "aider_sse_closed_total", "counter", "Streams ended by us, by reason.");
    for (int at = 0; at < STREAM_REASONS; at++)
        labelled(out, "aider_sse_closed_total", "reason",
                 stream_reason_name((stream_reason_t) at), stats->closed[at]);
    labelled(out, "aider_sse_closed_total", "reason", "cut", stats->cut);
    metric(out, "aider_sse_vanished_total", "counter", "Streams that the client ended.",
           (double) stats->vanished);
    metric(out, "aider_sse_held_streams", "gauge",
           "Streams that wait to know where they begin.", (double) stats->held);
    metric(out, "aider_sse_blocked_streams", "gauge",
           "Streams whose clients take nothing at the moment.", (double) stats->blocked);
    metric(out, "aider_sse_queue_depth_events", "gauge",
           "Events of the ring that wait for the slowest of the streams.",
           (double) stats->queue_events);
    family(out, "aider_sse_envelope_streams", "gauge", "Streams that are open, by envelope.");
    labelled(out, "aider_sse_envelope_streams", "envelope", "data",
             stats->envelopes[ENVELOPE_DATA]);
    labelled(out, "aider_sse_envelope_streams", "envelope", "cloudevents",
             stats->envelopes[ENVELOPE_CLOUDEVENTS]);
    metric(out, "aider_sse_filters", "gauge", "Different filters in use.",
           (double) stats->filters);
    metric(out, "aider_sse_frames_total", "counter", "Events written to clients.",
           (double) stats->written.events);
    metric(out, "aider_sse_written_bytes_total", "counter", "Bytes written to clients.",
           (double) stats->written.bytes);
    metric(out, "aider_sse_writes_total", "counter", "System calls that wrote to clients.",
           (double) stats->written.calls);
    family(out, "aider_sse_dropped_total", "counter",
           "Events that were not written or not taken, by reason.");
    labelled(out, "aider_sse_dropped_total", "reason", "slow", stats->dropped_events);
    labelled(out, "aider_sse_dropped_total", "reason", "malformed", stats->refused);
}

static void
write_ring(FILE *out, const health_facts_t *facts)
{
    uint64_t first = event_ring_epoch_first(facts->ring);
    uint64_t next = event_ring_next(facts->ring);
    metric(out, "aider_sse_ring_bytes", "gauge", "Bytes of frames in the ring.",
           (double) event_ring_bytes(facts->ring));
    metric(out, "aider_sse_ring_cloudevents_bytes", "gauge",
           "Of these, bytes of frames as CloudEvents.",
           (double) event_ring_shown_bytes(facts->ring));
    metric(out, "aider_sse_ring_cloudevents_total", "counter",
           "Frames of the ring that were made as CloudEvents.",
           (double) event_ring_shown_made(facts->ring));
    metric(out, "aider_sse_ring_limit_bytes", "gauge", "Bytes that the ring may take.",
           (double) facts->ring_limit_bytes);
    metric(out, "aider_sse_ring_events", "gauge", "Events in the ring.",
           (double) (next - event_ring_first(facts->ring)));
    metric(out, "aider_sse_ring_first_offset", "gauge",
           "Offset of the oldest event of this epoch in the ring.",
           first < next ? (double) event_ring_entry(facts->ring, first)->offset : 0);
    metric(out, "aider_sse_ring_last_offset", "gauge", "Offset of the newest event.",
           (double) event_ring_position(facts->ring).offset);
    metric(out, "aider_sse_past_pages_total", "counter",
           "Pages of the broker's journal that were asked for, from before the ring.",
           (double) facts->past_pages);
}

// What is not told of the journal is not shown.
static void
write_journal(FILE *out, const json_t *journal)
{
    const char *state = json_string_value(json_object_get(journal, "state"));
    if (!state)
        return;
    metric(out, "aider_store_up", "gauge", "Whether the broker's journal is written.",
           strcmp(state, "up") == 0);
    static const struct {
        const char *member;
        const char *name;
        const char *help;
    } members[] = {
        {"events", "aider_store_events", "Events in the broker's journal."},
        {"bytes", "aider_store_bytes", "Bytes that they take."},
        {"first", "aider_store_first_offset", "Offset of the oldest of them."},
        {"head", "aider_store_last_offset", "Offset of the newest of them."},
    };
    for (size_t at = 0; at < sizeof members / sizeof members[0]; at++) {
        const json_t *value = json_object_get(journal, members[at].member);
        if (json_is_integer(value))
            metric(out, members[at].name, "gauge", members[at].help,
                   (double) json_integer_value(value));
    }
}

static void
write_mesh(FILE *out, const health_facts_t *facts)
{
    metric(out, "aider_sse_broker_silence_seconds", "gauge",
           "Seconds since the broker was last heard; -1 for never.",
           facts->heard_age_ms < 0 ? -1 : (double) facts->heard_age_ms / 1000.0);
    metric(out, "aider_sse_head_offset", "gauge", "Offset of the broker's newest event.",
           (double) facts->head.offset);
    metric(out, "aider_sse_lag_offsets", "gauge",
           "How far the newest event here is behind the broker's.", (double) health_lag(facts));
    family(out, "aider_mesh_fault", "gauge", "Whether something is wrong with a part.");
    for (int part = HEALTH_BRIDGE; part < HEALTH_PARTS; part++)
        labelled(out, "aider_mesh_fault", "part", health_part_name((health_part_t) part),
                 health_fault(facts, (health_part_t) part) != NULL);
    family(out, "aider_events_total", "counter", "Events that came from the mesh, by type.");
    for (size_t at = 0; facts->types && event_type_known(at); at++)
        labelled(out, "aider_events_total", "type", event_type_known(at),
                 facts->types->counts[at]);
    if (facts->types)
        labelled(out, "aider_events_total", "type", "other",
                 facts->types->counts[TYPE_COUNTS_MOST - 1]);
    family(out, "aider_sessions", "gauge", "Sessions remembered, by state.");
    labelled(out, "aider_sessions", "state", "running", facts->sessions_running);
    labelled(out, "aider_sessions", "state", "ended",
             facts->sessions - facts->sessions_running);
}

static void
write_http(FILE *out, const health_facts_t *facts)
{
    metric(out, "aider_http_connections", "gauge", "Connections that are open.",
           (double) facts->connections);
    metric(out, "aider_http_waiting_requests", "gauge",
           "Requests to /api/v1/events that wait for events.", (double) facts->waiting);
    metric(out, "aider_http_requests_total", "counter", "Requests that came whole.",
           (double) facts->requests);
    metric(out, "aider_http_heads_late_total", "counter",
           "Connections closed because the request did not come in time.",
           (double) facts->heads_late);
    metric(out, "aider_http_mute_connections_total", "counter",
           "Connections that ended without a request, as those whose TLS handshake failed.",
           (double) facts->mute);
    if (facts->certificate_expires_s > 0)
        metric(out, "aider_http_certificate_expiry_timestamp_seconds", "gauge",
               "When the certificate of HTTPS ends, Unix time.",
               (double) facts->certificate_expires_s);
    uint64_t refused = 0;
    family(out, "aider_http_auth_failures_total", "counter",
           "Requests refused for want of a good token, by what was wrong.");
    for (int at = ACCESS_GRANTED + 1; facts->refused_access && at < ACCESS_VERDICTS; at++) {
        labelled(out, "aider_http_auth_failures_total", "reason",
                 access_verdict_name((access_verdict_t) at), facts->refused_access[at]);
        refused += facts->refused_access[at];
    }
    family(out, "aider_http_refused_total", "counter", "Requests refused, by reason.");
    labelled(out, "aider_http_refused_total", "reason", "access", refused);
    labelled(out, "aider_http_refused_total", "reason", "limits", facts->refused_limits);
}

static void
write_process(FILE *out, const health_facts_t *facts)
{
    process_use_t use = process_use_now();
    metric(out, "process_start_time_seconds", "gauge", "When the process started, Unix time.",
           facts->timestamp - facts->uptime_s);
    metric(out, "process_cpu_seconds_total", "counter", "Processor time that it has used.",
           use.cpu_s);
    metric(out, "process_resident_memory_bytes", "gauge", "Memory that it has.",
           use.resident_bytes);
    metric(out, "process_max_fds", "gauge", "Descriptors that it may have open.",
           use.file_limit);
}

char *
metrics_write(const health_facts_t *facts, size_t *bytes)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, bytes);
    assert(out);
    const char *reason;
    family(out, "aider_mesh_build_info", "gauge", "The version that runs.");
    fprintf(out, "aider_mesh_build_info{program=\"aidermesh-sse-bridge\",version=\"%s\"} 1\n",
            mesh_version());
    metric(out, "aider_sse_ready", "gauge", "Whether /readyz says yes.",
           health_is_ready(facts, &reason) ? 1 : 0);
    metric(out, "aider_sse_uptime_seconds", "gauge", "Seconds since the start.",
           facts->uptime_s);
    write_mesh(out, facts);
    write_journal(out, facts->journal);
    write_streams(out, &facts->streams);
    write_ring(out, facts);
    write_http(out, facts);
    write_process(out, facts);
    fclose(out);
    return text;
}
