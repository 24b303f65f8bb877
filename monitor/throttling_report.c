// throttling_report - payloads that tell of a request: events, and the answer to "requests"
// SPDX-License-Identifier: MPL-2.0
#include "throttling_report.h"

#include <assert.h>
#include <string.h>

static void
set_text(json_t *object, const char *name, const char *text)
{
    if (text[0] != '\0')
        json_object_set_new(object, name, json_string(text));
}

static void
set_seconds(json_t *object, const char *name, int64_t ms)
{
    json_object_set_new(object, name, json_real((double) ms / 1000.0));
}

static void
set_circumstances(json_t *object, const request_t *request)
{
    set_text(object, "host", request->host);
    set_text(object, "provider", request->provider);
    set_text(object, "model", request->model);
    set_text(object, "stage", request->stage);
    if (request->attempt > 0)
        json_object_set_new(object, "attempt", json_integer(request->attempt));
}

json_t *
throttling_report_payload(const request_report_t *report)
{
    assert(report->step != THROTTLING_NONE);
    json_t *payload = json_object();
    set_seconds(payload, "duration", report->silent_ms);
    set_seconds(payload, "threshold", report->threshold_ms);
    set_text(payload, "status", throttling_status(report->step));
    set_text(payload, "severity", throttling_severity(report->step));
    set_text(payload, "diagnosis", diagnosis_name(report->diagnosis));
    if (report->reason)
        set_text(payload, "reason", report->reason);
    set_text(payload, "correlation_id", report->request->correlation);

    json_t *context = json_object();
    set_seconds(context, "request_duration", report->open_ms);
    set_circumstances(context, report->request);
    json_object_set_new(payload, "context", context);
    return payload;
}

static const char *
state_of(const request_t *request)
{
    if (request->waiting_for_input)
        return "waiting_for_input";
    if (request->muted)
        return "silent";
    if (request->reported != THROTTLING_NONE && !request->owes_clear)
        return throttling_status(request->reported);
    return "working";
}

static json_t *
describe(const request_t *request, int64_t now_ms)
{
    json_t *object = json_object();
    set_text(object, "session_id", request->session);
    set_text(object, "request_id", request->request);
    set_text(object, "state", state_of(request));
    set_seconds(object, "age", now_ms - request->started_ms);
    set_seconds(object, "silent_for", now_ms - request->progress_ms);
    if (request->reported != THROTTLING_NONE && !request->owes_clear) {
        set_text(object, "severity", throttling_severity(request->reported));
        set_text(object, "diagnosis", diagnosis_name(request->diagnosis));
    }
    set_circumstances(object, request);
    return object;
}

json_t *
throttling_report_list(const request_watch_t *watch, const json_t *query, int64_t now_ms)
{
    json_int_t limit = THROTTLING_REPORT_LIST_DEFAULT;
    const json_t *wanted_limit = json_object_get(query, "limit");
    if (wanted_limit) {
        limit = json_integer_value(wanted_limit);
        if (limit < 1 || limit > THROTTLING_REPORT_LIST_LIMIT)
            return NULL;
    }
    const json_t *wanted_session = json_object_get(query, "session_id");
    if (wanted_session && !json_is_string(wanted_session))
        return NULL;
    const char *session = json_string_value(wanted_session);

    const request_table_t *table = request_watch_table(watch);
    json_t *requests = json_array();
    const request_t *request =
        session ? request_table_of_session(table, session) : request_table_first_open(table);
    size_t bytes = 0;
    while (request && json_array_size(requests) < (size_t) limit) {
        json_t *description = describe(request, now_ms);
        bytes += json_dumpb(description, NULL, 0, JSON_COMPACT);
        if (bytes > THROTTLING_REPORT_LIST_BYTES) {
            json_decref(description);
            break;
        }
        json_array_append_new(requests, description);
        request = session ? request->next_of_session : request->newer;
    }
    json_t *answer = json_object();
    json_object_set_new(answer, "requests", requests);
    json_object_set_new(answer, "open",
                        json_integer((json_int_t) request_table_open_count(table)));
    return answer;
}
