// event_rules_table - the members of each aider event; a test compares it with the schema
// SPDX-License-Identifier: MPL-2.0
#include "event_rules.h"

#define OUTCOMES "ok, failed, gave_up, cancelled, killed, lost"
#define END                                                                                    \
    {                                                                                          \
        0                                                                                      \
    }

static const event_member_t session_started[] = {
    {.key = "prompt", .kind = EVENT_TEXT},
    {.key = "editable_files", .kind = EVENT_NAMES},
    {.key = "readonly_files", .kind = EVENT_NAMES},
    {.key = "model", .kind = EVENT_TEXT},
    {.key = "working_dir", .kind = EVENT_TEXT},
    {.key = "architect_mode", .kind = EVENT_FLAG},
    {.key = "mode", .kind = EVENT_WORD, .words = "cli, mcp, ndjson"},
    {.key = "aider_version", .kind = EVENT_TEXT},
    {.key = "repo", .kind = EVENT_TEXT},
    {.key = "branch", .kind = EVENT_TEXT},
    {.key = "user", .kind = EVENT_TEXT},
    {.key = "name", .kind = EVENT_TEXT},
    {.key = "labels", .kind = EVENT_LABELS},
    END,
};

static const event_member_t progress_data[] = {
    {.key = "file", .kind = EVENT_TEXT},
    {.key = "commit", .kind = EVENT_HASH},
    {.key = "attempt", .kind = EVENT_COUNT, .least = 1},
    {.key = "retry_in", .kind = EVENT_NUMBER},
    {.key = "tokens_sent", .kind = EVENT_COUNT},
    {.key = "tokens_received", .kind = EVENT_COUNT},
    {.key = "model", .kind = EVENT_TEXT},
    {.key = "previous_model", .kind = EVENT_TEXT},
    {.key = "by", .kind = EVENT_WORD, .words = "user, aider"},
    {.key = "source",
     .kind = EVENT_WORD,
     .words = "console, chat_history, analytics_log, stderr"},
    {.key = "aider_version", .kind = EVENT_TEXT},
    END,
};

static const event_member_t session_progress[] = {
    {.key = "stage",
     .kind = EVENT_WORD,
     .words = "banner, file_added, streaming, retry_ended, tokens, edit, commit, lint, test, "
              "shell, confirmation, interrupted, tool, waiting, command, model_changed, "
              "source_shared, source_failed",
     .required = true},
    {.key = "message", .kind = EVENT_TEXT},
    {.key = "duration", .kind = EVENT_NUMBER},
    {.key = "progress_data", .kind = EVENT_OBJECT, .members = progress_data},
    END,
};

static const event_member_t changed_file[] = {
    {.key = "name", .kind = EVENT_TEXT, .required = true},
    {.key = "operation", .kind = EVENT_TEXT},
    END,
};

static const event_member_t changes_summary[] = {
    {.key = "summary", .kind = EVENT_TEXT},
    {.key = "files", .kind = EVENT_OBJECTS, .members = changed_file},
    END,
};

static const event_member_t session_completed[] = {
    {.key = "success", .kind = EVENT_FLAG, .required = true},
    {.key = "outcome", .kind = EVENT_WORD, .words = OUTCOMES, .required = true},
    {.key = "exit_code", .kind = EVENT_COUNT, .most = 255},
    {.key = "signal", .kind = EVENT_COUNT, .least = 1, .most = 64},
    {.key = "duration", .kind = EVENT_NUMBER},
    {.key = "model_used", .kind = EVENT_TEXT},
    {.key = "original_model", .kind = EVENT_TEXT},
    {.key = "rate_limit_encountered", .kind = EVENT_FLAG},
    {.key = "fallback_used", .kind = EVENT_FLAG},
    {.key = "changes_detected", .kind = EVENT_FLAG},
    {.key = "redactions", .kind = EVENT_COUNTS},
    {.key = "changes_summary", .kind = EVENT_OBJECT, .members = changes_summary},
    END,
};

static const event_member_t request_started[] = {
    {.key = "prompt", .kind = EVENT_TEXT},
    {.key = "model", .kind = EVENT_TEXT},
    {.key = "provider", .kind = EVENT_TEXT, .least = 1},
    END,
};

static const event_member_t request_completed[] = {
    {.key = "success", .kind = EVENT_FLAG, .required = true},
    {.key = "outcome", .kind = EVENT_WORD, .words = OUTCOMES, .required = true},
    {.key = "duration", .kind = EVENT_NUMBER, .required = true},
    {.key = "attempts", .kind = EVENT_COUNT, .least = 1},
    {.key = "tokens_sent", .kind = EVENT_COUNT},
    {.key = "tokens_received", .kind = EVENT_COUNT},
    {.key = "cost", .kind = EVENT_NUMBER},
    {.key = "session_cost", .kind = EVENT_NUMBER},
    END,
};

static const event_member_t rate_limit_detected[] = {
    {.key = "provider", .kind = EVENT_TEXT, .least = 1},
    {.key = "current_model", .kind = EVENT_TEXT},
    {.key = "fallback_model", .kind = EVENT_TEXT},
    {.key = "attempt", .kind = EVENT_COUNT, .least = 1, .required = true},
    {.key = "max_retries", .kind = EVENT_COUNT},
    {.key = "will_retry", .kind = EVENT_FLAG, .required = true},
    {.key = "estimated_delay", .kind = EVENT_NUMBER},
    {.key = "error_message", .kind = EVENT_TEXT},
    {.key = "retry_after", .kind = EVENT_NUMBER},
    {.key = "limit_type",
     .kind = EVENT_WORD,
     .words = "quota, tokens_per_minute, requests_per_minute, tokens_per_day, "
              "requests_per_day, tokens, requests, concurrency"},
    END,
};

static const event_member_t error_occurred[] = {
    {.key = "provider", .kind = EVENT_TEXT, .least = 1},
    {.key = "current_model", .kind = EVENT_TEXT},
    {.key = "fallback_model", .kind = EVENT_TEXT},
    {.key = "retry_after", .kind = EVENT_NUMBER},
    {.key = "attempt", .kind = EVENT_COUNT, .least = 1},
    {.key = "max_retries", .kind = EVENT_COUNT},
    {.key = "will_retry", .kind = EVENT_FLAG},
    {.key = "estimated_delay", .kind = EVENT_NUMBER},
    {.key = "error_message", .kind = EVENT_TEXT},
    {.key = "error_type",
     .kind = EVENT_WORD,
     .words = "rate_limit, quota, timeout, overloaded, server, connection, api, auth, "
              "permission, not_found, bad_request, content_policy, image, context_window, "
              "output_limit, empty_response, edit_format, reflections, unmapped, crash",
     .required = true},
    {.key = "fatal", .kind = EVENT_FLAG},
    END,
};

static const event_member_t context[] = {
    {.key = "request_duration", .kind = EVENT_NUMBER, .required = true},
    {.key = "host", .kind = EVENT_TEXT},
    {.key = "provider", .kind = EVENT_TEXT},
    {.key = "model", .kind = EVENT_TEXT},
    {.key = "stage", .kind = EVENT_TEXT},
    {.key = "attempt", .kind = EVENT_COUNT, .least = 1},
    END,
};

#define THROTTLING                                                                             \
    {.key = "duration", .kind = EVENT_NUMBER, .required = true},                               \
        {.key = "threshold", .kind = EVENT_POSITIVE, .required = true},                        \
        {.key = "status",                                                                      \
         .kind = EVENT_WORD,                                                                   \
         .words = "long_running, throttled, severely_throttled",                               \
         .required = true},                                                                    \
        {.key = "severity",                                                                    \
         .kind = EVENT_WORD,                                                                   \
         .words = "medium, high, critical",                                                    \
         .required = true},                                                                    \
        {.key = "diagnosis",                                                                   \
         .kind = EVENT_WORD,                                                                   \
         .words = "no_output, retrying, slow_stream, provider_overloaded",                     \
         .required = true},                                                                    \
    {                                                                                          \
        .key = "context", .kind = EVENT_OBJECT, .members = context, .required = true           \
    }

static const event_member_t throttling_detected[] = {THROTTLING, END};

static const event_member_t throttling_cleared[] = {
    THROTTLING,
    {.key = "reason",
     .kind = EVENT_WORD,
     .words = "progress, completed, session_ended, waiting_for_input, forgotten",
     .required = true},
    END,
};

static const event_member_t waiting_for_input[] = {
    {.key = "question", .kind = EVENT_TEXT},
    {.key = "kind", .kind = EVENT_WORD, .words = "prompt, confirmation", .required = true},
    END,
};

const event_type_t event_rules_table[] = {
    {"aider.session_started", session_started, false},
    {"aider.session_progress", session_progress, false},
    {"aider.session_completed", session_completed, false},
    {"aider.request_started", request_started, true},
    {"aider.request_completed", request_completed, true},
    {"aider.rate_limit_detected", rate_limit_detected, false},
    {"aider.error_occurred", error_occurred, false},
    {"aider.throttling_detected", throttling_detected, false},
    {"aider.throttling_cleared", throttling_cleared, false},
    {"aider.waiting_for_input", waiting_for_input, false},
    {NULL, NULL, false},
};
