// payload_json - the payload of an event as JSON, where it is some
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_PAYLOAD_JSON_H
#define SSE_PAYLOAD_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

// The payload, whatever value of JSON it is; NULL where it is none, or one that readers take
// differently: half of a surrogate pair, a real beyond the range of double, a name with a NUL,
// more than 2048 levels. The caller owns it.
json_t *payload_json_read(const char *payload, size_t bytes);

// Whether payload_json_read takes it.
bool payload_json_is_good(const char *payload, size_t bytes);

// Whether a value (NULL for none) is this text, NULs in it included.
bool payload_json_is_text(const json_t *value, const char *text);

#endif
