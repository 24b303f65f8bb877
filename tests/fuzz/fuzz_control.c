// fuzz_control - any frames are a control message or none, and what is read is said again
// SPDX-License-Identifier: MPL-2.0
//
// The input is split into frames at each byte 0xff, which no JSON has.
#include <assert.h>
#include <stdint.h>

#include "mesh/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FRAMES_MOST = 8 };

static zmsg_t *
message_of(const uint8_t *data, size_t size)
{
    zmsg_t *message = zmsg_new();
    while (zmsg_size(message) < FRAMES_MOST) {
        const uint8_t *end = size ? memchr(data, 0xff, size) : NULL;
        size_t bytes = end ? (size_t) (end - data) : size;
        zmsg_addmem(message, data, bytes);
        if (!end)
            break;
        data = end + 1;
        size -= bytes + 1;
    }
    return message;
}

static void
read_members(const json_t *body)
{
    static const char *const names[] = {"id", "epoch", "after", "transport_id", "receipt"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *text;
        uint64_t number;
        if (mesh_control_get_text(body, names[i], 128, &text) == 0)
            assert(strlen(text) <= 128);
        if (mesh_control_get_number(body, names[i], &number) == 0)
            assert(number <= INT64_MAX);
        (void) mesh_control_get_epoch(body, names[i], &number);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    zmsg_t *message = message_of(data, size);
    mesh_control_t control, again;
    if (mesh_control_unpack(&control, &message) != MESH_CONTROL_OK)
        return 0;
    read_members(control.body);
    message = mesh_control_pack(control.verb, control.body, &control.frames);
    mesh_control_outcome_t outcome = mesh_control_unpack(&again, &message);
    // Numbers may be written longer than they were read, so that the limit is passed.
    if (outcome == MESH_CONTROL_OK) {
        assert(strcmp(again.verb, control.verb) == 0);
        mesh_control_clear(&again);
    }
    mesh_control_clear(&control);
    return 0;
}
