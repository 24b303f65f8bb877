// http_base - under which address the HTTP side of this user's mesh is reached
// SPDX-License-Identifier: MPL-2.0
#ifndef CLI_HTTP_BASE_H
#define CLI_HTTP_BASE_H

#include <stdbool.h>
#include <stdint.h>

#include "mesh/settings.h"

// The file in which the sse-bridge of this mesh leaves its port: setting http/port_file, else
// <runtime dir>/http.port, where `up` has it written. Returns the path for the caller to free,
// or NULL with *error_p a sentence the caller frees.
char *http_base_port_file(const mesh_settings_t *settings, char **error_p);

// The port in the file, or -1 when there is none.
int http_base_read_port(const char *path);

// "http://<address>:<port>", or https, for a client on this host: an address that stands for
// all of them becomes loopback, IPv6 is put in brackets. The caller frees it.
char *http_base_format(const char *address, int port, bool encrypted);

// The address to try: tail/url, else http/address with the port of the port file, else with
// http/port. A port that was set by more than the default beats the file. Returns it for the
// caller to free, without a trailing '/', or NULL with *error_p a sentence the caller frees.
char *http_base_find(const mesh_settings_t *settings, char **error_p);

// Whether url leads to this host and no other, so that this user's token may be sent there.
bool http_base_is_loopback(const char *url);

#endif
