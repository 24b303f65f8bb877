// mcp_gate - stands before an MCP client's stdin: noise goes aside, a line of ours may come in
// SPDX-License-Identifier: MPL-2.0
#include "mcp_gate.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mcp_sieve.h"

struct mcp_gate {
    mcp_sieve_t *sieve;         // owned
    sink_t *aside;              // owned; NULL when noise stays, or nobody reads it any more
    bool diverts;               // noise does not go to the client
    bool in_line;               // what the client has got does not end with a newline
    uint64_t passed_bytes;      // of what was fed
    uint64_t messages_bytes;    // the same, up to the end of the last message
    size_t line_size;           // of a line of ours that waits, in line
    uint8_t line[MCP_GATE_LINE_BYTES];
    size_t waiting;    // noise that waits, in noise
    uint64_t lost_bytes;
    uint8_t noise[MCP_GATE_ASIDE_BYTES];
};

mcp_gate_t *
mcp_gate_new(sink_t *aside)
{
    mcp_gate_t *self = calloc(1, sizeof *self);
    if (!self)
        abort();
    self->sieve = mcp_sieve_new();
    self->aside = aside;
    self->diverts = aside != NULL;
    return self;
}

static void give_up_aside(mcp_gate_t *self);

void
mcp_gate_destroy(mcp_gate_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        mcp_gate_t *self = *self_p;
        give_up_aside(self);
        mcp_sieve_destroy(&self->sieve);
        sink_destroy(&self->aside);
        free(self);
        *self_p = NULL;
    }
}

void
mcp_gate_feed(mcp_gate_t *self, const uint8_t *bytes, size_t size)
{
    mcp_sieve_feed(self->sieve, bytes, size);
}

void
mcp_gate_finish(mcp_gate_t *self)
{
    mcp_sieve_finish(self->sieve);
}

// ---- aside ----

// Write as much as is taken now. Returns how much.
static size_t
try_aside(mcp_gate_t *self, const uint8_t *bytes, size_t size)
{
    size_t done = 0;
    while (self->aside && done < size) {
        ssize_t written = sink_write(self->aside, bytes + done, size - done);
        if (written == 0)
            break;
        if (written > 0)
            done += (size_t) written;
        else
            sink_destroy(&self->aside);
    }
    return done;
}

static bool
keep_waiting(mcp_gate_t *self, const uint8_t *bytes, size_t size)
{
    if (size > sizeof self->noise - self->waiting)
        return false;
    memcpy(self->noise + self->waiting, bytes, size);
    self->waiting += size;
    return true;
}

// The sentence has a place: the end of what could be kept.
static void
say_what_was_lost(mcp_gate_t *self)
{
    char sentence[160];
    int size = snprintf(sentence, sizeof sentence,
                        "\naidermesh-stdio-bridge: %" PRIu64
                        " bytes that the server printed here were left out, since stderr was "
                        "not read\n",
                        self->lost_bytes);
    if (keep_waiting(self, (const uint8_t *) sentence, (size_t) size))
        self->lost_bytes = 0;
}

bool
mcp_gate_write_aside(mcp_gate_t *self)
{
    size_t done = try_aside(self, self->noise, self->waiting);
    memmove(self->noise, self->noise + done, self->waiting - done);
    self->waiting -= done;
    if (self->lost_bytes && done)
        say_what_was_lost(self);
    return done > 0;
}

// What waits gives its place to the sentence that counts it.
static void
give_up_aside(mcp_gate_t *self)
{
    mcp_gate_write_aside(self);
    if (mcp_gate_aside_fd(self) < 0)
        return;
    self->lost_bytes += self->waiting;
    self->waiting = 0;
    say_what_was_lost(self);
    (void) try_aside(self, self->noise, self->waiting);
}

void
mcp_gate_forget_aside(mcp_gate_t *self)
{
    self->waiting = 0;
    self->lost_bytes = 0;
}

static void
put_aside(mcp_gate_t *self, const uint8_t *bytes, size_t size)
{
    if (!self->aside)
        return;
    size_t done = self->waiting || self->lost_bytes ? 0 : try_aside(self, bytes, size);
    if (self->aside && done < size &&
        (self->lost_bytes || !keep_waiting(self, bytes + done, size - done)))
        self->lost_bytes += size - done;
}

int
mcp_gate_aside_fd(const mcp_gate_t *self)
{
    return self->aside && self->waiting ? sink_fd(self->aside) : -1;
}

// ---- to the client ----

static bool
next_line_of_ours(mcp_gate_t *self, const uint8_t **bytes_p, size_t *size_p)
{
    *bytes_p = self->line;
    *size_p = self->line_size;
    self->line_size = 0;
    return *size_p > 0;
}

bool
mcp_gate_next(mcp_gate_t *self, const uint8_t **bytes_p, size_t *size_p)
{
    mcp_sieve_part_t part;
    if (self->line_size)
        return next_line_of_ours(self, bytes_p, size_p);
    while (mcp_sieve_next(self->sieve, &part)) {
        if (!part.added)
            self->passed_bytes += part.size;
        if (part.message)
            self->messages_bytes = self->passed_bytes;
        if (!part.message && self->diverts) {
            put_aside(self, part.bytes, part.size);
        } else if (!part.added) {
            self->in_line = part.bytes[part.size - 1] != '\n';
            *bytes_p = part.bytes;
            *size_p = part.size;
            return true;
        }
    }
    return false;
}

bool
mcp_gate_let_in(mcp_gate_t *self, const uint8_t *line, size_t size, uint64_t seen_bytes)
{
    if (self->in_line || self->line_size || size == 0 || size > sizeof self->line ||
        line[size - 1] != '\n' || seen_bytes < self->messages_bytes)
        return false;
    memcpy(self->line, line, size);
    self->line_size = size;
    return true;
}
