// monitor_settings - what the configuration says of the monitor
// SPDX-License-Identifier: MPL-2.0
#include "monitor_settings.h"

#include <assert.h>
#include <czmq.h>
#include <inttypes.h>

#include "mesh/paths.h"
#include "monitor.h"

request_watch_limits_t
monitor_settings_limits(const mesh_settings_t *settings)
{
    request_watch_limits_t limits = {
        .throttling = {.long_running_ms = mesh_settings_ms(settings, "monitor/long_running"),
                       .throttled_ms = mesh_settings_ms(settings, "monitor/throttled")},
        .requests = (size_t) mesh_settings_number(settings, "monitor/requests"),
    };
    return limits;
}

int
monitor_settings_state(char **path_p, const mesh_settings_t *settings, char **error_p)
{
    assert(path_p && settings && error_p);
    const char *text = mesh_settings_string(settings, "monitor/state");
    *path_p = NULL;
    if (streq(text, "memory"))
        return 0;
    if (text[0] != '\0') {
        *path_p = strdup(text);
        return 0;
    }
    char *directory = mesh_paths_state_dir(settings, error_p);
    if (!directory)
        return -1;
    *path_p = zsys_sprintf("%s/monitor.db", directory);
    free(directory);
    return 0;
}

int
monitor_check(const mesh_settings_t *settings, char **error_p)
{
    int64_t long_running_ms = mesh_settings_ms(settings, "monitor/long_running");
    int64_t throttled_ms = mesh_settings_ms(settings, "monitor/throttled");
    if (throttled_ms > long_running_ms)
        return 0;
    *error_p =
        zsys_sprintf("monitor/throttled is %" PRId64
                     " ms, but must be more than monitor/long_running, which is %" PRId64 " ms",
                     throttled_ms, long_running_ms);
    return -1;
}
