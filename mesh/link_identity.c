// link_identity - who a program is in the mesh, as its hellos say it
// SPDX-License-Identifier: MPL-2.0
#include "link_identity.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mesh/program.h"
#include "mesh/uuid.h"
#include "mesh/wire.h"
#include "text.h"

struct link_identity {
    char *transport_id, *transport_type, *host;    // owned
    json_t *capabilities, *metadata;               // owned references, or NULL
    bool passing;                                  // nobody is told that it comes and goes
};

link_identity_t *
link_identity_new(const mesh_link_identity_t *identity)
{
    assert(identity && identity->transport_type && identity->host);
    link_identity_t *self = zmalloc(sizeof *self);
    self->transport_type = strdup(identity->transport_type);
    self->host = strdup(identity->host);
    self->capabilities = json_incref(identity->capabilities);
    self->metadata = json_incref(identity->metadata);
    self->passing = identity->passing;
    mesh_uuid_t uuid = mesh_uuid_new();
    char uuid_text[MESH_UUID_TEXT_SIZE];
    mesh_uuid_format(&uuid, uuid_text);
    self->transport_id = mesh_text_printf("%s-%s", identity->transport_type, uuid_text);
    return self;
}

void
link_identity_destroy(link_identity_t **self_p)
{
    assert(self_p);
    if (!*self_p)
        return;
    link_identity_t *self = *self_p;
    json_decref(self->capabilities);
    json_decref(self->metadata);
    free(self->transport_id);
    free(self->transport_type);
    free(self->host);
    free(self);
    *self_p = NULL;
}

const char *
link_identity_transport_id(const link_identity_t *self)
{
    return self->transport_id;
}

const char *
link_identity_host(const link_identity_t *self)
{
    return self->host;
}

json_t *
link_identity_hello(const link_identity_t *self, const char *found_by)
{
    json_t *body = json_pack("{s:s, s:s, s:s, s:i, s:s, s:i, s:O*}", "transport_id",
                             self->transport_id, "transport_type", self->transport_type, "host",
                             self->host, "pid", (int) getpid(), "version", mesh_version(),
                             "protocol", MESH_WIRE_VERSION, "capabilities", self->capabilities);
    assert(body);
    json_t *metadata = self->metadata ? json_copy(self->metadata) : json_object();
    json_object_set_new(metadata, "found_by", json_string(found_by));
    json_object_set_new(body, "metadata", metadata);
    if (self->passing)
        json_object_set_new(body, "passing", json_true());
    return body;
}
