// discovery_entries - what the discovery file says of this broker and of its sse-bridges
// SPDX-License-Identifier: MPL-2.0
#include "discovery_entries.h"

#include <assert.h>

#include "mesh/discovery.h"
#include "mesh/endpoints.h"
#include "mesh/program.h"

enum { ENTRIES_LIMIT = 4096 };

static json_t *
new_entry(const char *id, const char *host, json_int_t port, const char *type, double start_s,
          double now_s)
{
    json_t *entry = json_pack("{s:s, s:s, s:I, s:s, s:f, s:f, s:{s:s}, s:{}}", "coordinator_id",
                              id, "host", host, "port", port, "transport_type", type,
                              "start_time", start_s, "last_heartbeat", now_s, "metadata",
                              "version", mesh_version(), "streaming_capabilities");
    assert(entry);
    return entry;
}

// The entry names the broker that wrote it, so that it can renew and remove what is its own.
static void
name_writer(json_t *entry, const char *broker_id)
{
    json_object_set_new(json_object_get(entry, "metadata"), "broker_id",
                        json_string(broker_id));
}

json_t *
discovery_entries_without(const json_t *others, const char *broker_id, double now_s)
{
    json_t *entries = json_array();
    size_t index;
    json_t *entry;
    json_array_foreach(others, index, entry)
    {
        const char *writer =
            json_string_value(json_object_get(json_object_get(entry, "metadata"), "broker_id"));
        bool ours = writer && streq(writer, broker_id);
        if (!ours && json_array_size(entries) < ENTRIES_LIMIT &&
            mesh_discovery_life(entry, now_s) == MESH_DISCOVERY_LIVE)
            json_array_append(entries, entry);
    }
    return entries;
}

static void
add_sse_bridge(json_t *entries, const peer_t *peer, const char *broker_id, double now_s)
{
    const json_t *metadata = json_object_get(peer->hello, "metadata");
    const json_t *port = json_object_get(metadata, "http_port");
    const char *address = json_string_value(json_object_get(metadata, "http_address"));
    if (!json_is_integer(port))
        return;
    // An address that stands for all is reached under the host's name.
    bool own = address && !streq(address, "0.0.0.0") && !streq(address, "::");
    json_t *entry = new_entry(peer->transport_id, own ? address : peer_host(peer),
                              json_integer_value(port), "sse", peer->joined_at, now_s);
    json_t *capabilities = json_object_get(metadata, "streaming_capabilities");
    if (json_is_object(capabilities))
        json_object_set(entry, "streaming_capabilities", capabilities);
    name_writer(entry, broker_id);
    json_array_append_new(entries, entry);
}

static bool
is_registered(registry_t *registry, const json_t *entry)
{
    const char *id = json_string_value(json_object_get(entry, "coordinator_id"));
    const peer_t *peer = registry_first(registry);
    while (peer && id && !streq(peer->transport_id, id))
        peer = registry_next(registry);
    return id && peer;
}

json_t *
discovery_entries(const json_t *others, const discovery_self_t *self, registry_t *registry,
                  double now_s)
{
    json_t *entries = discovery_entries_without(others, self->broker_id, now_s);
    // Those that an earlier broker wrote of programs which are here now.
    for (size_t i = json_array_size(entries); i-- > 0;)
        if (is_registered(registry, json_array_get(entries, i)))
            json_array_remove(entries, i);
    for (const peer_t *peer = registry_first(registry); peer; peer = registry_next(registry))
        if (streq(peer_type(peer), "sse"))
            add_sse_bridge(entries, peer, self->broker_id, now_s);

    json_t *entry = new_entry(self->broker_id, self->host, MESH_PORT_CONTROL, "zmq", 0, now_s);
    name_writer(entry, self->broker_id);
    json_t *metadata = json_object_get(entry, "metadata");
    json_object_set(metadata, "endpoints", self->endpoints);
    json_object_set(metadata, "lock", self->lock);
    json_object_set_new(metadata, "mesh_id", json_string(self->mesh_id));
    json_object_set_new(metadata, "started", json_real(self->started_s));
    json_object_set_new(metadata, "fallback", json_boolean(self->fallback));
    json_array_append_new(entries, entry);
    return entries;
}

static bool
has_id(const json_t *entries, const char *id)
{
    size_t index;
    const json_t *entry;
    json_array_foreach(entries, index, entry)
    {
        const char *theirs = json_string_value(json_object_get(entry, "coordinator_id"));
        if (theirs && streq(theirs, id))
            return true;
    }
    return false;
}

bool
discovery_entries_have(const json_t *entries, const discovery_self_t *self,
                       registry_t *registry)
{
    json_t *none = json_array();
    json_t *ours = discovery_entries(none, self, registry, 0);
    bool all = true;
    size_t index;
    const json_t *entry;
    json_array_foreach(ours, index, entry) all =
        all && has_id(entries, json_string_value(json_object_get(entry, "coordinator_id")));
    json_decref(ours);
    json_decref(none);
    return all;
}
