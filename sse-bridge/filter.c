// filter - which events a stream wants
// SPDX-License-Identifier: MPL-2.0
#include "filter.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event_types.h"
#include "payload_json.h"

typedef struct filter_value {
    char *text;    // owned
    size_t bytes;
    bool negated;
} filter_value_t;

typedef struct filter_clause {
    filter_value_t *values;    // owned; plain before negated once sealed
    size_t count;
    size_t plain;    // how many of them are plain
} filter_clause_t;

// What a scope takes, by the parameter that each of its lists is about.
typedef struct filter_scope {
    filter_clause_t clauses[MESH_SCOPE_LISTS];
} filter_scope_t;

struct filter {
    filter_clause_t clauses[FILTER_PARAMETERS];
    filter_scope_t *scopes;    // owned; an event is in one of them at least
    size_t scope_count;
    char *key;    // owned; NULL until sealed
};

static const filter_parameter_t scope_parameters[MESH_SCOPE_LISTS] = {
    [MESH_SCOPE_TYPE] = FILTER_TYPES,
    [MESH_SCOPE_HOST] = FILTER_HOST,
    [MESH_SCOPE_SESSION] = FILTER_SESSION,
};

static const char *const parameter_names[FILTER_PARAMETERS] = {
    [FILTER_ENDPOINT] = "endpoint", [FILTER_TYPES] = "types",
    [FILTER_SESSION] = "session",   [FILTER_HOST] = "host",
    [FILTER_REQUEST] = "request",   [FILTER_PROVIDER] = "provider",
    [FILTER_MODEL] = "model",       [FILTER_LABEL] = "label",
    [FILTER_SEVERITY] = "severity",
};

// The members of a payload that a parameter looks at; an event carries its model under the name
// that says what the model is to it.
static const char *const request_members[] = {"request_id", NULL};
static const char *const provider_members[] = {"provider", NULL};
static const char *const model_members[] = {"model", "current_model", "model_used", NULL};
static const char *const severity_members[] = {"severity", NULL};

void
filter_event_clear(filter_event_t *self)
{
    json_decref(self->json);
    self->json = NULL;
    self->parsed = false;
}

filter_t *
filter_new(void)
{
    filter_t *self = calloc(1, sizeof *self);
    assert(self);
    return self;
}

static void
clause_clear(filter_clause_t *self)
{
    for (size_t at = 0; at < self->count; at++)
        free(self->values[at].text);
    free(self->values);
}

void
filter_destroy(filter_t **self_p)
{
    assert(self_p);
    filter_t *self = *self_p;
    if (!self)
        return;
    for (size_t parameter = 0; parameter < FILTER_PARAMETERS; parameter++)
        clause_clear(&self->clauses[parameter]);
    for (size_t at = 0; at < self->scope_count; at++)
        for (int list = 0; list < MESH_SCOPE_LISTS; list++)
            clause_clear(&self->scopes[at].clauses[list]);
    free(self->scopes);
    free(self->key);
    free(self);
    *self_p = NULL;
}

static int
clause_add(filter_clause_t *self, const char *value, bool negated)
{
    size_t bytes = strlen(value);
    if (bytes == 0 || bytes > FILTER_VALUE_BYTES || self->count == FILTER_VALUES)
        return -1;
    if (!self->values) {
        self->values = calloc(FILTER_VALUES, sizeof *self->values);
        assert(self->values);
    }
    char *text = strdup(value);
    assert(text);
    self->values[self->count++] =
        (filter_value_t){.text = text, .bytes = bytes, .negated = negated};
    return 0;
}

int
filter_add(filter_t *self, filter_parameter_t parameter, const char *value, bool negated)
{
    assert(!self->key);
    return clause_add(&self->clauses[parameter], value, negated);
}

_Static_assert((int) MESH_SCOPE_VALUES <= (int) FILTER_VALUES &&
                   (int) MESH_SCOPE_VALUE_BYTES <= (int) FILTER_VALUE_BYTES,
               "a filter takes what a scope can say");

void
filter_confine(filter_t *self, const mesh_scope_t *const scopes[], size_t count)
{
    assert(!self->key && !self->scopes && count > 0);
    self->scopes = calloc(count, sizeof *self->scopes);
    assert(self->scopes);
    self->scope_count = count;
    for (size_t at = 0; at < count; at++)
        for (int list = 0; list < MESH_SCOPE_LISTS; list++)
            for (size_t value = 0;
                 value < mesh_scope_size(scopes[at], (mesh_scope_list_t) list); value++)
                (void) clause_add(&self->scopes[at].clauses[list],
                                  mesh_scope_value(scopes[at], (mesh_scope_list_t) list, value),
                                  false);
}

static int
compare_values(const void *left_v, const void *right_v)
{
    const filter_value_t *left = left_v;
    const filter_value_t *right = right_v;
    if (left->negated != right->negated)
        return left->negated ? 1 : -1;
    return strcmp(left->text, right->text);
}

static void
clause_seal(filter_clause_t *self)
{
    if (self->count == 0)
        return;
    qsort(self->values, self->count, sizeof *self->values, compare_values);
    size_t kept = 1;
    for (size_t at = 1; at < self->count; at++) {
        if (compare_values(&self->values[kept - 1], &self->values[at]) == 0)
            free(self->values[at].text);
        else
            self->values[kept++] = self->values[at];
    }
    self->count = kept;
    while (self->plain < self->count && !self->values[self->plain].negated)
        self->plain++;
}

// Every value is written with its length before it, so that no value can look like two.
static void
key_write(FILE *out, filter_parameter_t parameter, const filter_clause_t *clause)
{
    if (clause->count == 0)
        return;
    fprintf(out, "%s", parameter_names[parameter]);
    for (size_t at = 0; at < clause->count; at++) {
        const filter_value_t *value = &clause->values[at];
        fprintf(out, "%c%zu:%s", value->negated ? '!' : '=', value->bytes, value->text);
    }
    fputc(';', out);
}

void
filter_seal(filter_t *self)
{
    assert(!self->key);
    size_t bytes = 0;
    FILE *out = open_memstream(&self->key, &bytes);
    assert(out);
    for (size_t parameter = 0; parameter < FILTER_PARAMETERS; parameter++) {
        clause_seal(&self->clauses[parameter]);
        key_write(out, (filter_parameter_t) parameter, &self->clauses[parameter]);
    }
    for (size_t at = 0; at < self->scope_count; at++) {
        fputs("within;", out);
        for (int list = 0; list < MESH_SCOPE_LISTS; list++) {
            clause_seal(&self->scopes[at].clauses[list]);
            key_write(out, scope_parameters[list], &self->scopes[at].clauses[list]);
        }
    }
    fclose(out);
    assert(self->key);
}

const char *
filter_key(const filter_t *self)
{
    assert(self->key);
    return self->key;
}

static bool
type_fits(const filter_value_t *value, const char *type)
{
    if (value->text[value->bytes - 1] == '*')
        return strncmp(value->text, type, value->bytes - 1) == 0;
    return strcmp(value->text, type) == 0;
}

static bool
text_fits(const filter_value_t *value, const char *text)
{
    return strcmp(value->text, text) == 0;
}

typedef bool value_fits_fn(const filter_value_t *value, const char *text);

static bool
clause_takes(const filter_clause_t *self, value_fits_fn *fits, const char *text)
{
    bool taken = self->plain == 0;
    for (size_t at = 0; at < self->plain && !taken; at++)
        taken = fits(&self->values[at], text);
    for (size_t at = self->plain; at < self->count && taken; at++)
        taken = !fits(&self->values[at], text);
    return taken;
}

static const json_t *
event_json(filter_event_t *event)
{
    if (!event->parsed) {
        event->json = payload_json_read(event->payload, event->payload_bytes);
        event->parsed = true;
    }
    return event->json;
}

static bool
member_fits(const json_t *json, const char *const members[], const filter_value_t *value)
{
    for (size_t at = 0; members[at]; at++) {
        if (payload_json_is_text(json_object_get(json, members[at]), value->text))
            return true;
    }
    return false;
}

static bool
label_fits(const json_t *labels, const filter_value_t *value)
{
    const char *equals = strchr(value->text, '=');
    if (!equals)
        return json_object_get(labels, value->text) != NULL;
    char key[FILTER_VALUE_BYTES + 1];
    size_t key_bytes = (size_t) (equals - value->text);
    memcpy(key, value->text, key_bytes);
    key[key_bytes] = '\0';
    return payload_json_is_text(json_object_get(labels, key), equals + 1);
}

static bool
payload_fits(filter_parameter_t parameter, const filter_value_t *value, filter_event_t *event)
{
    const json_t *json = event_json(event);
    switch (parameter) {
    case FILTER_REQUEST:
        return member_fits(json, request_members, value);
    case FILTER_PROVIDER:
        return member_fits(json, provider_members, value);
    case FILTER_MODEL:
        return member_fits(json, model_members, value);
    case FILTER_SEVERITY:
        return member_fits(json, severity_members, value);
    default:
        return label_fits(json_object_get(json, "labels"), value) ||
               label_fits(event->session_labels, value);
    }
}

static bool
payload_clause_takes(const filter_t *self, filter_parameter_t parameter, filter_event_t *event)
{
    const filter_clause_t *clause = &self->clauses[parameter];
    bool taken = clause->plain == 0;
    for (size_t at = 0; at < clause->plain && !taken; at++)
        taken = payload_fits(parameter, &clause->values[at], event);
    for (size_t at = clause->plain; at < clause->count && taken; at++)
        taken = !payload_fits(parameter, &clause->values[at], event);
    return taken;
}

static bool
scope_takes(const filter_scope_t *self, const filter_event_t *event)
{
    return clause_takes(&self->clauses[MESH_SCOPE_TYPE], type_fits, event->type) &&
           clause_takes(&self->clauses[MESH_SCOPE_HOST], text_fits, event->host) &&
           clause_takes(&self->clauses[MESH_SCOPE_SESSION], text_fits, event->session);
}

static bool
is_confined_to(const filter_t *self, const filter_event_t *event)
{
    bool taken = self->scope_count == 0;
    for (size_t at = 0; at < self->scope_count && !taken; at++)
        taken = scope_takes(&self->scopes[at], event);
    return taken;
}

bool
filter_may_match_type(const void *arg, const char *type)
{
    const filter_t *self = arg;
    bool within = self->scope_count == 0;
    for (size_t at = 0; at < self->scope_count && !within; at++)
        within = clause_takes(&self->scopes[at].clauses[MESH_SCOPE_TYPE], type_fits, type);
    return within && clause_takes(&self->clauses[FILTER_ENDPOINT], type_fits, type) &&
           clause_takes(&self->clauses[FILTER_TYPES], type_fits, type);
}

// Whether a type that is none of ours may match.
static bool
may_match_foreign(const filter_t *self)
{
    const filter_clause_t *types = &self->clauses[FILTER_TYPES];
    bool may = types->plain == 0;
    for (size_t at = 0; at < types->plain && !may; at++)
        may = mesh_family_of(types->values[at].text) == MESH_FAMILY_OTHER;
    return may && self->clauses[FILTER_ENDPOINT].plain == 0;
}

bool
filter_may_match_family(const void *arg, mesh_family_t family)
{
    bool may = family == MESH_FAMILY_OTHER && may_match_foreign(arg);
    const char *type;
    for (size_t at = 0; !may && (type = event_type_known(at)); at++)
        may = mesh_family_of(type) == family && filter_may_match_type(arg, type);
    return may;
}

bool
filter_may_match_origin(const void *arg, const char *session, const char *type)
{
    const filter_t *self = arg;
    return (type[0] == '\0' || filter_may_match_type(self, type)) &&
           (session[0] == '\0' ||
            clause_takes(&self->clauses[FILTER_SESSION], text_fits, session));
}

bool
filter_matches(const filter_t *self, filter_event_t *event)
{
    if (!filter_may_match_type(self, event->type) ||
        !clause_takes(&self->clauses[FILTER_SESSION], text_fits, event->session) ||
        !clause_takes(&self->clauses[FILTER_HOST], text_fits, event->host) ||
        !is_confined_to(self, event))
        return false;
    for (int parameter = FILTER_REQUEST; parameter < FILTER_PARAMETERS; parameter++) {
        if (self->clauses[parameter].count > 0 &&
            !payload_clause_takes(self, (filter_parameter_t) parameter, event))
            return false;
    }
    return true;
}

bool
filter_takes_session(const filter_t *self, const char *host, const char *session,
                     const json_t *labels)
{
    filter_event_t start = {.type = "aider.session_started",
                            .host = host,
                            .session = session,
                            .session_labels = labels,
                            .parsed = true};
    return clause_takes(&self->clauses[FILTER_SESSION], text_fits, session) &&
           clause_takes(&self->clauses[FILTER_HOST], text_fits, host) &&
           is_confined_to(self, &start) && payload_clause_takes(self, FILTER_LABEL, &start);
}

bool
filter_needs_payload(const filter_t *self)
{
    for (int parameter = FILTER_REQUEST; parameter < FILTER_PARAMETERS; parameter++) {
        if (self->clauses[parameter].count > 0)
            return true;
    }
    return false;
}

const char *
filter_only_session(const filter_t *self)
{
    const filter_clause_t *clause = &self->clauses[FILTER_SESSION];
    return clause->plain == 1 ? clause->values[0].text : NULL;
}
