// sse_run - one measurement: clients connect, events are sent, and it is seen what becomes of
// it SPDX-License-Identifier: MPL-2.0
#include "sse_run.h"

#include <assert.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "latency.h"
#include "sse_clients.h"
#include "sse_ledger.h"
#include "sse_process.h"

enum {
    TICK_MS = 20,              // how exactly phases begin; their lengths are measured
    QUIET_TICKS = 10,          // without a byte: all that comes with a connection has come
    PATIENCE_US = 60000000,    // until everybody is connected
    DRAIN_US = 60000000,       // until what is under way has come
    REFILL_PART = 8,           // of the window: fewer free places are not worth a turn
    SENT_AT_ONCE = 64,         // at a fixed rate: what a late timer makes up for in one turn
    RESUMING_AT_ONCE = 50,     // clients that come, read and go
    HEADER_SIZE = 256,
};

typedef enum { CONNECTING, WARMING, MEASURING, DRAINING, DONE } phase_t;

// What had been counted when the measurement began, or ended.
typedef struct mark {
    int64_t at_us;
    sse_ledger_counts_t counts;
    double cpu_s, own_cpu_s;
    uint64_t bytes;
    uint64_t resumed;
} mark_t;

typedef struct run {
    zloop_t *loop;                       // borrowed
    const sse_run_options_t *options;    // borrowed
    sse_clients_t *clients;              // owned, as the next three
    sse_ledger_t *ledger;
    latency_t *latency;
    sse_feed_t *feed;
    char header[HEADER_SIZE];
    phase_t phase;
    int64_t phase_since_us;
    size_t checked;    // clients whose events are looked at, of those to whom they go
    size_t here;       // clients that were told that they are
    size_t lost;       // clients that the server has ended
    int quiet_ticks;
    uint64_t quiet_bytes;
    uint32_t next_channel;
    int timer_fd;    // owned; -1 where there is no rate
    mark_t begin, end;
    int64_t connected_us;
    sse_process_memory_t before, after;
    char first_id[SSE_SCAN_ID_SIZE];    // of what resuming clients have seen
    uint32_t *resumed_events;           // owned; by client
    uint64_t resumed;
} run_t;

static size_t
all_clients(const sse_run_options_t *options)
{
    size_t resuming = options->resume > 0 ? RESUMING_AT_ONCE : 0;
    return options->clients + options->quiet + options->stalled + resuming;
}

// Where the clients that resume begin.
static size_t
first_resuming(const sse_run_options_t *options)
{
    return options->clients + options->quiet + options->stalled;
}

static sse_clients_reading_t
reading_of(const sse_run_options_t *options, size_t client)
{
    if (options->unzip_every == 0)
        return SSE_CLIENTS_READS;
    return client >= options->clients || client % options->unzip_every == 0
               ? SSE_CLIENTS_UNZIPS
               : SSE_CLIENTS_COUNTS;
}

static void
enter(run_t *self, phase_t phase)
{
    self->phase = phase;
    self->phase_since_us = sse_message_now_us();
}

static mark_t
mark(const run_t *self)
{
    return (mark_t){.at_us = sse_message_now_us(),
                    .counts = sse_ledger_counts(self->ledger),
                    .cpu_s = sse_process_cpu_s(self->options->server),
                    .own_cpu_s = sse_process_cpu_s(getpid()),
                    .bytes = sse_clients_bytes(self->clients),
                    .resumed = self->resumed};
}

// ---- sending

static bool
sending(const run_t *self)
{
    return self->options->resume == 0 && (self->phase == WARMING || self->phase == MEASURING);
}

static void
send_some(run_t *self, uint64_t count)
{
    for (; count > 0; count--) {
        sse_message_t message = {.channel = self->next_channel,
                                 .number = sse_ledger_send(self->ledger, self->next_channel),
                                 .sent_us = sse_message_now_us()};
        sse_feed_send(self->feed, &message);
        self->next_channel = (self->next_channel + 1) % (uint32_t) self->options->channels;
    }
    sse_feed_flush(self->feed);
}

// Keep the window full: events under way are those that clients miss, on average.
static void
go_on(run_t *self)
{
    if (!sending(self) || self->options->rate > 0)
        return;
    sse_ledger_counts_t counts = sse_ledger_counts(self->ledger);
    uint64_t receivers = self->checked / self->options->channels;
    uint64_t under_way = (counts.owed - counts.delivered) / (receivers > 0 ? receivers : 1);
    uint64_t window = self->options->window;
    if (under_way + window / REFILL_PART <= window)
        send_some(self, window - under_way);
}

// zloop_fn
static int
on_send_due(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    run_t *self = arg;
    uint64_t due = 0;
    if (read(item->fd, &due, sizeof due) == (ssize_t) sizeof due && sending(self))
        send_some(self, due < SENT_AT_ONCE ? due : SENT_AT_ONCE);
    return 0;
}

static void
start_sending(run_t *self)
{
    if (self->options->rate == 0) {
        go_on(self);
        return;
    }
    self->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    assert(self->timer_fd >= 0);
    int64_t pause_ns = 1000000000 / (int64_t) self->options->rate;
    struct itimerspec pace = {.it_interval = {pause_ns / 1000000000, pause_ns % 1000000000}};
    pace.it_value = pace.it_interval;
    int rc = timerfd_settime(self->timer_fd, 0, &pace, NULL);
    assert(rc == 0);
    zmq_pollitem_t item = {.fd = self->timer_fd, .events = ZMQ_POLLIN};
    zloop_poller(self->loop, &item, on_send_due, self);
}

// ---- what clients see

// A client that resumes has read an event.
static void
on_resumed_event(run_t *self, size_t client)
{
    size_t place = client - first_resuming(self->options);
    if (++self->resumed_events[place] < self->options->resume)
        return;
    self->resumed++;
    self->resumed_events[place] = 0;
    sse_clients_close(self->clients, client);
    sse_clients_set_last_id(self->clients, client, self->first_id);
    if (self->phase == MEASURING)
        sse_clients_connect(self->clients, client);
}

static void
on_open(void *arg, size_t client)
{
    (void) client;
    run_t *self = arg;
    // One that does not look at events cannot say more than that.
    bool stalls = client >= self->options->clients + self->options->quiet &&
                  client < first_resuming(self->options);
    if (!self->options->says_opened || stalls ||
        reading_of(self->options, client) == SSE_CLIENTS_COUNTS)
        self->here++;
}

static void
on_event(void *arg, size_t client, const sse_scan_t *event)
{
    run_t *self = arg;
    sse_message_t message;
    if (sse_message_read(&message, event->data, event->data_bytes) != 0) {
        if (self->options->says_opened && streq(event->type, "stream.opened"))
            self->here++;
        return;
    }
    if (client >= first_resuming(self->options)) {
        on_resumed_event(self, client);
        return;
    }
    if (self->first_id[0] == '\0')
        memcpy(self->first_id, event->id, sizeof self->first_id);
    (void) sse_ledger_receive(self->ledger, client, message.channel, message.number);
    if (self->phase == MEASURING && self->options->rate > 0)
        latency_keep(self->latency, sse_message_now_us() - message.sent_us);
}

static void
on_end(void *arg, size_t client, sse_clients_end_t why, unsigned status)
{
    static const char *const names[] = {[SSE_CLIENTS_ENDED] = "ended",
                                        [SSE_CLIENTS_REFUSED] = "refused",
                                        [SSE_CLIENTS_STATUS] = "refused",
                                        [SSE_CLIENTS_GARBLED] = "sent what is not gzip"};
    run_t *self = arg;
    if (self->lost++ == 0)
        fprintf(stderr, "sse_load: client %zu is lost (%s, status %u)\n", client, names[why],
                status);
}

static void
on_read(void *arg)
{
    go_on(arg);
}

static const sse_clients_handler_t handler = {
    .on_open = on_open, .on_event = on_event, .on_end = on_end, .on_read = on_read};

// ---- phases

static void
begin_measuring(run_t *self)
{
    self->begin = mark(self);
    enter(self, MEASURING);
    for (size_t at = 0; self->options->resume > 0 && at < RESUMING_AT_ONCE; at++) {
        size_t client = first_resuming(self->options) + at;
        sse_clients_set_last_id(self->clients, client, self->first_id);
        sse_clients_connect(self->clients, client);
    }
}

// Whether all are connected, and have been left in peace for a moment since.
static bool
all_here(run_t *self)
{
    uint64_t bytes = sse_clients_bytes(self->clients);
    bool quiet = bytes == self->quiet_bytes;
    self->quiet_bytes = bytes;
    self->quiet_ticks = quiet ? self->quiet_ticks + 1 : 0;
    if (self->here < first_resuming(self->options))
        return false;
    if (self->connected_us == 0)
        self->connected_us = sse_message_now_us() - self->phase_since_us;
    return self->quiet_ticks >= QUIET_TICKS && (!self->feed || sse_feed_is_ready(self->feed));
}

// The way from one phase to the next. Returns -1 to end the loop.
static int
step(run_t *self, int64_t phase_us)
{
    const sse_run_options_t *options = self->options;
    switch (self->phase) {
    case CONNECTING:
        if (!all_here(self))
            return phase_us < PATIENCE_US ? 0 : -1;
        self->after = sse_process_memory(options->server);
        enter(self, options->idle ? DONE : WARMING);
        if (options->resume > 0)
            send_some(self, options->resume + 1);
        else if (!options->idle)
            start_sending(self);
        return options->idle ? -1 : 0;
    case WARMING:
        if (phase_us >= (int64_t) options->warm_ms * 1000 &&
            (options->resume == 0 || sse_ledger_waiting(self->ledger) == 0))
            begin_measuring(self);
        return phase_us < PATIENCE_US ? 0 : -1;
    case MEASURING:
        if (phase_us >= (int64_t) options->measure_ms * 1000) {
            self->end = mark(self);
            enter(self, DRAINING);
        }
        return 0;
    case DRAINING:
        if (sse_ledger_waiting(self->ledger) == 0) {
            enter(self, DONE);
            return -1;
        }
        return phase_us < DRAIN_US ? 0 : -1;
    case DONE:
        break;
    }
    return -1;
}

// zloop_timer_fn
static int
on_tick(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    run_t *self = arg;
    if (self->lost > 0)
        return -1;
    // Where nothing is under way any more because it was lost, nothing comes to be read either.
    go_on(self);
    return step(self, sse_message_now_us() - self->phase_since_us);
}

// ---- beginning and end

// PATH with its {} as a number.
static void
ask(run_t *self, size_t client, const char *template, size_t number)
{
    char path[SSE_CLIENTS_PATH_SIZE];
    const char *place = strstr(template, "{}");
    if (place)
        snprintf(path, sizeof path, "%.*s%zu%s", (int) (place - template), template, number,
                 place + 2);
    else
        snprintf(path, sizeof path, "%s", template);
    sse_clients_ask(self->clients, client, path);
}

static void
send_clients(run_t *self)
{
    const sse_run_options_t *options = self->options;
    for (size_t client = 0; client < all_clients(options); client++) {
        bool quiet = client >= options->clients && client < options->clients + options->quiet;
        bool resumes = client >= first_resuming(options);
        bool stalls = !resumes && !quiet && client >= options->clients;
        size_t channel = client % options->channels;
        if (quiet)
            ask(self, client, options->quiet_path, client % options->quiet_filters);
        else
            ask(self, client, options->path, channel);
        if (stalls)
            sse_clients_stall(self->clients, client);
        sse_clients_reading_t reading = reading_of(options, client);
        sse_clients_read_as(self->clients, client, reading);
        if (client < options->clients && reading != SSE_CLIENTS_COUNTS) {
            sse_ledger_follow(self->ledger, client, (uint32_t) channel);
            self->checked++;
        }
        if (!resumes)
            sse_clients_connect(self->clients, client);
    }
}

static void
print(run_t *self)
{
    double seconds = (double) (self->end.at_us - self->begin.at_us) / 1e6;
    double sent = (double) (self->end.counts.sent - self->begin.counts.sent);
    // Those that are not looked at are served in turns with those that are, and have as many.
    double delivered = (double) (self->end.counts.delivered - self->begin.counts.delivered) *
                       (double) self->options->clients / (double) self->checked;
    double cpu = self->end.cpu_s - self->begin.cpu_s;
    double bytes = (double) (self->end.bytes - self->begin.bytes);
    double resumed = (double) (self->end.resumed - self->begin.resumed);
    printf("{\"clients\": %zu, \"connect_s\": %.3f, \"rss_before_kib\": %ld, "
           "\"rss_after_kib\": %ld, \"pss_before_kib\": %ld, \"pss_after_kib\": %ld, "
           "\"bytes_per_client\": %.0f",
           first_resuming(self->options), (double) self->connected_us / 1e6,
           self->before.rss_kib, self->after.rss_kib, self->before.pss_kib, self->after.pss_kib,
           (double) (self->after.pss_kib - self->before.pss_kib) * 1024.0 /
               (double) first_resuming(self->options));
    if (!self->options->idle)
        printf(", \"seconds\": %.3f, \"sent\": %.0f, \"delivered\": %.0f, \"per_s\": %.0f, "
               "\"cpu_s\": %.4f, \"cpu_s_per_million\": %.3f, \"cpu_us_per_event\": %.2f, "
               "\"load_busy\": %.3f, \"bytes_per_delivery\": %.1f, \"checked\": %zu",
               seconds, sent, delivered, delivered / seconds, cpu,
               delivered > 0 ? cpu * 1e6 / delivered : 0, sent > 0 ? cpu * 1e6 / sent : 0,
               (self->end.own_cpu_s - self->begin.own_cpu_s) / seconds,
               delivered > 0 ? bytes / delivered : 0, self->checked);
    if (self->options->resume > 0)
        printf(", \"resumed_per_s\": %.0f, \"cpu_us_per_resume\": %.1f", resumed / seconds,
               resumed > 0 ? cpu * 1e6 / resumed : 0);
    if (self->options->rate > 0)
        printf(", \"p50_us\": %u, \"p99_us\": %u, \"max_us\": %u",
               latency_us(self->latency, 0.5), latency_us(self->latency, 0.99),
               latency_us(self->latency, 1));
    printf(", \"server_rss_kib\": %ld}\n", sse_process_memory(self->options->server).rss_kib);
}

static int
judge(const run_t *self)
{
    static const char *const names[] = {"connecting", "warming up", "measuring", "draining",
                                        "the end"};
    sse_ledger_counts_t counts = sse_ledger_counts(self->ledger);
    if (self->phase == DONE && counts.missing == 0 && counts.repeated == 0 &&
        counts.strange == 0 && self->lost == 0)
        return 0;
    fprintf(stderr,
            "sse_load: stopped while %s: %zu of %zu clients came, %zu were lost, %zu wait; "
            "%" PRIu64 " events missing, %" PRIu64 " repeated, %" PRIu64 " strange\n",
            names[self->phase], self->here, first_resuming(self->options), self->lost,
            sse_ledger_waiting(self->ledger), counts.missing, counts.repeated, counts.strange);
    return -1;
}

int
sse_run(zloop_t *loop, const sse_run_options_t *options)
{
    run_t *self = zmalloc(sizeof *self);
    self->loop = loop;
    self->options = options;
    self->timer_fd = -1;
    self->clients = sse_clients_new(loop, all_clients(options), &handler, self);
    self->ledger = sse_ledger_new(all_clients(options), options->channels);
    self->latency = latency_new();
    self->resumed_events = zmalloc(RESUMING_AT_ONCE * sizeof *self->resumed_events);
    if (options->feed_place)
        self->feed =
            sse_feed_new(loop, options->feed, options->feed_place, options->payload_bytes);
    snprintf(self->header, sizeof self->header, "%s%s%s",
             options->header ? options->header : "", options->header ? "\r\n" : "",
             options->unzip_every > 0 ? "Accept-Encoding: gzip\r\n" : "");
    if (options->tls)
        sse_clients_use_tls(self->clients);
    sse_clients_aim(self->clients, (uint16_t) options->http_port, self->header);
    int rc = -1;
    if (self->feed || options->idle) {
        self->before = sse_process_memory(options->server);
        enter(self, CONNECTING);
        send_clients(self);
        int timer = zloop_timer(loop, TICK_MS, 0, on_tick, self);
        zloop_start(loop);
        zloop_timer_end(loop, timer);
        rc = judge(self);
    }
    if (rc == 0)
        print(self);
    if (self->timer_fd >= 0)
        close(self->timer_fd);
    sse_clients_destroy(&self->clients);
    sse_feed_destroy(&self->feed);
    sse_ledger_destroy(&self->ledger);
    latency_destroy(&self->latency);
    free(self->resumed_events);
    free(self);
    return rc;
}
