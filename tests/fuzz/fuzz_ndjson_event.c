// fuzz_ndjson_event - a line is an event as its rules say, or refused with nothing left behind
// SPDX-License-Identifier: MPL-2.0
#include "ndjson_event.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/payload.h"

enum { PAYLOAD_LIMIT_BYTES = 64 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ndjson_event_t event;
    ndjson_event_outcome_t outcome = ndjson_event_parse((const char *) data, size, &event);
    assert(strlen(ndjson_event_name(outcome)) > 0);
    if (outcome != NDJSON_EVENT_OK) {
        assert(!event.payload && event.type[0] == '\0');
        assert((outcome == NDJSON_EVENT_BLANK) == (event.problem[0] == '\0'));
        return 0;
    }
    assert(json_is_object(event.payload) && event.problem[0] == '\0');
    assert(strspn(event.type, "abcdefghijklmnopqrstuvwxyz0123456789_.") == strlen(event.type));
    // Of our family nothing passes without its row, and what passed once passes again.
    const event_type_t *type = event_rules_find(event.type);
    assert(type || strncmp(event.type, "aider.", strlen("aider.")) != 0);
    assert(event_rules_check(type, event.payload, event.problem));
    size_t bytes = 0;
    size_t cut = 0;
    char *text = mesh_payload_dump(event.payload, PAYLOAD_LIMIT_BYTES, &bytes, &cut);
    json_t *again = text ? json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL) : NULL;
    assert(!text || (again && (cut || event_rules_check(type, again, event.problem))));
    json_decref(again);
    free(text);
    json_decref(event.payload);
    return 0;
}
