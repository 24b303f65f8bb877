// ticket - what stands in for a token in a URL: for one stream at a time, and no other
// SPDX-License-Identifier: MPL-2.0
#include "ticket.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <czmq.h>
#include <sodium.h>

static const char purpose[] = "ticket";

struct ticket_table {
    const signer_t *signer;
    zhashx_t *used;     // used_t by ticket, owned
    zlistx_t *ended;    // the same; whose stream ended longest ago is first
    size_t limit;
    int64_t started_ms;
};

typedef struct used {
    char ticket[TICKET_SIZE];
    void *holder;    // of the stream that lives; NULL when none does
    int64_t ended_ms;
    void *place;    // among the ended; NULL while a stream lives
} used_t;

static void
used_destroy(void **item_p)
{
    free(*item_p);
    *item_p = NULL;
}

ticket_table_t *
ticket_table_new(const signer_t *signer, size_t limit, int64_t started_ms)
{
    ticket_table_t *self = calloc(1, sizeof *self);
    assert(self);
    self->signer = signer;
    self->limit = limit;
    self->started_ms = started_ms;
    self->used = zhashx_new();
    self->ended = zlistx_new();
    zhashx_set_destructor(self->used, used_destroy);
    return self;
}

void
ticket_table_destroy(ticket_table_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        zlistx_destroy(&(*self_p)->ended);
        zhashx_destroy(&(*self_p)->used);
        free(*self_p);
        *self_p = NULL;
    }
}

// What is sealed: the ticket's own words, and what it is for. No part can hold a newline: HTTP
// ends a line there. The caller frees it.
static char *
sealed_text(const char *words, const ticket_claim_t *claim)
{
    char *text = NULL;
    int rc = asprintf(&text, "%s\n%s\n%s\n%s", words, claim->path_query, claim->origin,
                      claim->address);
    assert(rc >= 0);
    return text;
}

void
ticket_make(const ticket_table_t *self, const ticket_claim_t *claim, const char *token_id,
            int64_t now_ms, char ticket[static TICKET_SIZE])
{
    // WHEN.WHOSE.WHICH: a random part, so that two tickets for the same are two.
    unsigned char random[8];
    char which[2 * sizeof random + 1];
    char words[TICKET_SIZE];
    char seal[SIGNER_SEAL_SIZE];
    randombytes_buf(random, sizeof random);
    sodium_bin2hex(which, sizeof which, random, sizeof random);
    (void) snprintf(words, sizeof words, "%" PRIx64 ".%s.%s", (uint64_t) now_ms, token_id,
                    which);
    char *text = sealed_text(words, claim);
    signer_seal(self->signer, purpose, text, seal);
    free(text);
    int bytes = snprintf(ticket, TICKET_SIZE, "%s.%s", words, seal);
    assert(bytes > 0 && bytes < TICKET_SIZE);
}

static ticket_verdict_t
check_age(ticket_table_t *self, const char *ticket, int64_t made_ms, int64_t now_ms)
{
    const used_t *used = zhashx_lookup(self->used, ticket);
    if (now_ms - made_ms > TICKET_LONGEST_MS)
        return TICKET_TOO_OLD;
    if (used)
        return used->holder || now_ms - used->ended_ms <= TICKET_GOOD_MS ? TICKET_GOOD
                                                                         : TICKET_TOO_OLD;
    // Never used, or used before we started.
    bool fresh = now_ms - made_ms <= TICKET_GOOD_MS;
    bool of_predecessor =
        made_ms <= self->started_ms && now_ms - self->started_ms <= TICKET_GOOD_MS;
    if (!fresh && !of_predecessor)
        return TICKET_TOO_OLD;
    return zhashx_size(self->used) < self->limit ? TICKET_GOOD : TICKET_NO_ROOM;
}

ticket_verdict_t
ticket_check(ticket_table_t *self, const char *ticket, const ticket_claim_t *claim,
             int64_t now_ms, char token_id[static MESH_TOKEN_ID_SIZE])
{
    char words[TICKET_SIZE];
    char made[17];
    token_id[0] = '\0';
    const char *seal = strrchr(ticket, '.');
    if (!seal || strlen(ticket) >= TICKET_SIZE)
        return TICKET_FORGED;
    (void) snprintf(words, sizeof words, "%.*s", (int) (seal - ticket), ticket);
    char *text = sealed_text(words, claim);
    bool ours = signer_knows(self->signer, purpose, text, seal + 1);
    free(text);
    if (!ours)
        return TICKET_FORGED;
    // From here on the words are ours, and so is their form.
    const char *whose = strchr(words, '.') + 1;
    (void) snprintf(made, sizeof made, "%.*s", (int) (whose - 1 - words), words);
    (void) snprintf(token_id, MESH_TOKEN_ID_SIZE, "%.*s", (int) strcspn(whose, "."), whose);
    return check_age(self, ticket, (int64_t) strtoull(made, NULL, 16), now_ms);
}

void *
ticket_begin(ticket_table_t *self, const char *ticket, void *holder, int64_t now_ms)
{
    ticket_table_tick(self, now_ms);
    used_t *used = zhashx_lookup(self->used, ticket);
    if (!used) {
        used = calloc(1, sizeof *used);
        assert(used);
        (void) snprintf(used->ticket, sizeof used->ticket, "%s", ticket);
        zhashx_insert(self->used, ticket, used);
    }
    if (used->place)
        zlistx_detach(self->ended, used->place);
    used->place = NULL;
    void *before = used->holder;
    used->holder = holder;
    return before;
}

void
ticket_end(ticket_table_t *self, const char *ticket, const void *holder, int64_t now_ms)
{
    used_t *used = zhashx_lookup(self->used, ticket);
    if (!used || used->holder != holder)
        return;
    used->holder = NULL;
    used->ended_ms = now_ms;
    used->place = zlistx_add_end(self->ended, used);
}

void
ticket_table_tick(ticket_table_t *self, int64_t now_ms)
{
    const used_t *oldest;
    while ((oldest = zlistx_first(self->ended)) && now_ms - oldest->ended_ms > TICKET_GOOD_MS) {
        zlistx_detach(self->ended, oldest->place);
        zhashx_delete(self->used, oldest->ticket);
    }
}

size_t
ticket_table_size(const ticket_table_t *self)
{
    return zhashx_size(self->used);
}
