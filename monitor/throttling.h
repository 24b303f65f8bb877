// throttling - what a request's silence of a certain length is called
// SPDX-License-Identifier: MPL-2.0
#ifndef MONITOR_THROTTLING_H
#define MONITOR_THROTTLING_H

#include <stdint.h>

// The steps, each worse than the one before.
typedef enum {
    THROTTLING_NONE,
    THROTTLING_LONG_RUNNING,    // long_running, medium
    THROTTLING_MEDIUM,          // throttled, medium
    THROTTLING_HIGH,            // throttled, high
    THROTTLING_SEVERE,          // severely_throttled, high
    THROTTLING_CRITICAL,        // severely_throttled, critical
} throttling_step_t;

// Why nothing comes, as far as the events tell; a later one knows more than an earlier one.
typedef enum {
    DIAGNOSIS_NO_OUTPUT,              // nothing since the request or its last step
    DIAGNOSIS_SLOW_STREAM,            // a reply had begun
    DIAGNOSIS_RETRYING,               // AIDER tries again by itself
    DIAGNOSIS_PROVIDER_OVERLOADED,    // the provider says so
} diagnosis_t;

typedef struct throttling_limits {
    int64_t long_running_ms;    // more than 0
    int64_t throttled_ms;       // more than long_running_ms
} throttling_limits_t;

// The length of silence that names a step: long_running_ms, or 1, 2, 3, 5 times throttled_ms.
// 0 for THROTTLING_NONE.
int64_t throttling_threshold_ms(const throttling_limits_t *limits, throttling_step_t step);

// The first millisecond of silence that belongs to a step. The first two begin at their
// threshold, the others just beyond it.
int64_t throttling_begin_ms(const throttling_limits_t *limits, throttling_step_t step);

// The step of a silence.
throttling_step_t throttling_step_of(const throttling_limits_t *limits, int64_t silent_ms);

// The words of the event. NULL for THROTTLING_NONE.
const char *throttling_status(throttling_step_t step);
const char *throttling_severity(throttling_step_t step);
const char *diagnosis_name(diagnosis_t diagnosis);

// The step that has these words; THROTTLING_NONE when there is none.
throttling_step_t throttling_step_named(const char *status, const char *severity);

// Set *diagnosis from its word. Returns 0, or -1 when there is no such word.
int diagnosis_named(diagnosis_t *diagnosis, const char *name);

#endif
