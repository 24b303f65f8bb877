// client_limits - how many streams and waiting requests each address and each token has
// SPDX-License-Identifier: MPL-2.0
//
// Not counted by address are those of loopback, which all of one host's clients and every
// proxy's share, and by token those with the mesh's own.
#ifndef SSE_CLIENT_LIMITS_H
#define SSE_CLIENT_LIMITS_H

#include "address_table.h"
#include "mesh/token_store.h"

typedef struct client_limits client_limits_t;

typedef enum {
    CLIENT_LIMITS_ROOM,
    CLIENT_LIMITS_ADDRESS,    // the address has its limit
    CLIENT_LIMITS_TOKEN,
    CLIENT_LIMITS_VERDICTS,
} client_limits_verdict_t;

// What one client is counted by; "" where it is not. Zeroed for none.
typedef struct client_place {
    char address[ADDRESS_TEXT_SIZE];
    char token_id[MESH_TOKEN_ID_SIZE];
} client_place_t;

client_limits_t *client_limits_new(size_t per_address, size_t per_token);
void client_limits_destroy(client_limits_t **self_p);

// Count one more client, of an address and a token's id, "" for the mesh's own. *place is set
// only when there is room, and given back when the client is gone; then it is zeroed.
client_limits_verdict_t client_limits_take(client_limits_t *self, const char *address,
                                           const char *token_id, client_place_t *place);
void client_limits_give_back(client_limits_t *self, client_place_t *place);

// Of a refusal: one word, and a sentence that names the limit. Static.
const char *client_limits_reason(client_limits_verdict_t verdict);
const char *client_limits_detail(client_limits_verdict_t verdict);

#endif
