// registry - the programs of the mesh that have said hello, and which of them are overdue
// SPDX-License-Identifier: MPL-2.0
#include "registry.h"

#include <assert.h>

#include "mesh/control.h"

enum { SERVICES_LIMIT = 16, CAPABILITIES_LIMIT = 256, SOURCES_LIMIT = 16 };

enum { METADATA_LIMIT = 16 * 1024 };    // bytes, as compact JSON

struct registry {
    zhashx_t *peers;    // transport_id -> peer_t; owned, with its items
    size_t limit;
};

static void
peer_destroy(void **item_p)
{
    peer_t *peer = *item_p;
    free(peer->transport_id);
    free(peer->user);
    zframe_destroy(&peer->route);
    json_decref(peer->hello);
    free(peer);
    *item_p = NULL;
}

registry_t *
registry_new(size_t limit)
{
    registry_t *self = zmalloc(sizeof *self);
    self->limit = limit;
    self->peers = zhashx_new();
    zhashx_set_key_duplicator(self->peers, NULL);
    zhashx_set_key_destructor(self->peers, NULL);
    zhashx_set_destructor(self->peers, peer_destroy);
    return self;
}

void
registry_destroy(registry_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        zhashx_destroy(&(*self_p)->peers);
        free(*self_p);
        *self_p = NULL;
    }
}

static bool
is_printable(const char *text)
{
    if (*text == '\0')
        return false;
    for (; *text; text++)
        if (*text < 0x21 || *text > 0x7e)
            return false;
    return true;
}

static bool
is_array_of_text(const json_t *array, size_t most)
{
    size_t index;
    const json_t *item;
    if (!json_is_array(array) || json_array_size(array) > most)
        return false;
    json_array_foreach(array, index,
                       item) if (!json_is_string(item) ||
                                 json_string_length(item) > REGISTRY_TEXT_LIMIT) return false;
    return true;
}

// The name of the first member of a hello that is not as the protocol says; NULL when all are.
static const char *
wrong_member(const json_t *hello)
{
    const char *text;
    uint64_t number;
    if (mesh_control_get_text(hello, "transport_id", REGISTRY_ID_LIMIT, &text) != 0 ||
        !is_printable(text))
        return "transport_id";
    if (mesh_control_get_text(hello, "transport_type", REGISTRY_TEXT_LIMIT, &text) != 0)
        return "transport_type";
    if (mesh_control_get_text(hello, "host", REGISTRY_TEXT_LIMIT, &text) != 0 || *text == '\0')
        return "host";
    if (mesh_control_get_number(hello, "pid", &number) != 0)
        return "pid";
    if (mesh_control_get_text(hello, "version", REGISTRY_TEXT_LIMIT, &text) != 0)
        return "version";
    if (mesh_control_get_number(hello, "protocol", &number) != 0)
        return "protocol";
    const json_t *member = json_object_get(hello, "services");
    if (member && !is_array_of_text(member, SERVICES_LIMIT))
        return "services";
    member = json_object_get(hello, "capabilities");
    if (member && !is_array_of_text(member, CAPABILITIES_LIMIT))
        return "capabilities";
    member = json_object_get(hello, "metadata");
    if (member &&
        (!json_is_object(member) || json_dumpb(member, NULL, 0, JSON_COMPACT) > METADATA_LIMIT))
        return "metadata";
    member = json_object_get(hello, "passing");
    if (member && !json_is_boolean(member))
        return "passing";
    member = json_object_get(hello, "sources");
    if (!json_is_array(member) || json_array_size(member) > SOURCES_LIMIT)
        return "sources";
    return NULL;
}

peer_t *
registry_by_id(registry_t *self, const char *transport_id)
{
    return zhashx_lookup(self->peers, transport_id);
}

registry_outcome_t
registry_hello(registry_t *self, const json_t *hello, zframe_t *route, int64_t now_ms,
               double now_s, peer_t **peer_p, const char **wrong_p)
{
    assert(self && hello && route && peer_p && wrong_p);
    *wrong_p = wrong_member(hello);
    if (*wrong_p)
        return REGISTRY_MALFORMED;
    const char *id = json_string_value(json_object_get(hello, "transport_id"));
    peer_t *peer = zhashx_lookup(self->peers, id);
    registry_outcome_t outcome = REGISTRY_RENEWED;
    if (!peer) {
        if (zhashx_size(self->peers) >= self->limit)
            return REGISTRY_FULL;
        peer = zmalloc(sizeof *peer);
        peer->transport_id = strdup(id);
        peer->user = strdup("");
        peer->joined_at = now_s;
        int rc = zhashx_insert(self->peers, peer->transport_id, peer);
        assert(rc == 0);
        if (!json_is_string(json_object_get(hello, "previous_incarnation")))
            outcome = REGISTRY_JOINED;
    }
    zframe_destroy(&peer->route);
    peer->route = zframe_dup(route);
    json_decref(peer->hello);
    peer->hello = json_deep_copy(hello);
    json_object_del(peer->hello, "sources");
    json_object_del(peer->hello, "id");
    json_object_del(peer->hello, "watch");
    peer->heard_ms = now_ms;
    *peer_p = peer;
    return outcome;
}

peer_t *
registry_heard(registry_t *self, const char *transport_id, zframe_t *route, int64_t now_ms)
{
    peer_t *peer = zhashx_lookup(self->peers, transport_id);
    if (!peer || !zframe_eq(peer->route, route))
        return NULL;
    peer->heard_ms = now_ms;
    return peer;
}

peer_t *
registry_by_route(registry_t *self, zframe_t *route)
{
    peer_t *peer = registry_first(self);
    while (peer && !zframe_eq(peer->route, route))
        peer = registry_next(self);
    return peer;
}

void
registry_remove(registry_t *self, peer_t **peer_p)
{
    assert(peer_p && *peer_p);
    zhashx_delete(self->peers, (*peer_p)->transport_id);
    *peer_p = NULL;
}

peer_t *
registry_overdue(registry_t *self, int64_t deadline_ms)
{
    peer_t *peer = registry_first(self);
    while (peer && peer->heard_ms >= deadline_ms)
        peer = registry_next(self);
    return peer;
}

size_t
registry_silence(registry_t *self, const char *type, int64_t now_ms, int64_t *silent_ms)
{
    size_t count = 0;
    *silent_ms = 0;
    for (const peer_t *peer = registry_first(self); peer; peer = registry_next(self)) {
        if (!streq(peer_type(peer), type) || peer_is_passing(peer))
            continue;
        int64_t this_ms = now_ms - peer->heard_ms;
        if (count++ == 0 || this_ms < *silent_ms)
            *silent_ms = this_ms;
    }
    return count;
}

peer_t *
registry_first(registry_t *self)
{
    return zhashx_first(self->peers);
}

peer_t *
registry_next(registry_t *self)
{
    return zhashx_next(self->peers);
}

size_t
registry_size(const registry_t *self)
{
    return zhashx_size(self->peers);
}

const char *
peer_type(const peer_t *self)
{
    return json_string_value(json_object_get(self->hello, "transport_type"));
}

const char *
peer_host(const peer_t *self)
{
    return json_string_value(json_object_get(self->hello, "host"));
}

bool
peer_is_passing(const peer_t *self)
{
    return json_is_true(json_object_get(self->hello, "passing"));
}

bool
peer_serves(const peer_t *self, const char *service)
{
    size_t index;
    const json_t *name;
    json_array_foreach(json_object_get(self->hello, "services"), index,
                       name) if (streq(json_string_value(name), service)) return true;
    return false;
}
