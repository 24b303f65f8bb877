// event_types - the types that streams may ask for, and what each stream's path stands for
// SPDX-License-Identifier: MPL-2.0
#include "event_types.h"

#include <assert.h>
#include <string.h>

static const char *const known_types[] = {
    "aider.session_started",
    "aider.session_progress",
    "aider.session_completed",
    "aider.request_started",
    "aider.request_completed",
    "aider.rate_limit_detected",
    "aider.error_occurred",
    "aider.throttling_detected",
    "aider.throttling_cleared",
    "aider.waiting_for_input",
    "mesh.transport_joined",
    "mesh.transport_left",
    "mesh.transport_lost",
    "mesh.health",
    "mesh.provider_state_changed",
    "mesh.alert_raised",
    "mesh.alert_cleared",
    "mesh.session_forgotten",
    NULL,
};

static const char *const no_types[] = {NULL};
static const char *const aider_types[] = {"aider.*", NULL};
static const char *const error_types[] = {
    "aider.rate_limit_detected",
    "aider.error_occurred",
    "aider.throttling_detected",
    "aider.throttling_cleared",
    NULL,
};
static const char *const progress_types[] = {
    "aider.session_*",
    "aider.request_*",
    "aider.waiting_for_input",
    NULL,
};
static const char *const mesh_types[] = {"mesh.*", NULL};

static const endpoint_info_t endpoints[ENDPOINTS + 1] = {
    [ENDPOINT_ALL] = {"/events", "all_events", no_types},
    [ENDPOINT_AIDER] = {"/events/aider", "aider_events", aider_types},
    [ENDPOINT_ERRORS] = {"/events/errors", "error_events", error_types},
    [ENDPOINT_PROGRESS] = {"/events/progress", "progress_events", progress_types},
    [ENDPOINT_MESH] = {"/events/mesh", "mesh_events", mesh_types},
    [ENDPOINT_ONCE] = {"/api/v1/events", "once", no_types},
};

const endpoint_info_t *
endpoint_info(endpoint_t endpoint)
{
    return &endpoints[endpoint];
}

int
endpoint_of_path(const char *path, size_t path_bytes, endpoint_t *endpoint)
{
    for (int at = 0; at < ENDPOINTS; at++) {
        if (strlen(endpoints[at].path) == path_bytes &&
            memcmp(endpoints[at].path, path, path_bytes) == 0) {
            *endpoint = (endpoint_t) at;
            return 0;
        }
    }
    return -1;
}

static bool
begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool
event_type_may_be_asked(const char *pattern)
{
    size_t bytes = strlen(pattern);
    bool prefix = bytes > 0 && pattern[bytes - 1] == '*';
    size_t name_bytes = prefix ? bytes - 1 : bytes;
    if (strspn(pattern, "abcdefghijklmnopqrstuvwxyz0123456789._") != name_bytes)
        return false;
    for (size_t at = 0; known_types[at]; at++) {
        if (prefix ? strncmp(known_types[at], pattern, name_bytes) == 0
                   : strcmp(known_types[at], pattern) == 0)
            return true;
    }
    const char *dot = strchr(pattern, '.');
    return dot && dot != pattern && pattern[0] >= 'a' && pattern[0] <= 'z' &&
           !begins_with(pattern, "aider.") && !begins_with(pattern, "mesh.") &&
           !begins_with(pattern, "stream.");
}

const char *
event_type_known(size_t index)
{
    assert(index < sizeof known_types / sizeof *known_types);
    return known_types[index];
}

const char *
event_types_allowed(void)
{
    return "aider.session_started, aider.session_progress, aider.session_completed, "
           "aider.request_started, aider.request_completed, aider.rate_limit_detected, "
           "aider.error_occurred, aider.throttling_detected, aider.throttling_cleared, "
           "aider.waiting_for_input, mesh.transport_joined, mesh.transport_left, "
           "mesh.transport_lost, mesh.health, mesh.provider_state_changed, "
           "mesh.alert_raised, mesh.alert_cleared, mesh.session_forgotten, a prefix of these "
           "that ends in '*', or a "
           "type of another family";
}
