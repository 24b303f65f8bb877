// access - who may read what: tokens, cookies and tickets, addresses, and origins of web pages
// SPDX-License-Identifier: MPL-2.0
#include "access.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <sodium.h>

#include "access_rules.h"
#include "guess_limit.h"
#include "listener.h"
#include "mesh/log.h"
#include "signer.h"

enum { TICKETS = 10000 };

static const char cookie_purpose[] = "cookie";

struct access {
    access_rules_t *rules;    // owned, as all below
    mesh_token_store_t *store;
    struct stat store_seen;
    signer_t *signer;
    guess_limit_t *guesses;
    ticket_table_t *tickets;
};

static struct stat
look(const char *path)
{
    struct stat now;
    return path && stat(path, &now) == 0 ? now : (struct stat){.st_ino = 0};
}

static bool
is_same(const struct stat *left, const struct stat *right)
{
    return left->st_ino == right->st_ino && left->st_size == right->st_size &&
           left->st_mtim.tv_sec == right->st_mtim.tv_sec &&
           left->st_mtim.tv_nsec == right->st_mtim.tv_nsec;
}

access_t *
access_new(const mesh_settings_t *settings, int64_t now_ms, char **error_p)
{
    access_rules_t *rules = access_rules_new(settings, error_p);
    if (!rules)
        return NULL;
    const char *path = access_rules_store_path(rules);
    struct stat seen = look(path);
    mesh_token_store_t *store = path ? mesh_token_store_load(path, error_p) : NULL;
    if (path && !store) {
        access_rules_destroy(&rules);
        return NULL;
    }
    access_t *self = calloc(1, sizeof *self);
    assert(self);
    self->rules = rules;
    self->store = store;
    self->store_seen = seen;
    self->signer = signer_new(access_rules_key(rules), strlen(access_rules_key(rules)));
    self->guesses = guess_limit_new();
    self->tickets = ticket_table_new(self->signer, TICKETS, now_ms);
    return self;
}

void
access_destroy(access_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        access_t *self = *self_p;
        ticket_table_destroy(&self->tickets);
        guess_limit_destroy(&self->guesses);
        signer_destroy(&self->signer);
        mesh_token_store_destroy(&self->store);
        access_rules_destroy(&self->rules);
        free(self);
        *self_p = NULL;
    }
}

int
access_reload(access_t *self, const mesh_settings_t *settings, char **error_p)
{
    access_rules_t *rules = access_rules_new(settings, error_p);
    if (!rules)
        return -1;
    access_rules_destroy(&self->rules);
    self->rules = rules;
    signer_set_key(self->signer, access_rules_key(rules), strlen(access_rules_key(rules)));
    self->store_seen.st_ino = 0;    // read the file again at the next refresh
    return 0;
}

bool
access_refresh(access_t *self, int64_t now_ms)
{
    ticket_table_tick(self->tickets, now_ms);
    const char *path = access_rules_store_path(self->rules);
    struct stat now = look(path);
    if (!path || is_same(&now, &self->store_seen))
        return false;
    self->store_seen = now;
    char *error = NULL;
    mesh_token_store_t *store = mesh_token_store_load(path, &error);
    if (!store) {
        // A token must not stay good because the file that revokes it is damaged.
        mesh_log_error("tokens-unreadable",
                       "%s; until it is mended only the mesh's own token is "
                       "good",
                       error);
        free(error);
    }
    mesh_token_store_destroy(&self->store);
    self->store = store;
    return true;
}

void
access_client(const access_t *self, const char *peer, const char *forwarded,
              char client[static INET6_ADDRSTRLEN])
{
    size_t count;
    const network_t *trusted = access_rules_proxies(self->rules, &count);
    network_client(trusted, count, peer, forwarded, client);
}

// ---- what is shown

bool
access_is_good(const access_t *self, const char *token_id, int64_t now_ms, int64_t *expires_s)
{
    *expires_s = 0;
    if (*token_id == '\0')
        return true;
    const mesh_token_entry_t *entry =
        self->store ? mesh_token_store_by_id(self->store, token_id) : NULL;
    if (!entry)
        return false;
    *expires_s = entry->expires_s;
    return entry->expires_s == 0 || now_ms < entry->expires_s * 1000;
}

// The grant of a token by its id, cut to what it says of an area.
static access_verdict_t
grant_token(const access_t *self, const char *token_id, mesh_scope_area_t area, int64_t now_ms,
            access_grant_t *grant)
{
    if (!access_is_good(self, token_id, now_ms, &grant->expires_s))
        return ACCESS_WRONG_TOKEN;
    (void) snprintf(grant->token_id, sizeof grant->token_id, "%s", token_id);
    if (*token_id == '\0')
        return ACCESS_GRANTED;
    const mesh_token_entry_t *entry = mesh_token_store_by_id(self->store, token_id);
    bool found = false;
    bool everything = false;
    for (size_t at = 0; at < entry->scope_count; at++) {
        const mesh_scope_t *scope = entry->scopes[at];
        if (!mesh_scope_has_area(scope, area))
            continue;
        found = true;
        everything = everything || mesh_scope_is_whole(scope);
        grant->scopes[grant->scope_count++] = scope;
    }
    if (everything)
        grant->scope_count = 0;
    return found ? ACCESS_GRANTED : ACCESS_NO_SCOPE;
}

static access_verdict_t
by_authorization(const access_t *self, const char *authorization, mesh_scope_area_t area,
                 int64_t now_ms, access_grant_t *grant)
{
    static const char scheme[] = "Bearer ";
    if (strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
        return ACCESS_NOT_BEARER;
    const char *given = authorization + sizeof scheme - 1;
    given += strspn(given, " ");
    if (access_rules_own_token_is(self->rules, given))
        return grant_token(self, "", area, now_ms, grant);
    const mesh_token_entry_t *entry =
        self->store ? mesh_token_store_find(self->store, given) : NULL;
    return entry ? grant_token(self, entry->id, area, now_ms, grant) : ACCESS_WRONG_TOKEN;
}

static access_verdict_t
by_cookie(const access_t *self, const char *cookie, mesh_scope_area_t area, int64_t now_ms,
          access_grant_t *grant)
{
    // UNTIL.WHOSE.SEAL
    char words[ACCESS_COOKIE_SIZE];
    const char *seal = strrchr(cookie, '.');
    if (!seal || strlen(cookie) >= sizeof words)
        return ACCESS_WRONG_TOKEN;
    (void) snprintf(words, sizeof words, "%.*s", (int) (seal - cookie), cookie);
    if (!signer_knows(self->signer, cookie_purpose, words, seal + 1))
        return ACCESS_WRONG_TOKEN;
    char *whose = strchr(words, '.');
    *whose++ = '\0';
    if (strtoll(words, NULL, 16) * 1000 <= now_ms)
        return ACCESS_WRONG_TOKEN;
    grant->by_cookie = true;
    return grant_token(self, whose, area, now_ms, grant);
}

static access_verdict_t
by_ticket(access_t *self, const access_shown_t *shown, mesh_scope_area_t area, int64_t now_ms,
          access_grant_t *grant)
{
    const ticket_claim_t claim = {.path_query = shown->path_query,
                                  .origin = shown->origin ? shown->origin : "",
                                  .address = shown->address};
    char token_id[MESH_TOKEN_ID_SIZE];
    switch (ticket_check(self->tickets, shown->ticket, &claim, now_ms, token_id)) {
    case TICKET_GOOD:
        return grant_token(self, token_id, area, now_ms, grant);
    case TICKET_TOO_OLD:
        return ACCESS_OLD_TICKET;
    case TICKET_NO_ROOM:
        return ACCESS_NO_TICKETS;
    default:
        return ACCESS_WRONG_TICKET;
    }
}

access_verdict_t
access_decide(access_t *self, const access_shown_t *shown, mesh_scope_area_t area,
              int64_t now_ms, access_grant_t *grant)
{
    *grant = (access_grant_t){.token_id = ""};
    if (!access_rules_ask_token(self->rules))
        return ACCESS_GRANTED;
    bool shows_header = shown->authorization && *shown->authorization;
    bool shows_ticket = shown->ticket && *shown->ticket;
    bool shows_cookie = shown->cookie && *shown->cookie;
    if (!shows_header && !shows_ticket && !shows_cookie)
        return ACCESS_NO_TOKEN;
    if (access_wait_ms(self, shown->address, now_ms) > 0)
        return ACCESS_GUESSING;
    access_verdict_t verdict =
        shows_header   ? by_authorization(self, shown->authorization, area, now_ms, grant)
        : shows_ticket ? by_ticket(self, shown, area, now_ms, grant)
                       : by_cookie(self, shown->cookie, area, now_ms, grant);
    bool wrong = verdict == ACCESS_WRONG_TOKEN || verdict == ACCESS_WRONG_TICKET;
    // All of one host's programs share loopback: one that guesses must not lock out the others.
    if (wrong && listener_is_loopback(shown->address) != 1)
        guess_limit_failed(self->guesses, shown->address, now_ms);
    return verdict;
}

const char *
access_refusal(access_verdict_t verdict)
{
    switch (verdict) {
    case ACCESS_NO_TOKEN:
        return "this needs a token: send the header \"Authorization: Bearer TOKEN\"; "
               "\"aidermesh token show\" prints it";
    case ACCESS_NOT_BEARER:
        return "the Authorization header is not of the scheme Bearer";
    case ACCESS_WRONG_TOKEN:
        return "the token is not one of this mesh, or no longer";
    case ACCESS_WRONG_TICKET:
        return "the ticket is not for this: it is bound to path, query, Origin and address";
    case ACCESS_OLD_TICKET:
        return "the ticket is too old: it is good for a minute, and a minute after its stream";
    case ACCESS_NO_TICKETS:
        return "as many tickets are in use as may be";
    case ACCESS_NO_SCOPE:
        return "the scope of the token does not include this";
    case ACCESS_GUESSING:
        return "too many wrong tokens came from this address";
    default:
        return "";
    }
}

const char *
access_verdict_name(access_verdict_t verdict)
{
    static const char *const names[] = {
        [ACCESS_GRANTED] = "granted",           [ACCESS_NO_TOKEN] = "no_token",
        [ACCESS_NOT_BEARER] = "not_bearer",     [ACCESS_WRONG_TOKEN] = "wrong_token",
        [ACCESS_WRONG_TICKET] = "wrong_ticket", [ACCESS_OLD_TICKET] = "old_ticket",
        [ACCESS_NO_TICKETS] = "no_tickets",     [ACCESS_NO_SCOPE] = "no_scope",
        [ACCESS_GUESSING] = "guessing",
    };
    return names[verdict];
}

int64_t
access_wait_ms(const access_t *self, const char *address, int64_t now_ms)
{
    return guess_limit_wait_ms(self->guesses, address, now_ms);
}

int64_t
access_sign_in(const access_t *self, const access_grant_t *grant, int64_t now_ms,
               char cookie[static ACCESS_COOKIE_SIZE])
{
    int64_t until_s = now_ms / 1000 + ACCESS_SIGNED_IN_S;
    if (grant->expires_s > 0 && grant->expires_s < until_s)
        until_s = grant->expires_s;
    char words[ACCESS_COOKIE_SIZE];
    char seal[SIGNER_SEAL_SIZE];
    (void) snprintf(words, sizeof words, "%" PRIx64 ".%s", (uint64_t) until_s, grant->token_id);
    signer_seal(self->signer, cookie_purpose, words, seal);
    int bytes = snprintf(cookie, ACCESS_COOKIE_SIZE, "%s.%s", words, seal);
    assert(bytes > 0 && bytes < ACCESS_COOKIE_SIZE);
    return until_s - now_ms / 1000;
}

ticket_table_t *
access_tickets(access_t *self)
{
    return self->tickets;
}

bool
access_answers_host(const access_t *self, const char *host)
{
    return access_rules_answer_host(self->rules, host);
}

const char *
access_allowed_origin(const access_t *self, const char *origin)
{
    return access_rules_allowed_origin(self->rules, origin);
}
