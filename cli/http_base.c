// http_base - under which address the HTTP side of this user's mesh is reached
// SPDX-License-Identifier: MPL-2.0
#include "http_base.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "http_trust.h"
#include "mesh/paths.h"

// The name of the file in the runtime directory.
#define PORT_FILE "http.port"

static char *
join(const char *left, const char *middle, const char *right)
{
    char *text = NULL;
    int size = asprintf(&text, "%s%s%s", left, middle, right);
    assert(size >= 0);
    return text;
}

char *
http_base_port_file(const mesh_settings_t *settings, char **error_p)
{
    assert(settings && error_p);
    const char *set = mesh_settings_string(settings, "http/port_file");
    if (*set)
        return strdup(set);
    char *dir = mesh_paths_runtime_dir(settings, error_p);
    if (!dir)
        return NULL;
    char *path = join(dir, "/", PORT_FILE);
    free(dir);
    return path;
}

int
http_base_read_port(const char *path)
{
    assert(path);
    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    char text[16];
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    char *end = text;
    long port = strtol(text, &end, 10);
    // Without its line end the file is still being written.
    return *end == '\n' && end[1] == '\0' && port > 0 && port <= UINT16_MAX ? (int) port : -1;
}

char *
http_base_format(const char *address, int port, bool encrypted)
{
    assert(address);
    char number[16];
    snprintf(number, sizeof number, "%d", port);
    if (strcmp(address, "0.0.0.0") == 0 || !*address)
        address = "127.0.0.1";
    else if (strcmp(address, "::") == 0)
        address = "::1";
    bool is_ipv6 = strchr(address, ':');
    char *host = join(is_ipv6 ? "[" : "", address, is_ipv6 ? "]" : "");
    char *with_port = join(host, ":", number);
    char *url = join(encrypted ? "https://" : "http://", with_port, "");
    free(with_port);
    free(host);
    return url;
}

char *
http_base_find(const mesh_settings_t *settings, char **error_p)
{
    assert(settings && error_p);
    const char *set = mesh_settings_string(settings, "tail/url");
    if (*set) {
        size_t size = strlen(set);
        while (size > 0 && set[size - 1] == '/')
            size--;
        return strndup(set, size);
    }
    int port = (int) mesh_settings_number(settings, "http/port");
    if (port == 0 || strcmp(mesh_settings_origin(settings, "http/port"), "default") == 0) {
        char *path = http_base_port_file(settings, error_p);
        if (!path)
            return NULL;
        int written = http_base_read_port(path);
        if (written == -1 && port == 0) {
            *error_p = join("http/port is 0 and no port stands in ", path,
                            ": is the mesh up? (aidermesh up)");
            free(path);
            return NULL;
        }
        if (written != -1)
            port = written;
        free(path);
    }
    return http_base_format(mesh_settings_string(settings, "http/address"), port,
                            http_trust_is_https(settings));
}

bool
http_base_is_loopback(const char *url)
{
    CURLU *parsed = curl_url();
    assert(parsed);
    char *host = NULL;
    bool loopback = false;
    if (curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
        // A name that merely begins with 127 belongs to whoever registered it.
        bool is_number = strspn(host, "0123456789.") == strlen(host);
        loopback = strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
                   (is_number && strncmp(host, "127.", 4) == 0);
    }
    curl_free(host);
    curl_url_cleanup(parsed);
    return loopback;
}
