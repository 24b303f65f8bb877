// fuzz_ndjson_event - a line is an event with a valid type, or refused with nothing left behind
// SPDX-License-Identifier: MPL-2.0
#include "ndjson_event.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char type[NDJSON_EVENT_TYPE_BYTES];
    json_t *payload;
    ndjson_event_outcome_t outcome =
        ndjson_event_parse((const char *) data, size, type, &payload);
    assert(strlen(ndjson_event_name(outcome)) > 0);
    if (outcome == NDJSON_EVENT_OK) {
        assert(json_is_object(payload));
        assert(type[0] != '\0' &&
               strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789_.") == strlen(type));
    } else {
        assert(!payload && type[0] == '\0');
    }
    json_decref(payload);
    return 0;
}
