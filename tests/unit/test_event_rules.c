// test_event_rules - the table of members is the schema, and each rule refuses by name
// SPDX-License-Identifier: MPL-2.0
#include "unit_test.h"

#include "event_rules.h"

#include <stdio.h>
#include <string.h>

static json_t *schema;

static int
read_schema(void **state)
{
    (void) state;
    schema = json_load_file(TEST_SCHEMA, 0, NULL);
    return schema ? 0 : -1;
}

static int
end_schema(void **state)
{
    (void) state;
    json_decref(schema);
    return 0;
}

static const json_t *
definition(const char *name)
{
    const json_t *found = json_object_get(json_object_get(schema, "$defs"), name);
    if (!found)
        fail_msg("the schema has no %s", name);
    return found;
}

// What "$ref": "#/$defs/NAME" names; the value itself where it refers to nothing.
static const json_t *
resolved(const json_t *value)
{
    const char *reference = json_string_value(json_object_get(value, "$ref"));
    return reference ? definition(strrchr(reference, '/') + 1) : value;
}

// Add the properties and required members of a definition and of what it is made of. The
// members that every event has are looked at elsewhere.
static void
collect(const json_t *from, json_t *properties, json_t *required)
{
    if (from == definition("common"))
        return;
    json_object_update(properties, json_object_get(from, "properties"));
    json_array_extend(required, json_object_get(from, "required"));
    size_t index;
    const json_t *part;
    json_array_foreach(json_object_get(from, "allOf"), index, part)
    {
        if (json_object_get(part, "$ref"))
            collect(resolved(part), properties, required);
    }
}

static bool
names(const json_t *array, const char *key)
{
    size_t index;
    const json_t *element;
    json_array_foreach(array, index, element)
    {
        if (!strcmp(json_string_value(element), key))
            return true;
    }
    return false;
}

enum { WORDS_BYTES = 1024 };

static void
join(const json_t *words, char text[static WORDS_BYTES])
{
    size_t used = 0;
    size_t index;
    const json_t *word;
    text[0] = '\0';
    json_array_foreach(words, index, word)
    {
        used += (size_t) snprintf(text + used, WORDS_BYTES - used, "%s%s", index ? ", " : "",
                                  json_string_value(word));
        assert_true(used < WORDS_BYTES);
    }
}

static int64_t
number(const json_t *property, const char *key)
{
    return (int64_t) json_number_value(json_object_get(property, key));
}

static const char *
type_of(const json_t *property)
{
    const char *type = json_string_value(json_object_get(property, "type"));
    return type ? type : "";
}

static event_kind_t
kind_of_object(const json_t *property)
{
    if (json_object_get(property, "properties"))
        return EVENT_OBJECT;
    const json_t *each = json_object_get(property, "additionalProperties");
    return strcmp(type_of(each), "string") != 0 ? EVENT_COUNTS : EVENT_LABELS;
}

static event_kind_t
kind_of(const json_t *property)
{
    const char *type = type_of(property);
    if (json_object_get(property, "enum"))
        return EVENT_WORD;
    if (!strcmp(type, "string"))
        return json_object_get(property, "pattern") ? EVENT_HASH : EVENT_TEXT;
    if (!strcmp(type, "boolean"))
        return EVENT_FLAG;
    if (!strcmp(type, "integer"))
        return EVENT_COUNT;
    if (!strcmp(type, "number"))
        return json_object_get(property, "exclusiveMinimum") ? EVENT_POSITIVE : EVENT_NUMBER;
    if (!strcmp(type, "array"))
        return strcmp(type_of(json_object_get(property, "items")), "string") != 0
                   ? EVENT_OBJECTS
                   : EVENT_NAMES;
    if (strcmp(type, "object") != 0)
        fail_msg("the schema has a type that no rule knows: %s", type);
    return kind_of_object(property);
}

static void compare(const char *where, const event_member_t *members, const json_t *properties,
                    const json_t *required);

static void
compare_member(const char *where, const event_member_t *member, const json_t *property)
{
    if (kind_of(property) != member->kind)
        fail_msg("%s.%s is of another kind in the schema", where, member->key);
    int64_t least = member->kind == EVENT_TEXT ? number(property, "minLength")
                                               : number(property, "minimum");
    assert_int_equal(member->least, least);
    assert_int_equal(member->most, number(property, "maximum"));
    if (member->kind == EVENT_WORD) {
        char words[WORDS_BYTES];
        join(json_object_get(property, "enum"), words);
        assert_string_equal(member->words, words);
    }
    if (member->kind == EVENT_HASH)
        assert_string_equal(json_string_value(json_object_get(property, "pattern")),
                            "^[0-9a-f]{7,40}$");
    if (member->kind == EVENT_COUNTS)
        assert_int_equal(number(json_object_get(property, "additionalProperties"), "minimum"),
                         1);
    assert_true((member->members != NULL) ==
                (member->kind == EVENT_OBJECT || member->kind == EVENT_OBJECTS));
    const json_t *inner =
        member->kind == EVENT_OBJECTS ? json_object_get(property, "items") : property;
    if (member->members)
        compare(member->key, member->members, json_object_get(inner, "properties"),
                json_object_get(inner, "required"));
}

static void
compare(const char *where, const event_member_t *members, const json_t *properties,
        const json_t *required)
{
    size_t count = 0;
    for (const event_member_t *member = members; member->key; member++, count++) {
        const json_t *property = json_object_get(properties, member->key);
        if (!property)
            fail_msg("the schema has no %s.%s", where, member->key);
        compare_member(where, member, resolved(property));
        if (member->required != names(required, member->key))
            fail_msg("%s.%s is required in one of table and schema only", where, member->key);
    }
    if (count != json_object_size(properties))
        fail_msg("the schema has more members of %s than the table", where);
}

static void
the_table_is_the_schema(void **state)
{
    (void) state;
    for (const event_type_t *type = event_rules_table; type->name; type++) {
        json_t *properties = json_object();
        json_t *required = json_array();
        collect(definition(type->name), properties, required);
        compare(type->name, type->members, properties, required);
        assert_int_equal(type->of_request, names(required, "request_id"));
        assert_true(names(required, "session_id"));
        json_decref(properties);
        json_decref(required);
    }
}

static void
every_aider_type_of_the_schema_has_a_row(void **state)
{
    (void) state;
    const json_t *types =
        json_object_get(json_object_get(json_object_get(schema, "properties"), "type"), "enum");
    size_t index;
    const json_t *type;
    size_t found = 0;
    json_array_foreach(types, index, type)
    {
        const char *name = json_string_value(type);
        bool is_aider = !strncmp(name, "aider.", 6);
        assert_int_equal(event_rules_find(name) != NULL, is_aider);
        found += is_aider;
    }
    assert_int_equal(found, 10);
}

// The sentence is about what was expected to be wrong; NULL: nothing is.
static void
expect(const char *type, const char *payload, const char *sentence)
{
    char problem[EVENT_RULES_PROBLEM_BYTES];
    json_t *object = json_loads(payload, 0, NULL);
    assert_non_null(object);
    bool right = event_rules_check(type ? event_rules_find(type) : NULL, object, problem);
    assert_string_equal(problem, sentence ? sentence : "");
    assert_int_equal(right, sentence == NULL);
    json_decref(object);
}

static void
a_refusal_names_the_member_the_value_and_what_is_allowed(void **state)
{
    (void) state;
    expect("aider.rate_limit_detected", "{\"attempt\": 0, \"will_retry\": false}",
           "\"attempt\" is 0, allowed: a whole number from 1");
    expect("aider.session_completed",
           "{\"success\": false, \"outcome\": \"failed\", \"exit_code\": 256}",
           "\"exit_code\" is 256, allowed: a whole number from 0 to 255");
    expect("aider.waiting_for_input", "{}",
           "\"kind\" is missing, allowed: prompt, confirmation");
    expect("aider.waiting_for_input", "{\"kind\": \"pro\"}",
           "\"kind\" is \"pro\", allowed: prompt, confirmation");
    expect("aider.request_started", "{\"request_id\": \"r\", \"provider\": \"\"}",
           "\"provider\" is \"\", allowed: a text of 1 or more characters");
    expect("aider.session_progress",
           "{\"stage\": \"tokens\", \"progress_data\": {\"tokens_sent\": 1.5}}",
           "\"progress_data.tokens_sent\" is 1.5, allowed: a whole number from 0");
    expect("aider.session_completed",
           "{\"success\": true, \"outcome\": \"ok\", \"changes_summary\": "
           "{\"files\": [{\"name\": \"a\"}, {}]}}",
           "\"changes_summary.files.name\" is missing, allowed: a text");
    expect("aider.session_completed",
           "{\"success\": true, \"outcome\": \"ok\", \"changes_summary\": {\"files\": [1]}}",
           "\"changes_summary.files\" has an element that is no object");
    expect("aider.session_started", "{\"session_id\": \"\"}",
           "\"session_id\" is \"\", allowed: a text of 1 to 128 characters");
    expect("aider.session_started", "{\"timestamp\": \"now\"}",
           "\"timestamp\" is \"now\", allowed: a number above 0");
    expect("aider.session_started", "{\"timestamp\": 9e12}",
           "\"timestamp\" is no Unix time in seconds, allowed: a number above 0 and below "
           "9e+12");
    expect("aider.request_started", "{}",
           "\"request_id\" is missing, allowed: a text of 1 to 128 characters");
}

static void
a_long_value_is_cut_where_it_is_shown(void **state)
{
    (void) state;
    expect("aider.waiting_for_input",
           "{\"kind\": "
           "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}",
           "\"kind\" is \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..., allowed: "
           "prompt, confirmation");
}

static void
members_that_demand_each_other_are_looked_at_together(void **state)
{
    (void) state;
    expect("aider.session_completed", "{\"success\": true, \"outcome\": \"failed\"}",
           "\"success\" is true, allowed with this \"outcome\": false");
    expect("aider.session_completed",
           "{\"success\": false, \"outcome\": \"killed\", \"signal\": 9, \"exit_code\": 1}",
           "\"exit_code\" and \"signal\" are both there, allowed: one");
    expect("aider.session_started", "{\"mode\": \"cli\"}",
           "\"editable_files\" is missing, which \"mode\" \"cli\" needs");
    expect("aider.rate_limit_detected", "{\"attempt\": 1, \"will_retry\": true}",
           "\"estimated_delay\" is missing, which \"will_retry\" true needs");
    expect("aider.error_occurred", "{\"error_type\": \"auth\", \"estimated_delay\": 1}",
           "\"estimated_delay\" is there, allowed: only where \"will_retry\" is true");
    expect("aider.error_occurred",
           "{\"error_type\": \"auth\", \"will_retry\": true, \"fatal\": true}",
           "\"fatal\" is true, allowed with \"will_retry\" true: false");
    expect("aider.throttling_detected",
           "{\"duration\": 1, \"threshold\": 1, \"status\": \"long_running\", \"severity\": "
           "\"high\", \"diagnosis\": \"retrying\", \"context\": {\"request_duration\": 1}}",
           "\"severity\" is \"high\", allowed with this \"status\": medium");
}

static void
what_no_rule_names_is_kept_unless_it_is_null(void **state)
{
    (void) state;
    expect("aider.session_started", "{\"of_others\": {\"deep\": [1, \"two\", false]}}", NULL);
    expect("aider.session_started", "{\"of_others\": null}",
           "\"of_others\" is null, allowed: to leave it out");
    expect("aider.session_started", "{\"of_others\": [{\"a\": null}]}",
           "\"of_others\" has a null in it, allowed: to leave that out");
    expect(NULL, "{\"anything\": 1, \"stage\": 7}", NULL);
    expect(NULL, "{\"anything\": null}", "\"anything\" is null, allowed: to leave it out");
    expect(NULL, "{\"correlation_id\": 7}",
           "\"correlation_id\" is 7, allowed: a text of 1 or more characters");
}

static void
thirty_two_levels_are_enough(void **state)
{
    (void) state;
    static const char forty_open[] = "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[";
    static const char forty_closed[] = "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]";
    char payload[128];
    int inner = EVENT_RULES_DEPTH - 1;
    (void) snprintf(payload, sizeof payload, "{\"a\": %.*s%.*s}", inner, forty_open, inner,
                    forty_closed);
    expect(NULL, payload, NULL);
    inner++;
    (void) snprintf(payload, sizeof payload, "{\"a\": %.*s%.*s}", inner, forty_open, inner,
                    forty_closed);
    expect(NULL, payload, "\"a\" is nested too deep, allowed: 32 levels with the data itself");
}

static void
a_number_is_whole_whatever_way_it_is_written(void **state)
{
    (void) state;
    expect("aider.rate_limit_detected", "{\"attempt\": 1.0, \"will_retry\": false}", NULL);
    expect("aider.rate_limit_detected", "{\"attempt\": 1e3, \"will_retry\": false}", NULL);
    expect("aider.rate_limit_detected", "{\"attempt\": true, \"will_retry\": false}",
           "\"attempt\" is true, allowed: a whole number from 1");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_the_schema),
        cmocka_unit_test(every_aider_type_of_the_schema_has_a_row),
        cmocka_unit_test(a_refusal_names_the_member_the_value_and_what_is_allowed),
        cmocka_unit_test(a_long_value_is_cut_where_it_is_shown),
        cmocka_unit_test(members_that_demand_each_other_are_looked_at_together),
        cmocka_unit_test(what_no_rule_names_is_kept_unless_it_is_null),
        cmocka_unit_test(thirty_two_levels_are_enough),
        cmocka_unit_test(a_number_is_whole_whatever_way_it_is_written),
    };
    return cmocka_run_group_tests_name("event_rules", tests, read_schema, end_schema);
}
