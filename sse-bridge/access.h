// access - who may read: the token, and the origins of web pages
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_ACCESS_H
#define SSE_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "mesh/settings.h"

typedef struct access access_t;

typedef enum {
    ACCESS_GRANTED,
    ACCESS_NO_TOKEN,      // none was shown
    ACCESS_NOT_BEARER,    // an Authorization header of another scheme
    ACCESS_WRONG_TOKEN,
} access_verdict_t;

// Read the rules from the settings, and the token, which is made at the first start. Returns
// NULL with *error_p a sentence that the caller frees.
access_t *access_new(const mesh_settings_t *settings, char **error_p);
void access_destroy(access_t **self_p);

// Whether the settings may be used at all: an address beyond loopback needs http/insecure, and
// every origin is one by name. Returns 0, or -1 with *error_p a sentence the caller frees.
int access_check_settings(const mesh_settings_t *settings, char **error_p);

// authorization is the header's value, or NULL.
access_verdict_t access_decide(const access_t *self, const char *authorization);

// What to tell a client that is refused, without helping a guesser.
const char *access_refusal(access_verdict_t verdict);

// Whether a request to this host (the value of its Host header, or NULL) is answered. Where no
// token is asked for on loopback, only names of loopback are: a page of another name that
// resolves to 127.0.0.1 (DNS rebinding) would else read everything.
bool access_answers_host(const access_t *self, const char *host);

// The origin when pages of it may read our answers; else NULL. origin may be NULL.
const char *access_allowed_origin(const access_t *self, const char *origin);

#endif
