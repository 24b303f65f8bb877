// replay - pulls everything the broker keeps, as a subscriber that comes back does
// SPDX-License-Identifier: MPL-2.0
#include "replay.h"

#include <assert.h>
#include <time.h>

#include "mesh/control.h"
#include "mesh/link.h"
#include "mesh/wire.h"

enum { DEADLINE_MS = 10000 };

typedef struct replay {
    zloop_t *loop;                    // borrowed
    const load_options_t *options;    // borrowed
    mesh_link_t *link;                // owned
    uint64_t epoch, first;
    uint64_t last;    // the offset of the last event that came
    uint64_t events, bytes, turns;
    int64_t started_ms;
    double cpu_start_s;
    bool over;    // an answer that comes yet says nothing
    bool failed;
} replay_t;

static double
server_cpu_s(const replay_t *self)
{
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(self->options->server, &clock) != 0 ||
        clock_gettime(clock, &used) != 0)
        return 0;
    return (double) used.tv_sec + (double) used.tv_nsec / 1e9;
}

static void on_reply(void *arg, const char *verb, const json_t *body, zmsg_t *frames);

static void
ask(replay_t *self, uint64_t after)
{
    json_t *body = json_pack("{s:o, s:I}", "epoch", mesh_control_epoch(self->epoch), "after",
                             (json_int_t) after);
    uint64_t id = mesh_link_request(self->link, "replay", body, DEADLINE_MS, on_reply, self);
    assert(id > 0);
}

// Returns false when an event is not one, or not above the one before.
static bool
take_events(replay_t *self, zmsg_t *frames)
{
    for (zframe_t *topic = zmsg_first(frames); topic; topic = zmsg_next(frames)) {
        zframe_t *body = zmsg_next(frames);
        mesh_header_t header;
        if (!body ||
            mesh_wire_decode(&header, zframe_data(body), zframe_size(body)) != MESH_WIRE_OK ||
            header.offset <= self->last)
            return false;
        self->last = header.offset;
        self->events++;
        self->bytes += zframe_size(topic) + zframe_size(body);
    }
    return true;
}

// mesh_link_reply_fn
static void
on_reply(void *arg, const char *verb, const json_t *body, zmsg_t *frames)
{
    replay_t *self = arg;
    uint64_t to;
    if (self->over)
        return;
    if (!streq(verb, "events") || !frames || !take_events(self, frames) ||
        mesh_control_get_number(body, "to", &to) != 0) {
        char *text = json_dumps(body, JSON_COMPACT);
        fprintf(stderr, "mesh_load: replay was answered %s %s\n", verb, text ? text : "");
        free(text);
        self->failed = true;
        return;
    }
    if (!json_is_true(json_object_get(body, "more"))) {
        self->turns++;
        self->last = to = self->first - 1;
    }
    ask(self, to);
}

static void
on_welcome(void *arg, const mesh_welcome_t *welcome)
{
    replay_t *self = arg;
    if (self->started_ms)
        return;
    self->epoch = welcome->epoch;
    self->first = welcome->first;
    self->last = self->first - 1;
    self->started_ms = zclock_mono();
    self->cpu_start_s = server_cpu_s(self);
    ask(self, self->last);
}

static int
on_tick(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    replay_t *self = arg;
    self->over =
        self->started_ms && zclock_mono() - self->started_ms >= self->options->measure_ms;
    return self->failed || self->over ? -1 : 0;
}

static int
on_patience_over(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    replay_t *self = arg;
    if (self->started_ms)
        return 0;
    fprintf(stderr, "mesh_load: the broker does not answer\n");
    self->failed = true;
    return -1;
}

static const mesh_link_listener_t listener = {.on_welcome = on_welcome};

int
replay_run(zloop_t *loop, const load_options_t *options)
{
    replay_t self = {.loop = loop, .options = options};
    mesh_settings_t *settings = mesh_settings_new();
    char *seed = zsys_sprintf("mesh/seeds=%s", options->control);
    char *error = NULL;
    const mesh_link_identity_t identity = {.transport_type = "bench", .host = "bench"};
    if (mesh_settings_assign(settings, seed, "--control", &error) == 0)
        self.link = mesh_link_new(loop, settings, &identity, &error);
    free(seed);
    if (self.link) {
        mesh_link_listen(self.link, &listener, &self);
        int tick = zloop_timer(loop, 10, 0, on_tick, &self);
        int patience = zloop_timer(loop, DEADLINE_MS, 1, on_patience_over, &self);
        zloop_start(loop);
        zloop_timer_end(loop, tick);
        zloop_timer_end(loop, patience);
        double seconds = (double) (zclock_mono() - self.started_ms) / 1000;
        double cpu_s = server_cpu_s(&self) - self.cpu_start_s;
        double events = (double) self.events;
        if (!self.failed)
            printf("{\"mode\": \"replay\", \"seconds\": %.3f, \"out_per_s\": %.0f, "
                   "\"mib_per_s\": %.1f, \"whole_replays\": %llu, \"cpu_s\": %.3f, "
                   "\"cpu_s_per_million_out\": %.3f}\n",
                   seconds, events / seconds, (double) self.bytes / seconds / (1 << 20),
                   (unsigned long long) self.turns, cpu_s,
                   events > 0 ? cpu_s * 1e6 / events : 0);
    } else {
        fprintf(stderr, "mesh_load: %s\n", error);
        self.failed = true;
    }
    free(error);
    mesh_link_destroy(&self.link);
    mesh_settings_destroy(&settings);
    return self.failed ? -1 : 0;
}
