// load - publishers that send as fast as a window or a rate allows, and what becomes of it
// SPDX-License-Identifier: MPL-2.0
#include "load.h"

#include <assert.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "mesh/wire.h"
#include "tally.h"

enum {
    TICK_MS = 20,           // how exactly phases begin; their lengths are measured
    PROBE_TICKS = 5,        // between probes, which may be lost before all are connected
    PATIENCE_MS = 20000,    // until everybody is connected
    DRAIN_MS = 5000,        // until what is under way has come
    REFILL_PART = 8,        // of the window: fewer free places are not worth a turn
    SENT_AT_ONCE = 64,      // at a fixed rate: what a late timer makes up for in one turn
};

typedef enum { CONNECTING, PROBING, WARMING, MEASURING, DRAINING, DONE } phase_t;

struct load {
    zloop_t *loop;                    // borrowed
    const load_options_t *options;    // borrowed
    const load_ends_t *ends;          // borrowed, as arg
    void *arg;
    tally_t *tally;    // owned
    phase_t phase;
    int64_t phase_since_us;
    int ticks;
    size_t next_publisher;
    int timer_fd;    // owned; -1 where there is no rate
    tally_counts_t at_start, at_end;
    double cpu_start_s, cpu_end_s, own_cpu_start_s, own_cpu_end_s;
    double seconds;
    uint64_t malformed;
};

static int64_t
now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

// CPU time of a process in all its threads; 0 when it is gone.
static double
cpu_s(pid_t process)
{
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return 0;
    return (double) used.tv_sec + (double) used.tv_nsec / 1e9;
}

load_t *
load_new(zloop_t *loop, const load_options_t *options)
{
    assert(loop && options);
    load_t *self = zmalloc(sizeof *self);
    self->loop = loop;
    self->options = options;
    self->tally = tally_new(options->publishers, options->subscribers);
    self->timer_fd = -1;
    return self;
}

void
load_destroy(load_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        load_t *self = *self_p;
        if (self->timer_fd >= 0)
            close(self->timer_fd);
        tally_destroy(&self->tally);
        free(self);
        *self_p = NULL;
    }
}

static void
enter(load_t *self, phase_t phase)
{
    self->phase = phase;
    self->phase_since_us = now_us();
    self->ticks = 0;
}

static bool
sending(const load_t *self)
{
    return self->phase == WARMING || self->phase == MEASURING;
}

static void
send_from(load_t *self, size_t publisher)
{
    self->ends->send(self->arg, publisher, tally_send(self->tally, publisher), now_us());
}

static void
flush(load_t *self)
{
    if (self->ends->flush)
        self->ends->flush(self->arg);
}

// Many publishers stand for as many programs, none of which waits for a second event of its own
// before it writes the first; only one alone gathers.
static void
send_some(load_t *self, uint64_t count)
{
    for (; count > 0; count--) {
        send_from(self, self->next_publisher);
        self->next_publisher = (self->next_publisher + 1) % self->options->publishers;
        if (self->next_publisher == 0 && self->options->publishers > 1)
            flush(self);
    }
    flush(self);
}

void
load_go_on(load_t *self)
{
    if (!sending(self) || self->options->rate > 0)
        return;
    uint64_t under_way = tally_under_way(self->tally);
    uint64_t window = self->options->window;
    if (under_way + window / REFILL_PART <= window)
        send_some(self, window - under_way);
}

// The decimal number behind the last separator; SIZE_MAX when there is none.
static size_t
index_in(const char *name, size_t name_bytes)
{
    size_t index = 0, place = 1;
    while (name_bytes > 0 && name[name_bytes - 1] >= '0' && name[name_bytes - 1] <= '9') {
        index += (size_t) (name[--name_bytes] - '0') * place;
        place *= 10;
    }
    return place > 1 ? index : SIZE_MAX;
}

void
load_received(load_t *self, size_t subscriber, const char *name, size_t name_bytes,
              const void *body, size_t body_bytes)
{
    mesh_header_t header;
    size_t publisher = index_in(name, name_bytes);
    if (publisher >= self->options->publishers ||
        mesh_wire_decode(&header, body, body_bytes) != MESH_WIRE_OK) {
        self->malformed++;
        return;
    }
    tally_receive(self->tally, subscriber, publisher, header.seq);
    if (self->phase == MEASURING && self->options->rate > 0)
        tally_keep_latency(self->tally, now_us() - header.timestamp_us);
}

static int
on_send_due(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    load_t *self = arg;
    uint64_t due = 0;
    if (read(item->fd, &due, sizeof due) != (ssize_t) sizeof due)
        return 0;
    if (sending(self))
        send_some(self, due < SENT_AT_ONCE ? due : SENT_AT_ONCE);
    return 0;
}

static void
start_sending(load_t *self)
{
    tally_begin(self->tally);
    if (self->options->rate == 0) {
        load_go_on(self);
        return;
    }
    self->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    assert(self->timer_fd >= 0);
    long pause_ns = (long) (1000000000 / self->options->rate);
    struct itimerspec pace = {.it_interval = {pause_ns / 1000000000, pause_ns % 1000000000}};
    pace.it_value = pace.it_interval;
    int rc = timerfd_settime(self->timer_fd, 0, &pace, NULL);
    assert(rc == 0);
    zmq_pollitem_t item = {.fd = self->timer_fd, .events = ZMQ_POLLIN};
    zloop_poller(self->loop, &item, on_send_due, self);
}

static void
note_start(load_t *self)
{
    self->at_start = tally_counts(self->tally);
    self->cpu_start_s = cpu_s(self->options->server);
    self->own_cpu_start_s = cpu_s(getpid());
}

static void
note_end(load_t *self, int64_t phase_us)
{
    self->at_end = tally_counts(self->tally);
    self->cpu_end_s = cpu_s(self->options->server);
    self->own_cpu_end_s = cpu_s(getpid());
    self->seconds = (double) phase_us / 1e6;
}

// Send one event from every publisher again and again, until all subscribers have all of the
// last turn.
static void
probe(load_t *self)
{
    if (self->ticks++ % PROBE_TICKS != 0)
        return;
    send_some(self, self->options->publishers);
}

// The way from one phase to the next. Returns -1 to end the loop.
static int
on_tick(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    load_t *self = arg;
    int64_t phase_us = now_us() - self->phase_since_us;
    switch (self->phase) {
    case CONNECTING:
        if (self->ends->ready(self->arg))
            enter(self, PROBING);
        return phase_us < (int64_t) PATIENCE_MS * 1000 ? 0 : -1;
    case PROBING:
        if (self->ticks > 0 && tally_all_seen(self->tally)) {
            enter(self, WARMING);
            start_sending(self);
            return 0;
        }
        probe(self);
        return phase_us < (int64_t) PATIENCE_MS * 1000 ? 0 : -1;
    case WARMING:
        if (phase_us >= self->options->warm_ms * 1000) {
            note_start(self);
            enter(self, MEASURING);
        }
        return 0;
    case MEASURING:
        if (phase_us >= self->options->measure_ms * 1000) {
            note_end(self, phase_us);
            enter(self, DRAINING);
        }
        return 0;
    case DRAINING:
        if (tally_under_way(self->tally) == 0) {
            enter(self, DONE);
            return -1;
        }
        return phase_us < (int64_t) DRAIN_MS * 1000 ? 0 : -1;
    case DONE:
        break;
    }
    return -1;
}

int
load_run(load_t *self, const load_ends_t *ends, void *arg)
{
    assert(self && ends && ends->ready && ends->send);
    self->ends = ends;
    self->arg = arg;
    enter(self, CONNECTING);
    int timer = zloop_timer(self->loop, TICK_MS, 0, on_tick, self);
    zloop_start(self->loop);
    zloop_timer_end(self->loop, timer);
    tally_counts_t counts = tally_counts(self->tally);
    if (self->phase == DONE && counts.missing == 0 && counts.repeated == 0 &&
        self->malformed == 0)
        return 0;
    static const char *const names[] = {"connecting", "probing",  "warming up",
                                        "measuring",  "draining", "the end"};
    fprintf(stderr,
            "mesh_load: stopped while %s: %llu events under way, %llu missing, %llu repeated, "
            "%llu malformed\n",
            names[self->phase], (unsigned long long) tally_under_way(self->tally),
            (unsigned long long) counts.missing, (unsigned long long) counts.repeated,
            (unsigned long long) self->malformed);
    return -1;
}

void
load_print(load_t *self, const char *mode)
{
    double sent = (double) (self->at_end.sent - self->at_start.sent);
    double delivered = (double) (self->at_end.delivered - self->at_start.delivered);
    double cpu = self->cpu_end_s - self->cpu_start_s;
    double own_cpu = self->own_cpu_end_s - self->own_cpu_start_s;
    printf("{\"mode\": \"%s\", \"publishers\": %zu, \"subscribers\": %zu, \"seconds\": %.3f, "
           "\"sent\": %.0f, \"in_per_s\": %.0f, \"out_per_s\": %.0f, \"cpu_s\": %.3f, "
           "\"cpu_s_per_million_in\": %.3f, \"load_cpu_s\": %.3f",
           mode, self->options->publishers, self->options->subscribers, self->seconds, sent,
           sent / self->seconds, delivered / self->seconds, cpu,
           sent > 0 ? cpu * 1e6 / sent : 0, own_cpu);
    if (self->options->rate > 0)
        printf(", \"p50_us\": %u, \"p99_us\": %u, \"p999_us\": %u, \"max_us\": %u",
               tally_latency_us(self->tally, 0.5), tally_latency_us(self->tally, 0.99),
               tally_latency_us(self->tally, 0.999), tally_latency_us(self->tally, 1));
    printf("}\n");
}
