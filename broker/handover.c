// handover - gives what this broker has kept to another broker of the mesh, before it leaves
// SPDX-License-Identifier: MPL-2.0
#include "handover.h"

#include <assert.h>

#include "handover_forgotten.h"
#include "mesh/control.h"
#include "mesh/key.h"
#include "mesh/link.h"
#include "mesh/log.h"
#include "mesh/wire.h"

enum {
    SOURCES_AT_ONCE = 16,    // as many as one hello may name
    CHUNK_EVENTS = 500,      // at most, and within the other's window
    CHUNK_BYTES = 512 * 1024,
    TICK_MS = 100,          // a chunk that is not acknowledged is sent again after this
    PATIENCE_MS = 10000,    // without progress: the handover has failed
    SEND_HWM = 4 * CHUNK_EVENTS,
};

// What the journal has of a source.
typedef struct row {
    mesh_uuid_t source;
    char text[MESH_UUID_TEXT_SIZE];
    uint64_t first, last;    // numbers
    uint64_t synced;         // up to where the other has them, or need not have them
    uint64_t sent;           // up to where they were sent in this chunk
} row_t;

typedef enum { LOOKING, FORGETTING, SENDING, OVER } state_t;

struct handover {
    zloop_t *loop;                                             // borrowed
    journal_t *journal;                                        // borrowed
    forgotten_t *forgotten;                                    // borrowed
    handover_forgotten_t *forgetting;                          // owned; NULL before the welcome
    const handover_events_t *events;                           // borrowed
    void *arg;                                                 // borrowed
    char broker_id[sizeof "broker-" + MESH_UUID_TEXT_SIZE];    // of the other
    mesh_link_t *link;                                         // owned
    zsock_t *publish;                                          // owned; NULL before the welcome
    bool subscribed;        // the other's subscription has arrived: what is sent is not dropped
    zlistx_t *rows;         // row_t in the order of their first events; owned
    zhashx_t *by_source;    // text -> row_t; owned, not its items
    row_t *batch[SOURCES_AT_ONCE];    // those under way
    size_t batch_count;
    row_t *hole;           // the next event of the batch leaves numbers of this out; or NULL
    bool claimed;          // the other has been told of the batch
    uint64_t after;        // offset: all of the batch up to here is there
    uint64_t chunk_end;    // offset of the last event sent
    size_t chunk_events, chunk_bytes;
    size_t window_events, window_bytes;
    int64_t progress_ms;
    uint64_t events_in_all;
    state_t state;
    const char *why;    // it failed; NULL
    int timer;
};

static void
row_destroy(void **row_p)
{
    free(*row_p);
    *row_p = NULL;
}

// journal_visit_fn: note the event's source and number.
static bool
survey(void *arg, record_t *record)
{
    handover_t *self = arg;
    mesh_header_t header;
    if (mesh_wire_decode(&header, record_body(record), record->body_bytes) != MESH_WIRE_OK)
        return true;
    char text[MESH_UUID_TEXT_SIZE];
    mesh_uuid_format(&header.source, text);
    row_t *row = zhashx_lookup(self->by_source, text);
    if (!row) {
        row = zmalloc(sizeof *row);
        row->source = header.source;
        memcpy(row->text, text, sizeof row->text);
        row->first = header.seq - header.covers + 1;
        zlistx_add_end(self->rows, row);
        int rc = zhashx_insert(self->by_source, row->text, row);
        assert(rc == 0);
    }
    row->last = header.seq;
    self->events_in_all++;
    return true;
}

static row_t *
row_in_batch(const handover_t *self, const mesh_uuid_t *source)
{
    for (size_t i = 0; i < self->batch_count; i++)
        if (mesh_uuid_equal(&self->batch[i]->source, source))
            return self->batch[i];
    return NULL;
}

static void
send_record(const handover_t *self, const record_t *record)
{
    // A PUB never waits: it drops instead, and the chunk is sent again.
    void *socket = zsock_resolve(self->publish);
    if (zmq_send(socket, record_topic(record), record->topic_bytes,
                 ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0)
        (void) zmq_send(socket, record_body(record), record->body_bytes, ZMQ_DONTWAIT);
}

// journal_visit_fn: send the event if it is of the batch and not there yet. Returns false when
// the chunk is full.
static bool
send_next(void *arg, record_t *record)
{
    handover_t *self = arg;
    mesh_header_t header;
    if (mesh_wire_decode(&header, record_body(record), record->body_bytes) == MESH_WIRE_OK) {
        row_t *row = row_in_batch(self, &header.source);
        if (row && header.seq > row->sent) {
            uint64_t first = header.seq - header.covers + 1;
            if (first > row->sent + 1) {
                // Numbers that nobody has: the other must be told, or it would wait for them.
                if (self->chunk_events == 0) {
                    self->hole = row;
                    row->first = first;
                }
                return false;
            }
            if (self->chunk_events == self->window_events ||
                (self->chunk_events > 0 &&
                 self->chunk_bytes + record->body_bytes > self->window_bytes))
                return false;
            send_record(self, record);
            row->sent = header.seq;
            self->chunk_events++;
            self->chunk_bytes += record->body_bytes;
        }
    }
    self->chunk_end = record->offset;
    return true;
}

static void
end(handover_t *self, const char *why)
{
    if (self->state != OVER) {
        self->state = OVER;
        self->why = why;
    }
}

// What cannot be read would be missing at the other: then nothing is given up.
static void
read_journal(handover_t *self, uint64_t after, journal_visit_fn *visit, void *arg)
{
    if (journal_read(self->journal, after, visit, arg, NULL) != JOURNAL_READ_DONE)
        end(self, "the journal cannot be read");
}

static void
send_chunk(handover_t *self)
{
    self->chunk_events = self->chunk_bytes = 0;
    self->chunk_end = self->after;
    self->hole = NULL;
    for (size_t i = 0; i < self->batch_count; i++)
        self->batch[i]->sent = self->batch[i]->synced;
    read_journal(self, self->after, send_next, self);
    if (self->chunk_events > 0)
        mesh_link_heartbeat(self->link);
}

// Say hello with the batch: the answer tells what the other wants of it.
static void
claim(handover_t *self)
{
    self->claimed = false;
    mesh_link_hello(self->link);
}

// Tell the other of the next sources; where none are left, all is there.
static void
next_batch(handover_t *self)
{
    self->batch_count = 0;
    row_t *row = zlistx_item(self->rows);
    for (; row && self->batch_count < SOURCES_AT_ONCE; row = zlistx_next(self->rows))
        self->batch[self->batch_count++] = row;
    self->after = 0;
    if (self->batch_count == 0)
        end(self, NULL);
    else
        claim(self);
}

// journal_visit_fn: whether the event is there, as far as the chunk goes.
typedef struct check {
    const handover_t *self;
    bool all;
} check_t;

static bool
check_one(void *arg, record_t *record)
{
    check_t *check = arg;
    mesh_header_t header;
    if (record->offset > check->self->chunk_end)
        return false;
    if (mesh_wire_decode(&header, record_body(record), record->body_bytes) == MESH_WIRE_OK) {
        const row_t *row = row_in_batch(check->self, &header.source);
        check->all = !row || header.seq <= row->synced;
    }
    return check->all;
}

static bool
is_chunk_there(handover_t *self)
{
    check_t check = {self, true};
    read_journal(self, self->after, check_one, &check);
    return check.all;
}

// Go on as far as can be gone without waiting.
static void
proceed(handover_t *self, bool again)
{
    if (self->state != SENDING || !self->subscribed || !self->claimed)
        return;
    if (self->chunk_events == 0 || is_chunk_there(self)) {
        self->progress_ms = zclock_mono();
        self->after = self->chunk_end;
        send_chunk(self);
        if (self->state == OVER)
            return;
        if (self->hole)
            claim(self);
        else if (self->chunk_events == 0)
            next_batch(self);
    } else if (again) {
        send_chunk(self);
    }
}

// zloop_reader_fn: the other's subscription has arrived.
static int
on_subscription(zloop_t *loop, zsock_t *socket, void *arg)
{
    (void) loop;
    handover_t *self = arg;
    zframe_t *frame = zframe_recv(socket);
    if (frame && zframe_size(frame) > 0)
        self->subscribed = zframe_data(frame)[0] == 1;
    zframe_destroy(&frame);
    proceed(self, false);
    return 0;
}

static void
connect_to(handover_t *self, const mesh_welcome_t *welcome)
{
    self->publish = zsock_new(ZMQ_XPUB);
    assert(self->publish);
    mesh_key_arm(mesh_link_key(self->link), self->publish);
    zsock_set_sndhwm(self->publish, SEND_HWM);
    zsock_set_linger(self->publish, 100);
    zsock_set_maxmsgsize(self->publish, MESH_WIRE_PAYLOAD_LIMIT);
    if (zsock_connect(self->publish, "%s", welcome->publish_endpoint) != 0)
        end(self, "the other broker's publish endpoint cannot be used");
    zloop_reader(self->loop, self->publish, on_subscription, self);
    zloop_reader_set_tolerant(self->loop, self->publish);
}

// Take from an array of objects with "source" what `member` says, less `minus`, as synced.
static void
note_synced(handover_t *self, const json_t *sources, const char *member, uint64_t minus)
{
    size_t index;
    const json_t *entry;
    json_array_foreach(sources, index, entry)
    {
        const char *text = json_string_value(json_object_get(entry, "source"));
        row_t *row = text ? zhashx_lookup(self->by_source, text) : NULL;
        uint64_t number;
        if (row && mesh_control_get_number(entry, member, &number) == 0 && number >= minus &&
            number - minus > row->synced)
            row->synced = number - minus;
    }
}

// handover_forgotten_fn
static void
on_forgotten(void *arg, handover_forgotten_outcome_t outcome)
{
    handover_t *self = arg;
    self->progress_ms = zclock_mono();
    if (outcome == HANDOVER_FORGOTTEN_REFUSED)
        end(self, "the other broker does not take what is forgotten");
    if (outcome != HANDOVER_FORGOTTEN_DONE || self->state != FORGETTING)
        return;
    self->state = SENDING;
    read_journal(self, 0, survey, self);
    (void) zlistx_first(self->rows);
    if (self->state != OVER)
        next_batch(self);
}

// mesh_link_listener_t
static void
on_welcome(void *arg, const mesh_welcome_t *welcome)
{
    handover_t *self = arg;
    if (!streq(welcome->broker_id, self->broker_id)) {
        end(self, "another broker answers at its endpoint");
        return;
    }
    if (self->state == LOOKING) {
        self->state = FORGETTING;
        self->window_events = CHUNK_EVENTS < welcome->window_events
                                  ? CHUNK_EVENTS
                                  : (size_t) welcome->window_events;
        self->window_bytes =
            CHUNK_BYTES < welcome->window_bytes ? CHUNK_BYTES : (size_t) welcome->window_bytes;
        connect_to(self, welcome);
        self->events->begun(self->arg);
        self->forgetting =
            handover_forgotten_new(self->link, self->forgotten, on_forgotten, self);
        handover_forgotten_ask(self->forgetting);
        return;
    }
    // What is known of sources that a welcome names none of is of the batch before.
    const json_t *sources = json_object_get(welcome->body, "sources");
    if (self->state == SENDING && json_array_size(sources) == self->batch_count) {
        note_synced(self, sources, "next", 1);
        self->claimed = true;
        self->chunk_events = 0;
        self->chunk_end = self->after;
        proceed(self, false);
    }
}

static void
on_away(void *arg)
{
    end(arg, "the other broker is away");
}

static void
on_message(void *arg, const char *verb, const json_t *body)
{
    handover_t *self = arg;
    if (streq(verb, "error"))
        end(self, "the other broker refuses us");
    if (!streq(verb, "ack"))
        return;
    note_synced(self, json_object_get(body, "sources"), "synced", 0);
    proceed(self, false);
}

static void
on_heartbeat(void *arg, json_t *body)
{
    const handover_t *self = arg;
    for (size_t i = 0; i < self->batch_count; i++) {
        const row_t *row = self->batch[i];
        json_t *entry = json_pack("{s:s, s:I, s:I, s:I, s:b}", "source", row->text, "first",
                                  (json_int_t) row->first, "last", (json_int_t) row->last,
                                  "acked", (json_int_t) row->synced, "forwarding", 1);
        assert(entry);
        json_array_append_new(json_object_get(body, "sources"), entry);
    }
}

static const mesh_link_listener_t link_listener = {
    .on_welcome = on_welcome,
    .on_away = on_away,
    .on_message = on_message,
    .on_heartbeat = on_heartbeat,
};

static int on_tick(zloop_t *loop, int timer_id, void *arg);

// Once each time: a timer that goes on by itself would come once more after we have ended.
static void
plan_tick(handover_t *self)
{
    self->timer = zloop_timer(self->loop, TICK_MS, 1, on_tick, self);
}

// zloop_timer_fn: the only place from which the end is told.
static int
on_tick(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    handover_t *self = arg;
    self->timer = 0;
    if (zclock_mono() - self->progress_ms > PATIENCE_MS)
        end(self, "the other broker does not take what it is given");
    if (self->state != OVER) {
        if (self->state == FORGETTING)
            handover_forgotten_ask(self->forgetting);
        proceed(self, true);
        plan_tick(self);
    } else if (self->why) {
        self->events->failed(self->arg, self->why);
    } else {
        self->events->done(self->arg, self->events_in_all);
    }
    return 0;
}

handover_t *
handover_new(zloop_t *loop, const mesh_settings_t *settings, const char *host,
             const char *endpoint, const mesh_uuid_t *other, journal_t *journal,
             forgotten_t *forgotten, const handover_events_t *events, void *arg, char **error_p)
{
    assert(loop && settings && host && endpoint && other && journal && forgotten && events &&
           error_p);
    mesh_link_identity_t identity = {
        .transport_type = "broker", .host = host, .endpoint = endpoint};
    mesh_link_t *link = mesh_link_new(loop, settings, &identity, error_p);
    if (!link)
        return NULL;
    handover_t *self = zmalloc(sizeof *self);
    self->loop = loop;
    self->journal = journal;
    self->forgotten = forgotten;
    self->events = events;
    self->arg = arg;
    self->link = link;
    char text[MESH_UUID_TEXT_SIZE];
    mesh_uuid_format(other, text);
    snprintf(self->broker_id, sizeof self->broker_id, "broker-%s", text);
    self->rows = zlistx_new();
    zlistx_set_destructor(self->rows, row_destroy);
    self->by_source = zhashx_new();
    self->progress_ms = zclock_mono();
    mesh_link_listen(link, &link_listener, self);
    plan_tick(self);
    return self;
}

void
handover_destroy(handover_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        handover_t *self = *self_p;
        if (self->timer)
            zloop_timer_end(self->loop, self->timer);
        mesh_link_unlisten(self->link, &link_listener, self);
        handover_forgotten_destroy(&self->forgetting);
        mesh_link_destroy(&self->link);
        if (self->publish)
            zloop_reader_end(self->loop, self->publish);
        zsock_destroy(&self->publish);
        zhashx_destroy(&self->by_source);
        zlistx_destroy(&self->rows);
        free(self);
        *self_p = NULL;
    }
}
