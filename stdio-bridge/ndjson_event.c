// ndjson_event - one line of JSON that is an event somebody else made
// SPDX-License-Identifier: MPL-2.0
#include "ndjson_event.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

// The types of the family aider, without it.
static const char *const TYPES[] = {
    "session_started",    "session_progress",    "session_completed", "request_started",
    "request_completed",  "rate_limit_detected", "error_occurred",    "throttling_detected",
    "throttling_cleared", "waiting_for_input",
};

static bool
is_known(const char *name)
{
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++) {
        if (!strcmp(TYPES[i], name))
            return true;
    }
    return false;
}

static ndjson_event_outcome_t
read_type(const char *name, char type[static NDJSON_EVENT_TYPE_BYTES])
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.");
    if (length == 0 || name[length] != '\0' || length >= NDJSON_EVENT_TYPE_BYTES)
        return NDJSON_EVENT_BAD_TYPE;
    // An empty part would make a prefix that no subscription means.
    if (name[0] == '.' || name[length - 1] == '.' || strstr(name, ".."))
        return NDJSON_EVENT_BAD_TYPE;
    if (!strncmp(name, "mesh.", 5) || !strncmp(name, "stream.", 7))
        return NDJSON_EVENT_RESERVED_TYPE;
    if (!strncmp(name, "aider.", 6) && !is_known(name + 6))
        return NDJSON_EVENT_UNKNOWN_TYPE;
    snprintf(type, NDJSON_EVENT_TYPE_BYTES, "%s%s", is_known(name) ? "aider." : "", name);
    return NDJSON_EVENT_OK;
}

static ndjson_event_outcome_t
read_object(json_t *object, char type[static NDJSON_EVENT_TYPE_BYTES], json_t **payload_p)
{
    if (!json_is_object(object))
        return NDJSON_EVENT_NOT_AN_OBJECT;
    json_t *name = json_object_get(object, "type");
    if (!name)
        name = json_object_get(object, "event");
    if (!json_is_string(name))
        return NDJSON_EVENT_NO_TYPE;
    ndjson_event_outcome_t outcome = read_type(json_string_value(name), type);
    if (outcome != NDJSON_EVENT_OK)
        return outcome;
    json_t *data = json_object_get(object, "data");
    if (!json_is_object(data))
        return NDJSON_EVENT_BAD_DATA;
    *payload_p = json_incref(data);
    return NDJSON_EVENT_OK;
}

ndjson_event_outcome_t
ndjson_event_parse(const char *line, size_t size, char type[static NDJSON_EVENT_TYPE_BYTES],
                   json_t **payload_p)
{
    assert(line && payload_p);
    *payload_p = NULL;
    type[0] = '\0';
    size_t blank = 0;
    while (blank < size && strchr(" \t\r", line[blank]) && line[blank] != '\0')
        blank++;
    if (blank == size)
        return NDJSON_EVENT_BLANK;
    // A number too large for a double, or the same key twice, is refused with the rest: what
    // one reader would take for one thing and another for another is no event.
    json_t *object = json_loadb(line, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    if (!object)
        return NDJSON_EVENT_BAD_JSON;
    ndjson_event_outcome_t outcome = read_object(object, type, payload_p);
    json_decref(object);
    if (outcome != NDJSON_EVENT_OK)
        type[0] = '\0';
    return outcome;
}

static const struct {
    const char *name;
    const char *sentence;
} OUTCOMES[] = {
    [NDJSON_EVENT_OK] = {"ok", "The line is an event."},
    [NDJSON_EVENT_BLANK] = {"blank", "The line is blank."},
    [NDJSON_EVENT_BAD_JSON] = {"bad_json", "The line is not JSON, or names a key twice."},
    [NDJSON_EVENT_NOT_AN_OBJECT] = {"not_an_object", "The line is JSON, but not an object."},
    [NDJSON_EVENT_NO_TYPE] = {"no_type",
                              "The object has neither \"type\" nor \"event\" as a string."},
    [NDJSON_EVENT_BAD_TYPE] =
        {"bad_type", "A type is 1 to 64 of a-z, 0-9, \"_\" and \".\", no part empty."},
    [NDJSON_EVENT_UNKNOWN_TYPE] = {"unknown_type", "The family aider has no such type."},
    [NDJSON_EVENT_RESERVED_TYPE] = {"reserved_type",
                                    "The families mesh and stream are made by the mesh alone."},
    [NDJSON_EVENT_BAD_DATA] = {"bad_data", "The object has no \"data\" that is an object."},
};

const char *
ndjson_event_name(ndjson_event_outcome_t outcome)
{
    assert(outcome <= NDJSON_EVENT_BAD_DATA);
    return OUTCOMES[outcome].name;
}

const char *
ndjson_event_explain(ndjson_event_outcome_t outcome)
{
    assert(outcome <= NDJSON_EVENT_BAD_DATA);
    return OUTCOMES[outcome].sentence;
}
