// link_services - what other programs of the mesh may ask of this one, through its link
// SPDX-License-Identifier: MPL-2.0
#include "link_services.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/control.h"

enum { LIMIT = 8, NAME_LIMIT = 1024 };

typedef struct service {
    char *name;    // owned
    mesh_link_service_fn *answer;
    void *arg;    // borrowed
} service_t;

struct link_services {
    service_t services[LIMIT];
    size_t count;
};

link_services_t *
link_services_new(void)
{
    return zmalloc(sizeof(link_services_t));
}

void
link_services_destroy(link_services_t **self_p)
{
    assert(self_p);
    if (!*self_p)
        return;
    for (size_t i = 0; i < (*self_p)->count; i++)
        free((*self_p)->services[i].name);
    free(*self_p);
    *self_p = NULL;
}

void
link_services_add(link_services_t *self, const char *name, mesh_link_service_fn *answer,
                  void *arg)
{
    assert(self && name && answer && self->count < LIMIT);
    self->services[self->count++] = (service_t){strdup(name), answer, arg};
}

json_t *
link_services_names(const link_services_t *self)
{
    json_t *names = json_array();
    for (size_t i = 0; i < self->count; i++)
        json_array_append_new(names, json_string(self->services[i].name));
    return names;
}

json_t *
link_services_answer(const link_services_t *self, const json_t *body)
{
    uint64_t call;
    const char *name;
    if (mesh_control_get_number(body, "call", &call) != 0 ||
        mesh_control_get_text(body, "service", NAME_LIMIT, &name) != 0)
        return NULL;
    json_t *answer = json_pack("{s:I}", "call", (json_int_t) call);
    const char *code = "no_service";
    for (size_t i = 0; i < self->count; i++) {
        const service_t *service = &self->services[i];
        if (strcmp(service->name, name) != 0)
            continue;
        json_t *result = service->answer(service->arg, json_object_get(body, "request"));
        code = result ? NULL : "refused";
        if (result)
            json_object_set_new(answer, "result", result);
        break;
    }
    if (code) {
        json_object_set_new(answer, "code", json_string(code));
        json_object_set_new(answer, "message",
                            json_string("the service did not answer this request"));
    }
    return answer;
}
