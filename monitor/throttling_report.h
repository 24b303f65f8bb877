// throttling_report - payloads that tell of a request: events, and the answer to "requests"
// SPDX-License-Identifier: MPL-2.0
#ifndef MONITOR_THROTTLING_REPORT_H
#define MONITOR_THROTTLING_REPORT_H

#include <jansson.h>

#include "request_watch.h"

// How much one answer holds, so that it fits a control message.
enum {
    THROTTLING_REPORT_LIST_LIMIT = 1000,    // requests
    THROTTLING_REPORT_LIST_DEFAULT = 100,
    THROTTLING_REPORT_LIST_BYTES = 512 * 1024,
};

// The payload of aider.throttling_detected, or of aider.throttling_cleared where the report has
// a reason. The caller owns the result.
json_t *throttling_report_payload(const request_report_t *report);

// The open requests, longest open first (those of one session: newest first), as many as the
// answer holds: {"requests": [...], "open": how many there are in all}. query, an object, may
// have "limit" (1 to 1 000) and "session_id". Returns NULL when a member of query is of the
// wrong kind or out of range. The caller owns the result.
json_t *throttling_report_list(const request_watch_t *watch, const json_t *query,
                               int64_t now_ms);

#endif
