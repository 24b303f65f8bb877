// copy - one direction of the relay: from a descriptor to a sink, and then into the tap
// SPDX-License-Identifier: MPL-2.0
#ifndef COPY_H
#define COPY_H

#include <poll.h>
#include <stdbool.h>

#include "mcp_gate.h"
#include "sink.h"
#include "tap.h"

enum { COPY_POLLS = 2 };    // entries of poll that one copy needs

typedef struct copy copy_t;

// Copy from source to sink, which is taken. A shared source is the user's stdin: it is read
// only when poll says so, and its number stays taken; any other is ours alone, has O_NONBLOCK
// and is owned. tap (borrowed) may be NULL: then nothing is copied aside.
copy_t *copy_new(int source, bool shared, sink_t *sink, tap_kind_t stream, tap_t *tap);
void copy_destroy(copy_t **self_p);

// End the copy, but leave its descriptors as they are.
void copy_abandon(copy_t **self_p);

// Have fn change what was read before it is passed on: in place, returning the size that
// remains. NULL for nothing, as at the beginning.
typedef size_t copy_filter_fn(void *arg, uint8_t *bytes, size_t size);
void copy_filter(copy_t *self, copy_filter_fn *fn, void *arg);

// From now on, what is read goes through a gate (borrowed) before it goes to the sink. To be
// called before anything is copied. The tap gets what was read.
void copy_set_gate(copy_t *self, mcp_gate_t *gate);

// Offer the gate a line to let in, as mcp_gate_let_in; refused while something is still to be
// written. It is on its way when this returns true.
bool copy_let_in(copy_t *self, const uint8_t *line, size_t size, uint64_t seen_bytes);

// Fill in what to wait for, and act on what came.
void copy_prepare(const copy_t *self, struct pollfd polls[COPY_POLLS]);
void copy_proceed(copy_t *self, const struct pollfd polls[COPY_POLLS]);

// Stop or go on reading the source; what was read is still passed on.
void copy_pause(copy_t *self, bool paused);

// The command has ended: pass on what it left behind, at most what its pipe holds now, and be
// done.
void copy_finish(copy_t *self);

// Nothing more comes this way. Source and sink are closed by then, except after copy_finish.
bool copy_is_done(const copy_t *self);

// Done after copy_finish, but somebody else still holds the other end of the source.
bool copy_is_left_open(const copy_t *self);

// Go on until the source ends, without the tap: for copy_is_left_open.
void copy_resume(copy_t *self);

// 0, or the errno with which the sink failed otherwise than by a reader that went away.
int copy_error(const copy_t *self);

#endif
