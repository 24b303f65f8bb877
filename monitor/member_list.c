// member_list - keeps mesh_health's members those that the broker knows
// SPDX-License-Identifier: MPL-2.0
#include "member_list.h"

#include <assert.h>
#include <czmq.h>
#include <jansson.h>

#include "mesh/control.h"
#include "mesh/log.h"

enum { SNAPSHOT_DEADLINE_MS = 5000 };

struct member_list {
    mesh_link_t *link;        // borrowed
    mesh_health_t *health;    // borrowed
    bool wanted;
    uint64_t request_id;    // of the request under way; 0 for none
    uint64_t changed_at;    // offset of the last event that told of a member
};

member_list_t *
member_list_new(mesh_link_t *link, mesh_health_t *health)
{
    assert(link && health);
    member_list_t *self = zmalloc(sizeof *self);
    self->link = link;
    self->health = health;
    return self;
}

void
member_list_destroy(member_list_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        mesh_link_cancel((*self_p)->link, (*self_p)->request_id);
        free(*self_p);
        *self_p = NULL;
    }
}

void
member_list_want(member_list_t *self)
{
    self->wanted = true;
}

void
member_list_changed(member_list_t *self, uint64_t offset)
{
    self->changed_at = offset;
}

void
member_list_new_epoch(member_list_t *self)
{
    self->changed_at = 0;
}

// mesh_link_reply_fn
static void
on_snapshot(void *arg, const char *verb, const json_t *body, zmsg_t *frames)
{
    (void) frames;
    member_list_t *self = arg;
    self->request_id = 0;
    uint64_t offset = 0;
    const json_t *transports = json_object_get(body, "transports");
    if (!streq(verb, "snapshot") || !json_is_array(transports) ||
        mesh_control_get_number(body, "offset", &offset) != 0) {
        mesh_log_warning("snapshot-failed", "the broker's list of members did not come");
        self->wanted = true;
        return;
    }
    // The list and the events come by different ways: one that is older than what events have
    // told would bring back who has left.
    if (offset < self->changed_at)
        self->wanted = true;
    else
        mesh_health_replace(self->health, transports);
}

void
member_list_tick(member_list_t *self)
{
    if (!self->wanted || self->request_id != 0 || !mesh_link_is_up(self->link))
        return;
    self->wanted = false;
    self->request_id = mesh_link_request(self->link, "snapshot", json_object(),
                                         SNAPSHOT_DEADLINE_MS, on_snapshot, self);
}
