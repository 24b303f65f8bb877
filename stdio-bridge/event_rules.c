// event_rules - what the members of an aider event may be, as docs/events.schema.json says
// SPDX-License-Identifier: MPL-2.0
#include "event_rules.h"

#include <assert.h>
#include <string.h>

enum { ID_CHARACTERS = 128 };

static const double timestamp_most_s = 9e12;    // in microseconds it has 64 bits

static const event_member_t ids[] = {
    {.key = "session_id", .kind = EVENT_TEXT, .least = 1, .most = ID_CHARACTERS},
    {.key = "request_id", .kind = EVENT_TEXT, .least = 1, .most = ID_CHARACTERS},
    {.key = "correlation_id", .kind = EVENT_TEXT, .least = 1},
    {.key = "timestamp", .kind = EVENT_POSITIVE},
    {0},
};

typedef enum { VALUES_RIGHT, VALUES_NULL, VALUES_DEEP } values_t;

// No null anywhere, and nothing nested deeper than redaction looks. depth counts value itself.
static values_t
judge_values(json_t *value, int depth)
{
    if (json_is_null(value))
        return VALUES_NULL;
    if (!json_is_object(value) && !json_is_array(value))
        return VALUES_RIGHT;
    if (depth > EVENT_RULES_DEPTH)
        return VALUES_DEEP;
    values_t values = VALUES_RIGHT;
    const char *key;
    json_t *inner;
    json_object_foreach(value, key, inner)
    {
        values = judge_values(inner, depth + 1);
        if (values != VALUES_RIGHT)
            return values;
    }
    size_t index;
    json_array_foreach(value, index, inner)
    {
        values = judge_values(inner, depth + 1);
        if (values != VALUES_RIGHT)
            return values;
    }
    return VALUES_RIGHT;
}

static bool
check_values(json_t *payload, char *problem)
{
    const char *key;
    json_t *value;
    json_object_foreach(payload, key, value)
    {
        switch (judge_values(value, 2)) {
        case VALUES_RIGHT:
            break;
        case VALUES_NULL:
            return event_member_refuse(
                problem,
                json_is_null(value) ? "\"%.64s\" is null, allowed: to leave it out"
                                    : "\"%.64s\" has a null in it, allowed: to leave that out",
                key);
        case VALUES_DEEP:
            return event_member_refuse(problem,
                                       "\"%.64s\" is nested too deep, allowed: %d levels with "
                                       "the data itself",
                                       key, EVENT_RULES_DEPTH);
        }
    }
    return true;
}

static bool
is_true(const json_t *payload, const char *key)
{
    return json_is_true(json_object_get(payload, key));
}

static bool
is_word(const json_t *payload, const char *key, const char *word)
{
    const char *text = json_string_value(json_object_get(payload, key));
    return text && !strcmp(text, word);
}

static bool
check_outcome(const json_t *payload, char *problem)
{
    bool ok = is_word(payload, "outcome", "ok");
    if (is_true(payload, "success") != ok)
        return event_member_refuse(problem,
                                   "\"success\" is %s, allowed with this \"outcome\": %s",
                                   ok ? "false" : "true", ok ? "true" : "false");
    return true;
}

static bool
check_end(const json_t *payload, char *problem)
{
    if (json_object_get(payload, "exit_code") && json_object_get(payload, "signal"))
        return event_member_refuse(problem,
                                   "\"exit_code\" and \"signal\" are both there, allowed: one");
    return true;
}

static bool
check_started(const json_t *payload, char *problem)
{
    static const char *const needed[] = {"editable_files", "readonly_files", "working_dir",
                                         "architect_mode"};
    for (size_t i = 0; is_word(payload, "mode", "cli") && i < sizeof needed / sizeof *needed;
         i++) {
        if (!json_object_get(payload, needed[i]))
            return event_member_refuse(
                problem, "\"%s\" is missing, which \"mode\" \"cli\" needs", needed[i]);
    }
    return true;
}

static bool
check_retry(const json_t *payload, bool is_error, char *problem)
{
    bool delay = json_object_get(payload, "estimated_delay") != NULL;
    bool retries = is_true(payload, "will_retry");
    if (delay && !retries)
        return event_member_refuse(problem, "\"estimated_delay\" is there, allowed: only where "
                                            "\"will_retry\" is true");
    if (!delay && retries && !is_error)
        return event_member_refuse(problem,
                                   "\"estimated_delay\" is missing, which \"will_retry\" true "
                                   "needs");
    if (is_error && retries && is_true(payload, "fatal"))
        return event_member_refuse(
            problem, "\"fatal\" is true, allowed with \"will_retry\" true: false");
    return true;
}

static bool
check_throttling(const json_t *payload, bool detected, char *problem)
{
    if (detected && json_object_get(payload, "reason"))
        return event_member_refuse(problem,
                                   "\"reason\" is there, allowed: only where throttling is "
                                   "cleared");
    const char *severities = is_word(payload, "status", "long_running") ? "medium"
                             : is_word(payload, "status", "throttled")  ? "medium, high"
                                                                        : "high, critical";
    const char *severity = json_string_value(json_object_get(payload, "severity"));
    if (!event_member_has_word(severities, severity))
        return event_member_refuse(problem,
                                   "\"severity\" is \"%s\", allowed with this \"status\": %s",
                                   severity, severities);
    return true;
}

// What members demand of each other, once each of them is right.
static bool
check_together(const char *type, const json_t *payload, char *problem)
{
    if (!strcmp(type, "aider.session_started"))
        return check_started(payload, problem);
    if (!strcmp(type, "aider.session_completed"))
        return check_outcome(payload, problem) && check_end(payload, problem);
    if (!strcmp(type, "aider.request_completed"))
        return check_outcome(payload, problem);
    if (!strcmp(type, "aider.rate_limit_detected") || !strcmp(type, "aider.error_occurred"))
        return check_retry(payload, !strcmp(type, "aider.error_occurred"), problem);
    if (!strcmp(type, "aider.throttling_detected"))
        return check_throttling(payload, true, problem);
    if (!strcmp(type, "aider.throttling_cleared"))
        return check_throttling(payload, false, problem);
    return true;
}

static bool
check_common(const event_type_t *type, json_t *payload, char *problem)
{
    if (!event_members_check(ids, payload, problem))
        return false;
    if (type && type->of_request && !json_object_get(payload, "request_id"))
        return event_member_refuse(problem,
                                   "\"request_id\" is missing, allowed: a text of 1 to %d "
                                   "characters",
                                   ID_CHARACTERS);
    // A topic holds bytes, where the schema counts characters.
    size_t bytes = json_string_length(json_object_get(payload, "session_id"));
    if (bytes > ID_CHARACTERS)
        return event_member_refuse(problem, "\"session_id\" has %zu bytes, allowed: 1 to %d",
                                   bytes, ID_CHARACTERS);
    if (json_number_value(json_object_get(payload, "timestamp")) >= timestamp_most_s)
        return event_member_refuse(
            problem,
            "\"timestamp\" is no Unix time in seconds, allowed: a number "
            "above 0 and below %.0e",
            timestamp_most_s);
    return true;
}

const event_type_t *
event_rules_find(const char *type)
{
    assert(type);
    for (const event_type_t *row = event_rules_table; row->name; row++) {
        if (!strcmp(row->name, type))
            return row;
    }
    return NULL;
}

bool
event_rules_check(const event_type_t *type, json_t *payload,
                  char problem[static EVENT_RULES_PROBLEM_BYTES])
{
    assert(json_is_object(payload));
    problem[0] = '\0';
    return check_values(payload, problem) && check_common(type, payload, problem) &&
           (!type || (event_members_check(type->members, payload, problem) &&
                      check_together(type->name, payload, problem)));
}
