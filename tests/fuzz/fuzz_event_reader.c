// fuzz_event_reader - any payload of any type is read, ignored or refused within its limits
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "event_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const TYPES[] = {
    "aider.request_started",   "aider.request_completed",   "aider.session_completed",
    "aider.session_progress",  "aider.rate_limit_detected", "aider.error_occurred",
    "aider.waiting_for_input", "aider.throttling_detected", "aider.throttling_cleared",
    "mesh.transport_joined",   "mesh.transport_lost",       "mesh.health",
};

// What is read goes into events of our own, so it must be UTF-8 that Jansson takes.
static void
check(const char *text)
{
    json_t *string = json_string(text);
    assert(string);
    json_decref(string);
}

// The first byte chooses the type, the rest is the payload.
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *type = TYPES[data[0] % (sizeof TYPES / sizeof *TYPES)];
    observation_t seen;
    if (event_reader_read(&seen, type, (const char *) data + 1, size - 1) ==
        EVENT_READER_READ) {
        check(seen.session);
        check(seen.request);
        check(seen.correlation);
        check(seen.host);
        check(seen.provider);
        check(seen.model);
        check(seen.stage);
        check(seen.transport_id);
        check(seen.transport_type);
        assert(seen.attempt >= 0);
        assert(strncmp(type, "mesh.", 5) == 0 || seen.session[0] != '\0');
    }
    return 0;
}
