// sse_crowd - a crowd of SSE clients, and a publisher whose every event each of them must have
// SPDX-License-Identifier: MPL-2.0
//
// usage: sse_crowd PLACE PORT HEADER CLIENTS ALL STALLED RESTLESS SESSIONS RATE EVENTS SEED
//
// PLACE is the broker's runtime directory or control endpoint; PORT the sse-bridge's, HEADER a
// line of each request. Of CLIENTS the first ALL follow all sessions, each other one of them.
// STALLED never read, RESTLESS leave at random and come back with their last id; both are half
// of those that follow all, half of the others. Whoever is sent away comes back, too.
//
// Says "here" once all have their stream; then publishes EVENTS, RATE a second, and says "sent
// N" every second; ends when everybody who reads has everything, and says as JSON what
// happened. Fails where an event came twice, not at all, or out of order, also when nothing
// moves for PATIENCE_MS.
#include <assert.h>
#include <inttypes.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "mesh/clock.h"
#include "mesh/publisher.h"
#include "probe.h"
#include "sse_clients.h"
#include "sse_ledger.h"
#include "sse_message.h"

enum {
    TICK_MS = 20,
    TELL_TICKS = 50,
    PATIENCE_MS = 120 * 1000,
    STORE_BYTES = 64 * 1024 * 1024,
    TEXT_BYTES = 200,
    SENT_AT_ONCE = 20,
    STAY_MS = 4000,         // for how long the restless stay, on average
    AWAY_LEAST_MS = 100,    // before somebody comes back, and so long again at most
    AWAY_MORE_MS = 900,
    ARGUMENTS = 11,
};

typedef struct wishes {
    size_t clients, all, stalled, restless, sessions, rate, events;
    uint64_t seed;
} wishes_t;

// What the crowd is told beside its events.
typedef struct told {
    uint64_t opened, returned, sent_away, refused;
    uint64_t cut;     // stream.dropped: too slow
    uint64_t gaps;    // stream.gap
} told_t;

typedef struct crowd {
    probe_t probe;
    wishes_t wishes;
    mesh_link_t *link;    // owned, as the next three
    mesh_publisher_t *publisher;
    sse_clients_t *clients;
    sse_ledger_t *ledger;
    int64_t *back_ms;    // owned; when each client comes back; 0 for one that is there
    bool *has_been;      // owned; whether each client has been there
    size_t been;
    told_t told;
    uint64_t random;
    uint64_t sent;
    uint32_t next_session;
    int timer_fd;    // owned; -1 before everybody is there
    uint64_t ticks;
    uint64_t moved;    // what moves: deliveries, and clients that come
    int64_t moved_ms;
    bool done;
} crowd_t;

static uint64_t
next_random(crowd_t *self)
{
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return self->random;
}

// Among those that follow all, and among the others, first come the stalled, then the restless.
static bool
is_among(const crowd_t *self, size_t client, size_t before, size_t count)
{
    size_t place = client < self->wishes.all ? client : client - self->wishes.all;
    return place >= before / 2 && place < (before + count) / 2;
}

static bool
stalls(const crowd_t *self, size_t client)
{
    return is_among(self, client, 0, self->wishes.stalled);
}

static bool
is_restless(const crowd_t *self, size_t client)
{
    return is_among(self, client, self->wishes.stalled, self->wishes.restless);
}

// ---- what clients see

static void
note_there(crowd_t *self, size_t client)
{
    if (self->has_been[client]) {
        self->told.returned++;
        return;
    }
    self->has_been[client] = true;
    self->been++;
}

static void
on_open(void *arg, size_t client)
{
    crowd_t *self = arg;
    if (stalls(self, client))
        note_there(self, client);
}

static void
on_notice(crowd_t *self, size_t client, const sse_scan_t *event)
{
    if (streq(event->type, "stream.opened")) {
        note_there(self, client);
        self->told.opened++;
    } else if (streq(event->type, "stream.dropped")) {
        self->told.cut++;
    } else if (streq(event->type, "stream.gap")) {
        if (self->told.gaps++ == 0)
            fprintf(stderr, "sse_crowd: client %zu: %.*s\n", client, (int) event->data_bytes,
                    event->data);
    } else if (streq(event->type, "stream.closing")) {
        self->told.sent_away++;
    }
}

static void
on_event(void *arg, size_t client, const sse_scan_t *event)
{
    crowd_t *self = arg;
    sse_message_t message;
    if (sse_message_read(&message, event->data, event->data_bytes) != 0) {
        on_notice(self, client, event);
        return;
    }
    if (!sse_ledger_receive(self->ledger, client, message.channel, message.number))
        fprintf(stderr,
                "sse_crowd: client %zu has %s, number %" PRIu64 " of session %" PRIu32
                ", in its wrong place\n",
                client, event->id, message.number, message.channel);
}

// Come back after a while.
static void
go_away(crowd_t *self, size_t client)
{
    self->back_ms[client] =
        zclock_mono() + AWAY_LEAST_MS + (int64_t) (next_random(self) % AWAY_MORE_MS);
}

static void
on_end(void *arg, size_t client, sse_clients_end_t end, unsigned status)
{
    crowd_t *self = arg;
    if (end != SSE_CLIENTS_ENDED)
        self->told.refused++;
    if (end == SSE_CLIENTS_STATUS && status != 503 && status != 429)
        fprintf(stderr, "sse_crowd: client %zu was answered %u\n", client, status);
    go_away(self, client);
}

static const sse_clients_handler_t handler = {
    .on_open = on_open, .on_event = on_event, .on_end = on_end};

// ---- publishing

static void
publish(crowd_t *self)
{
    uint32_t session = self->next_session;
    char name[32], text[TEXT_BYTES];
    snprintf(name, sizeof name, "crowd-%" PRIu32, session);
    sse_message_t message = {.channel = session,
                             .number = sse_ledger_send(self->ledger, session),
                             .sent_us = sse_message_now_us()};
    sse_message_text(&message, text, sizeof text);
    json_t *payload = json_pack("{s:s, s:s}", "message", text, "stage", "banner");
    uint64_t seq = mesh_publisher_publish(self->publisher, "aider.session_progress", name, NULL,
                                          (double) mesh_clock_unix_us() / 1e6, payload);
    assert(seq > 0);
    self->sent++;
    self->next_session = (session + 1) % (uint32_t) self->wishes.sessions;
}

// zloop_fn
static int
on_publish_due(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    crowd_t *self = arg;
    uint64_t due = 0;
    if (read(item->fd, &due, sizeof due) != (ssize_t) sizeof due)
        return 0;
    for (due = due < SENT_AT_ONCE ? due : SENT_AT_ONCE; due > 0; due--)
        if (self->sent < self->wishes.events)
            publish(self);
    return 0;
}

static void
start_publishing(crowd_t *self)
{
    self->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    assert(self->timer_fd >= 0);
    int64_t pause_ns = 1000000000 / (int64_t) self->wishes.rate;
    struct itimerspec pace = {.it_interval = {pause_ns / 1000000000, pause_ns % 1000000000}};
    pace.it_value = pace.it_interval;
    int rc = timerfd_settime(self->timer_fd, 0, &pace, NULL);
    assert(rc == 0);
    zmq_pollitem_t item = {.fd = self->timer_fd, .events = ZMQ_POLLIN};
    zloop_poller(self->probe.loop, &item, on_publish_due, self);
}

// ---- time

static void
move_clients(crowd_t *self)
{
    int64_t now_ms = zclock_mono();
    for (size_t client = 0; client < self->wishes.clients; client++) {
        bool away = sse_clients_is_closed(self->clients, client);
        if (away && self->back_ms[client] != 0 && now_ms >= self->back_ms[client]) {
            self->back_ms[client] = 0;
            sse_clients_connect(self->clients, client);
        } else if (!away && self->timer_fd >= 0 && is_restless(self, client) &&
                   next_random(self) % (STAY_MS / TICK_MS) == 0) {
            sse_clients_close(self->clients, client);
            go_away(self, client);
        }
    }
}

// zloop_timer_fn
static int
on_tick(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    crowd_t *self = arg;
    move_clients(self);
    if (self->timer_fd < 0 && self->been == self->wishes.clients &&
        mesh_link_is_up(self->link)) {
        printf("here\n");
        start_publishing(self);
    }
    if (self->timer_fd >= 0 && ++self->ticks % TELL_TICKS == 0)
        printf("sent %" PRIu64 "\n", self->sent);
    (void) fflush(stdout);
    uint64_t moved = sse_ledger_counts(self->ledger).delivered + self->been;
    if (moved != self->moved)
        self->moved_ms = zclock_mono();
    self->moved = moved;
    self->done = self->sent == self->wishes.events && sse_ledger_waiting(self->ledger) == 0;
    return self->done || zclock_mono() - self->moved_ms > PATIENCE_MS ? -1 : 0;
}

// ---- beginning and end

static void
send_clients(crowd_t *self)
{
    for (size_t client = 0; client < self->wishes.clients; client++) {
        char path[SSE_CLIENTS_PATH_SIZE];
        bool all = client < self->wishes.all;
        uint32_t session = (uint32_t) (client % self->wishes.sessions);
        if (all)
            snprintf(path, sizeof path, "/events/progress?since=earliest");
        else
            snprintf(path, sizeof path, "/events?session=crowd-%" PRIu32 "&since=earliest",
                     session);
        sse_clients_ask(self->clients, client, path);
        if (stalls(self, client))
            sse_clients_stall(self->clients, client);
        else
            sse_ledger_follow(self->ledger, client, all ? SSE_LEDGER_ALL : session);
        sse_clients_connect(self->clients, client);
    }
}

static int
report(const crowd_t *self)
{
    sse_ledger_counts_t counts = sse_ledger_counts(self->ledger);
    printf("{\"seed\": %" PRIu64 ", \"sent\": %" PRIu64 ", \"owed\": %" PRIu64
           ", \"delivered\": %" PRIu64 ", \"missing\": %" PRIu64 ", \"repeated\": %" PRIu64
           ", \"strange\": %" PRIu64 ", \"waiting\": %zu, \"opened\": %" PRIu64
           ", \"returned\": %" PRIu64 ", \"sent_away\": %" PRIu64 ", \"refused\": %" PRIu64
           ", \"cut\": %" PRIu64 ", \"gaps\": %" PRIu64 ", \"here\": %zu}\n",
           self->wishes.seed, counts.sent, counts.owed, counts.delivered, counts.missing,
           counts.repeated, counts.strange, sse_ledger_waiting(self->ledger), self->told.opened,
           self->told.returned, self->told.sent_away, self->told.refused, self->told.cut,
           self->told.gaps, self->been);
    bool well = self->done && counts.delivered == counts.owed && counts.missing == 0 &&
                counts.repeated == 0 && counts.strange == 0;
    return well ? 0 : 1;
}

static int
run(crowd_t *self, const char *port, const char *header_line)
{
    char *header = zsys_sprintf("%s\r\n", header_line);
    self->clients = sse_clients_new(self->probe.loop, self->wishes.clients, &handler, self);
    self->ledger = sse_ledger_new(self->wishes.clients, self->wishes.sessions);
    self->back_ms = zmalloc(self->wishes.clients * sizeof *self->back_ms);
    self->has_been = zmalloc(self->wishes.clients * sizeof *self->has_been);
    self->random = self->wishes.seed | 1;
    self->timer_fd = -1;
    self->moved_ms = zclock_mono();
    self->publisher = mesh_publisher_new(self->probe.loop, self->link, STORE_BYTES);
    sse_clients_aim(self->clients, (uint16_t) strtoul(port, NULL, 10), header);
    send_clients(self);
    zloop_timer(self->probe.loop, TICK_MS, 0, on_tick, self);
    zloop_start(self->probe.loop);
    int rc = report(self);
    if (self->timer_fd >= 0)
        close(self->timer_fd);
    sse_clients_destroy(&self->clients);
    mesh_publisher_destroy(&self->publisher);
    sse_ledger_destroy(&self->ledger);
    free(self->back_ms);
    free(self->has_been);
    free(header);
    return rc;
}

// As many open files as the machine allows.
static void
raise_files(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &files);
    }
}

int
main(int argc, char *argv[])
{
    if (argc != 1 + ARGUMENTS) {
        fprintf(stderr, "usage: sse_crowd PLACE PORT HEADER CLIENTS ALL STALLED RESTLESS "
                        "SESSIONS RATE EVENTS SEED\n");
        return 2;
    }
    crowd_t *self = zmalloc(sizeof *self);
    size_t *const places[] = {&self->wishes.clients,  &self->wishes.all,
                              &self->wishes.stalled,  &self->wishes.restless,
                              &self->wishes.sessions, &self->wishes.rate,
                              &self->wishes.events};
    const size_t count = sizeof places / sizeof places[0];
    for (size_t at = 0; at < count; at++)
        *places[at] = strtoul(argv[4 + at], NULL, 10);
    self->wishes.seed = strtoull(argv[4 + count], NULL, 10);
    raise_files();
    int rc = 1;
    if (probe_begin(&self->probe, argv[1]) == 0 && (self->link = probe_link(&self->probe)))
        rc = run(self, argv[2], argv[3]);
    mesh_link_destroy(&self->link);
    probe_end(&self->probe);
    free(self);
    return rc;
}
