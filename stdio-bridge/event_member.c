// event_member - a member of an event: what it may be, and the sentence where it is not
// SPDX-License-Identifier: MPL-2.0
#include "event_member.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PLACE_BYTES = 160,    // of a member within members; what does not fit is cut
    ALLOWED_BYTES = 320,
    SHOWN_BYTES = 48,    // of a value that is not allowed
    HASH_LEAST = 7,
    HASH_MOST = 40,
};

static const double whole_from = 9007199254740992.0;    // 2^53: no larger double has a fraction

static bool check_members(const event_member_t *members, json_t *object, const char *place,
                          char *problem);

bool
event_member_refuse(char problem[static EVENT_MEMBER_PROBLEM_BYTES], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void) vsnprintf(problem, EVENT_MEMBER_PROBLEM_BYTES, format, arguments);
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

bool
event_member_has_word(const char *words, const char *word)
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
        return text && event_member_has_word(member->words, text);
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
            return event_member_refuse(problem, "\"%s\" has an element that is no object",
                                       place);
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
        return member->required ? event_member_refuse(problem, "\"%s\" is missing, allowed: %s",
                                                      place, allowed)
                                : true;
    if (!is_right(member, value)) {
        char shown[SHOWN_BYTES + sizeof "..."];
        show(shown, value);
        return event_member_refuse(problem, "\"%s\" is %s, allowed: %s", place, shown, allowed);
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

bool
event_members_check(const event_member_t *members, json_t *object,
                    char problem[static EVENT_MEMBER_PROBLEM_BYTES])
{
    return check_members(members, object, "", problem);
}
