// event_payload - texts put into an event, whole or cut, never broken
// SPDX-License-Identifier: MPL-2.0
#ifndef EVENT_PAYLOAD_H
#define EVENT_PAYLOAD_H

#include <jansson.h>
#include <stddef.h>

// Copy at most capacity - 1 bytes and a NUL, whole characters only.
void event_payload_copy(char *to, size_t capacity, const char *from);

// Set a member to a text. An empty text, NULL, and one that is not UTF-8, which an argv may
// hold, leave the member out.
void event_payload_text(json_t *payload, const char *key, const char *text);

// The same, with at most so many characters and about so many bytes, then an ellipsis.
void event_payload_cut(json_t *payload, const char *key, const char *text, size_t characters,
                       size_t bytes);

#endif
