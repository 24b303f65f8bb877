// announcement - what the mesh is told of this sse-bridge: where it is, and what it streams
// SPDX-License-Identifier: MPL-2.0
#include "announcement.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls_credentials.h"

json_t *
announcement_new(const mesh_settings_t *settings, uint16_t port)
{
    const char *address = mesh_settings_string(settings, "http/address");
    char *url = NULL;
    bool bracketed = strchr(address, ':');
    int rc =
        asprintf(&url, "%s://%s%s%s:%u", tls_credentials_wanted(settings) ? "https" : "http",
                 bracketed ? "[" : "", address, bracketed ? "]" : "", port);
    assert(rc >= 0);
    json_t *json = json_pack("{s:s, s:s, s:i, s:{s:{s:s, s:s, s:s, s:s}, s:[s, s, s]}}",
                             "http_endpoint", url, "http_address", address, "http_port",
                             (int) port, "streaming_capabilities", "sse_endpoints",
                             "aider_events", "/events/aider", "error_events", "/events/errors",
                             "progress_events", "/events/progress", "health_check", "/health",
                             "supported_event_types", "aider", "errors", "progress");
    assert(json);
    free(url);
    return json;
}
