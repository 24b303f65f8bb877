// endpoints - where the broker's sockets are: what to try, and what its answer means
// SPDX-License-Identifier: MPL-2.0
#include "mesh/endpoints.h"

#include <assert.h>

#include "mesh/discovery.h"
#include "mesh/log.h"
#include "mesh/paths.h"
#include "text.h"

enum {
    ENDPOINT_LIMIT = 512,    // bytes
    DISCOVERY_AGE_S = 30,    // an entry not renewed for longer is of a broker that is gone
};

static bool
starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

// The colon before the port of tcp://HOST:PORT, minding the brackets of an IPv6 host; NULL when
// there is no port.
static const char *
port_colon(const char *endpoint)
{
    const char *host = endpoint + strlen("tcp://");
    const char *bracket = strchr(host, ']');
    return strchr(bracket ? bracket : host, ':');
}

// A seed as a control endpoint, the caller's; NULL when it is none.
static char *
seed_endpoint(const char *seed)
{
    if (strlen(seed) > ENDPOINT_LIMIT)
        return NULL;
    if (starts_with(seed, "ipc://") || starts_with(seed, "inproc://"))
        return strdup(seed);
    if (!starts_with(seed, "tcp://") || seed[strlen("tcp://")] == '\0')
        return NULL;
    if (port_colon(seed))
        return strdup(seed);
    return mesh_text_printf("%s:%d", seed, MESH_PORT_CONTROL);
}

static int
add_seeds(zlist_t *list, const mesh_settings_t *settings, char **error_p)
{
    size_t count = mesh_settings_list_size(settings, "mesh/seeds");
    for (size_t i = 0; i < count; i++) {
        const char *seed = mesh_settings_list_item(settings, "mesh/seeds", i);
        char *endpoint = seed_endpoint(seed);
        if (!endpoint) {
            if (asprintf(error_p,
                         "mesh/seeds: \"%s\" is not a seed; a seed is tcp://HOST[:PORT] or "
                         "ipc://PATH",
                         seed) < 0)
                abort();
            return -1;
        }
        zlist_append(list, endpoint);
        free(endpoint);
    }
    return 0;
}

static void
add_discovered(zlist_t *list, const mesh_settings_t *settings)
{
    char *problem = NULL;
    char *path = mesh_paths_discovery_file(settings, &problem);
    json_t *entries = path ? mesh_discovery_read(path, &problem) : json_array();
    if (problem)
        mesh_log_warning("discovery-unreadable", "%s", problem);
    const char *found = mesh_discovery_control_endpoint(entries, (double) zclock_time() / 1000,
                                                        DISCOVERY_AGE_S);
    char *endpoint = found && strlen(found) <= ENDPOINT_LIMIT ? strdup(found) : NULL;
    if (endpoint)
        zlist_append(list, endpoint);
    free(endpoint);
    json_decref(entries);
    free(problem);
    free(path);
}

zlist_t *
mesh_endpoints_control(const mesh_settings_t *settings, char **error_p)
{
    assert(settings && error_p);
    zlist_t *list = zlist_new();
    zlist_autofree(list);
    if (add_seeds(list, settings, error_p) != 0) {
        zlist_destroy(&list);
        return NULL;
    }
    if (zlist_size(list) > 0)
        return list;

    char *dir = mesh_paths_runtime_dir(settings, error_p);
    if (!dir) {
        zlist_destroy(&list);
        return NULL;
    }
    add_discovered(list, settings);
    char *endpoint = mesh_text_printf("ipc://%s/control", dir);
    if (zlist_size(list) == 0 || !streq((char *) zlist_first(list), endpoint))
        zlist_append(list, endpoint);
    free(endpoint);
    free(dir);
    return list;
}

char *
mesh_endpoints_resolve(const char *named, const char *reached)
{
    static const char *const any_hosts[] = {"tcp://*:", "tcp://0.0.0.0:", "tcp://[::]:"};
    if (strlen(named) > ENDPOINT_LIMIT ||
        !(starts_with(named, "tcp://") || starts_with(named, "ipc://") ||
          starts_with(named, "inproc://")))
        return NULL;
    for (size_t i = 0; i < sizeof any_hosts / sizeof any_hosts[0]; i++) {
        if (!starts_with(named, any_hosts[i]))
            continue;
        const char *port = named + strlen(any_hosts[i]);
        const char *colon = starts_with(reached, "tcp://") ? port_colon(reached) : NULL;
        // Who came by ipc is on the same host.
        if (!colon)
            return mesh_text_printf("tcp://127.0.0.1:%s", port);
        return mesh_text_printf("%.*s:%s", (int) (colon - reached), reached, port);
    }
    return strdup(named);
}
