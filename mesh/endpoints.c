// endpoints - what an endpoint means to one who reads it
// SPDX-License-Identifier: MPL-2.0
#include "mesh/endpoints.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

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

char *
mesh_endpoints_of_seed(const char *seed)
{
    assert(seed);
    if (strlen(seed) > MESH_ENDPOINT_LIMIT)
        return NULL;
    if (starts_with(seed, "ipc://") || starts_with(seed, "inproc://"))
        return strdup(seed);
    if (!starts_with(seed, "tcp://") || seed[strlen("tcp://")] == '\0')
        return NULL;
    if (port_colon(seed))
        return strdup(seed);
    return mesh_text_printf("%s:%d", seed, MESH_PORT_CONTROL);
}

char *
mesh_endpoints_resolve(const char *named, const char *reached)
{
    static const char *const any_hosts[] = {"tcp://*:", "tcp://0.0.0.0:", "tcp://[::]:"};
    if (strlen(named) > MESH_ENDPOINT_LIMIT ||
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
