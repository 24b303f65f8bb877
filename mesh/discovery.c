// discovery - the file in which the mesh of this host can be found
// SPDX-License-Identifier: MPL-2.0
#include "mesh/discovery.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mesh/endpoints.h"
#include "mesh/lock_file.h"
#include "text.h"
#include "whole_file.h"

static bool
is_entry(const json_t *entry)
{
    return json_is_string(json_object_get(entry, "coordinator_id")) &&
           json_is_string(json_object_get(entry, "host")) &&
           json_is_integer(json_object_get(entry, "port")) &&
           json_is_string(json_object_get(entry, "transport_type")) &&
           json_is_number(json_object_get(entry, "start_time"));
}

// The file's bytes, up to the limit. Returns NULL with *complaint_p, or without one when there
// is no file.
static char *
read_file(const char *path, size_t *bytes, char **complaint_p)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        if (errno != ENOENT)
            *complaint_p = mesh_text_printf("%s: %s", path, strerror(errno));
        return NULL;
    }
    char *text = malloc(MESH_DISCOVERY_LIMIT + 1);
    if (!text)
        abort();
    size_t length = 0;
    ssize_t got = 1;
    while (got > 0 && length <= MESH_DISCOVERY_LIMIT) {
        got = read(fd, text + length, MESH_DISCOVERY_LIMIT + 1 - length);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0)
            length += (size_t) got;
    }
    if (got < 0)
        *complaint_p = mesh_text_printf("%s: %s", path, strerror(errno));
    else if (length > MESH_DISCOVERY_LIMIT)
        *complaint_p = mesh_text_printf("%s: longer than %d bytes", path, MESH_DISCOVERY_LIMIT);
    close(fd);
    if (*complaint_p) {
        free(text);
        return NULL;
    }
    *bytes = length;
    return text;
}

json_t *
mesh_discovery_read(const char *path, char **complaint_p)
{
    assert(path && complaint_p);
    *complaint_p = NULL;
    json_t *entries = json_array();
    size_t bytes = 0;
    char *text = read_file(path, &bytes, complaint_p);
    if (!text)
        return entries;

    json_error_t error;
    json_t *found = json_loadb(text, bytes, 0, &error);
    free(text);
    if (!json_is_array(found))
        *complaint_p = mesh_text_printf("%s: not a JSON array: %s", path,
                                        found ? "another kind of value" : error.text);
    size_t index;
    json_t *entry;
    json_array_foreach(found, index, entry) if (is_entry(entry))
        json_array_append(entries, entry);
    json_decref(found);
    return entries;
}

int
mesh_discovery_write(const char *path, const json_t *entries, char **error_p)
{
    assert(path && json_is_array(entries) && error_p);
    *error_p = NULL;
    char *text = json_dumps(entries, JSON_INDENT(2));
    assert(text);
    int rc = mesh_whole_file_write(path, text, strlen(text), false);
    if (rc != 0)
        *error_p = mesh_text_printf("%s: %s", path, strerror(errno));
    free(text);
    return rc;
}

mesh_discovery_life_t
mesh_discovery_life(const json_t *entry, double now_s)
{
    assert(entry);
    const json_t *lock = json_object_get(json_object_get(entry, "metadata"), "lock");
    mesh_lock_state_t state = mesh_lock_file_look(lock);
    if (state != MESH_LOCK_UNKNOWN)
        return state == MESH_LOCK_HELD ? MESH_DISCOVERY_LIVE : MESH_DISCOVERY_DEAD;
    double heartbeat_s = json_number_value(json_object_get(entry, "last_heartbeat"));
    return now_s - heartbeat_s <= MESH_DISCOVERY_SILENT_S ? MESH_DISCOVERY_LIVE
                                                          : MESH_DISCOVERY_SILENT;
}

const char *
mesh_discovery_life_name(mesh_discovery_life_t life)
{
    static const char *const names[] = {"live", "dead", "silent"};
    return names[life];
}

char *
mesh_discovery_control_endpoint(const json_t *entry)
{
    assert(entry);
    const char *type = json_string_value(json_object_get(entry, "transport_type"));
    const char *host = json_string_value(json_object_get(entry, "host"));
    const json_t *metadata = json_object_get(entry, "metadata");
    const char *control =
        json_string_value(json_object_get(json_object_get(metadata, "endpoints"), "control"));
    if (!type || strcmp(type, "zmq") != 0 || !control)
        return NULL;
    bool here = mesh_lock_file_look(json_object_get(metadata, "lock")) != MESH_LOCK_UNKNOWN;
    char *reached =
        mesh_text_printf("tcp://%s:%d", here || !host ? "127.0.0.1" : host, MESH_PORT_CONTROL);
    char *endpoint = mesh_endpoints_resolve(control, reached);
    free(reached);
    return endpoint;
}
