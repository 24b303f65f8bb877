// access - who may read what: tokens, cookies and tickets, addresses, and origins of web pages
// SPDX-License-Identifier: MPL-2.0
#ifndef SSE_ACCESS_H
#define SSE_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include <netinet/in.h>

#include "mesh/settings.h"
#include "mesh/token_store.h"
#include "ticket.h"

typedef struct access access_t;

enum {
    ACCESS_COOKIE_SIZE = 128,
    ACCESS_SIGNED_IN_S = 30 * 24 * 60 * 60,    // how long a sign-in lasts
    ACCESS_WARNING_S = 60,    // a stream is told so long before its token expires
};

typedef enum {
    ACCESS_GRANTED,
    ACCESS_NO_TOKEN,       // nothing was shown
    ACCESS_NOT_BEARER,     // an Authorization header of another scheme
    ACCESS_WRONG_TOKEN,    // token or cookie: unknown, revoked or expired, which is not told
    ACCESS_WRONG_TICKET,
    ACCESS_OLD_TICKET,
    ACCESS_NO_TICKETS,    // as many as may be are in use
    ACCESS_NO_SCOPE,      // the token is good, but not for this
    ACCESS_GUESSING,      // too many wrong ones from this address
    ACCESS_VERDICTS,
} access_verdict_t;

// What a request shows. All borrowed; NULL for what it does not.
typedef struct access_shown {
    const char *authorization;    // the header
    const char *cookie;           // the value of our cookie
    const char *ticket;
    const char
        *path_query;    // what a ticket is for: as it came, without ticket and last_event_id
    const char *origin;
    const char *address;    // of the client, never NULL
} access_shown_t;

// In whose name a request is answered.
typedef struct access_grant {
    char token_id[MESH_TOKEN_ID_SIZE];    // "": the mesh's own token, or none is asked for
    int64_t expires_s;                    // Unix seconds; 0: never
    // What may be shown; none: everything. Borrowed until the next access_refresh or
    // access_reload.
    const mesh_scope_t *scopes[MESH_TOKEN_SCOPES];
    size_t scope_count;
    bool by_cookie;    // which a browser shows also when a foreign page asks
} access_grant_t;

// Read the rules from the settings, and the tokens; the mesh's own is made at the first start.
// The settings are borrowed. Returns NULL with *error_p a sentence that the caller frees.
access_t *access_new(const mesh_settings_t *settings, int64_t now_ms, char **error_p);
void access_destroy(access_t **self_p);

// Go by other settings from here on; what is known of guessers and tickets stays. Returns 0, or
// -1 with *error_p, and then nothing has changed.
int access_reload(access_t *self, const mesh_settings_t *settings, char **error_p);

// Whether the settings may be used at all: an address beyond loopback needs
// http/trusted_proxies or http/insecure, every origin is one by name, every proxy a network.
// Returns 0, or -1 with *error_p a sentence the caller frees.
int access_check_settings(const mesh_settings_t *settings, char **error_p);

// Called every second or so: has the file of tokens changed? Returns whether tokens are gone or
// new, so that streams are looked at again.
bool access_refresh(access_t *self, int64_t now_ms);

// The client's address: the peer, or whom a trusted proxy names.
void access_client(const access_t *self, const char *peer, const char *forwarded,
                   char client[static INET6_ADDRSTRLEN]);

// Decide, and count what was wrong. All now_ms are Unix milliseconds.
access_verdict_t access_decide(access_t *self, const access_shown_t *shown,
                               mesh_scope_area_t area, int64_t now_ms, access_grant_t *grant);

// What to tell a client that is refused, without helping a guesser.
const char *access_refusal(access_verdict_t verdict);

// Its name for metrics: "no_token".
const char *access_verdict_name(access_verdict_t verdict);

// How long a guesser has to wait.
int64_t access_wait_ms(const access_t *self, const char *address, int64_t now_ms);

// Whether a token, by its id, is good still; *expires_s receives when it ends (0: never).
bool access_is_good(const access_t *self, const char *token_id, int64_t now_ms,
                    int64_t *expires_s);

// The value of a cookie in the name of the grant's token, and how long it lasts.
int64_t access_sign_in(const access_t *self, const access_grant_t *grant, int64_t now_ms,
                       char cookie[static ACCESS_COOKIE_SIZE]);

ticket_table_t *access_tickets(access_t *self);

// Whether a request to this host (the value of its Host header, or NULL) is answered. Where
// http/allow_hosts is empty and no token is asked for on loopback, only names of loopback are:
// a page of another name that resolves to 127.0.0.1 (DNS rebinding) would else read everything.
bool access_answers_host(const access_t *self, const char *host);

// The origin when pages of it may read our answers; else NULL. origin may be NULL.
const char *access_allowed_origin(const access_t *self, const char *origin);

#endif
