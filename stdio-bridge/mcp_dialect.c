// mcp_dialect - the older lines {"event": ..., "data": ...} of AIDER servers, in MCP's words
// SPDX-License-Identifier: MPL-2.0
#include "mcp_dialect.h"

#include <stdbool.h>
#include <string.h>

static bool
is_id(const json_t *id)
{
    return json_is_string(id) || json_is_integer(id);
}

json_t *
mcp_dialect_call(const json_t *line)
{
    json_t *name = json_object_get(line, "name");
    json_t *parameters = json_object_get(line, "parameters");
    json_t *id = json_object_get(line, "request_id");
    if (!json_is_string(name) || !json_is_object(parameters))
        return NULL;
    // A call without an id is answered without one: "" stands for it.
    return json_pack("{s:o, s:s, s:{s:O, s:O}}", "id",
                     is_id(id) ? json_incref(id) : json_string(""), "method", "tools/call",
                     "params", "name", name, "arguments", parameters);
}

// The data of a server's line that is such an event; NULL when it is none.
static json_t *
data_of(const json_t *line, const char **event_p)
{
    *event_p = json_string_value(json_object_get(line, "event"));
    json_t *data = json_object_get(line, "data");
    return *event_p && json_is_object(data) ? data : NULL;
}

json_t *
mcp_dialect_answer(const json_t *line)
{
    const char *event = NULL;
    json_t *data = data_of(line, &event);
    if (!data || strcmp(event, "tool_result") != 0)
        return NULL;
    json_t *result = json_object_get(data, "result");
    json_t *id = json_object_get(data, "request_id");
    return json_pack("{s:o, s:{s:O}}", "id", is_id(id) ? json_incref(id) : json_null(),
                     "result", "structuredContent", json_is_object(result) ? result : data);
}

// "progress", or "aider.session_progress": what it names, and how far that is.
static json_t *
progress_payload(const json_t *data)
{
    json_t *details = json_object_get(data, "progress_data");
    json_t *message = json_object_get(data, "message");
    json_t *stage = json_object_get(details, "stage");
    json_t *duration = json_object_get(data, "duration");
    json_t *payload = json_pack("{s:s}", "stage", "tool");
    if (json_is_string(message) || json_is_string(stage))
        json_object_set(payload, "message", json_is_string(message) ? message : stage);
    if (json_is_number(duration) && json_number_value(duration) >= 0)
        json_object_set(payload, "duration", duration);
    if (json_is_object(details))
        json_object_set(payload, "progress_data", details);
    return payload;
}

// A member that says nothing ("", -1) is as good as none.
static bool
is_of_type(const json_t *member, json_type type)
{
    if (type == JSON_TRUE)
        return json_is_boolean(member);
    if (type == JSON_STRING)
        return json_string_length(member) > 0;
    return (type == JSON_REAL ? json_is_number(member) : json_is_integer(member)) &&
           json_number_value(member) >= 0;
}

// Those of data's members that are of the kind that the event's should be.
static json_t *
failure_payload(const json_t *data)
{
    static const struct {
        const char *name;
        json_type type;
    } members[] = {
        {"provider", JSON_STRING},      {"current_model", JSON_STRING},
        {"attempt", JSON_INTEGER},      {"max_retries", JSON_INTEGER},
        {"will_retry", JSON_TRUE},      {"estimated_delay", JSON_REAL},
        {"error_message", JSON_STRING}, {"fallback_model", JSON_STRING},
    };
    json_t *payload = json_object();
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        json_t *member = json_object_get(data, members[i].name);
        if (is_of_type(member, members[i].type))
            json_object_set(payload, members[i].name, member);
    }
    if (!json_is_true(json_object_get(payload, "will_retry")))
        json_object_del(payload, "estimated_delay");
    return payload;
}

// A refusal for rate says which attempt it was and when the next is.
static json_t *
rate_limit_payload(const json_t *data)
{
    json_t *payload = failure_payload(data);
    if (json_integer_value(json_object_get(payload, "attempt")) < 1)
        json_object_set_new(payload, "attempt", json_integer(1));
    bool retries = json_object_get(payload, "estimated_delay") != NULL;
    json_object_set_new(payload, "will_retry", json_boolean(retries));
    return payload;
}

const char *
mcp_dialect_event(const json_t *line, json_t **payload_p, const json_t **id_p)
{
    const char *event = NULL;
    const json_t *data = data_of(line, &event);
    if (!data)
        return NULL;
    const json_t *id = json_object_get(data, "request_id");
    *id_p = is_id(id) ? id : NULL;
    if (strncmp(event, "aider.", strlen("aider.")) == 0)
        event += strlen("aider.");
    if (strcmp(event, "progress") == 0 || strcmp(event, "session_progress") == 0) {
        *payload_p = progress_payload(data);
        return "aider.session_progress";
    }
    if (strcmp(event, "rate_limit_detected") == 0) {
        *payload_p = rate_limit_payload(data);
        return "aider.rate_limit_detected";
    }
    if (strcmp(event, "error_occurred") == 0) {
        *payload_p = failure_payload(data);
        json_object_set_new(*payload_p, "error_type", json_string("unmapped"));
        return "aider.error_occurred";
    }
    return NULL;
}
