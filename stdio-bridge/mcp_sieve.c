// mcp_sieve - tells an MCP server's messages from what else it prints on the same stdout
// SPDX-License-Identifier: MPL-2.0
#include "mcp_sieve.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "json_scan.h"

static const char mark[] = "{\"jsonrpc\"";    // where a message may begin within a line

enum { MARK_BYTES = sizeof mark - 1 };

static const uint8_t newline_text[] = {'\n'};

typedef enum {
    AT_START,    // of a line; blanks may have been seen
    JUDGING,     // it began as JSON does, and is held
    MESSAGE,     // the rest of the line is a message's
    NOISE,       // the rest is noise's, unless a message begins in it
    GLUED,       // one may have begun behind noise; held to the line's end
} state_t;

// Positions count in bytes. Before start all is handed out; up to known the kind is decided;
// up to seen all has been looked at; up to end there are bytes.
struct mcp_sieve {
    uint8_t *bytes;    // owned
    size_t start, known, seen, end;
    state_t state;
    bool known_message;    // the kind of start..known
    size_t line;           // where the line at hand began; 0 when that is handed out
    size_t glued;          // where its message may begin, in GLUED
    size_t unmarked;       // up to here no mark is looked for, in NOISE
    size_t splits;         // how many places in the line were looked at as GLUED
    bool noisy;            // some of the line is noise
    bool owes_newline;     // noise ends here without one
    bool finished;
    bool speaks_jsonrpc;    // a message with "jsonrpc" was seen
    json_scan_t scan;       // of the line, in JUDGING
};

mcp_sieve_t *
mcp_sieve_new(void)
{
    mcp_sieve_t *self = calloc(1, sizeof *self);
    uint8_t *bytes = malloc(MCP_SIEVE_HELD_BYTES + MCP_SIEVE_FEED_BYTES);
    if (!self || !bytes)
        abort();
    self->bytes = bytes;
    return self;
}

void
mcp_sieve_destroy(mcp_sieve_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        free((*self_p)->bytes);
        free(*self_p);
        *self_p = NULL;
    }
}

static size_t
smaller(size_t one, size_t other)
{
    return one < other ? one : other;
}

void
mcp_sieve_feed(mcp_sieve_t *self, const uint8_t *bytes, size_t size)
{
    assert(size <= MCP_SIEVE_FEED_BYTES && !self->finished);
    size_t gone = self->known;
    size_t held = self->end - gone;
    assert(held <= MCP_SIEVE_HELD_BYTES);
    memmove(self->bytes, self->bytes + gone, held);
    memcpy(self->bytes + held, bytes, size);
    self->start = self->known = 0;
    self->end = held + size;
    self->seen -= gone;
    self->line -= smaller(self->line, gone);
    self->glued -= smaller(self->glued, gone);
    self->unmarked -= smaller(self->unmarked, gone);
}

void
mcp_sieve_finish(mcp_sieve_t *self)
{
    self->finished = true;
}

// ---- looking ----

static void
begin_line(mcp_sieve_t *self)
{
    self->state = AT_START;
    self->line = self->unmarked = self->seen;
    self->splits = 0;
    self->noisy = false;
}

// What is held is noise, at least up to where a message may begin in it, which is still to be
// seen.
static void
call_noise(mcp_sieve_t *self, size_t from)
{
    self->state = NOISE;
    self->seen = from;
}

static bool
is_held_too_long(const mcp_sieve_t *self, size_t from)
{
    return self->seen - from >= MCP_SIEVE_HELD_BYTES;
}

static void
look_at_start(mcp_sieve_t *self)
{
    uint8_t byte = self->bytes[self->seen];
    if ((byte == ' ' || byte == '\t') && !is_held_too_long(self, self->line)) {
        self->seen++;
    } else if (byte == '{' || byte == '[') {
        self->state = JUDGING;
        json_scan_begin(&self->scan);
    } else {
        call_noise(self, self->line);
    }
}

static void
judge(mcp_sieve_t *self)
{
    while (self->seen < self->end) {
        if (self->bytes[self->seen] == '\n') {
            call_noise(self, self->line);
            return;
        }
        json_scan_verdict_t verdict = json_scan_byte(&self->scan, self->bytes[self->seen]);
        if (verdict == JSON_SCAN_NO_MESSAGE) {
            call_noise(self, self->line);
            return;
        }
        self->speaks_jsonrpc = self->speaks_jsonrpc || verdict == JSON_SCAN_MESSAGE;
        bool decided = verdict == JSON_SCAN_MESSAGE ||
                       (verdict == JSON_SCAN_EVENT && !self->speaks_jsonrpc);
        if (decided || is_held_too_long(self, self->line)) {
            self->state = MESSAGE;
            return;
        }
        self->seen++;
    }
}

// Bytes of start..known become so many more of this kind. Returns false while others of the
// other kind are to be handed out first.
static bool
know(mcp_sieve_t *self, bool message, size_t upto)
{
    if (self->start < self->known && self->known_message != message)
        return false;
    self->known_message = message;
    self->known = upto;
    return true;
}

// Returns false when something is to be handed out first.
static bool
pass_message(mcp_sieve_t *self)
{
    if (self->owes_newline)
        return false;
    const uint8_t *newline = memchr(self->bytes + self->seen, '\n', self->end - self->seen);
    size_t upto = newline ? (size_t) (newline - self->bytes) + 1 : self->end;
    if (!know(self, true, upto))
        return false;
    self->seen = upto;
    if (newline)
        begin_line(self);
    return true;
}

// Where in from..upto the mark begins, or may begin if upto is where bytes end for now; else
// upto.
static size_t
find_mark(const mcp_sieve_t *self, size_t from, size_t upto)
{
    bool more_may_come = upto == self->end && !self->finished;
    while (from < upto) {
        const uint8_t *brace = memchr(self->bytes + from, '{', upto - from);
        if (!brace)
            return upto;
        from = (size_t) (brace - self->bytes);
        size_t size = upto - from < MARK_BYTES ? upto - from : MARK_BYTES;
        if (memcmp(brace, mark, size) == 0 && (size == MARK_BYTES || more_may_come))
            return from;
        from++;
    }
    return upto;
}

// Returns false when something is to be handed out first, or more bytes must come.
static bool
pass_noise(mcp_sieve_t *self)
{
    const uint8_t *newline = memchr(self->bytes + self->seen, '\n', self->end - self->seen);
    size_t upto = newline ? (size_t) (newline - self->bytes) + 1 : self->end;
    size_t from = self->unmarked > self->seen ? self->unmarked : self->seen;
    bool looks = self->splits < MCP_SIEVE_SPLITS_MOST;
    size_t found = looks ? find_mark(self, from, upto) : upto;
    if (found > self->seen) {
        if (!know(self, false, found))
            return false;
        self->noisy = true;
        self->seen = found;
    }
    if (found == upto) {
        if (newline)
            begin_line(self);
        return true;
    }
    if (self->end - found < MARK_BYTES)
        return false;
    self->splits++;
    self->glued = found;
    self->state = GLUED;
    return true;
}

// Returns false when more bytes must come.
static bool
judge_glued(mcp_sieve_t *self)
{
    const uint8_t *newline = memchr(self->bytes + self->seen, '\n', self->end - self->seen);
    self->seen = newline ? (size_t) (newline - self->bytes) : self->end;
    bool whole = newline || self->finished;
    if (!whole && !is_held_too_long(self, self->glued))
        return false;
    if (!whole || json_scan_is_object(self->bytes + self->glued, self->seen - self->glued)) {
        self->state = MESSAGE;
        self->speaks_jsonrpc = true;
        self->owes_newline = self->noisy;
        self->seen = self->glued;
    } else {
        call_noise(self, self->glued);
        self->unmarked = self->glued + 1;
    }
    return true;
}

// Look at more bytes. Returns false when that has to wait.
static bool
look(mcp_sieve_t *self)
{
    switch (self->state) {
    case AT_START:
        look_at_start(self);
        return true;
    case JUDGING:
        judge(self);
        return true;
    case MESSAGE:
        return pass_message(self);
    case NOISE:
        return pass_noise(self);
    case GLUED:
        return judge_glued(self);
    }
    return false;
}

// No more bytes come: decide about what is held.
static void
give_up_waiting(mcp_sieve_t *self)
{
    if (self->state == GLUED)
        (void) judge_glued(self);
    else
        call_noise(self, self->line);
}

bool
mcp_sieve_next(mcp_sieve_t *self, mcp_sieve_part_t *part)
{
    self->start = self->known;
    for (;;) {
        while (self->seen < self->end && look(self))
            continue;
        if (self->start < self->known) {
            *part = (mcp_sieve_part_t){
                .bytes = self->bytes + self->start,
                .size = self->known - self->start,
                .message = self->known_message,
            };
            return true;
        }
        if (self->owes_newline) {
            self->owes_newline = false;
            *part = (mcp_sieve_part_t){.bytes = newline_text, .size = 1, .added = true};
            return true;
        }
        if (!self->finished || self->known == self->end)
            return false;
        give_up_waiting(self);
    }
}
