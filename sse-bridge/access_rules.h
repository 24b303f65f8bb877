// access_rules - what the settings say about access: own token, proxies, hosts and origins
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_ACCESS_RULES_H
#define SSE_ACCESS_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "mesh/settings.h"
#include "network.h"

enum { ACCESS_PROXIES = 64 };    // networks in http/trusted_proxies

typedef struct access_rules access_rules_t;

// The settings are borrowed. Makes the mesh's own token, and the key of cookies and tickets,
// where there are none. Returns NULL with *error_p a sentence the caller frees.
access_rules_t *access_rules_new(const mesh_settings_t *settings, char **error_p);
void access_rules_destroy(access_rules_t **self_p);

bool access_rules_ask_token(const access_rules_t *self);
bool access_rules_own_token_is(const access_rules_t *self, const char *given);

// What cookies and tickets are sealed with; another when the own token is another.
const char *access_rules_key(const access_rules_t *self);

// The file of further tokens; NULL when there is no state directory.
const char *access_rules_store_path(const access_rules_t *self);

const network_t *access_rules_proxies(const access_rules_t *self, size_t *count);

// See access_answers_host and access_allowed_origin.
bool access_rules_answer_host(const access_rules_t *self, const char *host);
const char *access_rules_allowed_origin(const access_rules_t *self, const char *origin);

#endif
