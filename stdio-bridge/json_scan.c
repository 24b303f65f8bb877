// json_scan - looks at JSON byte by byte, only for whether it is a message
// SPDX-License-Identifier: MPL-2.0
#include "json_scan.h"

static const char jsonrpc[] = "jsonrpc";
static const char event[] = "event";

enum { JSONRPC_BYTES = sizeof jsonrpc - 1, EVENT_BYTES = sizeof event - 1 };

void
json_scan_begin(json_scan_t *self)
{
    *self = (json_scan_t){0};
}

static bool
is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static void
end_key(json_scan_t *self)
{
    self->maybe_jsonrpc = self->maybe_jsonrpc && self->key_bytes == JSONRPC_BYTES;
    self->maybe_event = self->maybe_event && self->key_bytes == EVENT_BYTES;
    self->wants_colon = self->maybe_jsonrpc || self->maybe_event;
}

static void
look_in_string(json_scan_t *self, uint8_t byte)
{
    if (self->escaped) {
        self->escaped = false;
    } else if (byte == '\\') {
        self->escaped = true;
        self->maybe_jsonrpc = self->maybe_event = false;
    } else if (byte == '"') {
        self->in_string = false;
        self->previous = byte;
        end_key(self);
    } else {
        size_t at = self->key_bytes++;
        self->maybe_jsonrpc =
            self->maybe_jsonrpc && at < JSONRPC_BYTES && byte == (uint8_t) jsonrpc[at];
        self->maybe_event =
            self->maybe_event && at < EVENT_BYTES && byte == (uint8_t) event[at];
    }
}

// What may stand where a message or its first member is awaited.
static bool
is_out_of_place(const json_scan_t *self, uint8_t byte)
{
    if (self->depth == 1 && self->member_depth == 2)
        return byte != '{' && byte != ',' && byte != ']';
    return self->depth == self->member_depth && self->previous == '{' && byte != '"' &&
           byte != '}';
}

static json_scan_verdict_t
look_outside(json_scan_t *self, uint8_t byte)
{
    if (self->depth == 0)
        self->member_depth = byte == '[' ? 2 : 1;
    else if (is_out_of_place(self, byte))
        return JSON_SCAN_NO_MESSAGE;
    if (byte == '"') {
        bool in_key = self->depth == self->member_depth &&
                      (self->previous == '{' || self->previous == ',');
        self->in_string = true;
        self->key_bytes = 0;
        self->maybe_jsonrpc = in_key;
        self->maybe_event = in_key && self->member_depth == 1;
        return JSON_SCAN_GO_ON;
    }
    if (byte == '{' || byte == '[')
        self->depth++;
    else if (byte == '}' || byte == ']')
        self->depth--;
    self->previous = byte;
    return self->depth ? JSON_SCAN_GO_ON : JSON_SCAN_NO_MESSAGE;
}

json_scan_verdict_t
json_scan_byte(json_scan_t *self, uint8_t byte)
{
    if (self->in_string) {
        look_in_string(self, byte);
        return JSON_SCAN_GO_ON;
    }
    if (is_blank(byte))
        return JSON_SCAN_GO_ON;
    if (self->wants_colon) {
        self->wants_colon = false;
        if (byte != ':')
            return JSON_SCAN_NO_MESSAGE;
        self->previous = byte;
        return self->maybe_jsonrpc ? JSON_SCAN_MESSAGE : JSON_SCAN_EVENT;
    }
    return look_outside(self, byte);
}

bool
json_scan_is_object(const uint8_t *bytes, size_t size)
{
    json_scan_t scan;
    json_scan_begin(&scan);
    size_t i = 0;
    if (size == 0 || bytes[0] != '{')
        return false;
    for (; i < size; i++) {
        json_scan_verdict_t verdict = json_scan_byte(&scan, bytes[i]);
        if (verdict == JSON_SCAN_NO_MESSAGE && scan.depth)
            return false;
        if (!scan.in_string && scan.depth == 0)
            break;
    }
    if (i == size)
        return false;
    for (i++; i < size && is_blank(bytes[i]); i++)
        continue;
    return i == size;
}
