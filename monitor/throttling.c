// throttling - what a request's silence of a certain length is called
// SPDX-License-Identifier: MPL-2.0
#include "throttling.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct step_row {
    int64_t times_throttled;    // 0: the step is long_running_ms's
    bool beyond;                // begins after its threshold, not at it
    const char *status;
    const char *severity;
} step_row_t;

static const step_row_t STEPS[] = {
    [THROTTLING_NONE] = {0, false, NULL, NULL},
    [THROTTLING_LONG_RUNNING] = {0, false, "long_running", "medium"},
    [THROTTLING_MEDIUM] = {1, false, "throttled", "medium"},
    [THROTTLING_HIGH] = {2, true, "throttled", "high"},
    [THROTTLING_SEVERE] = {3, true, "severely_throttled", "high"},
    [THROTTLING_CRITICAL] = {5, true, "severely_throttled", "critical"},
};

static const char *const DIAGNOSES[] = {
    [DIAGNOSIS_NO_OUTPUT] = "no_output",
    [DIAGNOSIS_SLOW_STREAM] = "slow_stream",
    [DIAGNOSIS_RETRYING] = "retrying",
    [DIAGNOSIS_PROVIDER_OVERLOADED] = "provider_overloaded",
};

int64_t
throttling_threshold_ms(const throttling_limits_t *limits, throttling_step_t step)
{
    assert(limits->long_running_ms > 0);
    assert(limits->throttled_ms > limits->long_running_ms);
    assert(step <= THROTTLING_CRITICAL);
    if (step == THROTTLING_NONE)
        return 0;
    if (step == THROTTLING_LONG_RUNNING)
        return limits->long_running_ms;
    return STEPS[step].times_throttled * limits->throttled_ms;
}

int64_t
throttling_begin_ms(const throttling_limits_t *limits, throttling_step_t step)
{
    return throttling_threshold_ms(limits, step) + (STEPS[step].beyond ? 1 : 0);
}

throttling_step_t
throttling_step_of(const throttling_limits_t *limits, int64_t silent_ms)
{
    throttling_step_t step = THROTTLING_CRITICAL;
    while (step != THROTTLING_NONE && silent_ms < throttling_begin_ms(limits, step))
        step--;
    return step;
}

const char *
throttling_status(throttling_step_t step)
{
    return STEPS[step].status;
}

const char *
throttling_severity(throttling_step_t step)
{
    return STEPS[step].severity;
}

const char *
diagnosis_name(diagnosis_t diagnosis)
{
    return DIAGNOSES[diagnosis];
}

throttling_step_t
throttling_step_named(const char *status, const char *severity)
{
    for (throttling_step_t step = THROTTLING_CRITICAL; step != THROTTLING_NONE; step--)
        if (strcmp(STEPS[step].status, status) == 0 &&
            strcmp(STEPS[step].severity, severity) == 0)
            return step;
    return THROTTLING_NONE;
}

int
diagnosis_named(diagnosis_t *diagnosis, const char *name)
{
    for (size_t i = 0; i < sizeof DIAGNOSES / sizeof *DIAGNOSES; i++) {
        if (strcmp(DIAGNOSES[i], name) == 0) {
            *diagnosis = (diagnosis_t) i;
            return 0;
        }
    }
    return -1;
}
