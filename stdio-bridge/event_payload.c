// event_payload - texts put into an event, whole or cut, never broken
// SPDX-License-Identifier: MPL-2.0
#include "event_payload.h"

#include <assert.h>
#include <czmq.h>
#include <string.h>

void
event_payload_copy(char *to, size_t capacity, const char *from)
{
    size_t size = strlen(from);
    if (size >= capacity) {
        size = capacity - 1;
        while (size > 0 && ((unsigned char) from[size] & 0xc0) == 0x80)
            size--;
    }
    memcpy(to, from, size);
    to[size] = '\0';
}

void
event_payload_text(json_t *payload, const char *key, const char *text)
{
    if (!text || text[0] == '\0')
        return;
    json_t *value = json_string(text);
    // What is not UTF-8 cannot come from terminal_text, but an argv may hold anything.
    if (value)
        json_object_set_new(payload, key, value);
}

void
event_payload_cut(json_t *payload, const char *key, const char *text, size_t characters,
                  size_t bytes)
{
    if (!text || text[0] == '\0')
        return;
    size_t size = 0;
    size_t count = 0;
    while (text[size] && count < characters && size < bytes) {
        size++;
        while (((unsigned char) text[size] & 0xc0) == 0x80)
            size++;
        count++;
    }
    if (text[size] == '\0') {
        event_payload_text(payload, key, text);
        return;
    }
    char *cut = zmalloc(size + sizeof "…");
    memcpy(cut, text, size);
    memcpy(cut + size, "…", sizeof "…");
    event_payload_text(payload, key, cut);
    free(cut);
}
