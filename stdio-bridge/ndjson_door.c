// ndjson_door - mode ndjson: events that somebody else made, as JSON lines on stdin
// SPDX-License-Identifier: MPL-2.0
#include "ndjson_door.h"

#include <czmq.h>

#include "line_reader.h"
#include "mesh/clock.h"
#include "mesh/exit_status.h"
#include "mesh/log.h"
#include "mesh/program.h"
#include "mesh/uuid.h"
#include "ndjson_event.h"
#include "outlet.h"
#include "redaction.h"

enum { READ_BYTES = 64 * 1024, COMPLAINTS_MOST = 100 };

typedef struct door {
    const mesh_settings_t *settings;
    outlet_t *outlet;         // owned
    line_reader_t *reader;    // owned
    zmq_pollitem_t item;
    char session_id[MESH_UUID_TEXT_SIZE];    // of events that name none
    char too_long[64];
    size_t lines;
    size_t refused;
    bool closed;
} door_t;

static void
refuse_line(door_t *self, const char *why)
{
    self->refused++;
    // Whoever pipes something else in should not fill a disk with complaints.
    if (self->refused > COMPLAINTS_MOST)
        return;
    // What is wrong may be quoted from the line.
    char *clean = redaction_text(outlet_redaction(self->outlet), why);
    (void) fprintf(stderr, "aidermesh-stdio-bridge: line %zu: %s\n", self->lines,
                   clean ? clean : why);
    free(clean);
}

// A member that is an identity: taken out of the payload, where the publisher puts it itself.
// The caller frees it.
static char *
take_text(json_t *payload, const char *key)
{
    const char *text = json_string_value(json_object_get(payload, key));
    char *copy = text && *text ? strdup(text) : NULL;
    json_object_del(payload, key);
    return copy;
}

static double
take_timestamp(json_t *payload)
{
    double timestamp = mesh_clock_unix_s();
    const json_t *told = json_object_get(payload, "timestamp");
    if (told)
        timestamp = json_number_value(told);
    json_object_del(payload, "timestamp");
    return timestamp;
}

static void
publish(door_t *self, const char *type, json_t *payload)
{
    double timestamp = take_timestamp(payload);
    char *session_id = take_text(payload, "session_id");
    char *request_id = take_text(payload, "request_id");
    if (!outlet_publish(self->outlet, type, session_id ? session_id : self->session_id,
                        request_id, timestamp, payload))
        refuse_line(self, "its data has more than 64 KiB, also with its longest texts cut");
    free(session_id);
    free(request_id);
}

static void
take_line(door_t *self, const char *line, size_t size)
{
    ndjson_event_t event;
    ndjson_event_outcome_t outcome = ndjson_event_parse(line, size, &event);
    if (outcome == NDJSON_EVENT_OK)
        publish(self, event.type, event.payload);
    else if (outcome != NDJSON_EVENT_BLANK)
        refuse_line(self, event.problem);
}

static void
take_lines(door_t *self)
{
    const char *line = NULL;
    size_t size = 0;
    line_reader_outcome_t outcome;
    while ((outcome = line_reader_next(self->reader, &line, &size)) != LINE_READER_NEED_MORE) {
        self->lines++;
        if (outcome == LINE_READER_TOO_LONG)
            refuse_line(self, self->too_long);
        else
            take_line(self, line, size);
    }
}

// outlet_stop_fn, and the end of stdin.
static void
close_door(void *arg)
{
    door_t *self = arg;
    if (self->closed)
        return;
    self->closed = true;
    zloop_poller_end(outlet_loop(self->outlet), &self->item);
    size_t unfinished = 0;
    (void) line_reader_partial(self->reader, &unfinished);
    if (unfinished > 0) {    // a last line may lack its end
        line_reader_feed(self->reader, "\n", 1);
        take_lines(self);
    }
    if (self->refused)
        (void) fprintf(stderr, "aidermesh-stdio-bridge: %zu of %zu lines were no events\n",
                       self->refused, self->lines);
}

// zloop_fn: stdin has bytes, or ends.
static int
on_stdin(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    door_t *self = arg;
    char buffer[READ_BYTES];
    ssize_t size = read(item->fd, buffer, sizeof buffer);
    if (size > 0) {
        line_reader_feed(self->reader, buffer, (size_t) size);
        take_lines(self);
    } else if (size == 0 || (errno != EINTR && errno != EAGAIN)) {
        close_door(self);
        outlet_finish(self->outlet, mesh_settings_ms(self->settings, "bridge/linger"), false);
    }
    return 0;
}

int
ndjson_door_run(const mesh_settings_t *settings)
{
    door_t self = {.settings = settings, .item = {.fd = STDIN_FILENO, .events = ZMQ_POLLIN}};
    mesh_program_start_zmq();
    self.outlet = outlet_new(settings, json_pack("{s:s}", "mode", "ndjson"));
    if (!self.outlet)
        return MESH_EXIT_FAILED;
    mesh_uuid_t id = mesh_uuid_new();
    mesh_uuid_format(&id, self.session_id);
    size_t limit_bytes = mesh_settings_bytes(settings, "bridge/line_limit");
    (void) snprintf(self.too_long, sizeof self.too_long,
                    "it is too long, allowed: %zu bytes (bridge/line_limit)", limit_bytes);
    self.reader = line_reader_new(limit_bytes);
    outlet_on_stop(self.outlet, close_door, &self);
    (void) zloop_poller(outlet_loop(self.outlet), &self.item, on_stdin, &self);
    zloop_poller_set_tolerant(outlet_loop(self.outlet), &self.item);

    size_t left = outlet_run(self.outlet);
    if (left)
        (void) fprintf(stderr, "aidermesh-stdio-bridge: no broker took %zu of the events%s\n",
                       left,
                       outlet_keeps(self.outlet)
                           ? "; they wait in the spool, and aidermesh flush delivers them"
                           : "");
    line_reader_destroy(&self.reader);
    outlet_destroy(&self.outlet);
    return left ? MESH_EXIT_FAILED : MESH_EXIT_STOPPED;
}
