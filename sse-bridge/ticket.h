// ticket - what stands in for a token in a URL: for one stream at a time, and no other
// SPDX-License-Identifier: MPL-2.0
//
// A browser's EventSource can send no header. A page that holds a token, or its cookie, asks
// for a ticket first, which is bound to what it will ask for: path, query, Origin and address.
// The ticket must be used within a minute; then it is good while its stream lives and a minute
// longer, so that the browser's own reconnect works. Tickets are signed, not kept: only those
// whose stream lives, or has just ended, are in the table, and what a restart forgets is good
// for the minute after it.
#ifndef SSE_TICKET_H
#define SSE_TICKET_H

#include <stddef.h>
#include <stdint.h>

#include "mesh/token_store.h"
#include "signer.h"

enum {
    TICKET_GOOD_MS = 60 * 1000,
    TICKET_LONGEST_MS =
        24 * 60 * 60 * 1000,    // after which also a lively one is no longer good
    TICKET_SIZE = 192,
};

typedef struct ticket_table ticket_table_t;

typedef struct ticket_claim {
    const char *path_query;    // as it came, without ticket and last_event_id
    const char *origin;        // "" for none
    const char *address;
} ticket_claim_t;

typedef enum {
    TICKET_GOOD,
    TICKET_FORGED,    // not ours, or for something else
    TICKET_TOO_OLD,
    TICKET_NO_ROOM,    // as many as may be are in use
} ticket_verdict_t;

// signer is borrowed. started_ms and all now_ms are Unix milliseconds.
ticket_table_t *ticket_table_new(const signer_t *signer, size_t limit, int64_t started_ms);
void ticket_table_destroy(ticket_table_t **self_p);

// Make a ticket in the name of a token ("" for the mesh's own).
void ticket_make(const ticket_table_t *self, const ticket_claim_t *claim, const char *token_id,
                 int64_t now_ms, char ticket[static TICKET_SIZE]);

// Look whether a ticket is good for the claim; token_id receives in whose name it was made.
ticket_verdict_t ticket_check(ticket_table_t *self, const char *ticket,
                              const ticket_claim_t *claim, int64_t now_ms,
                              char token_id[static MESH_TOKEN_ID_SIZE]);

// A stream of a good ticket begins; holder is its. Returns the holder of the stream that had it
// until now, which is to end, or NULL.
void *ticket_begin(ticket_table_t *self, const char *ticket, void *holder, int64_t now_ms);

// The holder's stream has ended. Nothing, when another has the ticket by now.
void ticket_end(ticket_table_t *self, const char *ticket, const void *holder, int64_t now_ms);

// Forget those whose minute is over.
void ticket_table_tick(ticket_table_t *self, int64_t now_ms);
size_t ticket_table_size(const ticket_table_t *self);

#endif
