// sse_scan - what a load client has to know of an HTTP answer that is an event stream
// SPDX-License-Identifier: MPL-2.0
#include "sse_scan.h"

#include <string.h>

static size_t
least(size_t one, size_t other)
{
    return one < other ? one : other;
}

// Copy into a place with room for size, the NUL included.
static void
keep(char *place, size_t size, const char *text, size_t bytes)
{
    bytes = least(bytes, size - 1);
    memcpy(place, text, bytes);
    place[bytes] = '\0';
}

// What follows a field's name, when the line is of that field; NULL when it is not.
static const char *
value_of(const char *line, size_t bytes, const char *field, size_t field_bytes)
{
    return bytes >= field_bytes && memcmp(line, field, field_bytes) == 0 ? line + field_bytes
                                                                         : NULL;
}

static bool
blank_line(sse_scan_t *self, const sse_scan_handler_t *handler, void *arg)
{
    if (!self->in_stream) {
        self->in_stream = true;
        return handler->on_head(arg, self);
    }
    if (self->data_bytes > 0 && !handler->on_event(arg, self))
        return false;
    self->id[0] = '\0';
    self->type[0] = '\0';
    self->data_bytes = 0;
    return true;
}

static uint16_t
three_digits(const char *text)
{
    return (uint16_t) ((text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0'));
}

// A whole line, of which there may be the beginning only. Returns whether to go on.
static bool
line(sse_scan_t *self, const char *text, size_t bytes, const sse_scan_handler_t *handler,
     void *arg)
{
    if (bytes > 0 && text[bytes - 1] == '\r')
        bytes--;
    if (bytes == 0)
        return blank_line(self, handler, arg);
    const char *value;
    if (!self->in_stream) {
        if (self->status == 0 && bytes >= sizeof "HTTP/1.1 200" - 1)
            self->status = three_digits(text + sizeof "HTTP/1.1 " - 1);
    } else if ((value = value_of(text, bytes, "data: ", 6))) {
        self->data_bytes = (uint16_t) least(bytes - 6, sizeof self->data);
        memcpy(self->data, value, self->data_bytes);
    } else if ((value = value_of(text, bytes, "id: ", 4))) {
        keep(self->id, sizeof self->id, value, bytes - 4);
    } else if ((value = value_of(text, bytes, "event: ", 7))) {
        keep(self->type, sizeof self->type, value, bytes - 7);
    }
    return true;
}

// Keep the beginning of a line for when more of it comes.
static void
keep_rest(sse_scan_t *self, const char *bytes, size_t count)
{
    size_t room = sizeof self->line - self->line_bytes;
    size_t kept = least(count, room);
    memcpy(self->line + self->line_bytes, bytes, kept);
    self->line_bytes = (uint16_t) (self->line_bytes + kept);
    self->in_line = true;
}

void
sse_scan_feed(sse_scan_t *self, const char *bytes, size_t count,
              const sse_scan_handler_t *handler, void *arg)
{
    const char *end = bytes + count;
    while (bytes < end) {
        const char *feed = memchr(bytes, '\n', (size_t) (end - bytes));
        if (!feed) {
            keep_rest(self, bytes, (size_t) (end - bytes));
            return;
        }
        const char *text = bytes;
        size_t text_bytes = (size_t) (feed - bytes);
        if (self->in_line) {
            keep_rest(self, bytes, text_bytes);
            text = self->line;
            text_bytes = self->line_bytes;
            self->line_bytes = 0;
            self->in_line = false;
        }
        bytes = feed + 1;
        if (!line(self, text, text_bytes, handler, arg))
            return;
    }
}
