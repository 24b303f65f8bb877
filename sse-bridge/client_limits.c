// client_limits - how many streams and waiting requests each address and each token has
// SPDX-License-Identifier: MPL-2.0
#include "client_limits.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "listener.h"

struct client_limits {
    address_table_t *addresses;    // owned
    address_table_t *tokens;       // the same, by token; owned
};

static const struct {
    const char *reason;
    const char *detail;
} refusals[CLIENT_LIMITS_VERDICTS] = {
    [CLIENT_LIMITS_ADDRESS] = {"address_limit",
                               "this address has as many streams and waiting requests as it "
                               "may (http/clients_per_address)"},
    [CLIENT_LIMITS_TOKEN] = {"token_limit", "this token has as many streams and waiting "
                                            "requests as it may (http/clients_per_token)"},
};

client_limits_t *
client_limits_new(size_t per_address, size_t per_token)
{
    client_limits_t *self = calloc(1, sizeof *self);
    assert(self);
    self->addresses = address_table_new(per_address);
    self->tokens = address_table_new(per_token);
    return self;
}

void
client_limits_destroy(client_limits_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        address_table_destroy(&(*self_p)->addresses);
        address_table_destroy(&(*self_p)->tokens);
        free(*self_p);
        *self_p = NULL;
    }
}

client_limits_verdict_t
client_limits_take(client_limits_t *self, const char *address, const char *token_id,
                   client_place_t *place)
{
    *place = (client_place_t){0};
    bool counted = listener_is_loopback(address) != 1;
    if (counted && address_table_take(self->addresses, address) != 0)
        return CLIENT_LIMITS_ADDRESS;
    if (token_id[0] != '\0' && address_table_take(self->tokens, token_id) != 0) {
        if (counted)
            address_table_give_back(self->addresses, address);
        return CLIENT_LIMITS_TOKEN;
    }
    if (counted)
        (void) snprintf(place->address, sizeof place->address, "%s", address);
    (void) snprintf(place->token_id, sizeof place->token_id, "%s", token_id);
    return CLIENT_LIMITS_ROOM;
}

void
client_limits_give_back(client_limits_t *self, client_place_t *place)
{
    if (place->address[0] != '\0')
        address_table_give_back(self->addresses, place->address);
    if (place->token_id[0] != '\0')
        address_table_give_back(self->tokens, place->token_id);
    *place = (client_place_t){0};
}

const char *
client_limits_reason(client_limits_verdict_t verdict)
{
    return refusals[verdict].reason;
}

const char *
client_limits_detail(client_limits_verdict_t verdict)
{
    return refusals[verdict].detail;
}
