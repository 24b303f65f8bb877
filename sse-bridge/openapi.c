// openapi - the description of what the sse-bridge answers, as OpenAPI 3.1
// SPDX-License-Identifier: MPL-2.0
#include "openapi.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "mesh/program.h"

#define STREAM_QUERY                                                                           \
    "types session request host provider model label severity since last envelope "            \
    "last_event_id"
#define OPEN_STREAM_QUERY STREAM_QUERY " snapshot slow ticket"
#define JSON_TYPE "application/json"
#define LINES_TYPE "application/x-ndjson"
#define STREAM_TYPE "text/event-stream"

typedef struct operation {
    const char *path;
    const char *method;
    const char *summary;
    const char *media;       // of the answer, separated by blanks; NULL for none
    const char *success;     // its status
    const char *refusals;    // statuses, separated by blanks
    const char *query;       // names of parameters, separated by blanks
    bool open;               // needs no token
    const char *body;        // JSON Schema of the body; NULL for none
} operation_t;

static const operation_t operations[] = {
    {"/events", "get", "All events, by filter.", STREAM_TYPE, "200",
     "204 400 401 403 406 429 503", OPEN_STREAM_QUERY, false, NULL},
    {"/events/aider", "get", "Events of AIDER.", STREAM_TYPE, "200",
     "204 400 401 403 406 429 503", OPEN_STREAM_QUERY, false, NULL},
    {"/events/errors", "get", "Rate limits, errors and throttling.", STREAM_TYPE, "200",
     "204 400 401 403 406 429 503", OPEN_STREAM_QUERY, false, NULL},
    {"/events/progress", "get", "Sessions and requests.", STREAM_TYPE, "200",
     "204 400 401 403 406 429 503", OPEN_STREAM_QUERY, false, NULL},
    {"/events/mesh", "get", "Events of the mesh.", STREAM_TYPE, "200",
     "204 400 401 403 406 429 503", OPEN_STREAM_QUERY, false, NULL},
    {"/health", "get", "How everything is.", JSON_TYPE, "200", "503", "", true, NULL},
    {"/livez", "get", "Whether the process answers.", JSON_TYPE, "200", "", "", true, NULL},
    {"/readyz", "get", "Whether streams are served.", JSON_TYPE, "200", "503", "", true, NULL},
    {"/openapi.json", "get", "This description.", JSON_TYPE, "200", "", "", true, NULL},
    {"/metrics", "get", "Prometheus text.", "text/plain", "200", "401 403 429", "", false,
     NULL},
    {"/api/v1/events", "get", "Events of the past, or the next.", JSON_TYPE " " LINES_TYPE,
     "200", "204 400 401 403 429 503", STREAM_QUERY " limit max_bytes wait format", false,
     NULL},
    {"/api/v1/sessions", "get", "Sessions, the one that began last first.", JSON_TYPE, "200",
     "400 401 403 429", "state host cursor limit", false, NULL},
    {"/api/v1/sessions/{session_id}", "get", "One session.", JSON_TYPE, "200",
     "400 401 403 404 429", "", false, NULL},
    {"/api/v1/transports", "get", "Programs that are there.", JSON_TYPE, "200",
     "400 401 403 429 503", "type host cursor limit", false, NULL},
    {"/api/v1/signin", "post", "A cookie for the token.", NULL, "204", "401 403 413 429", "",
     false, NULL},
    {"/api/v1/ticket", "post", "A ticket for a browser's EventSource.", JSON_TYPE, "201",
     "400 401 403 413 429 503", "", false,
     "{\"type\": \"object\", \"required\": [\"url\"], \"additionalProperties\": false, "
     "\"properties\": {\"url\": "
     "{\"type\": \"string\", \"pattern\": "
     "\"^/events(/(aider|errors|progress|mesh))?(\\\\?[!$-;=?-~]*)?$\"}}}"},
};

// What a value looks like, as JSON Schema. Which of the values that look so are known, and
// which parameters exclude each other, is said by the refusal.
#define TEXT "{\"type\": \"string\", \"pattern\": \"^[^\\\\x00-\\\\x1f\\\\x7f]+$\"}"
// Values, each after a ! where it is negated, with commas between.
#define WORD "!?[^,!\\\\x00-\\\\x1f\\\\x7f][^,\\\\x00-\\\\x1f\\\\x7f]*"
#define LIST "{\"type\": \"string\", \"pattern\": \"^" WORD "(," WORD ")*$\"}"

static const struct {
    const char *name;
    const char *schema;
} schemas[] = {
    {"types", LIST},
    {"session", LIST},
    {"request", LIST},
    {"host", LIST},
    {"provider", LIST},
    {"model", LIST},
    {"label", LIST},
    {"severity", LIST},
    {"since", TEXT},
    {"last", "{\"type\": \"integer\", \"minimum\": 1, \"maximum\": 100000}"},
    {"last_event_id", TEXT},
    {"envelope", "{\"enum\": [\"data\", \"cloudevents\"]}"},
    {"snapshot", "{\"enum\": [0, 1]}"},
    {"slow", "{\"enum\": [\"disconnect\", \"drop-oldest\"]}"},
    {"ticket", TEXT},
    {"limit", "{\"type\": \"integer\", \"minimum\": 1, \"maximum\": 1000}"},
    {"max_bytes", "{\"type\": \"integer\", \"minimum\": 1024, \"maximum\": 16777216}"},
    {"wait", "{\"type\": \"integer\", \"minimum\": 0, \"maximum\": 25}"},
    {"format", "{\"enum\": [\"json\", \"ndjson\"]}"},
    {"state", "{\"enum\": [\"running\", \"ended\"]}"},
    {"type", TEXT},
    {"cursor", TEXT},
    {"session_id", TEXT},
};

static json_t *
schema_of(const char *name)
{
    size_t at = 0;
    while (strcmp(schemas[at].name, name) != 0) {
        at++;
        assert(at < sizeof schemas / sizeof schemas[0]);    // operations[] names these only
    }
    json_t *schema = json_loads(schemas[at].schema, 0, NULL);
    assert(schema);
    return schema;
}

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
        json_array_append_new(parameters, json_pack("{s:s, s:s, s:b, s:o}", "name",
                                                    "session_id", "in", "path", "required", 1,
                                                    "schema", schema_of("session_id")));
    const char *rest = operation->query;
    for (json_t *name; (name = next_word(&rest)); json_decref(name))
        json_array_append_new(
            parameters, json_pack("{s:s, s:s, s:o}", "name", json_string_value(name), "in",
                                  "query", "schema", schema_of(json_string_value(name))));
    return parameters;
}

static json_t *
describe_answers(const operation_t *operation)
{
    json_t *answers = json_object();
    json_t *success = json_pack("{s:s}", "description", "As asked.");
    const char *rest = operation->media ? operation->media : "";
    json_t *content = json_object();
    for (json_t *media; (media = next_word(&rest)); json_decref(media))
        json_object_set_new(content, json_string_value(media), json_object());
    if (operation->media)
        json_object_set(success, "content", content);
    json_decref(content);
    json_object_set_new(answers, operation->success, success);
    rest = operation->refusals;
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
        if (operation->body)
            json_object_set_new(described, "requestBody",
                                json_pack("{s:b, s:{s:{s:o}}}", "required", 1, "content",
                                          JSON_TYPE, "schema",
                                          json_loads(operation->body, 0, NULL)));
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
