// api_query - what a request for a list asks for: filters, a page, and what it may see
// SPDX-License-Identifier: MPL-2.0
#include "api_query.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
api_query_begin(api_query_t *self, const api_parameter_t *known, size_t known_count,
                const access_grant_t *grant)
{
    assert(known_count <= API_QUERY_PARAMETERS);
    *self = (api_query_t){
        .known = known, .known_count = known_count, .grant = grant, .limit = API_QUERY_ROWS};
}

// What it quotes came from outside and may be cut: what is shown is printable ASCII, of which
// JSON can be made.
static int
refuse(char **error_p, char *sentence)
{
    for (char *at = sentence; *at; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
    *error_p = sentence;
    return -1;
}

__attribute__((format(printf, 1, 2))) static char *
sentence_of(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int rc = vasprintf(&text, format, arguments);
    va_end(arguments);
    assert(rc >= 0);
    return text;
}

static char *
unknown_parameter(const api_query_t *self, const char *name)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    assert(out);
    fprintf(out, "there is no parameter \"%.64s\" here; allowed are ", name);
    for (size_t at = 0; at < self->known_count; at++)
        fprintf(out, "%s, ", self->known[at].name);
    fputs("limit", out);
    fclose(out);
    return text;
}

static int
take_limit(api_query_t *self, const char *value, char **error_p)
{
    size_t digits = strspn(value, "0123456789");
    unsigned long number = digits <= 4 ? strtoul(value, NULL, 10) : 0;
    if (value[digits] != '\0' || number < 1 || number > API_QUERY_ROWS_MOST)
        return refuse(error_p, sentence_of("limit is \"%.64s\", but must be a number from 1 "
                                           "to %d",
                                           value, API_QUERY_ROWS_MOST));
    if (self->limited)
        return refuse(error_p, sentence_of("limit is there twice"));
    self->limited = true;
    self->limit = number;
    return 0;
}

static bool
is_one_of(const char *value, const char *values)
{
    size_t bytes = strlen(value);
    for (const char *at = values; bytes > 0 && *at;) {
        size_t this_bytes = strcspn(at, "|");
        if (this_bytes == bytes && memcmp(at, value, bytes) == 0)
            return true;
        at += this_bytes + (at[this_bytes] == '|');
    }
    return false;
}

int
api_query_take(api_query_t *self, const char *name, const char *value, char **error_p)
{
    if (!value || *value == '\0')
        return refuse(error_p, sentence_of("the parameter \"%.64s\" has no value", name));
    if (strcmp(name, "limit") == 0)
        return take_limit(self, value, error_p);
    size_t at = 0;
    while (at < self->known_count && strcmp(self->known[at].name, name) != 0)
        at++;
    if (at == self->known_count)
        return refuse(error_p, unknown_parameter(self, name));
    if (self->given[at])
        return refuse(error_p, sentence_of("%s is there twice", name));
    if (strlen(value) >= API_QUERY_VALUE_SIZE)
        return refuse(
            error_p, sentence_of("%s is longer than %d bytes", name, API_QUERY_VALUE_SIZE - 1));
    const char *values = self->known[at].values;
    if (values && !is_one_of(value, values))
        return refuse(error_p, sentence_of("%s is \"%.64s\", but must be one of %s", name,
                                           value, values));
    self->given[at] = true;
    memcpy(self->values[at], value, strlen(value) + 1);
    return 0;
}

const char *
api_query_value(const api_query_t *self, const char *name)
{
    for (size_t at = 0; at < self->known_count; at++)
        if (strcmp(self->known[at].name, name) == 0)
            return self->given[at] ? self->values[at] : NULL;
    return NULL;
}

static bool
takes_type(const mesh_scope_t *scope, const char *type)
{
    size_t count = mesh_scope_size(scope, MESH_SCOPE_TYPE);
    for (size_t at = 0; at < count; at++) {
        const char *pattern = mesh_scope_value(scope, MESH_SCOPE_TYPE, at);
        size_t bytes = strlen(pattern);
        bool prefix = bytes > 0 && pattern[bytes - 1] == '*';
        if (prefix ? strncmp(pattern, type, bytes - 1) == 0 : strcmp(pattern, type) == 0)
            return true;
    }
    return count == 0;
}

bool
api_query_may_see(const api_query_t *self, const char *type, const char *host,
                  const char *session)
{
    const access_grant_t *grant = self->grant;
    for (size_t at = 0; at < grant->scope_count; at++)
        if (takes_type(grant->scopes[at], type) &&
            mesh_scope_takes(grant->scopes[at], MESH_SCOPE_HOST, host) &&
            mesh_scope_takes(grant->scopes[at], MESH_SCOPE_SESSION, session))
            return true;
    return grant->scope_count == 0;
}
