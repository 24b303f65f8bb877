// ends - the ways an event can travel from the load's publishers to its subscribers
// SPDX-License-Identifier: MPL-2.0
#ifndef BENCH_ENDS_H
#define BENCH_ENDS_H

#include "load.h"
#include "mesh/wire.h"

// Each _new connects what it makes; load and its options are borrowed and must outlive it. It
// returns NULL, having said why on stderr, when an endpoint cannot be used. The ends are given
// to load_run with the table of the same name.

// SUB sockets; a part of the first two.
typedef struct subscribers subscribers_t;
subscribers_t *subscribers_new(zloop_t *loop, load_t *load, const load_options_t *options);
void subscribers_destroy(subscribers_t **self_p);

// XPUB and SUB sockets that speak the mesh's event frames and nothing else: what a proxy
// forwards too. The sources say no hello, and nothing is acknowledged.
typedef struct raw_ends raw_ends_t;
raw_ends_t *raw_ends_new(zloop_t *loop, load_t *load, const load_options_t *options);
void raw_ends_destroy(raw_ends_t **self_p);
extern const load_ends_t raw_ends;

// The mesh's own publishers, each with its link: hello, window, acknowledgements.
typedef struct mesh_ends mesh_ends_t;
mesh_ends_t *mesh_ends_new(zloop_t *loop, load_t *load, const load_options_t *options);
void mesh_ends_destroy(mesh_ends_t **self_p);
extern const load_ends_t mesh_ends;

// Clients of a NATS server, one connection each; options->publish is its HOST:PORT.
typedef struct nats_ends nats_ends_t;
nats_ends_t *nats_ends_new(zloop_t *loop, load_t *load, const load_options_t *options);
void nats_ends_destroy(nats_ends_t **self_p);
extern const load_ends_t nats_ends;

// A body frame of publisher's event, options->body_bytes long: a header, whose source says
// which publisher it is, and an object of JSON.
void ends_fill_body(uint8_t *body, size_t body_bytes, size_t publisher, uint64_t number,
                    int64_t timestamp_us);

#endif
