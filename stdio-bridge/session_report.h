// session_report - one event as an observer of a session tells it
// SPDX-License-Identifier: MPL-2.0
#ifndef SESSION_REPORT_H
#define SESSION_REPORT_H

#include <jansson.h>

typedef struct session_report {
    const char *type;          // "aider.session_started", ...
    const char *session_id;    // valid in the call only, as the next
    const char *request_id;    // NULL where none applies
    double timestamp;          // Unix seconds
    json_t *payload;           // the type's own members; the handler takes the reference
} session_report_t;

typedef void session_report_fn(void *arg, const session_report_t *report);

#endif
