// late_mark - says in a payload that the event was recorded long after it happened
// SPDX-License-Identifier: MPL-2.0
#include "late_mark.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

// White space of JSON.
static bool
is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

size_t
late_mark_write(char *out, const char *payload, size_t bytes)
{
    assert(out && (payload || bytes == 0));
    size_t first = 0, last = bytes;
    while (first < last && is_space(payload[first]))
        first++;
    while (last > first && is_space(payload[last - 1]))
        last--;
    if (last - first < 2 || payload[first] != '{' || payload[last - 1] != '}') {
        if (bytes > 0)
            memcpy(out, payload, bytes);
        return bytes;
    }
    size_t inside = last - 1;    // where the members end
    while (inside > first + 1 && is_space(payload[inside - 1]))
        inside--;
    size_t at = inside;
    memcpy(out, payload, at);
    if (inside > first + 1)
        out[at++] = ',';
    memcpy(out + at, LATE_MARK, sizeof LATE_MARK - 1);
    at += sizeof LATE_MARK - 1;
    memcpy(out + at, payload + inside, bytes - inside);
    return at + (bytes - inside);
}
