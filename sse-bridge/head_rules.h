// head_rules - what is wrong with the headers of a request, of what libmicrohttpd lets pass
// SPDX-License-Identifier: MPL-2.0
//
// A proxy in front may read such a head in another way: where a request ends, for whom it is.
// What two can read differently is refused (RFC 9112, 3.2, 5.1 and 6.3).
#ifndef SSE_HEAD_RULES_H
#define SSE_HEAD_RULES_H

#include <stddef.h>

// Zeroed is before the first header.
typedef struct head_rules {
    unsigned hosts;
    unsigned lengths;    // headers that say how long the body is
    const char *problem;
} head_rules_t;

// The next header; borrows its name and its value, neither of which need end with NUL.
void head_rules_take(head_rules_t *self, const char *name, size_t name_bytes, const char *value,
                     size_t value_bytes);

// A sentence that says what is wrong with the headers taken, or NULL. It lives forever.
const char *head_rules_problem(const head_rules_t *self);

#endif
