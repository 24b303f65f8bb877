// tally - what was sent, what came back, in which order and after how long
// SPDX-License-Identifier: MPL-2.0
#include "tally.h"

#include <assert.h>
#include <czmq.h>

#include "latency.h"

struct tally {
    size_t publishers, subscribers;
    uint64_t *sent;        // owned; the newest number of each publisher
    uint64_t *seen;        // owned; subscribers x publishers: the newest number seen
    uint64_t *received;    // owned; events of each subscriber since tally_begin
    tally_counts_t counts;
    bool begun;
    latency_t *latencies;    // owned
};

tally_t *
tally_new(size_t publishers, size_t subscribers)
{
    assert(publishers > 0 && subscribers > 0);
    tally_t *self = zmalloc(sizeof *self);
    self->publishers = publishers;
    self->subscribers = subscribers;
    self->sent = zmalloc(publishers * sizeof *self->sent);
    self->seen = zmalloc(subscribers * publishers * sizeof *self->seen);
    self->received = zmalloc(subscribers * sizeof *self->received);
    self->latencies = latency_new();
    return self;
}

void
tally_destroy(tally_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        tally_t *self = *self_p;
        latency_destroy(&self->latencies);
        free(self->received);
        free(self->seen);
        free(self->sent);
        free(self);
        *self_p = NULL;
    }
}

uint64_t
tally_send(tally_t *self, size_t publisher)
{
    assert(publisher < self->publishers);
    self->counts.sent++;
    return ++self->sent[publisher];
}

void
tally_receive(tally_t *self, size_t subscriber, size_t publisher, uint64_t number)
{
    assert(subscriber < self->subscribers && publisher < self->publishers);
    uint64_t *seen = &self->seen[subscriber * self->publishers + publisher];
    if (self->begun) {
        if (number <= *seen) {
            self->counts.repeated++;
            return;
        }
        self->counts.missing += number - *seen - 1;
    }
    *seen = number;
    self->received[subscriber]++;
    self->counts.delivered++;
}

bool
tally_all_seen(const tally_t *self)
{
    for (size_t subscriber = 0; subscriber < self->subscribers; subscriber++)
        if (memcmp(&self->seen[subscriber * self->publishers], self->sent,
                   self->publishers * sizeof *self->sent) != 0)
            return false;
    return true;
}

void
tally_begin(tally_t *self)
{
    for (size_t subscriber = 0; subscriber < self->subscribers; subscriber++)
        memcpy(&self->seen[subscriber * self->publishers], self->sent,
               self->publishers * sizeof *self->sent);
    memset(self->received, 0, self->subscribers * sizeof *self->received);
    self->counts = (tally_counts_t){0};
    self->begun = true;
}

uint64_t
tally_under_way(const tally_t *self)
{
    uint64_t least = self->received[0];
    for (size_t subscriber = 1; subscriber < self->subscribers; subscriber++)
        if (self->received[subscriber] < least)
            least = self->received[subscriber];
    return self->counts.sent - least;
}

tally_counts_t
tally_counts(const tally_t *self)
{
    return self->counts;
}

void
tally_keep_latency(tally_t *self, int64_t latency_us)
{
    latency_keep(self->latencies, latency_us);
}

uint32_t
tally_latency_us(tally_t *self, double share)
{
    return latency_us(self->latencies, share);
}
