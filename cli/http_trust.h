// http_trust - by what the HTTPS of this user's own mesh is known
// SPDX-License-Identifier: MPL-2.0
//
// Its certificate is mostly made for a name that other hosts use, and signed by nobody this
// host knows. But the file is here: whoever shows the same public key is the one.
#ifndef CLI_HTTP_TRUST_H
#define CLI_HTTP_TRUST_H

#include <stdbool.h>

#include <curl/curl.h>

#include "mesh/settings.h"

// Whether these settings have the sse-bridge speak HTTPS.
bool http_trust_is_https(const mesh_settings_t *settings);

// The public key of http/tls_certificate as curl's option --pinnedpubkey takes it, for the
// caller to free; NULL where there is no such file, or no certificate in it.
char *http_trust_pin(const mesh_settings_t *settings);

// Have a transfer to the mesh of these settings accept that key and no other. Without a pin
// curl's own rules hold.
void http_trust_apply(const mesh_settings_t *settings, CURL *easy);

#endif
