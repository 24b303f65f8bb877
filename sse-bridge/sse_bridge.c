// sse_bridge - the program: events of the mesh in, streams out
// SPDX-License-Identifier: MPL-2.0
#include "sse_bridge.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "file_limit.h"
#include "listener.h"
#include "mesh/clock.h"
#include "mesh/exit_status.h"
#include "mesh/log.h"
#include "mesh/program.h"
#include "mesh/ready.h"
#include "port_file.h"
#include "sse_bridge_private.h"

enum {
    TICK_MS = 1000,
    SESSIONS = 10000,    // remembered; the oldest finished go first
    OVERLOAD_RETRY_MS = 30 * 1000,
    // Connections that are no streams: requests, and clients that have not asked yet.
    SPARE_CONNECTIONS = 512,
    SPARE_FILES = 64,
    BODY_BYTES = 64 * 1024,
};

int
sse_bridge_check(const mesh_settings_t *settings, char **error_p)
{
    if (access_check_settings(settings, error_p) != 0)
        return -1;
    return tls_credentials_check(settings, mesh_clock_unix_us() / 1000000, error_p);
}

// ---- from the loop

void
sse_bridge_turn(sse_bridge_t *self)
{
    self->turn_wanted = false;
    stream_hub_turn(self->hub, zclock_mono());
    stream_door_sweep(self->door);
}

static int
on_turn_due(zloop_t *loop, int timer, void *arg)
{
    (void) loop;
    (void) timer;
    sse_bridge_turn(arg);
    return 0;
}

// stream_hub_owner_t: what is read in one wake-up is written when all of it has been read; what
// else there is, in the next round of the loop, of which a sparse event is not to cost one.
static void
wants_turn(void *arg)
{
    sse_bridge_t *self = arg;
    if (self->subscriber && mesh_subscriber_is_giving(self->subscriber))
        self->turn_wanted = true;
    else
        zloop_timer(self->loop, 0, 1, on_turn_due, self);
}

static int
on_answers_due(zloop_t *loop, int timer, void *arg)
{
    (void) loop;
    (void) timer;
    sse_bridge_t *self = arg;
    events_door_turn(self->events_door, zclock_mono());
    http_server_go_on(self->server);
    return 0;
}

// events_door_wants_fn
static void
wants_answers(void *arg, int64_t in_ms)
{
    sse_bridge_t *self = arg;
    mesh_timer_end(&self->answers_timer);
    mesh_timer_start(&self->answers_timer, self->loop, (size_t) in_ms, true, on_answers_due,
                     self);
}

static void
ended(void *arg, stream_t *stream, bool clean)
{
    (void) arg;
    (void) clean;
    stream_door_ended(stream);
}

static void
has_some(void *arg, stream_t *stream)
{
    const sse_bridge_t *self = arg;
    stream_door_has_some(stream);
    http_server_go_on(self->server);
}

static const stream_hub_owner_t hub_owner = {
    .wants_turn = wants_turn, .ended = ended, .has_some = has_some};

static int
on_sockets(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    (void) item;
    sse_bridge_t *self = arg;
    stream_hub_poll(self->hub, zclock_mono());
    stream_door_sweep(self->door);
    return 0;
}

static void
gather(void *arg, health_facts_t *facts)
{
    static const health_feed_t feeds[] = {
        [MESH_SUBSCRIBER_AWAY] = HEALTH_FEED_AWAY,
        [MESH_SUBSCRIBER_CATCHING_UP] = HEALTH_FEED_CATCHING_UP,
        [MESH_SUBSCRIBER_LIVE] = HEALTH_FEED_LIVE,
    };
    const sse_bridge_t *self = arg;
    int64_t now_ms = zclock_mono();
    int64_t heard_ms = mesh_subscriber_last_heard_ms(self->subscriber);
    *facts = (health_facts_t){
        .timestamp = mesh_clock_unix_s(),
        .uptime_s = (double) (now_ms - self->started_ms) / 1000.0,
        .feed = feeds[mesh_subscriber_state(self->subscriber)],
        .heard_age_ms = heard_ms > 0 ? now_ms - heard_ms : -1,
        .stopping = self->stopping,
        .head = mesh_subscriber_head(self->subscriber),
        .journal = self->journal,
        .monitor = self->monitor,
        .ring = stream_hub_ring(self->hub),
        .ring_limit_bytes = self->ring_bytes,
        .streams = stream_hub_stats(self->hub),
        .sessions = session_table_size(stream_hub_sessions(self->hub)),
        .sessions_running = session_table_running(stream_hub_sessions(self->hub)),
        .events_per_second = rate_meter_per_second(&self->events),
        .frames_per_second = rate_meter_per_second(&self->frames),
        .types = &self->types,
        .transports = self->transports,
        .requests = http_server_requests(self->server),
        .heads_late = http_server_heads_late(self->server),
        .refused_access = http_routes_refused(self->routes),
        .refused_limits =
            stream_door_refused(self->door) + events_door_refused(self->events_door),
        .waiting = events_door_waiting(self->events_door),
        .past_pages = past_asked(past_link_pages(self->past)),
        .mute = http_server_mute(self->server),
        .certificate_expires_s = self->tls ? tls_credentials_expire_s(self->tls) : 0,
        .connections =
            http_server_connections(self->server) + (unsigned) stream_door_own(self->door),
    };
}

static int
on_tick(zloop_t *loop, int timer, void *arg)
{
    (void) loop;
    (void) timer;
    sse_bridge_t *self = arg;
    int64_t now_ms = zclock_mono();
    sse_bridge_note_feed(self);
    stream_hub_tick(self->hub, now_ms);
    transport_list_tick(self->transports);
    past_tick(past_link_pages(self->past), now_ms);
    events_door_tick(self->events_door);
    if (self->tls)
        tls_credentials_tick(self->tls, now_ms);
    int64_t unix_ms = mesh_clock_unix_us() / 1000;
    stream_door_review(self->door, access_refresh(self->access, unix_ms), unix_ms);
    stream_door_sweep(self->door);
    stream_hub_stats_t stats = stream_hub_stats(self->hub);
    rate_meter_sample(&self->events, stats.events, now_ms);
    rate_meter_sample(&self->frames, stats.written.events, now_ms);
    health_facts_t facts;
    const char *reason;
    gather(self, &facts);
    bool ready = health_is_ready(&facts, &reason);
    if (ready != self->was_ready)
        mesh_log_info(ready ? "feed-fresh" : "feed-stale", "%s", ready ? "" : reason);
    self->was_ready = ready;
    mesh_ready_notify("WATCHDOG=1");
    return 0;
}

// http_server_answer_fn
static enum MHD_Result
on_request(void *arg, const http_request_t *request)
{
    sse_bridge_t *self = arg;
    // A stream may open on what is known now, not on what was at the last tick.
    sse_bridge_note_feed(self);
    return http_routes_answer(self->routes, request);
}

static int
take_settings(sse_bridge_t *self, const mesh_settings_t *settings, char **error_p)
{
    if (self->tls && tls_credentials_reload(self->tls, settings, mesh_clock_unix_us() / 1000000,
                                            zclock_mono(), error_p) != 0)
        return -1;
    return access_reload(self->access, settings, error_p);
}

static void
reload(sse_bridge_t *self)
{
    char *error = NULL;
    mesh_settings_t *settings = mesh_program_reload(&error);
    if (!settings || take_settings(self, settings, &error) != 0) {
        mesh_log_error("reload-refused", "%s", error);
        free(error);
        mesh_settings_destroy(&settings);
        return;
    }
    mesh_settings_destroy(&self->reloaded);
    self->reloaded = settings;
    mesh_log_info("reloaded", "token%s and origins are read again",
                  self->tls ? ", certificate" : "");
}

static int
on_signal(int number, void *arg)
{
    sse_bridge_t *self = arg;
    if (number == SIGHUP) {
        reload(self);
        return 0;
    }
    self->stopping = true;
    return -1;
}

// ---- start and stop

static int
serve(sse_bridge_t *self, const mesh_settings_t *settings, char **error_p)
{
    const char *address = mesh_settings_string(settings, "http/address");
    int fd = listener_open(address, (uint16_t) mesh_settings_number(settings, "http/port"),
                           &self->port, error_p);
    if (fd < 0)
        return -1;
    stream_door_limits_t door_limits = {
        .overload_retry_ms = OVERLOAD_RETRY_MS,
        .gzip = mesh_settings_flag(settings, "features/compression"),
    };
    http_server_limits_t limits = {
        .connections = (unsigned) self->clients + SPARE_CONNECTIONS,
        .head_bytes = mesh_settings_bytes(settings, "http/head_limit"),
        .body_bytes = BODY_BYTES,
        .head_deadline_ms = mesh_settings_ms(settings, "http/head_deadline"),
        .encrypted = self->tls,
    };
    self->client_limits =
        client_limits_new((size_t) mesh_settings_number(settings, "http/clients_per_address"),
                          (size_t) mesh_settings_number(settings, "http/clients_per_token"));
    self->door = stream_door_new(self->hub, self->access, self->client_limits, &door_limits);
    self->events_door =
        events_door_new(self->hub, self->access, self->client_limits, wants_answers, self);
    const http_lists_t lists = {.sessions = stream_hub_session_list(self->hub),
                                .transports = self->transports};
    self->routes = http_routes_new(self->access, self->door, self->events_door, &lists,
                                   settings, gather, self);
    self->server = http_server_new(self->loop, fd, &limits, on_request, self);
    if (!self->server) {
        close(fd);
        *error_p = strdup("libmicrohttpd cannot start");
        return -1;
    }
    return 0;
}

static void
make_hub(sse_bridge_t *self, const mesh_settings_t *settings)
{
    self->ring_bytes = mesh_settings_bytes(settings, "http/ring_bytes");
    stream_hub_limits_t limits = {
        .ring_bytes = self->ring_bytes,
        .clients = self->clients,
        .filters = (size_t) mesh_settings_number(settings, "http/filters"),
        .sessions = SESSIONS,
        .comment_every_ms = mesh_settings_ms(settings, "http/comment_every"),
        .retry_ms = mesh_settings_ms(settings, "http/retry"),
        .ended_after_ms = mesh_settings_ms(settings, "http/ended_after"),
        .max_age_ms = mesh_settings_ms(settings, "http/max_age"),
    };
    self->hub = stream_hub_new(&limits, &hub_owner, self, self->started_ms);
    self->hub_poll = (zmq_pollitem_t){.fd = stream_hub_fd(self->hub), .events = ZMQ_POLLIN};
    zloop_poller(self->loop, &self->hub_poll, on_sockets, self);
    zloop_poller_set_tolerant(self->loop, &self->hub_poll);
}

static int
start(sse_bridge_t *self, const mesh_settings_t *settings, char **error_p)
{
    const char *port_file = mesh_settings_string(settings, "http/port_file");
    self->access = access_new(settings, mesh_clock_unix_us() / 1000, error_p);
    if (!self->access)
        return -1;
    if (tls_credentials_wanted(settings) &&
        !(self->tls = tls_credentials_new(settings, mesh_clock_unix_us() / 1000000, error_p)))
        return -1;
    self->clients = file_limit_for((size_t) mesh_settings_number(settings, "http/clients"),
                                   SPARE_CONNECTIONS + SPARE_FILES);
    make_hub(self, settings);
    self->transports = transport_list_new();
    if (serve(self, settings, error_p) != 0 || sse_bridge_join(self, settings, error_p) != 0)
        return -1;
    zloop_timer(self->loop, TICK_MS, 0, on_tick, self);
    if (*port_file && port_file_write(port_file, self->port, error_p) != 0)
        return -1;
    mesh_log_info("http-listening", "%s port %u%s",
                  mesh_settings_string(settings, "http/address"), self->port,
                  self->tls ? ", HTTPS only" : "");
    mesh_ready_notify("READY=1");
    return 0;
}

static void
stop(sse_bridge_t *self)
{
    mesh_ready_notify("STOPPING=1");
    if (self->hub)
        stream_hub_stop(self->hub, zclock_mono());
    if (self->events_door)
        events_door_stop(self->events_door, zclock_mono());
    http_server_destroy(&self->server);
    http_routes_destroy(&self->routes);
    stream_door_destroy(&self->door);
    mesh_timer_end(&self->answers_timer);
    mesh_subscriber_destroy(&self->subscriber);
    transport_list_destroy(&self->transports);
    past_link_destroy(&self->past);
    mesh_link_destroy(&self->link);
    events_door_destroy(&self->events_door);
    client_limits_destroy(&self->client_limits);
    json_decref(self->journal);
    if (self->hub)
        zloop_poller_end(self->loop, &self->hub_poll);
    stream_hub_destroy(&self->hub);
    access_destroy(&self->access);
    tls_credentials_destroy(&self->tls);
    mesh_signals_destroy(&self->signals);
    zloop_destroy(&self->loop);
    mesh_settings_destroy(&self->reloaded);
}

int
sse_bridge_run(const mesh_settings_t *settings, int argc, char *argv[])
{
    (void) argc;
    (void) argv;
    sse_bridge_t self = {.started_ms = zclock_mono()};
    char *error = NULL;
    int status = MESH_EXIT_STOPPED;
    self.loop = zloop_new();
    self.signals = mesh_signals_new(self.loop, on_signal, &self);
    if (start(&self, settings, &error) == 0) {
        zloop_start(self.loop);
    } else {
        mesh_log_error("start-failed", "%s", error);
        free(error);
        status = MESH_EXIT_FAILED;
    }
    stop(&self);
    const char *port_file = mesh_settings_string(settings, "http/port_file");
    if (*port_file && status == MESH_EXIT_STOPPED)
        (void) unlink(port_file);
    return status;
}
