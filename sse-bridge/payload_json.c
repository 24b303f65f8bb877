// payload_json - the payload of an event as JSON, where it is some
// SPDX-License-Identifier: MPL-2.0
#include "payload_json.h"

#include <string.h>

json_t *
payload_json_read(const char *payload, size_t bytes)
{
    const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_t *json = json_loadb(payload, bytes, flags, NULL);
    // JSON has integers of any length, jansson those of 64 bits.
    return json ? json : json_loadb(payload, bytes, flags | JSON_DECODE_INT_AS_REAL, NULL);
}

bool
payload_json_is_good(const char *payload, size_t bytes)
{
    json_t *json = payload_json_read(payload, bytes);
    bool good = json != NULL;
    json_decref(json);
    return good;
}

bool
payload_json_is_text(const json_t *value, const char *text)
{
    return json_is_string(value) && json_string_length(value) == strlen(text) &&
           memcmp(json_string_value(value), text, strlen(text)) == 0;
}
