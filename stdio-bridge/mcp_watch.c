// mcp_watch - the three streams of an MCP server, taken apart into what mcp_session reads
// SPDX-License-Identifier: MPL-2.0
#include "mcp_watch.h"

#include <assert.h>
#include <czmq.h>

#include "line_reader.h"
#include "mcp_sieve.h"
#include "plain_lines.h"

// The messages of one side.
typedef struct messages {
    mcp_side_t side;
    line_reader_t *reader;    // owned
    uint64_t lost_bytes;
    uint64_t cut;
} messages_t;

// What else a side prints.
typedef struct text {
    mcp_watch_t *watch;    // borrowed; whose it is
    mcp_side_t side;
    plain_lines_t *lines;    // owned
} text_t;

struct mcp_watch {
    mcp_session_t *session;    // owned
    mcp_watch_progress_fn *progress;
    void *arg;    // borrowed
    aider_time_t now;
    mcp_sieve_t *sieve;     // owned; of the server's stdout
    uint64_t seen_bytes;    // of it, up to the end of the last part taken
    uint64_t held_bytes;    // fed to the sieve, and not come out yet
    messages_t client;
    messages_t server;
    text_t noise;    // on the server's stdout
    text_t log;      // on its stderr
};

// plain_lines_fn
static void
on_text(void *arg, const char *line)
{
    const text_t *text = arg;
    mcp_session_line(text->watch->session, text->side, line, text->watch->now);
}

static void
open_text(mcp_watch_t *self, text_t *text, mcp_side_t side, size_t limit_bytes)
{
    *text = (text_t){.watch = self, .side = side};
    text->lines = plain_lines_new(limit_bytes, on_text, text);
}

static void
open_messages(messages_t *messages, mcp_side_t side)
{
    messages->side = side;
    messages->reader = line_reader_new(MCP_WATCH_MESSAGE_BYTES);
}

mcp_watch_t *
mcp_watch_new(const mcp_session_start_t *start, size_t limit_bytes, session_report_fn *handler,
              mcp_watch_progress_fn *progress, void *arg)
{
    mcp_watch_t *self = zmalloc(sizeof *self);
    self->progress = progress;
    self->arg = arg;
    self->session = mcp_session_new(start, handler, arg);
    self->sieve = mcp_sieve_new();
    open_messages(&self->client, MCP_FROM_CLIENT);
    open_messages(&self->server, MCP_FROM_SERVER);
    open_text(self, &self->noise, MCP_FROM_SERVER, limit_bytes);
    open_text(self, &self->log, MCP_FROM_LOG, limit_bytes);
    return self;
}

void
mcp_watch_destroy(mcp_watch_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        mcp_watch_t *self = *self_p;
        mcp_session_destroy(&self->session);
        mcp_sieve_destroy(&self->sieve);
        line_reader_destroy(&self->client.reader);
        line_reader_destroy(&self->server.reader);
        plain_lines_destroy(&self->noise.lines);
        plain_lines_destroy(&self->log.lines);
        free(self);
        *self_p = NULL;
    }
}

// ---- hearing ----

// Tell the client what there is to tell, as of all that was seen.
static void
tell_progress(mcp_watch_t *self)
{
    char *line = NULL;
    while (self->progress && (line = mcp_session_progress(self->session)) != NULL) {
        char *whole = zsys_sprintf("%s\n", line);
        self->progress(self->arg, whole, strlen(whole), self->seen_bytes);
        freen(whole);
        free(line);
    }
}

static void
take_messages(mcp_watch_t *self, messages_t *messages, const uint8_t *bytes, size_t size)
{
    const char *line = NULL;
    size_t line_size = 0;
    line_reader_outcome_t outcome;
    line_reader_feed(messages->reader, bytes, size);
    while ((outcome = line_reader_next(messages->reader, &line, &line_size)) !=
           LINE_READER_NEED_MORE) {
        if (outcome == LINE_READER_TOO_LONG) {
            messages->cut++;
            mcp_session_cut_line(self->session, messages->side, line, self->now);
        } else {
            mcp_session_line(self->session, messages->side, line, self->now);
        }
    }
}

// What is unfinished will never be known.
static void
give_up_line(mcp_watch_t *self, messages_t *messages)
{
    size_t size = 0;
    (void) line_reader_partial(messages->reader, &size);
    if (size)
        take_messages(self, messages, (const uint8_t *) "\n", 1);
}

static void
take_parts(mcp_watch_t *self)
{
    mcp_sieve_part_t part;
    while (mcp_sieve_next(self->sieve, &part)) {
        if (part.message)
            take_messages(self, &self->server, part.bytes, part.size);
        else
            plain_lines_feed(self->noise.lines, part.bytes, part.size, 0);
        if (part.added)
            continue;
        self->seen_bytes += part.size;
        self->held_bytes -= part.size;
        tell_progress(self);
    }
}

static void
finish_stdout(mcp_watch_t *self)
{
    mcp_sieve_finish(self->sieve);
    take_parts(self);
    give_up_line(self, &self->server);
    plain_lines_finish(self->noise.lines);
}

static void
take_stdout(mcp_watch_t *self, const tap_record_t *record)
{
    if (record->lost_bytes) {
        // Nobody knows what the missing bytes were: begin anew, as if a line began here.
        finish_stdout(self);
        mcp_sieve_destroy(&self->sieve);
        self->sieve = mcp_sieve_new();
        assert(self->held_bytes == 0);
        self->seen_bytes += record->lost_bytes;
        self->server.lost_bytes += record->lost_bytes;
        mcp_session_lost_messages(self->session);
    }
    self->held_bytes += record->length;
    mcp_sieve_feed(self->sieve, record->bytes, record->length);
    take_parts(self);
}

static void
take_stdin(mcp_watch_t *self, const tap_record_t *record)
{
    if (record->lost_bytes) {
        give_up_line(self, &self->client);
        self->client.lost_bytes += record->lost_bytes;
        mcp_session_lost_messages(self->session);
    }
    if (record->length)
        take_messages(self, &self->client, record->bytes, record->length);
    else
        mcp_session_client_gone(self->session);
}

void
mcp_watch_bytes(mcp_watch_t *self, const tap_record_t *record, aider_time_t now)
{
    self->now = now;
    if (record->kind == TAP_STDIN)
        take_stdin(self, record);
    else if (record->kind == TAP_STDOUT)
        take_stdout(self, record);
    else
        plain_lines_feed(self->log.lines, record->bytes, record->length, record->lost_bytes);
    tell_progress(self);
}

void
mcp_watch_tick(mcp_watch_t *self, aider_time_t now)
{
    self->now = now;
    mcp_session_tick(self->session, now);
    tell_progress(self);
}

int64_t
mcp_watch_next_tick_ms(const mcp_watch_t *self)
{
    return mcp_session_next_tick_ms(self->session);
}

void
mcp_watch_end(mcp_watch_t *self, int exit_code, int signal, aider_time_t now)
{
    self->now = now;
    give_up_line(self, &self->client);
    finish_stdout(self);
    plain_lines_finish(self->log.lines);
    mcp_session_exit(self->session, exit_code, signal, now);
}

// ---- what was not read ----

uint64_t
mcp_watch_lost_bytes(const mcp_watch_t *self, tap_kind_t stream)
{
    if (stream == TAP_STDERR)
        return plain_lines_lost_bytes(self->log.lines);
    return stream == TAP_STDIN ? self->client.lost_bytes : self->server.lost_bytes;
}

uint64_t
mcp_watch_cut(const mcp_watch_t *self, tap_kind_t stream)
{
    if (stream == TAP_STDERR)
        return plain_lines_cut(self->log.lines);
    if (stream == TAP_STDIN)
        return self->client.cut;
    return self->server.cut + plain_lines_cut(self->noise.lines);
}
