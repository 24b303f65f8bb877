// load - publishers that send as fast as a window or a rate allows, and what becomes of it
// SPDX-License-Identifier: MPL-2.0
//
// Goes through fixed phases: until the ends are ready; until an event of each publisher has
// reached every subscriber; warming up; measuring; until nothing is under way. The ends
// (raw_ends, mesh_ends, nats_ends) know how an event travels, the load when and how many.
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <czmq.h>
#include <sys/types.h>

typedef struct load load_t;

typedef struct load_options {
    const char *publish, *subscribe, *control;    // endpoints, as the ends want them
    size_t publishers, subscribers;
    size_t body_bytes;    // of an event, with its header
    uint64_t rate;        // events a second; 0 for as many as the window lets through
    uint64_t window;      // events under way at most, where there is no rate
    int64_t warm_ms, measure_ms;
    pid_t server;    // whose CPU time is counted
} load_options_t;

// The two sides of the way that is measured. All borrowed; called in the loop's thread.
typedef struct load_ends {
    // Whether every publisher and subscriber is connected, as far as they can know.
    bool (*ready)(void *arg);
    // Send an event of publisher, whose number it is, with this time of sending.
    void (*send)(void *arg, size_t publisher, uint64_t number, int64_t timestamp_us);
    // Let go what send has gathered; NULL where it gathers nothing.
    void (*flush)(void *arg);
} load_ends_t;

// options are borrowed.
load_t *load_new(zloop_t *loop, const load_options_t *options);
void load_destroy(load_t **self_p);

// A subscriber got an event: name ends in the publisher's index behind the last '/' or '.';
// body is a body frame.
void load_received(load_t *self, size_t subscriber, const char *name, size_t name_bytes,
                   const void *body, size_t body_bytes);

// What waited has been received: send what may follow it.
void load_go_on(load_t *self);

// Go through all phases. Returns 0 when every event came once and in order, else -1.
int load_run(load_t *self, const load_ends_t *ends, void *arg);

// What was measured, as one line of JSON.
void load_print(load_t *self, const char *mode);

#endif
