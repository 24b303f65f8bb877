// head_rules - what is wrong with the headers of a request, of what libmicrohttpd lets pass
// SPDX-License-Identifier: MPL-2.0
#include "head_rules.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static bool
is_token(const char *name, size_t bytes)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t at = 0; at < bytes; at++) {
        char c = name[at];
        bool word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!word && (c == '\0' || !strchr(others, c)))
            return false;
    }
    return bytes > 0;
}

static bool
is(const char *name, size_t bytes, const char *wanted)
{
    return bytes == strlen(wanted) && strncasecmp(name, wanted, bytes) == 0;
}

void
head_rules_take(head_rules_t *self, const char *name, size_t name_bytes, const char *value,
                size_t value_bytes)
{
    if (self->problem)
        return;
    if (!is_token(name, name_bytes)) {
        self->problem = "the name of a header has letters, digits and !#$%&'*+-.^_`|~ only";
        return;
    }
    // To some it ends the line, and what follows is a header.
    if (value_bytes > 0 && memchr(value, '\r', value_bytes)) {
        self->problem = "the value of a header has no CR by itself";
        return;
    }
    if (is(name, name_bytes, "Host") && ++self->hosts > 1)
        self->problem = "a request has one Host header";
    if ((is(name, name_bytes, "Content-Length") || is(name, name_bytes, "Transfer-Encoding")) &&
        ++self->lengths > 1)
        self->problem =
            "a request says once how long its body is: by Content-Length or Transfer-Encoding";
}

const char *
head_rules_problem(const head_rules_t *self)
{
    return self->problem;
}
