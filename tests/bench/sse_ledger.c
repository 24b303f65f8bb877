// sse_ledger - which numbers of which channels each client of a load has had
// SPDX-License-Identifier: MPL-2.0
#include "sse_ledger.h"

#include <assert.h>
#include <stdlib.h>

typedef struct client {
    uint32_t channel;    // or SSE_LEDGER_ALL
    bool follows;
    uint64_t had;       // events; of an excused one not counted any more
    uint64_t last;      // of its one channel
    uint64_t *lasts;    // of all channels; owned; NULL for a client of one
} client_t;

struct sse_ledger {
    size_t client_count, channel_count;
    client_t *clients;         // owned
    uint64_t *sent;            // owned; the newest number of each channel
    uint32_t *followers;       // owned; clients that follow the channel alone
    uint64_t followers_all;    // clients that follow all
    sse_ledger_counts_t counts;
};

sse_ledger_t *
sse_ledger_new(size_t clients, size_t channels)
{
    assert(clients > 0 && channels > 0);
    sse_ledger_t *self = calloc(1, sizeof *self);
    assert(self);
    self->client_count = clients;
    self->channel_count = channels;
    self->clients = calloc(clients, sizeof *self->clients);
    self->sent = calloc(channels, sizeof *self->sent);
    self->followers = calloc(channels, sizeof *self->followers);
    assert(self->clients && self->sent && self->followers);
    return self;
}

void
sse_ledger_destroy(sse_ledger_t **self_p)
{
    assert(self_p);
    sse_ledger_t *self = *self_p;
    if (self) {
        for (size_t at = 0; at < self->client_count; at++)
            free(self->clients[at].lasts);
        free(self->clients);
        free(self->sent);
        free(self->followers);
        free(self);
        *self_p = NULL;
    }
}

void
sse_ledger_follow(sse_ledger_t *self, size_t index, uint32_t channel)
{
    assert(index < self->client_count && self->counts.sent == 0);
    client_t *client = &self->clients[index];
    assert(!client->follows);
    client->follows = true;
    client->channel = channel;
    if (channel == SSE_LEDGER_ALL) {
        client->lasts = calloc(self->channel_count, sizeof *client->lasts);
        assert(client->lasts);
        self->followers_all++;
    } else {
        assert(channel < self->channel_count);
        self->followers[channel]++;
    }
}

void
sse_ledger_excuse(sse_ledger_t *self, size_t index)
{
    assert(index < self->client_count);
    client_t *client = &self->clients[index];
    if (!client->follows)
        return;
    client->follows = false;
    if (client->channel == SSE_LEDGER_ALL) {
        self->followers_all--;
        self->counts.owed -= self->counts.sent - client->had;
    } else {
        self->followers[client->channel]--;
        self->counts.owed -= self->sent[client->channel] - client->had;
    }
}

uint64_t
sse_ledger_send(sse_ledger_t *self, uint32_t channel)
{
    assert(channel < self->channel_count);
    self->counts.sent++;
    self->counts.owed += self->followers[channel] + self->followers_all;
    return ++self->sent[channel];
}

bool
sse_ledger_receive(sse_ledger_t *self, size_t index, uint32_t channel, uint64_t number)
{
    assert(index < self->client_count);
    client_t *client = &self->clients[index];
    if (!client->follows)
        return true;
    if (channel >= self->channel_count || number == 0 || number > self->sent[channel] ||
        (client->channel != SSE_LEDGER_ALL && client->channel != channel)) {
        self->counts.strange++;
        return false;
    }
    uint64_t *last = client->lasts ? &client->lasts[channel] : &client->last;
    if (number <= *last) {
        self->counts.repeated++;
        return false;
    }
    uint64_t missed = number - *last - 1;
    *last = number;
    self->counts.missing += missed;
    self->counts.delivered++;
    client->had += missed + 1;
    return missed == 0;
}

size_t
sse_ledger_waiting(const sse_ledger_t *self)
{
    size_t waiting = 0;
    for (size_t at = 0; at < self->client_count; at++) {
        const client_t *client = &self->clients[at];
        if (!client->follows)
            continue;
        uint64_t due =
            client->channel == SSE_LEDGER_ALL ? self->counts.sent : self->sent[client->channel];
        waiting += client->had < due;
    }
    return waiting;
}

sse_ledger_counts_t
sse_ledger_counts(const sse_ledger_t *self)
{
    return self->counts;
}
