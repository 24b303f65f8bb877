// event_rules - what the members of an aider event may be, as docs/events.schema.json says
// SPDX-License-Identifier: MPL-2.0
#include "event_rules.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ID_CHARACTERS = 128,
    PLACE_BYTES = 160,    // of a member within members; what does not fit is cut
    ALLOWED_BYTES = 320,
    SHOWN_BYTES = 48,    // of a value that is not allowed
    HASH_LEAST = 7,
    HASH_MOST = 40,
};

static const double timestamp_most_s = 9e12;    // in microseconds it has 64 bits

static const double whole_from = 9007199254740992.0;    // 2^53: no larger double has a fraction

static const event_member_t ids[] = {
    {.key = "session_id", .kind = EVENT_TEXT, .least = 1, .most = ID_CHARACTERS},
    {.key = "request_id", .kind = EVENT_TEXT, .least = 1, .most = ID_CHARACTERS},
    {.key = "correlation_id", .kind = EVENT_TEXT, .least = 1},
    {.key = "timestamp", .kind = EVENT_POSITIVE},
    {0},
};

static bool check_members(const event_member_t *members, json_t *object, const char *place,
                          char *problem);

__attribute__((format(printf, 2, 3))) static bool
refuse(char *problem, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void) vsnprintf(problem, EVENT_RULES_PROBLEM_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

// A value as JSON in ASCII, cut.
static void
show(char shown[static SHOWN_BYTES + sizeof "..."], const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII |
                                       JSON_REAL_PRECISION(16));
    if (!text) {
        (void) snprintf(shown, SHOWN_BYTES, "unreadable");
        return;
    }
    bool cut = strlen(text) > SHOWN_BYTES;
    (void) snprintf(shown, SHOWN_BYTES + sizeof "...", "%.*s%s", SHOWN_BYTES, text,
                    cut ? "..." : "");
    free(text);
}

// What a member may be, in words.
static void
describe(const event_member_t *member, char allowed[static ALLOWED_BYTES])
{
    static const char *const descriptions[] = {
        [EVENT_TEXT] = "a text",
        [EVENT_HASH] = "7 to 40 of 0-9 and a-f",
        [EVENT_FLAG] = "true or false",
        [EVENT_COUNT] = "a whole number",
        [EVENT_NUMBER] = "a number from 0",
        [EVENT_POSITIVE] = "a number above 0",
        [EVENT_WORD] = "",
        [EVENT_NAMES] = "an array of texts",
        [EVENT_LABELS] = "an object of texts",
        [EVENT_COUNTS] = "an object of whole numbers from 1",
        [EVENT_OBJECT] = "an object",
        [EVENT_OBJECTS] = "an array of objects",
    };
    size_t used = (size_t) snprintf(allowed, ALLOWED_BYTES, "%s%s", descriptions[member->kind],
                                    member->words ? member->words : "");
    if (used >= ALLOWED_BYTES)
        return;
    if (member->kind == EVENT_COUNT)
        used += (size_t) snprintf(allowed + used, ALLOWED_BYTES - used, " from %lld",
                                  (long long) member->least);
    else if (member->least || member->most)
        used += (size_t) snprintf(allowed + used, ALLOWED_BYTES - used, " of %lld",
                                  (long long) member->least);
    if (member->most)
        used += (size_t) snprintf(allowed + used, ALLOWED_BYTES - used, " to %lld",
                                  (long long) member->most);
    else if (member->kind == EVENT_TEXT && member->least)
        used += (size_t) snprintf(allowed + used, ALLOWED_BYTES - used, " or more");
    if (member->kind == EVENT_TEXT && (member->least || member->most))
        (void) snprintf(allowed + used, ALLOWED_BYTES - used, " characters");
}

static bool
is_word_of(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = words; at; at = strchr(at, ' ')) {
        at += *at == ' ';
        if (strcspn(at, ",") == length && memcmp(at, word, length) == 0)
            return true;
    }
    return false;
}

// Jansson has made sure of UTF-8.
static bool
has_length(const char *text, int64_t least, int64_t most)
{
    int64_t characters = 0;
    for (; *text; text++)
        characters += ((unsigned char) *text & 0xc0) != 0x80;
    return characters >= least && (!most || characters <= most);
}

// 7.0 is as whole as 7. least is not negative.
static bool
is_count(const json_t *value, int64_t least, int64_t most)
{
    if (!json_is_number(value))
        return false;
    double number = json_number_value(value);
    return number >= (double) least && (!most || number <= (double) most) &&
           (number >= whole_from || number == (double) (int64_t) number);
}

static bool
is_hash(const char *text)
{
    size_t length = strlen(text);
    return length >= HASH_LEAST && length <= HASH_MOST &&
           strspn(text, "0123456789abcdef") == length;
}

static bool
are_strings(const json_t *array)
{
    size_t index;
    const json_t *element;
    json_array_foreach(array, index, element)
    {
        if (!json_is_string(element))
            return false;
    }
    return json_is_array(array);
}

static bool
are_members(json_t *object, event_kind_t kind)
{
    const char *key;
    const json_t *value;
    json_object_foreach(object, key, value)
    {
        if (kind == EVENT_LABELS ? !json_is_string(value) : !is_count(value, 1, 0))
            return false;
    }
    return json_is_object(object);
}

static bool
is_right(const event_member_t *member, json_t *value)
{
    const char *text = json_string_value(value);
    switch (member->kind) {
    case EVENT_TEXT:
        return text && has_length(text, member->least, member->most);
    case EVENT_HASH:
        return text && is_hash(text);
    case EVENT_FLAG:
        return json_is_boolean(value);
    case EVENT_COUNT:
        return is_count(value, member->least, member->most);
    case EVENT_NUMBER:
        return json_is_number(value) && json_number_value(value) >= 0;
    case EVENT_POSITIVE:
        return json_is_number(value) && json_number_value(value) > 0;
    case EVENT_WORD:
        return text && is_word_of(member->words, text);
    case EVENT_NAMES:
        return are_strings(value);
    case EVENT_LABELS:
    case EVENT_COUNTS:
        return are_members(value, member->kind);
    case EVENT_OBJECT:
        return json_is_object(value);
    case EVENT_OBJECTS:
        return json_is_array(value);
    }
    return false;
}

static bool
check_inside(const event_member_t *member, json_t *value, const char *place, char *problem)
{
    if (member->kind == EVENT_OBJECT)
        return check_members(member->members, value, place, problem);
    size_t index;
    json_t *element;
    json_array_foreach(value, index, element)
    {
        if (!json_is_object(element))
            return refuse(problem, "\"%s\" has an element that is no object", place);
        if (!check_members(member->members, element, place, problem))
            return false;
    }
    return true;
}

static bool
check_member(const event_member_t *member, json_t *value, const char *place, char *problem)
{
    char allowed[ALLOWED_BYTES];
    describe(member, allowed);
    if (!value)
        return member->required
                   ? refuse(problem, "\"%s\" is missing, allowed: %s", place, allowed)
                   : true;
    if (!is_right(member, value)) {
        char shown[SHOWN_BYTES + sizeof "..."];
        show(shown, value);
        return refuse(problem, "\"%s\" is %s, allowed: %s", place, shown, allowed);
    }
    return member->members ? check_inside(member, value, place, problem) : true;
}

static bool
check_members(const event_member_t *members, json_t *object, const char *place, char *problem)
{
    for (const event_member_t *member = members; member->key; member++) {
        char inner[PLACE_BYTES];
        (void) snprintf(inner, sizeof inner, "%s%s%s", place, *place ? "." : "", member->key);
        if (!check_member(member, json_object_get(object, member->key), inner, problem))
            return false;
    }
    return true;
}

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
            return refuse(problem,
                          json_is_null(value)
                              ? "\"%.64s\" is null, allowed: to leave it out"
                              : "\"%.64s\" has a null in it, allowed: to leave that out",
                          key);
        case VALUES_DEEP:
            return refuse(problem,
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
        return refuse(problem, "\"success\" is %s, allowed with this \"outcome\": %s",
                      ok ? "false" : "true", ok ? "true" : "false");
    return true;
}

static bool
check_end(const json_t *payload, char *problem)
{
    if (json_object_get(payload, "exit_code") && json_object_get(payload, "signal"))
        return refuse(problem, "\"exit_code\" and \"signal\" are both there, allowed: one");
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
            return refuse(problem, "\"%s\" is missing, which \"mode\" \"cli\" needs",
                          needed[i]);
    }
    return true;
}

static bool
check_retry(const json_t *payload, bool is_error, char *problem)
{
    bool delay = json_object_get(payload, "estimated_delay") != NULL;
    bool retries = is_true(payload, "will_retry");
    if (delay && !retries)
        return refuse(problem, "\"estimated_delay\" is there, allowed: only where "
                               "\"will_retry\" is true");
    if (!delay && retries && !is_error)
        return refuse(problem, "\"estimated_delay\" is missing, which \"will_retry\" true "
                               "needs");
    if (is_error && retries && is_true(payload, "fatal"))
        return refuse(problem, "\"fatal\" is true, allowed with \"will_retry\" true: false");
    return true;
}

static bool
check_throttling(const json_t *payload, bool detected, char *problem)
{
    if (detected && json_object_get(payload, "reason"))
        return refuse(problem, "\"reason\" is there, allowed: only where throttling is "
                               "cleared");
    const char *severities = is_word(payload, "status", "long_running") ? "medium"
                             : is_word(payload, "status", "throttled")  ? "medium, high"
                                                                        : "high, critical";
    const char *severity = json_string_value(json_object_get(payload, "severity"));
    if (!is_word_of(severities, severity))
        return refuse(problem, "\"severity\" is \"%s\", allowed with this \"status\": %s",
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
    if (!check_members(ids, payload, "", problem))
        return false;
    if (type && type->of_request && !json_object_get(payload, "request_id"))
        return refuse(problem,
                      "\"request_id\" is missing, allowed: a text of 1 to %d "
                      "characters",
                      ID_CHARACTERS);
    // A topic holds bytes, where the schema counts characters.
    size_t bytes = json_string_length(json_object_get(payload, "session_id"));
    if (bytes > ID_CHARACTERS)
        return refuse(problem, "\"session_id\" has %zu bytes, allowed: 1 to %d", bytes,
                      ID_CHARACTERS);
    if (json_number_value(json_object_get(payload, "timestamp")) >= timestamp_most_s)
        return refuse(problem,
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
           (!type || (check_members(type->members, payload, "", problem) &&
                      check_together(type->name, payload, problem)));
}
