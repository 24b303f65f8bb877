// sse_reader - text/event-stream, read piece by piece as it arrives
// SPDX-License-Identifier: MPL-2.0
#include "sse_reader.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include <czmq.h>

static const char BYTE_ORDER_MARK[] = "\xEF\xBB\xBF";
enum { BYTE_ORDER_MARK_BYTES = 3 };

// A year: a longer wait is a mistake of the server's, and must not overflow a timer.
static const int64_t RETRY_LIMIT_MS = (int64_t) 365 * 24 * 3600 * 1000;

typedef struct text {
    char *bytes;    // owned; NUL-terminated once it holds anything
    size_t size;
    size_t room;
} text_t;

struct sse_reader {
    sse_reader_fn *handler;
    void *arg;    // borrowed
    size_t limit_bytes;

    text_t line;    // the line so far
    text_t data;    // of the event so far, each line followed by LF
    char id[SSE_READER_NAME_LIMIT + 1];
    char type[SSE_READER_NAME_LIMIT + 1];
    bool has_id;       // this event brought one
    bool refused;      // this event passed a limit: skip to its end
    bool long_line;    // this line passed the limit: skip to its end
    bool after_cr;     // the last line ended at CR: an LF now belongs to it
    size_t
        mark_bytes;    // of a byte order mark at the start; BYTE_ORDER_MARK_BYTES when past it

    char last_id[SSE_READER_NAME_LIMIT + 1];
    int64_t retry_ms;
    uint64_t skipped;
};

static void
text_append(text_t *self, const char *bytes, size_t size)
{
    if (self->size + size + 1 > self->room) {
        size_t room = self->room ? self->room : 256;
        while (self->size + size + 1 > room)
            room *= 2;
        self->bytes = realloc(self->bytes, room);
        assert(self->bytes);
        self->room = room;
    }
    memcpy(self->bytes + self->size, bytes, size);
    self->size += size;
    self->bytes[self->size] = '\0';
}

static void
forget_event(sse_reader_t *self)
{
    self->data.size = 0;
    self->id[0] = '\0';
    self->type[0] = '\0';
    self->has_id = false;
    self->refused = false;
}

sse_reader_t *
sse_reader_new(size_t limit_bytes, sse_reader_fn *handler, void *arg)
{
    assert(handler);
    assert(limit_bytes >= SSE_READER_NAME_LIMIT);
    sse_reader_t *self = zmalloc(sizeof *self);
    self->handler = handler;
    self->arg = arg;
    self->limit_bytes = limit_bytes;
    self->retry_ms = -1;
    return self;
}

void
sse_reader_destroy(sse_reader_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        sse_reader_t *self = *self_p;
        free(self->line.bytes);
        free(self->data.bytes);
        free(self);
        *self_p = NULL;
    }
}

static void
end_event(sse_reader_t *self)
{
    if (self->refused)
        self->skipped++;
    // The place is reached even when the event there is skipped or empty: a reader that came
    // back to it would only be given the same again.
    if (self->has_id)
        memcpy(self->last_id, self->id, sizeof self->last_id);
    if (!self->refused && self->data.size > 0) {
        self->data.bytes[--self->data.size] = '\0';
        sse_event_t event = {
            .id = self->id,
            .type = self->type[0] ? self->type : "message",
            .data = self->data.bytes,
            .data_bytes = self->data.size,
        };
        self->handler(self->arg, &event);
    }
    forget_event(self);
}

// Copy a field's value into name. Returns false when it is too long.
static bool
take_name(char name[static SSE_READER_NAME_LIMIT + 1], const char *value, size_t size)
{
    if (size > SSE_READER_NAME_LIMIT)
        return false;
    memcpy(name, value, size);
    name[size] = '\0';
    return true;
}

static void
take_retry(sse_reader_t *self, const char *value, size_t size)
{
    int64_t ms = 0;
    for (size_t i = 0; i < size; i++) {
        if (value[i] < '0' || value[i] > '9')
            return;
        if (ms < RETRY_LIMIT_MS)
            ms = ms * 10 + (value[i] - '0');
    }
    if (size > 0)
        self->retry_ms = ms < RETRY_LIMIT_MS ? ms : RETRY_LIMIT_MS;
}

static void
take_data(sse_reader_t *self, const char *value, size_t size)
{
    if (size + 1 > self->limit_bytes - self->data.size) {
        self->refused = true;
        return;
    }
    text_append(&self->data, value, size);
    text_append(&self->data, "\n", 1);
}

static void
take_field(sse_reader_t *self, const char *name, size_t name_size, const char *value,
           size_t size)
{
    if (name_size == 4 && memcmp(name, "data", 4) == 0) {
        take_data(self, value, size);
    } else if (name_size == 5 && memcmp(name, "event", 5) == 0) {
        // A NUL inside a name would hide what follows it from every later reader.
        if (memchr(value, '\0', size) || !take_name(self->type, value, size))
            self->refused = true;
    } else if (name_size == 2 && memcmp(name, "id", 2) == 0) {
        if (memchr(value, '\0', size))
            return;
        if (take_name(self->id, value, size))
            self->has_id = true;
        else
            self->refused = true;
    } else if (name_size == 5 && memcmp(name, "retry", 5) == 0) {
        take_retry(self, value, size);
    }
}

static void
end_line(sse_reader_t *self)
{
    const char *line = self->line.bytes;
    size_t size = self->line.size;
    self->line.size = 0;

    if (self->long_line) {
        self->long_line = false;
        self->refused = true;
        return;
    }
    if (size == 0) {
        end_event(self);
        return;
    }
    const char *colon = memchr(line, ':', size);
    if (colon == line)
        return;    // a comment
    size_t name_size = colon ? (size_t) (colon - line) : size;
    const char *value = colon ? colon + 1 : line + size;
    size_t value_size = (size_t) (line + size - value);
    if (value_size > 0 && *value == ' ') {
        value++;
        value_size--;
    }
    take_field(self, line, name_size, value, value_size);
}

static void
append_to_line(sse_reader_t *self, const char *bytes, size_t size)
{
    if (self->long_line || size > self->limit_bytes - self->line.size)
        self->long_line = true;
    else
        text_append(&self->line, bytes, size);
}

// Pass over a byte order mark at the start, which may come in pieces. Returns how many of the
// bytes belong to it.
static size_t
skip_mark(sse_reader_t *self, const char *bytes, size_t size)
{
    size_t used = 0;
    while (self->mark_bytes < BYTE_ORDER_MARK_BYTES && used < size) {
        if (bytes[used] != BYTE_ORDER_MARK[self->mark_bytes]) {
            append_to_line(self, BYTE_ORDER_MARK, self->mark_bytes);
            self->mark_bytes = BYTE_ORDER_MARK_BYTES;
            return used;
        }
        self->mark_bytes++;
        used++;
    }
    return used;
}

void
sse_reader_feed(sse_reader_t *self, const char *bytes, size_t size)
{
    assert(self);
    assert(bytes || size == 0);
    size_t at = self->mark_bytes < BYTE_ORDER_MARK_BYTES ? skip_mark(self, bytes, size) : 0;
    while (at < size) {
        if (self->after_cr && bytes[at] == '\n') {
            self->after_cr = false;
            at++;
            continue;
        }
        self->after_cr = false;
        size_t end = at;
        while (end < size && bytes[end] != '\n' && bytes[end] != '\r')
            end++;
        if (end > at)
            append_to_line(self, bytes + at, end - at);
        if (end == size)
            break;
        self->after_cr = bytes[end] == '\r';
        end_line(self);
        at = end + 1;
    }
}

void
sse_reader_reconnect(sse_reader_t *self)
{
    assert(self);
    self->line.size = 0;
    self->long_line = false;
    self->after_cr = false;
    self->mark_bytes = 0;
    forget_event(self);
}

const char *
sse_reader_last_id(const sse_reader_t *self)
{
    assert(self);
    return self->last_id;
}

int64_t
sse_reader_retry_ms(const sse_reader_t *self)
{
    assert(self);
    return self->retry_ms;
}

uint64_t
sse_reader_skipped(const sse_reader_t *self)
{
    assert(self);
    return self->skipped;
}
