// api_query - what a request for a list asks for: filters, a page, and what it may see
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_API_QUERY_H
#define SSE_API_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "access.h"

enum {
    API_QUERY_PARAMETERS = 4,
    API_QUERY_VALUE_SIZE = 256,    // and the NUL
    API_QUERY_ROWS = 100,          // of a page, unless asked otherwise
    API_QUERY_ROWS_MOST = 1000,
};

// A parameter that a list knows. values are what it may be, separated by '|'; NULL for any
// text.
typedef struct api_parameter {
    const char *name;
    const char *values;
} api_parameter_t;

typedef struct api_query {
    const api_parameter_t *known;    // borrowed, as all pointers
    size_t known_count;
    const access_grant_t *grant;
    bool given[API_QUERY_PARAMETERS];
    char values[API_QUERY_PARAMETERS][API_QUERY_VALUE_SIZE];
    bool limited;
    size_t limit;
} api_query_t;

// Begin: nothing is asked for yet. At most API_QUERY_PARAMETERS are known; "limit" always is.
void api_query_begin(api_query_t *self, const api_parameter_t *known, size_t known_count,
                     const access_grant_t *grant);

// Take a parameter, decoded; value is NULL where there was no '='. Returns 0, or -1 with
// *error_p a sentence the caller frees, which names what is wrong and what is allowed.
int api_query_take(api_query_t *self, const char *name, const char *value, char **error_p);

// The value of a parameter; NULL when it was not given. Borrowed.
const char *api_query_value(const api_query_t *self, const char *name);

// Whether the grant's scopes let an event of this type, host and session ("" for none) be seen:
// what is shown of it in a list is no more than that.
bool api_query_may_see(const api_query_t *self, const char *type, const char *host,
                       const char *session);

#endif
