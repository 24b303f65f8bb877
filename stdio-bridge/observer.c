// observer - the process that watches the tap and tells the mesh
// SPDX-License-Identifier: MPL-2.0
#include "observer.h"

#include <assert.h>
#include <czmq.h>
#include <signal.h>
#include <sys/wait.h>

#include "mesh/clock.h"
#include "mesh/exit_status.h"
#include "mesh/log.h"
#include "mesh/program.h"
#include "outlet.h"
#include "relay.h"
#include "session_files.h"
#include "session_watch.h"

enum {
    RECORDS_AT_ONCE = 32,    // at most so many before timers and sockets have their turn
    // After so many when bytes were lost: whoever writes faster than can be parsed is no AIDER,
    // and the processor is the session's.
    OVERRUN_PAUSE_MS = 50,
    NS_PER_MS = 1000000,
};

typedef struct observer {
    const observer_plan_t *plan;
    const char *analytics_path;    // in the tap's note; NULL when the bridge asked for none
    outlet_t *outlet;              // owned
    session_watch_t *watch;        // owned
    session_files_t *files;        // owned; NULL where none are read
    aider_user_patterns_t *patterns;    // owned; NULL where the user has none
    zmq_pollitem_t file_items[SESSION_FILES_COUNT];
    int64_t latest_ms;    // the watch's time, which never goes back
    zmq_pollitem_t item;
    int timer;       // of the next tick; 0 when none
    bool overrun;    // bytes were lost lately
    bool ended;
} observer_t;

// The moment at which CLOCK_MONOTONIC said mono_ns.
static aider_time_t
time_of(uint64_t mono_ns)
{
    double age_s = (double) (int64_t) (mesh_clock_mono_ns() - mono_ns) / 1e9;
    return (aider_time_t){
        .mono_ms = (int64_t) (mono_ns / NS_PER_MS),
        .unix_s = mesh_clock_unix_s() - age_s,
    };
}

static aider_time_t
time_now(void)
{
    return time_of(mesh_clock_mono_ns());
}

// Records lie in the tap while we do something else: what was said meanwhile keeps its own time
// in the event, and is no step back for what counts seconds.
static aider_time_t
onward(observer_t *self, aider_time_t at)
{
    if (at.mono_ms > self->latest_ms)
        self->latest_ms = at.mono_ms;
    at.mono_ms = self->latest_ms;
    return at;
}

static int on_tick(zloop_t *loop, int timer_id, void *arg);
static int on_more(zloop_t *loop, int timer_id, void *arg);
static int on_file(zloop_t *loop, zmq_pollitem_t *item, void *arg);
static void stop_listening(observer_t *self);

static void
plan_tick(observer_t *self)
{
    zloop_t *loop = outlet_loop(self->outlet);
    if (self->timer)
        (void) zloop_timer_end(loop, self->timer);
    self->timer = 0;
    int64_t next_ms = self->ended ? -1 : session_watch_next_tick_ms(self->watch);
    if (next_ms < 0)
        return;
    int64_t now_ms = time_now().mono_ms;
    size_t pause_ms = next_ms > now_ms ? (size_t) (next_ms - now_ms) : 0;
    self->timer = zloop_timer(loop, pause_ms, 1, on_tick, self);
}

// The command has ended, as wait(2) tells it, or the relay was killed and it with it.
static void
end_session(observer_t *self, int status, aider_time_t now)
{
    if (self->ended)
        return;
    self->ended = true;
    int exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    session_watch_end(self->watch, exit_code, WIFSIGNALED(status) ? WTERMSIG(status) : 0, now);
    stop_listening(self);
    if (self->files)
        session_files_stop(self->files);
    if (self->analytics_path)
        (void) unlink(self->analytics_path);
    int64_t linger_ms = mesh_settings_ms(self->plan->settings, "bridge/linger");
    outlet_finish(self->outlet, linger_ms, true);
}

static void
take_record(observer_t *self, const tap_record_t *record)
{
    aider_time_t at = onward(self, time_of(record->time_ns));
    self->overrun = self->overrun || record->lost_bytes > 0;
    if (record->kind == TAP_ENDED)
        end_session(self, record->status, at);
    else
        session_watch_bytes(self->watch, record, at);
}

// Take what lies in the tap. Returns whether there may be more.
static bool
drain(observer_t *self)
{
    for (int count = 0; count < RECORDS_AT_ONCE && !self->ended; count++) {
        tap_record_t record;
        switch (tap_next(self->plan->tap, &record)) {
        case TAP_RECORD:
            take_record(self, &record);
            break;
        case TAP_EMPTY:
            return false;
        case TAP_BROKEN:
            mesh_log_error("tap-broken", "what the relay wrote cannot be read");
            end_session(self, SIGKILL, onward(self, time_now()));
            return false;
        case TAP_CLOSED:
            end_session(self, SIGKILL, onward(self, time_now()));
            return false;
        }
    }
    return !self->ended;
}

// Listen to files that can be listened to by now.
static void
listen_to_files(observer_t *self)
{
    int fds[SESSION_FILES_COUNT] = {-1, -1};
    if (self->files)
        session_files_fds(self->files, fds);
    for (int i = 0; i < SESSION_FILES_COUNT; i++) {
        zmq_pollitem_t *item = &self->file_items[i];
        if (fds[i] < 0 || item->fd == fds[i])
            continue;
        *item = (zmq_pollitem_t){.fd = fds[i], .events = ZMQ_POLLIN};
        (void) zloop_poller(outlet_loop(self->outlet), item, on_file, self);
        zloop_poller_set_tolerant(outlet_loop(self->outlet), item);
    }
}

static void
stop_listening(observer_t *self)
{
    zloop_t *loop = outlet_loop(self->outlet);
    zloop_poller_end(loop, &self->item);
    for (int i = 0; i < SESSION_FILES_COUNT; i++)
        if (self->file_items[i].fd > 0)
            zloop_poller_end(loop, &self->file_items[i]);
    if (self->timer)
        (void) zloop_timer_end(loop, self->timer);
    self->timer = 0;
}

static void
go_on(observer_t *self, bool more)
{
    // The bell was heard; what is not taken now is asked for in the loop's next turn.
    if (more)
        (void) zloop_timer(outlet_loop(self->outlet), self->overrun ? OVERRUN_PAUSE_MS : 0, 1,
                           on_more, self);
    self->overrun = false;
    if (self->ended)
        return;
    listen_to_files(self);
    plan_tick(self);
}

static void
proceed(observer_t *self)
{
    go_on(self, drain(self));
}

// zloop_fn: the bell.
static int
on_tap(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    (void) item;
    proceed(arg);
    return 0;
}

// zloop_timer_fn
static int
on_more(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    proceed(arg);
    return 0;
}

// zloop_timer_fn
static int
on_tick(zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    observer_t *self = arg;
    self->timer = 0;
    // First what was said before now, so that a full tap is not taken for silence.
    bool more = drain(self);
    if (!self->ended)
        session_watch_tick(self->watch, onward(self, time_now()));
    go_on(self, more);
    return 0;
}

// zloop_fn: AIDER wrote to one of its files.
static int
on_file(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) item;
    return on_tick(loop, 0, arg);
}

// outlet_stop_fn: told to stop while the command runs. What is known is delivered; how the
// session ends, nobody will tell.
static void
on_stop(void *arg)
{
    observer_t *self = arg;
    if (self->ended)
        return;
    mesh_log_warning("observer-stopped", "the session goes on unobserved");
    stop_listening(self);
    self->ended = true;
}

// session_report_fn
static void
on_report(void *arg, const session_report_t *report)
{
    observer_t *self = arg;
    (void) outlet_publish(self->outlet, report->type, report->session_id, report->request_id,
                          report->timestamp, report->payload);
}

// mcp_watch_progress_fn: the relay lets it in where it may.
static void
on_progress(void *arg, const char *line, size_t size, uint64_t seen_bytes)
{
    observer_t *self = arg;
    relay_word_t word = {.seen_bytes = seen_bytes};
    if (size > sizeof word.line)
        return;
    memcpy(word.line, line, size);
    (void) tap_say(self->plan->tap, &word, offsetof(relay_word_t, line) + size);
}

static json_t *
metadata(const observer_plan_t *plan)
{
    return json_pack("{s:s, s:i}", "mode", bridge_mode_name(plan->mode), "pid",
                     (int) tap_note(plan->tap)->relay);
}

// What the start has checked. A file that has changed since may still be wrong.
static aider_user_patterns_t *
user_patterns(const mesh_settings_t *settings)
{
    const char *path = mesh_settings_string(settings, "bridge/patterns");
    char *error = NULL;
    aider_user_patterns_t *patterns = *path ? aider_user_patterns_read(path, &error) : NULL;
    if (error)
        mesh_log_error("patterns-not-read", "%s", error);
    free(error);
    return patterns;
}

int
observer_run(const observer_plan_t *plan)
{
    observer_t self = {.plan = plan};
    const tap_note_t *note = tap_note(plan->tap);
    if (*note->analytics_path && memchr(note->analytics_path, 0, sizeof note->analytics_path))
        self.analytics_path = note->analytics_path;
    // Before anything that takes time: the command is starting, and may write soon.
    if (note->reads_files && plan->working_dir)
        self.files =
            session_files_new(plan->words, plan->working_dir, self.analytics_path, &note->marks,
                              mesh_settings_bytes(plan->settings, "bridge/line_limit"));
    mesh_program_start_zmq();
    self.outlet = outlet_new(plan->settings, metadata(plan));
    if (!self.outlet) {
        session_files_destroy(&self.files);
        return MESH_EXIT_FAILED;
    }
    self.patterns = user_patterns(plan->settings);
    session_watch_plan_t watch = {
        .settings = plan->settings,
        .words = plan->words,
        .working_dir = plan->working_dir,
        .columns = note->columns,
        .files = self.files,
        .patterns = self.patterns,
        .redaction = outlet_redaction(self.outlet),
        .mode = plan->mode,
        .progress = mesh_settings_flag(plan->settings, "bridge/progress") ? on_progress : NULL,
    };
    self.watch =
        session_watch_new(&watch, onward(&self, time_of(note->started_ns)), on_report, &self);
    outlet_on_stop(self.outlet, on_stop, &self);
    self.item = (zmq_pollitem_t){.fd = tap_fd(plan->tap), .events = ZMQ_POLLIN};
    (void) zloop_poller(outlet_loop(self.outlet), &self.item, on_tap, &self);
    zloop_poller_set_tolerant(outlet_loop(self.outlet), &self.item);
    // What came before we listened has rung already, or not at all.
    (void) zloop_timer(outlet_loop(self.outlet), 0, 1, on_more, &self);

    size_t left = outlet_run(self.outlet);
    if (left)
        mesh_log_warning("not-delivered", "%zu events were not taken by a broker in time%s",
                         left, outlet_keeps(self.outlet) ? "; they wait in the spool" : "");
    session_watch_destroy(&self.watch);
    if (self.patterns && aider_user_patterns_overruns(self.patterns))
        mesh_log_warning("pattern-limit", "%zu matches of bridge/patterns met a limit",
                         aider_user_patterns_overruns(self.patterns));
    aider_user_patterns_destroy(&self.patterns);
    session_files_destroy(&self.files);
    outlet_destroy(&self.outlet);
    return MESH_EXIT_STOPPED;
}
