// ndjson_event - one line of JSON that is an event somebody else made
// SPDX-License-Identifier: MPL-2.0
#include "ndjson_event.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char family[] = "aider.";
static const char byte_order_mark[] = "\xef\xbb\xbf";

static bool
is_blank(const char *line, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
            return false;
    }
    return true;
}

static ndjson_event_outcome_t
read_type(const char *name, char type[static NDJSON_EVENT_TYPE_BYTES])
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.");
    if (length == 0 || name[length] != '\0' || length >= NDJSON_EVENT_TYPE_BYTES)
        return NDJSON_EVENT_BAD_TYPE;
    // An empty part would make a prefix that no subscription means.
    if (name[0] < 'a' || name[length - 1] == '.' || strstr(name, ".."))
        return NDJSON_EVENT_BAD_TYPE;
    if (!strncmp(name, "mesh.", 5) || !strncmp(name, "stream.", 7))
        return NDJSON_EVENT_RESERVED_TYPE;
    char ours[sizeof family + NDJSON_EVENT_TYPE_BYTES];
    (void) snprintf(ours, sizeof ours, "%s%s", family, name);
    bool is_ours = event_rules_find(ours) != NULL;
    if (!strncmp(name, family, strlen(family)) && !event_rules_find(name))
        return NDJSON_EVENT_UNKNOWN_TYPE;
    (void) snprintf(type, NDJSON_EVENT_TYPE_BYTES, "%s%s", is_ours ? family : "", name);
    return NDJSON_EVENT_OK;
}

static ndjson_event_outcome_t
read_object(json_t *object, ndjson_event_t *event)
{
    if (!json_is_object(object))
        return NDJSON_EVENT_NOT_AN_OBJECT;
    json_t *name = json_object_get(object, "type");
    if (!name)
        name = json_object_get(object, "event");
    if (!json_is_string(name))
        return NDJSON_EVENT_NO_TYPE;
    ndjson_event_outcome_t outcome = read_type(json_string_value(name), event->type);
    if (outcome != NDJSON_EVENT_OK)
        return outcome;
    json_t *data = json_object_get(object, "data");
    if (!json_is_object(data))
        return NDJSON_EVENT_BAD_DATA;
    (void) json_object_del(data, "source");
    (void) json_object_del(data, "seq");
    (void) json_object_del(data, "host");
    (void) json_object_del(data, "late");
    if (!event_rules_check(event_rules_find(event->type), data, event->problem))
        return NDJSON_EVENT_BAD_MEMBER;
    event->payload = json_incref(data);
    return NDJSON_EVENT_OK;
}

static const struct {
    const char *name;
    const char *sentence;
} OUTCOMES[] = {
    [NDJSON_EVENT_OK] = {"ok", ""},
    [NDJSON_EVENT_BLANK] = {"blank", ""},
    [NDJSON_EVENT_BAD_JSON] = {"bad_json", "it is not JSON"},
    [NDJSON_EVENT_NOT_AN_OBJECT] = {"not_an_object", "it is JSON, but no object"},
    [NDJSON_EVENT_NO_TYPE] = {"no_type", "it has neither \"type\" nor \"event\" as a string"},
    [NDJSON_EVENT_BAD_TYPE] = {"bad_type", "its type is none, allowed: 1 to 64 of a-z, 0-9, "
                                           "\"_\" and \".\", a letter first, no part empty"},
    [NDJSON_EVENT_UNKNOWN_TYPE] =
        {"unknown_type",
         "the family aider has no such type, allowed: session_started, session_progress, "
         "session_completed, request_started, request_completed, rate_limit_detected, "
         "error_occurred, throttling_detected, throttling_cleared, waiting_for_input"},
    [NDJSON_EVENT_RESERVED_TYPE] = {"reserved_type",
                                    "the families mesh and stream are made by the mesh alone"},
    [NDJSON_EVENT_BAD_DATA] = {"bad_data", "it has no \"data\" that is an object"},
    [NDJSON_EVENT_BAD_MEMBER] = {"bad_member", ""},
};

static const char *
explain_json(const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_invalid_utf8:
        return "it is not UTF-8";
    case json_error_null_byte_in_key:
    case json_error_null_character:
        return "a text in it has the character U+0000";
    case json_error_duplicate_key:
        return "an object in it has two members of one name";
    case json_error_numeric_overflow:
        return "a number in it is too large, allowed: 64 bits, or a double";
    case json_error_stack_overflow:
        return "it is nested too deep";
    default:
        return OUTCOMES[NDJSON_EVENT_BAD_JSON].sentence;
    }
}

static ndjson_event_outcome_t
parse(const char *line, size_t size, ndjson_event_t *event)
{
    size_t mark = sizeof byte_order_mark - 1;
    if (size >= mark && memcmp(line, byte_order_mark, mark) == 0) {
        line += mark;
        size -= mark;
    }
    if (is_blank(line, size))
        return NDJSON_EVENT_BLANK;
    // A number too large for a double, or the same key twice, is refused with the rest: what
    // one reader would take for one thing and another for another is no event.
    json_error_t error;
    json_t *object = json_loadb(line, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!object) {
        (void) snprintf(event->problem, sizeof event->problem, "%s", explain_json(&error));
        return NDJSON_EVENT_BAD_JSON;
    }
    ndjson_event_outcome_t outcome = read_object(object, event);
    json_decref(object);
    return outcome;
}

ndjson_event_outcome_t
ndjson_event_parse(const char *line, size_t size, ndjson_event_t *event)
{
    assert(line && event);
    *event = (ndjson_event_t){.payload = NULL};
    ndjson_event_outcome_t outcome = parse(line, size, event);
    if (outcome != NDJSON_EVENT_OK)
        event->type[0] = '\0';
    if (event->problem[0] == '\0')
        (void) snprintf(event->problem, sizeof event->problem, "%s",
                        OUTCOMES[outcome].sentence);
    return outcome;
}

const char *
ndjson_event_name(ndjson_event_outcome_t outcome)
{
    assert(outcome <= NDJSON_EVENT_BAD_MEMBER);
    return OUTCOMES[outcome].name;
}
