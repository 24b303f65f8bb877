// fuzz_topic - any bytes are a topic with one form or none, or a name that comes back from one
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/topic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// What is read has this form and no other.
static void
check_frame(const char *frame, size_t size)
{
    mesh_topic_t topic;
    if (mesh_topic_parse(&topic, frame, size) != 0)
        return;
    char again[MESH_TOPIC_SIZE];
    size_t bytes = mesh_topic_format(again, topic.type, topic.host, topic.session);
    assert(bytes == size && memcmp(again, frame, size) == 0);
}

// Any name is refused or comes back, and adds no slash.
static void
check_name(const char *name)
{
    char text[MESH_TOPIC_SIZE];
    mesh_topic_t topic;
    size_t bytes = mesh_topic_format(text, "a", name, name);
    if (bytes == 0)
        return;
    int rc = mesh_topic_parse(&topic, text, bytes);
    assert(rc == 0 && strcmp(topic.host, name) == 0 && strcmp(topic.session, name) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    // Copies of their own size, so that one byte read past the end is seen.
    char *frame = malloc(size);
    if (size)
        memcpy(frame, data, size);
    check_frame(frame, size);
    free(frame);
    char *name = malloc(size + 1);
    if (size)
        memcpy(name, data, size);
    name[size] = '\0';
    check_name(name);
    (void) mesh_topic_type_is_legal(name);
    free(name);
    return 0;
}
