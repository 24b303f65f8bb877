// control - messages on the control sockets: "aidermesh/1", a verb, a JSON object, more
// SPDX-License-Identifier: MPL-2.0
#include "mesh/control.h"

#include <assert.h>
#include <inttypes.h>

enum { EPOCH_DIGITS = 16 };

zmsg_t *
mesh_control_pack(const char *verb, const json_t *body, zmsg_t **frames_p)
{
    assert(verb && json_is_object(body));
    char *text = json_dumps(body, JSON_COMPACT);
    assert(text);
    zmsg_t *message = frames_p && *frames_p ? *frames_p : zmsg_new();
    if (frames_p)
        *frames_p = NULL;
    zmsg_pushstr(message, text);
    zmsg_pushstr(message, verb);
    zmsg_pushstr(message, MESH_CONTROL_PROTOCOL);
    free(text);
    return message;
}

static bool
take_verb(char verb[static MESH_CONTROL_VERB_SIZE], zmsg_t *message)
{
    zframe_t *frame = zmsg_pop(message);
    size_t bytes = frame ? zframe_size(frame) : 0;
    bool legal = bytes > 0 && bytes < MESH_CONTROL_VERB_SIZE;
    for (size_t i = 0; legal && i < bytes; i++) {
        char c = (char) zframe_data(frame)[i];
        legal = (c >= 'a' && c <= 'z') || c == '_';
        verb[i] = c;
    }
    if (legal)
        verb[bytes] = '\0';
    zframe_destroy(&frame);
    return legal;
}

static json_t *
take_body(zmsg_t *message)
{
    zframe_t *frame = zmsg_pop(message);
    if (!frame)
        return NULL;
    json_t *body = json_loadb((const char *) zframe_data(frame), zframe_size(frame),
                              JSON_REJECT_DUPLICATES, NULL);
    zframe_destroy(&frame);
    if (!json_is_object(body)) {
        json_decref(body);
        return NULL;
    }
    return body;
}

mesh_control_outcome_t
mesh_control_unpack(mesh_control_t *self, zmsg_t **message_p)
{
    assert(self && message_p && *message_p);
    zmsg_t *message = *message_p;
    *message_p = NULL;
    *self = (mesh_control_t){.frames = message};

    zframe_t *protocol = zmsg_pop(message);
    bool ours = protocol && zframe_streq(protocol, MESH_CONTROL_PROTOCOL);
    zframe_destroy(&protocol);
    if (!ours) {
        mesh_control_clear(self);
        return MESH_CONTROL_VERSION;
    }
    if (zmsg_content_size(message) > MESH_CONTROL_LIMIT || !take_verb(self->verb, message) ||
        !(self->body = take_body(message))) {
        mesh_control_clear(self);
        return MESH_CONTROL_MALFORMED;
    }
    return MESH_CONTROL_OK;
}

void
mesh_control_clear(mesh_control_t *self)
{
    json_decref(self->body);
    self->body = NULL;
    zmsg_destroy(&self->frames);
}

int
mesh_control_get_text(const json_t *body, const char *name, size_t limit_bytes,
                      const char **value)
{
    const json_t *member = json_object_get(body, name);
    if (!json_is_string(member) || json_string_length(member) > limit_bytes ||
        strlen(json_string_value(member)) != json_string_length(member))
        return -1;
    *value = json_string_value(member);
    return 0;
}

int
mesh_control_get_number(const json_t *body, const char *name, uint64_t *value)
{
    const json_t *member = json_object_get(body, name);
    if (!json_is_integer(member) || json_integer_value(member) < 0)
        return -1;
    *value = (uint64_t) json_integer_value(member);
    return 0;
}

int
mesh_control_get_epoch(const json_t *body, const char *name, uint64_t *value)
{
    const char *text;
    if (mesh_control_get_text(body, name, EPOCH_DIGITS, &text) != 0 ||
        strlen(text) != EPOCH_DIGITS || strspn(text, "0123456789abcdef") != EPOCH_DIGITS)
        return -1;
    *value = strtoull(text, NULL, 16);
    return 0;
}

json_t *
mesh_control_epoch(uint64_t epoch)
{
    char text[EPOCH_DIGITS + 1];
    snprintf(text, sizeof text, "%016" PRIx64, epoch);
    return json_string(text);
}
