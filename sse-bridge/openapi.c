// openapi - the description of what the sse-bridge answers, as OpenAPI 3.1
// SPDX-License-Identifier: MPL-2.0
#include "openapi.h"

#include <stdbool.h>
#include <string.h>

#include "mesh/program.h"

#define STREAM_QUERY                                                                           \
    "types session request host provider model label severity since last envelope "            \
    "last_event_id"
#define OPEN_STREAM_QUERY STREAM_QUERY " slow ticket"
#define JSON_TYPE "application/json"
#define STREAM_TYPE "text/event-stream"

typedef struct operation {
    const char *path;
    const char *method;
    const char *summary;
    const char *media;       // of the answer; NULL for none
    const char *success;     // its status
    const char *refusals;    // statuses, separated by blanks
    const char *query;       // names of parameters, separated by blanks
    bool open;               // needs no token
} operation_t;

static const operation_t operations[] = {
    {"/events", "get", "All events, by filter.", STREAM_TYPE, "200", "204 400 401 403 429 503",
     OPEN_STREAM_QUERY, false},
    {"/events/aider", "get", "Events of AIDER.", STREAM_TYPE, "200", "204 400 401 403 429 503",
     OPEN_STREAM_QUERY, false},
    {"/events/errors", "get", "Rate limits, errors and throttling.", STREAM_TYPE, "200",
     "204 400 401 403 429 503", OPEN_STREAM_QUERY, false},
    {"/events/progress", "get", "Sessions and requests.", STREAM_TYPE, "200",
     "204 400 401 403 429 503", OPEN_STREAM_QUERY, false},
    {"/events/mesh", "get", "Events of the mesh.", STREAM_TYPE, "200",
     "204 400 401 403 429 503", OPEN_STREAM_QUERY, false},
    {"/health", "get", "How everything is.", JSON_TYPE, "200", "503", "", true},
    {"/livez", "get", "Whether the process answers.", JSON_TYPE, "200", "", "", true},
    {"/readyz", "get", "Whether streams are served.", JSON_TYPE, "200", "503", "", true},
    {"/openapi.json", "get", "This description.", JSON_TYPE, "200", "", "", true},
    {"/metrics", "get", "Prometheus text.", "text/plain", "200", "401 403 429", "", false},
    {"/api/v1/events", "get", "Events of the past, or the next.", JSON_TYPE, "200",
     "204 400 401 403 429 503", STREAM_QUERY " limit max_bytes wait format", false},
    {"/api/v1/sessions", "get", "Sessions, the one that began last first.", JSON_TYPE, "200",
     "400 401 403 429", "state host cursor limit", false},
    {"/api/v1/sessions/{session_id}", "get", "One session.", JSON_TYPE, "200",
     "400 401 403 404 429", "", false},
    {"/api/v1/transports", "get", "Programs that are there.", JSON_TYPE, "200",
     "400 401 403 429 503", "type host cursor limit", false},
    {"/api/v1/signin", "post", "A cookie for the token.", NULL, "204", "401 403 413 429", "",
     false},
    {"/api/v1/ticket", "post", "A ticket for a browser's EventSource.", JSON_TYPE, "201",
     "400 401 403 413 429 503", "", false},
};

// Take the next word off *rest into a new string; NULL at the end.
static json_t *
next_word(const char **rest)
{
    *rest += strspn(*rest, " ");
    size_t bytes = strcspn(*rest, " ");
    json_t *word = bytes > 0 ? json_stringn(*rest, bytes) : NULL;
    *rest += bytes;
    return word;
}

static json_t *
describe_parameters(const operation_t *operation)
{
    json_t *parameters = json_array();
    if (strchr(operation->path, '{'))
        json_array_append_new(parameters,
                              json_pack("{s:s, s:s, s:b, s:{s:s}}", "name", "session_id", "in",
                                        "path", "required", 1, "schema", "type", "string"));
    const char *rest = operation->query;
    for (json_t *name; (name = next_word(&rest));)
        json_array_append_new(parameters, json_pack("{s:o, s:s, s:{s:s}}", "name", name, "in",
                                                    "query", "schema", "type", "string"));
    return parameters;
}

static json_t *
describe_answers(const operation_t *operation)
{
    json_t *answers = json_object();
    json_t *success = json_pack("{s:s}", "description", "As asked.");
    if (operation->media)
        json_object_set_new(success, "content", json_pack("{s:{}}", operation->media));
    json_object_set_new(answers, operation->success, success);
    const char *rest = operation->refusals;
    for (json_t *status; (status = next_word(&rest)); json_decref(status)) {
        bool empty = strcmp(json_string_value(status), "204") == 0;
        // /health says in its own words what is wrong.
        bool own = strcmp(operation->path, "/health") == 0;
        json_t *answer =
            empty ? json_pack("{s:s}", "description", "There is nothing, and will not be.")
                  : json_pack("{s:s, s:{s:{}}}", "description", "Refused, with the reason.",
                              "content", own ? JSON_TYPE : "application/problem+json");
        json_object_set_new(answers, json_string_value(status), answer);
    }
    return answers;
}

json_t *
openapi_document(const char *base_path)
{
    json_t *paths = json_object();
    for (size_t at = 0; at < sizeof operations / sizeof operations[0]; at++) {
        const operation_t *operation = &operations[at];
        json_t *described =
            json_pack("{s:s, s:o, s:o}", "summary", operation->summary, "parameters",
                      describe_parameters(operation), "responses", describe_answers(operation));
        if (operation->open)
            json_object_set_new(described, "security", json_array());
        json_object_set_new(paths, operation->path,
                            json_pack("{s:o}", operation->method, described));
    }
    return json_pack("{s:s, s:{s:s, s:s}, s:[{s:s}], s:[{s:[]}], s:{s:{s:{s:s, s:s}}}, s:o}",
                     "openapi", "3.1.0", "info", "title", "aidermesh", "version",
                     mesh_version(), "servers", "url", *base_path ? base_path : "/", "security",
                     "token", "components", "securitySchemes", "token", "type", "http",
                     "scheme", "bearer", "paths", paths);
}
