// session_watch - what the observer hears and reads of one wrapped command, put together
// SPDX-License-Identifier: MPL-2.0
#include "session_watch.h"

#include <assert.h>
#include <czmq.h>

#include "mesh/log.h"
#include "mesh/uuid.h"
#include "plain_lines.h"
#include "session_labels.h"
#include "session_place.h"

enum { STREAMS = 3, FALLBACK_MODELS_MOST = 16, AIDER_TOOLS_MOST = 64 };

typedef struct stream {
    session_watch_t *watch;    // borrowed; whose it is
    tap_kind_t kind;
    plain_lines_t *lines;    // owned
} stream_t;

struct session_watch {
    const session_watch_plan_t *plan;    // borrowed
    session_report_fn *handler;
    void *arg;    // borrowed
    aider_time_t now;
    stream_t streams[STREAMS];          // in mode cli
    bool in_key[AIDER_SOURCE_COUNT];    // whether a source is within a private key of several
                                        // lines in mode cli
    json_t *members;                    // owned
    const char *fallback_models[FALLBACK_MODELS_MOST + 1];    // borrowed from the settings
    const char *aider_tools[AIDER_TOOLS_MOST + 1];            // likewise
    char session_id[MESH_UUID_TEXT_SIZE];                     // of the one session in mode cli
    aider_session_t *aider;                                   // owned; in mode cli
    mcp_watch_t *mcp;                                         // owned; in mode mcp
    mcp_session_start_t mcp_start;
};

// ---- saying ----

// session_report_fn
static void
on_report(void *arg, const session_report_t *report)
{
    session_watch_t *self = arg;
    self->handler(self->arg, report);
}

// mcp_watch_progress_fn
static void
on_progress(void *arg, const char *line, size_t size, uint64_t seen_bytes)
{
    session_watch_t *self = arg;
    self->plan->progress(self->arg, line, size, seen_bytes);
}

// aider_session_report_fn
static void
on_aider_report(void *arg, const aider_report_t *aider)
{
    session_watch_t *self = arg;
    session_report_t report = {
        .type = aider->type,
        .session_id = self->session_id,
        .request_id = aider->request_id,
        .timestamp = aider->timestamp,
        .payload = aider->payload,
    };
    on_report(self, &report);
}

// ---- hearing ----

// One line of AIDER's for the session, without the secrets in it: what is kept of it may be
// cut.
static void
tell_line(session_watch_t *self, aider_source_t source, const char *line)
{
    char *clean = NULL;
    // The analytics log is JSON and AIDER's own, without texts of anybody's.
    if (source != AIDER_SOURCE_ANALYTICS)
        clean = redaction_line(self->plan->redaction, line, &self->in_key[source]);
    aider_session_line(self->aider, source, clean ? clean : line, self->now);
    free(clean);
}

// plain_lines_fn
static void
on_line(void *arg, const char *line)
{
    const stream_t *stream = arg;
    session_watch_t *self = stream->watch;
    if (stream->kind != TAP_STDIN)
        tell_line(self, stream->kind == TAP_STDOUT ? AIDER_SOURCE_CONSOLE : AIDER_SOURCE_STDERR,
                  line);
}

// session_files_fn
static void
on_file_line(void *arg, aider_source_t source, const char *line)
{
    tell_line(arg, source, line);
}

static void
read_file(session_watch_t *self, aider_source_t source)
{
    if (!self->aider || !self->plan->files)
        return;
    // Asked first: what another session wrote shall not be read as ours.
    const char *why = NULL;
    session_files_state_t state = session_files_state(self->plan->files, source, &why);
    if (state != SESSION_FILES_FINE)
        aider_session_lose(self->aider, source, state == SESSION_FILES_SHARED, why, self->now);
    session_files_read(self->plan->files, source, on_file_line, self);
}

// In the order that aider_session wants: the history before the console, and the analytics log,
// which does not say what its records are of, last.
void
session_watch_bytes(session_watch_t *self, const tap_record_t *record, aider_time_t now)
{
    assert(record->kind <= TAP_STDERR);
    self->now = now;
    if (self->mcp) {
        mcp_watch_bytes(self->mcp, record, now);
        return;
    }
    stream_t *stream = &self->streams[record->kind];
    read_file(self, AIDER_SOURCE_HISTORY);
    plain_lines_feed(stream->lines, record->bytes, record->length, record->lost_bytes);
    if (stream->kind == TAP_STDOUT)
        aider_session_partial(self->aider, plain_lines_partial(stream->lines), now);
    read_file(self, AIDER_SOURCE_ANALYTICS);
}

void
session_watch_tick(session_watch_t *self, aider_time_t now)
{
    self->now = now;
    read_file(self, AIDER_SOURCE_HISTORY);
    read_file(self, AIDER_SOURCE_ANALYTICS);
    if (self->aider)
        aider_session_tick(self->aider, now);
    if (self->mcp)
        mcp_watch_tick(self->mcp, now);
}

int64_t
session_watch_next_tick_ms(const session_watch_t *self)
{
    int64_t next_ms = self->aider ? aider_session_next_tick_ms(self->aider)
                                  : mcp_watch_next_tick_ms(self->mcp);
    if (self->plan->files && session_files_need_polling(self->plan->files)) {
        int64_t poll_ms = self->now.mono_ms + SESSION_FILES_POLL_MS;
        next_ms = next_ms < 0 || poll_ms < next_ms ? poll_ms : next_ms;
    }
    return next_ms;
}

// Say what of a stream was not read.
static void
say_what_is_missing(const session_watch_t *self, int stream)
{
    const plain_lines_t *lines = self->streams[stream].lines;
    uint64_t lost_bytes = self->mcp ? mcp_watch_lost_bytes(self->mcp, (tap_kind_t) stream)
                                    : plain_lines_lost_bytes(lines);
    uint64_t cut =
        self->mcp ? mcp_watch_cut(self->mcp, (tap_kind_t) stream) : plain_lines_cut(lines);
    if (lost_bytes || cut)
        mesh_log_warning("stream-not-parsed",
                         "of stream %d, %llu bytes came faster than they could be parsed, "
                         "and %llu lines were longer than bridge/line_limit",
                         stream, (unsigned long long) lost_bytes, (unsigned long long) cut);
}

void
session_watch_end(session_watch_t *self, int exit_code, int signal, aider_time_t now)
{
    self->now = now;
    read_file(self, AIDER_SOURCE_HISTORY);
    for (int i = 0; i < STREAMS && self->aider; i++)
        plain_lines_finish(self->streams[i].lines);
    read_file(self, AIDER_SOURCE_ANALYTICS);
    if (self->aider)
        aider_session_exit(self->aider, exit_code, signal, now);
    if (self->mcp)
        mcp_watch_end(self->mcp, exit_code, signal, now);
    for (int i = 0; i < STREAMS; i++)
        say_what_is_missing(self, i);
}

// ---- beginning and end ----

static json_t *
labels(const mesh_settings_t *settings)
{
    session_label_t taken[SESSION_LABELS_MOST];
    size_t count = session_labels_take(settings, taken);
    json_t *object = json_object();
    for (size_t i = 0; i < count; i++)
        json_object_set_new(object, taken[i].key, json_string(taken[i].value));
    return object;
}

// Members of session_started that neither AIDER nor its command line tells.
static json_t *
members(const session_watch_plan_t *plan)
{
    json_t *object = session_place_members(plan->working_dir);
    const char *name = session_labels_name(plan->settings);
    if (name)
        json_object_set_new(object, "name", json_string(name));
    json_t *all_labels = labels(plan->settings);
    if (json_object_size(all_labels))
        json_object_set(object, "labels", all_labels);
    json_decref(all_labels);
    return object;
}

// A list of the settings, its words borrowed, as far as there is room; then NULL.
static void
take_list(const mesh_settings_t *settings, const char *key, const char **to, size_t most)
{
    size_t size = mesh_settings_list_size(settings, key);
    size_t i = 0;
    for (; i < size && i < most; i++)
        to[i] = mesh_settings_list_item(settings, key, i);
    to[i] = NULL;
}

// The width that AIDER wraps at: what it was told, else its terminal's.
static size_t
columns(const session_watch_plan_t *plan)
{
    const char *told = getenv("COLUMNS");
    if (told && *told && strspn(told, "0123456789") == strlen(told))
        return (size_t) strtoul(told, NULL, 10);
    return plan->columns;
}

static aider_prompt_t
prompt(const mesh_settings_t *settings)
{
    const char *word = mesh_settings_string(settings, "bridge/prompt");
    if (streq(word, "none"))
        return AIDER_PROMPT_NONE;
    return streq(word, "full") ? AIDER_PROMPT_FULL : AIDER_PROMPT_PREVIEW;
}

// What the server uses where a call names no model: its --editor-model or --model.
static const char *
default_model(char *const *words)
{
    for (; *words; words++) {
        static const char *const options[] = {"--editor-model", "--model"};
        for (size_t i = 0; i < 2; i++) {
            size_t size = strlen(options[i]);
            if (streq(*words, options[i]))
                return words[1];
            if (strncmp(*words, options[i], size) == 0 && (*words)[size] == '=')
                return *words + size + 1;
        }
    }
    return NULL;
}

static void
open_streams(session_watch_t *self)
{
    size_t limit_bytes = mesh_settings_bytes(self->plan->settings, "bridge/line_limit");
    for (int i = 0; i < STREAMS; i++) {
        self->streams[i] = (stream_t){.watch = self, .kind = (tap_kind_t) i};
        self->streams[i].lines = plain_lines_new(limit_bytes, on_line, &self->streams[i]);
    }
}

static void
start_cli(session_watch_t *self)
{
    open_streams(self);
    mesh_uuid_t id = mesh_uuid_new();
    mesh_uuid_format(&id, self->session_id);
    const session_files_t *files = self->plan->files;
    aider_session_start_t start = {
        // Not written to; C has no conversion that adds the inner const.
        .argv = (const char *const *) self->plan->words,
        .working_dir = self->plan->working_dir,
        .model = files ? session_files_model(files) : NULL,
        .message = files ? session_files_message(files) : NULL,
        .fallback_models = self->fallback_models,
        .patterns = self->plan->patterns,
        .redaction = self->plan->redaction,
        .members = self->members,
        .columns = columns(self->plan),
        .terminal = self->plan->columns > 0,
        .prompt = prompt(self->plan->settings),
        .waiting_ms = mesh_settings_ms(self->plan->settings, "bridge/waiting_every"),
    };
    self->aider = aider_session_new(&start, self->now, on_aider_report, self);
}

static void
start_mcp(session_watch_t *self)
{
    self->mcp_start = (mcp_session_start_t){
        .working_dir = self->plan->working_dir,
        .model = default_model(self->plan->words),
        .fallback_models = self->fallback_models,
        .patterns = self->plan->patterns,
        .aider_tools = self->aider_tools,
        .redaction = self->plan->redaction,
        .members = self->members,
        .columns = columns(self->plan),
        .prompt = prompt(self->plan->settings),
        .waiting_ms = mesh_settings_ms(self->plan->settings, "bridge/waiting_every"),
    };
    size_t limit_bytes = mesh_settings_bytes(self->plan->settings, "bridge/line_limit");
    self->mcp = mcp_watch_new(&self->mcp_start, limit_bytes, on_report,
                              self->plan->progress ? on_progress : NULL, self);
}

session_watch_t *
session_watch_new(const session_watch_plan_t *plan, aider_time_t now,
                  session_report_fn *handler, void *arg)
{
    session_watch_t *self = zmalloc(sizeof *self);
    self->plan = plan;
    self->handler = handler;
    self->arg = arg;
    self->now = now;
    self->members = members(plan);
    take_list(plan->settings, "bridge/fallback_models", self->fallback_models,
              FALLBACK_MODELS_MOST);
    take_list(plan->settings, "bridge/aider_tools", self->aider_tools, AIDER_TOOLS_MOST);
    if (plan->mode == BRIDGE_MODE_MCP)
        start_mcp(self);
    else
        start_cli(self);
    return self;
}

void
session_watch_destroy(session_watch_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        session_watch_t *self = *self_p;
        aider_session_destroy(&self->aider);
        mcp_watch_destroy(&self->mcp);
        for (int i = 0; i < STREAMS; i++)
            plain_lines_destroy(&self->streams[i].lines);
        json_decref(self->members);
        free(self);
        *self_p = NULL;
    }
}
