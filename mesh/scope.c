// scope - what a token is good for: areas of the HTTP side, and which events of them
// SPDX-License-Identifier: MPL-2.0
#include "mesh/scope.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/topic.h"
#include "text.h"

struct mesh_scope {
    unsigned areas;
    char *values[MESH_SCOPE_LISTS][MESH_SCOPE_VALUES];    // owned
    size_t counts[MESH_SCOPE_LISTS];
};

static const struct {
    const char *name;
    unsigned areas;
} areas[] = {
    {"events", MESH_SCOPE_EVENTS},
    {"api", MESH_SCOPE_API},
    {"metrics", MESH_SCOPE_METRICS},
    {"*", MESH_SCOPE_ALL},
};

static const char *const list_names[MESH_SCOPE_LISTS] = {
    [MESH_SCOPE_TYPE] = "types",
    [MESH_SCOPE_HOST] = "host",
    [MESH_SCOPE_SESSION] = "session",
};

static int
refuse(char **error_p, const char *part, const char *why)
{
    char *quoted = mesh_text_quoted(part);
    *error_p = mesh_text_printf("the scope's %s %s", quoted, why);
    free(quoted);
    return -1;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// Decode %XX in place. Returns -1 when one is no pair of hex digits, or stands for NUL.
static int
decode(char *text)
{
    char *out = text;
    for (const char *in = text; *in; in++) {
        char c = *in;
        if (c == '%') {
            int high = hex_digit(in[1]);
            int low = high < 0 ? -1 : hex_digit(in[2]);
            if (low < 0 || high + low == 0)
                return -1;
            c = (char) (high * 16 + low);
            in += 2;
        }
        *out++ = c;
    }
    *out = '\0';
    return 0;
}

static bool
is_type_pattern(const char *value)
{
    char type[MESH_SCOPE_VALUE_BYTES + 2];
    size_t bytes = strlen(value);
    if (value[bytes - 1] != '*')
        return mesh_topic_type_is_legal(value);
    // "aider.*" is as legal as a type that goes on after the point.
    memcpy(type, value, bytes + 1);
    type[bytes - 1] = 'x';
    return mesh_topic_type_is_legal(type);
}

static int
add_value(mesh_scope_t *self, mesh_scope_list_t list, char *value, char **error_p)
{
    if (decode(value) != 0)
        return refuse(error_p, value, "has a '%' that two hex digits do not follow");
    size_t bytes = strlen(value);
    if (bytes == 0 || bytes > MESH_SCOPE_VALUE_BYTES)
        return refuse(error_p, value, "is empty or longer than 256 bytes");
    if (!mesh_text_is_plain(value))
        return refuse(error_p, value, "is no UTF-8, or has control characters");
    if (list == MESH_SCOPE_TYPE && !is_type_pattern(value))
        return refuse(error_p, value,
                      "is no event type; allowed are such as aider.error_occurred or aider.*");
    if (self->counts[list] == MESH_SCOPE_VALUES)
        return refuse(error_p, value, "is the 33rd of its list; 32 are allowed");
    self->values[list][self->counts[list]++] = strdup(value);
    return 0;
}

static int
read_areas(mesh_scope_t *self, char *part, char **error_p)
{
    char *rest = NULL;
    for (char *word = strtok_r(part, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        unsigned found = 0;
        for (size_t at = 0; at < sizeof areas / sizeof areas[0]; at++)
            if (strcmp(word, areas[at].name) == 0)
                found = areas[at].areas;
        if (found == 0)
            return refuse(error_p, word, "is no area; allowed are events, api, metrics and *");
        self->areas |= found;
    }
    if (self->areas == 0)
        return refuse(error_p, "", "is no area; allowed are events, api, metrics and *");
    return 0;
}

static int
read_list(mesh_scope_t *self, char *part, char **error_p)
{
    char *equals = strchr(part, '=');
    if (!equals)
        return refuse(error_p, part, "has no '='; allowed are types=, host= and session=");
    *equals = '\0';
    int list = 0;
    while (list < MESH_SCOPE_LISTS && strcmp(part, list_names[list]) != 0)
        list++;
    if (list == MESH_SCOPE_LISTS)
        return refuse(error_p, part, "is unknown; allowed are types, host and session");
    char *rest = NULL;
    size_t before = self->counts[list];
    for (char *value = strtok_r(equals + 1, ",", &rest); value;
         value = strtok_r(NULL, ",", &rest))
        if (add_value(self, (mesh_scope_list_t) list, value, error_p) != 0)
            return -1;
    // An empty list would mean that anything is good: nobody writes that and means it.
    if (self->counts[list] == before)
        return refuse(error_p, part, "has no value");
    return 0;
}

mesh_scope_t *
mesh_scope_parse(const char *text, char **error_p)
{
    assert(text && error_p);
    if (strlen(text) > MESH_SCOPE_BYTES) {
        (void) refuse(error_p, text, "is longer than 2048 bytes");
        return NULL;
    }
    mesh_scope_t *self = calloc(1, sizeof *self);
    char *copy = strdup(text);
    assert(self && copy);
    char *parts = copy;
    int rc = read_areas(self, strsep(&parts, ";"), error_p);
    while (rc == 0 && parts)
        rc = read_list(self, strsep(&parts, ";"), error_p);
    free(copy);
    if (rc != 0)
        mesh_scope_destroy(&self);
    return self;
}

void
mesh_scope_destroy(mesh_scope_t **self_p)
{
    assert(self_p);
    mesh_scope_t *self = *self_p;
    if (!self)
        return;
    for (int list = 0; list < MESH_SCOPE_LISTS; list++)
        for (size_t at = 0; at < self->counts[list]; at++)
            free(self->values[list][at]);
    free(self);
    *self_p = NULL;
}

bool
mesh_scope_has_area(const mesh_scope_t *self, mesh_scope_area_t area)
{
    return (self->areas & (unsigned) area) == (unsigned) area;
}

bool
mesh_scope_is_whole(const mesh_scope_t *self)
{
    size_t values = 0;
    for (int list = 0; list < MESH_SCOPE_LISTS; list++)
        values += self->counts[list];
    return values == 0;
}

size_t
mesh_scope_size(const mesh_scope_t *self, mesh_scope_list_t list)
{
    return self->counts[list];
}

const char *
mesh_scope_value(const mesh_scope_t *self, mesh_scope_list_t list, size_t at)
{
    assert(at < self->counts[list]);
    return self->values[list][at];
}

bool
mesh_scope_takes(const mesh_scope_t *self, mesh_scope_list_t list, const char *value)
{
    for (size_t at = 0; at < self->counts[list]; at++)
        if (strcmp(self->values[list][at], value) == 0)
            return true;
    return self->counts[list] == 0;
}

const char *
mesh_scope_list_name(mesh_scope_list_t list)
{
    return list_names[list];
}
