// cloud_event - an event as CloudEvents 1.0 structured JSON, and the frame that carries it
// SPDX-License-Identifier: MPL-2.0
#include "cloud_event.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "event_frame.h"
#include "payload_json.h"

// Text that ends a head; its room is asserted, since all parts are bounded.
static void __attribute__((format(printf, 2, 3)))
add(cloud_event_layout_t *self, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t room = sizeof self->head - self->head_bytes;
    int bytes = vsnprintf(self->head + self->head_bytes, room, format, arguments);
    va_end(arguments);
    assert(bytes >= 0 && (size_t) bytes < room);
    self->head_bytes += (size_t) bytes;
}

static bool
is_unreserved(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || (byte != '\0' && strchr("-._~", byte) != NULL);
}

// A host as the authority of a URI.
static void
add_host(cloud_event_layout_t *self, const char *host)
{
    for (; *host; host++) {
        if (is_unreserved(*host) && self->head_bytes < sizeof self->head)
            self->head[self->head_bytes++] = *host;
        else
            add(self, "%%%02X", (unsigned char) *host);
    }
}

// Write text as the inside of a JSON string, or, with out NULL, only count. Where spaces is
// set, a control character becomes a space, as CR, LF and NUL in any payload do: so the text is
// at most doubled.
static size_t
escape(char *out, const char *text, size_t bytes, bool spaces)
{
    size_t used = 0;
    for (size_t at = 0; at < bytes; at++) {
        char escaped[7] = {text[at]};
        size_t count = 1;
        if (text[at] == '"' || text[at] == '\\') {
            escaped[0] = '\\';
            escaped[count++] = text[at];
        } else if ((unsigned char) text[at] < 0x20 && spaces) {
            escaped[0] = ' ';
        } else if ((unsigned char) text[at] < 0x20) {
            count = (size_t) snprintf(escaped, sizeof escaped, "\\u%04x", text[at]);
        }
        if (out)
            memcpy(out + used, escaped, count);
        used += count;
    }
    return used;
}

static void
add_subject(cloud_event_layout_t *self, const char *session)
{
    size_t bytes = strlen(session);
    if (bytes == 0)
        return;
    add(self, "\"subject\":\"");
    assert(escape(NULL, session, bytes, false) < sizeof self->head - self->head_bytes);
    self->head_bytes += escape(self->head + self->head_bytes, session, bytes, false);
    add(self, "\",");
}

// RFC 3339 has years of four digits, and what is before 1970 is a clock that is not set.
static void
add_time(cloud_event_layout_t *self, const char *name, int64_t unix_us)
{
    const int64_t year_10000_s = 253402300800;
    time_t seconds = (time_t) (unix_us / 1000000);
    struct tm parts;
    char text[32];
    if (unix_us <= 0 || seconds >= year_10000_s || !gmtime_r(&seconds, &parts) ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts) == 0)
        return;
    add(self, "\"%s\":\"%s.%06dZ\",", name, text, (int) (unix_us % 1000000));
}

static void
add_identity(cloud_event_layout_t *self, const cloud_event_t *event)
{
    char uuid[MESH_UUID_TEXT_SIZE];
    mesh_uuid_format(&event->source, uuid);
    if (event->seq == 0) {
        add(self, "\"id\":\"%s\",\"source\":\"" CLOUD_EVENT_OWN_SOURCE "\",", uuid);
        return;
    }
    add(self, "\"id\":\"%" PRIu64 "\",\"source\":\"//", event->seq);
    add_host(self, event->host);
    add(self, "/%s\",", uuid);
}

// Whether the payload can stand as a value by itself. Ours can.
static bool
is_json(const cloud_event_t *event)
{
    return event->seq == 0 || payload_json_is_good(event->payload, event->payload_bytes);
}

void
cloud_event_measure(cloud_event_layout_t *layout, const cloud_event_t *event)
{
    layout->event = event;
    layout->head_bytes = 0;
    layout->is_json = is_json(event);
    add(layout, "{\"specversion\":\"1.0\",");
    add_identity(layout, event);
    add(layout, "\"type\":\"%s\",", event->type);
    add_subject(layout, event->session);
    add_time(layout, "time", event->timestamp_us);
    add(layout, "\"datacontenttype\":\"%s\",",
        layout->is_json ? "application/json" : "text/plain");
    if (event->seq > 0)
        add(layout, "\"sequence\":\"%020" PRIu64 "\",", event->seq);
    add_time(layout, "recordedtime", event->recorded_us);
    if (event->cursor) {
        char cursor[MESH_CURSOR_SIZE];
        mesh_cursor_format(event->cursor, cursor);
        add(layout, "\"cursor\":\"%s\",", cursor);
    }
    add(layout, "\"data\":");
    size_t data_bytes = event->payload_bytes;
    if (!layout->is_json)
        data_bytes = escape(NULL, event->payload, event->payload_bytes, true) + 2;
    layout->text_bytes = layout->head_bytes + data_bytes + 1;
    event_frame_layout_t frame =
        event_frame_measure(event->cursor, event->type, layout->text_bytes);
    layout->frame_bytes = frame.frame_bytes;
    layout->text_at = frame.payload_at;
}

void
cloud_event_write(char *out, const cloud_event_layout_t *layout)
{
    const cloud_event_t *event = layout->event;
    out = event_frame_write_head(out, event->cursor, event->type);
    memcpy(out, layout->head, layout->head_bytes);
    out += layout->head_bytes;
    if (layout->is_json) {
        memcpy(out, event->payload, event->payload_bytes);
        out += event->payload_bytes;
    } else {
        *out++ = '"';
        out += escape(out, event->payload, event->payload_bytes, true);
        *out++ = '"';
    }
    *out++ = '}';
    *out++ = '\n';
    *out = '\n';
}

char *
cloud_event_text(int64_t retry_ms, const mesh_cursor_t *cursor, const char *type,
                 const char *payload, size_t payload_bytes, size_t *bytes)
{
    const cloud_event_t event = {.cursor = cursor,
                                 .type = type,
                                 .host = "",
                                 .session = "",
                                 .source = mesh_uuid_new(),
                                 .payload = payload,
                                 .payload_bytes = payload_bytes};
    cloud_event_layout_t layout;
    cloud_event_measure(&layout, &event);
    char retry[EVENT_FRAME_RETRY_SIZE];
    size_t retry_bytes = event_frame_retry(retry, retry_ms);
    char *frame = malloc(retry_bytes + layout.frame_bytes + 1);
    assert(frame);
    memcpy(frame, retry, retry_bytes);
    cloud_event_write(frame + retry_bytes, &layout);
    *bytes = retry_bytes + layout.frame_bytes;
    frame[*bytes] = '\0';
    return frame;
}

char *
cloud_event_control(int64_t retry_ms, const mesh_cursor_t *cursor, const char *type,
                    const json_t *payload, size_t *bytes)
{
    char *text = json_dumps(payload, JSON_COMPACT);
    assert(text);    // an object that we have made
    char *frame = cloud_event_text(retry_ms, cursor, type, text, strlen(text), bytes);
    free(text);
    return frame;
}
