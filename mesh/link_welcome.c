// link_welcome - a broker's welcome, read
// SPDX-License-Identifier: MPL-2.0
#include "link_welcome.h"

#include <stdlib.h>

#include "mesh/control.h"
#include "mesh/endpoints.h"

enum { TEXT_LIMIT = 1024 };

int
link_welcome_read(link_welcome_t *self, const json_t *body, const char *endpoint)
{
    *self = (link_welcome_t){.told.body = body};
    mesh_welcome_t *told = &self->told;
    const json_t *endpoints = json_object_get(body, "endpoints");
    const json_t *window = json_object_get(body, "window");
    const char *publish, *subscribe;
    uint64_t heartbeat_ms, lost_after_ms;
    if (mesh_control_get_text(body, "broker_id", TEXT_LIMIT, &told->broker_id) != 0 ||
        mesh_control_get_text(body, "incarnation", TEXT_LIMIT, &told->incarnation) != 0 ||
        mesh_control_get_epoch(body, "epoch", &told->epoch) != 0 ||
        mesh_control_get_number(body, "first", &told->first) != 0 ||
        mesh_control_get_number(body, "head", &told->head) != 0 ||
        mesh_control_get_text(endpoints, "publish", TEXT_LIMIT, &publish) != 0 ||
        mesh_control_get_text(endpoints, "subscribe", TEXT_LIMIT, &subscribe) != 0 ||
        mesh_control_get_number(window, "events", &told->window_events) != 0 ||
        mesh_control_get_number(window, "bytes", &told->window_bytes) != 0 ||
        mesh_control_get_number(body, "heartbeat_ms", &heartbeat_ms) != 0 ||
        mesh_control_get_number(body, "lost_after_ms", &lost_after_ms) != 0)
        return -1;
    self->heartbeat_ms = (int64_t) heartbeat_ms;
    self->lost_after_ms = (int64_t) lost_after_ms;
    told->publish_endpoint = self->publish = mesh_endpoints_resolve(publish, endpoint);
    told->subscribe_endpoint = self->subscribe = mesh_endpoints_resolve(subscribe, endpoint);
    return self->publish && self->subscribe ? 0 : -1;
}

void
link_welcome_clear(link_welcome_t *self)
{
    free(self->publish);
    free(self->subscribe);
    self->publish = self->subscribe = NULL;
}
