// payload - an event's JSON object as text, cut to its limit
// SPDX-License-Identifier: MPL-2.0
#include "mesh/payload.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHORTEST_CUT_BYTES = 64,    // a string of this length or less is left whole
    DEPTH_LIMIT = 32,           // strings nested deeper are not looked for
    DIGITS = 16,                // of a real: microseconds of a Unix time, and 0.25 stays 0.25
};

static const char ellipsis[] = "\xe2\x80\xa6";    // U+2026

static void
find_longest(json_t *value, int depth, json_t **longest)
{
    if (depth > DEPTH_LIMIT)
        return;
    if (json_is_string(value)) {
        if (!*longest || json_string_length(value) > json_string_length(*longest))
            *longest = value;
        return;
    }
    const char *key;
    json_t *member;
    json_object_foreach(value, key, member) find_longest(member, depth + 1, longest);
    size_t index;
    json_array_foreach(value, index, member) find_longest(member, depth + 1, longest);
}

// Shorten the string by at least `excess` bytes of its own, as far as SHORTEST_CUT_BYTES
// allows.
static bool
cut_string(json_t *string, size_t excess)
{
    size_t length = json_string_length(string);
    if (length <= SHORTEST_CUT_BYTES)
        return false;
    size_t kept = length > excess + sizeof ellipsis ? length - excess - sizeof ellipsis : 0;
    if (kept < SHORTEST_CUT_BYTES - sizeof ellipsis)
        kept = SHORTEST_CUT_BYTES - sizeof ellipsis;

    const char *text = json_string_value(string);
    while (kept > 0 && ((unsigned char) text[kept] & 0xc0) == 0x80)
        kept--;
    char *shorter = malloc(kept + sizeof ellipsis);
    if (!shorter)
        abort();
    memcpy(shorter, text, kept);
    memcpy(shorter + kept, ellipsis, sizeof ellipsis);
    int rc = json_string_set(string, shorter);
    free(shorter);
    return rc == 0;
}

char *
mesh_payload_dump(json_t *object, size_t limit_bytes, size_t *bytes, size_t *cut_strings)
{
    assert(bytes && cut_strings);
    if (!json_is_object(object))
        return NULL;
    for (;;) {
        char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(DIGITS));
        if (!text)
            return NULL;
        *bytes = strlen(text);
        if (*bytes <= limit_bytes)
            return text;
        size_t excess = *bytes - limit_bytes;
        free(text);

        // Escapes make a string longer as text than in memory, so one cut may not be enough;
        // each shortens the longest string that is left, so this ends.
        json_t *longest = NULL;
        find_longest(object, 0, &longest);
        if (!longest || !cut_string(longest, excess))
            return NULL;
        ++*cut_strings;
    }
}
