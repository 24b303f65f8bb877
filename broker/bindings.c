// bindings - binds a socket to its configured endpoints
// SPDX-License-Identifier: MPL-2.0
#include "bindings.h"

#include <assert.h>

enum {
    SENTENCE_SIZE = 1024,
    // Connections that wait to be taken in. With libzmq's 100, of many that come at once most
    // wait for the kernel's second try, a second later. The kernel has a limit of its own.
    BACKLOG = 4096,
};

static char *
sentence(const char *key, const char *endpoint, const char *what)
{
    char text[SENTENCE_SIZE];
    snprintf(text, sizeof text, "%s: \"%.200s\" %s", key, endpoint, what);
    return strdup(text);
}

static bool
starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool
stays_on_this_host(const char *endpoint)
{
    return starts_with(endpoint, "ipc://") || starts_with(endpoint, "tcp://127.") ||
           starts_with(endpoint, "tcp://[::1]:");
}

// Whether tcp://HOST:PORT has a port: a number, or '*' for one that the kernel chooses.
static bool
has_port(const char *endpoint)
{
    const char *colon = strrchr(endpoint, ':');
    const char *host = endpoint + strlen("tcp://");
    if (!colon || colon <= host)
        return false;
    size_t digits = strspn(colon + 1, "0123456789");
    return streq(colon + 1, "*") || (digits >= 1 && digits <= 5 && colon[1 + digits] == '\0' &&
                                     strtol(colon + 1, NULL, 10) <= 65535);
}

static bool
is_endpoint(const char *endpoint)
{
    if (starts_with(endpoint, "ipc://"))
        return endpoint[strlen("ipc://")] != '\0';
    return starts_with(endpoint, "tcp://") && has_port(endpoint);
}

int
bindings_check(const mesh_settings_t *settings, const char *key, bool guarded, char **error_p)
{
    assert(settings && key && error_p);
    for (size_t i = 0; i < mesh_settings_list_size(settings, key); i++) {
        const char *endpoint = mesh_settings_list_item(settings, key, i);
        const char *wrong = NULL;
        if (!is_endpoint(endpoint))
            wrong = "is no endpoint; allowed are tcp://ADDRESS:PORT and ipc://PATH";
        else if (!guarded && !stays_on_this_host(endpoint) &&
                 !mesh_settings_flag(settings, "broker/insecure"))
            wrong = "can be reached from other hosts, and the mesh has no keys; make some with "
                    "'aidermesh keys new', bind 127.0.0.1 or ipc://, or say --insecure on a "
                    "network you trust";
        if (wrong) {
            *error_p = sentence(key, endpoint, wrong);
            return -1;
        }
    }
    return 0;
}

// The endpoint bound last. The host stays as it was configured: "*" tells clients to use the
// one they came by.
static char *
as_told(zsock_t *socket, const char *endpoint)
{
    if (!starts_with(endpoint, "tcp://*:") && !starts_with(endpoint, "tcp://0.0.0.0:"))
        return zsock_last_endpoint(socket);
    char *bound = zsock_last_endpoint(socket);
    const char *port = strrchr(bound, ':');
    char text[SENTENCE_SIZE];
    snprintf(text, sizeof text, "tcp://*%s", port ? port : "");
    free(bound);
    return strdup(text);
}

static char *
bind_one(zsock_t *socket, const char *key, const char *endpoint, char **error_p)
{
    zsock_set_backlog(socket, BACKLOG);
    if (zsock_bind(socket, "%s", endpoint) == -1) {
        char what[SENTENCE_SIZE / 2];
        snprintf(what, sizeof what, "cannot be bound: %s", zmq_strerror(zmq_errno()));
        *error_p = sentence(key, endpoint, what);
        return NULL;
    }
    return as_told(socket, endpoint);
}

char *
bindings_bind(zsock_t *socket, const mesh_settings_t *settings, const char *key,
              const char *runtime_dir, const char *name, char **error_p)
{
    assert(socket && settings && key && runtime_dir && name && error_p);
    size_t count = mesh_settings_list_size(settings, key);
    if (count == 0) {
        char endpoint[SENTENCE_SIZE];
        snprintf(endpoint, sizeof endpoint, "ipc://%s/%s", runtime_dir, name);
        return bind_one(socket, key, endpoint, error_p);
    }
    if (bindings_check(settings, key, zsock_curve_server(socket) == 1, error_p) != 0)
        return NULL;
    char *told = NULL;
    for (size_t i = 0; i < count; i++) {
        char *endpoint =
            bind_one(socket, key, mesh_settings_list_item(settings, key, i), error_p);
        if (!endpoint) {
            free(told);
            return NULL;
        }
        if (told)
            free(endpoint);
        else
            told = endpoint;
    }
    return told;
}
