// access_rules - what the settings say about access: own token, proxies, hosts and origins
// SPDX-License-Identifier: MPL-2.0
#include "access_rules.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <sodium.h>

#include "access.h"
#include "listener.h"
#include "mesh/paths.h"
#include "mesh/secret_file.h"
#include "mesh/token.h"
#include "tls_credentials.h"

struct access_rules {
    const mesh_settings_t *settings;    // borrowed
    char *token;                        // owned; NULL when none is asked for
    char *key;                          // owned
    char *store_path;                   // owned; NULL for none
    network_t proxies[ACCESS_PROXIES];
    size_t proxy_count;
};

static int __attribute__((format(printf, 2, 3))) fail(char **error_p, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int rc = vasprintf(error_p, format, arguments);
    va_end(arguments);
    assert(rc >= 0);
    return -1;
}

static bool
is_origin(const char *text)
{
    const char *host = strstr(text, "://");
    return host && host != text && host[3] != '\0' && !strpbrk(host + 3, "/*?# ") &&
           !strchr(text, '*');
}

static int
check_lists(const mesh_settings_t *settings, char **error_p)
{
    for (size_t at = 0; at < mesh_settings_list_size(settings, "http/allow_origins"); at++) {
        const char *origin = mesh_settings_list_item(settings, "http/allow_origins", at);
        if (!is_origin(origin))
            return fail(error_p,
                        "http/allow_origins has %s; allowed are origins by name, such as "
                        "https://example.org:8443",
                        origin);
    }
    for (size_t at = 0; at < mesh_settings_list_size(settings, "http/allow_hosts"); at++) {
        const char *host = mesh_settings_list_item(settings, "http/allow_hosts", at);
        if (strpbrk(host, "/*:[] "))
            return fail(error_p,
                        "http/allow_hosts has %s; allowed are names without a port, such as "
                        "mesh.example.org",
                        host);
    }
    size_t proxies = mesh_settings_list_size(settings, "http/trusted_proxies");
    if (proxies > ACCESS_PROXIES)
        return fail(error_p, "http/trusted_proxies has %zu networks; allowed are %d", proxies,
                    ACCESS_PROXIES);
    for (size_t at = 0; at < proxies; at++) {
        const char *text = mesh_settings_list_item(settings, "http/trusted_proxies", at);
        network_t network;
        if (network_parse(&network, text) != 0)
            return fail(error_p,
                        "http/trusted_proxies has %s; allowed are networks such as 10.0.0.0/8, "
                        "and addresses",
                        text);
    }
    return 0;
}

int
access_check_settings(const mesh_settings_t *settings, char **error_p)
{
    const char *address = mesh_settings_string(settings, "http/address");
    int loopback = listener_is_loopback(address);
    if (loopback < 0)
        return fail(error_p, "http/address is %s; allowed is a numeric address or localhost",
                    address);
    if (loopback == 0 && !mesh_settings_flag(settings, "http/insecure") &&
        !tls_credentials_wanted(settings) &&
        mesh_settings_list_size(settings, "http/trusted_proxies") == 0)
        return fail(error_p,
                    "http/address is %s, which other hosts reach, and nothing there is "
                    "encrypted: set http/tls_certificate and http/tls_key, name the TLS "
                    "proxies in front of it in http/trusted_proxies, or set http/insecure "
                    "(--insecure) if that is meant",
                    address);
    const char *base_path = mesh_settings_string(settings, "http/base_path");
    size_t bytes = strlen(base_path);
    if (bytes > 0 &&
        (base_path[0] != '/' || base_path[bytes - 1] == '/' || strpbrk(base_path, "?#;, ")))
        return fail(error_p,
                    "http/base_path is %s; allowed is nothing, or a path such as /mesh without "
                    "a slash at its end",
                    base_path);
    return check_lists(settings, error_p);
}

// The key's file stands beside the token's. Where there is no state directory, and the token
// was given, cookies and tickets are good until the next start.
static int
find_files(access_rules_t *self, char **error_p)
{
    char *problem = NULL;
    char *directory = mesh_paths_state_dir(self->settings, &problem);
    char *secret = NULL;
    if (directory) {
        char *path = NULL;
        if (asprintf(&path, "%s/http-key", directory) < 0 ||
            asprintf(&self->store_path, "%s/tokens.json", directory) < 0)
            abort();
        secret =
            mesh_secret_file_load_or_make(path, "the key of cookies and tickets", &problem);
        free(path);
        free(directory);
    }
    if (!secret && self->token &&
        *mesh_settings_string(self->settings, "http/token_value") == 0) {
        *error_p = problem;
        return -1;
    }
    free(problem);
    if (!secret) {
        unsigned char random[MESH_SECRET_RANDOM_BYTES];
        secret = calloc(1, 2 * sizeof random + 1);
        assert(secret);
        randombytes_buf(random, sizeof random);
        sodium_bin2hex(secret, 2 * sizeof random + 1, random, sizeof random);
    }
    if (asprintf(&self->key, "%s.%s", secret, self->token ? self->token : "") < 0)
        abort();
    free(secret);
    return 0;
}

access_rules_t *
access_rules_new(const mesh_settings_t *settings, char **error_p)
{
    if (access_check_settings(settings, error_p) != 0)
        return NULL;
    access_rules_t *self = calloc(1, sizeof *self);
    assert(self);
    self->settings = settings;
    for (size_t at = 0; at < mesh_settings_list_size(settings, "http/trusted_proxies"); at++)
        (void) network_parse(&self->proxies[self->proxy_count++],
                             mesh_settings_list_item(settings, "http/trusted_proxies", at));
    bool asks = mesh_settings_flag(settings, "http/token");
    if (asks)
        self->token = mesh_token_load_or_make(settings, error_p);
    if ((asks && !self->token) || find_files(self, error_p) != 0)
        access_rules_destroy(&self);
    return self;
}

void
access_rules_destroy(access_rules_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        access_rules_t *self = *self_p;
        free(self->token);
        free(self->key);
        free(self->store_path);
        free(self);
        *self_p = NULL;
    }
}

bool
access_rules_ask_token(const access_rules_t *self)
{
    return self->token != NULL;
}

bool
access_rules_own_token_is(const access_rules_t *self, const char *given)
{
    return self->token && mesh_token_equal(self->token, given);
}

const char *
access_rules_key(const access_rules_t *self)
{
    return self->key;
}

const char *
access_rules_store_path(const access_rules_t *self)
{
    return self->store_path;
}

const network_t *
access_rules_proxies(const access_rules_t *self, size_t *count)
{
    *count = self->proxy_count;
    return self->proxies;
}

bool
access_rules_answer_host(const access_rules_t *self, const char *host)
{
    size_t count = mesh_settings_list_size(self->settings, "http/allow_hosts");
    bool loopback_only =
        !self->token &&
        listener_is_loopback(mesh_settings_string(self->settings, "http/address")) == 1;
    // A browser always names the host; who does not is none.
    if (!host || (count == 0 && !loopback_only))
        return true;
    // NAME, NAME:PORT, [ADDRESS] or [ADDRESS]:PORT.
    bool bracketed = host[0] == '[';
    const char *name = bracketed ? host + 1 : host;
    size_t length = strcspn(name, bracketed ? "]" : ":");
    char text[256];
    if (length == 0 || length >= sizeof text)
        return false;
    memcpy(text, name, length);
    text[length] = '\0';
    if (strcasecmp(text, "localhost") == 0 || listener_is_loopback(text) == 1)
        return true;
    for (size_t at = 0; at < count; at++)
        if (strcasecmp(mesh_settings_list_item(self->settings, "http/allow_hosts", at), text) ==
            0)
            return true;
    return false;
}

const char *
access_rules_allowed_origin(const access_rules_t *self, const char *origin)
{
    if (!origin)
        return NULL;
    for (size_t at = 0; at < mesh_settings_list_size(self->settings, "http/allow_origins");
         at++) {
        const char *allowed = mesh_settings_list_item(self->settings, "http/allow_origins", at);
        if (strcmp(allowed, origin) == 0)
            return allowed;
    }
    return NULL;
}
