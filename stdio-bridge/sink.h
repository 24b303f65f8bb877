// sink - where relayed bytes go: writing that never blocks, on descriptors others share
// SPDX-License-Identifier: MPL-2.0
//
// O_NONBLOCK lives in the open file, which the user's shell shares; setting it would change
// the shell's own descriptor. So a pipe or a terminal is opened a second time, a socket is
// asked per call, and the rest (files, devices) is written as it is.
#ifndef SINK_H
#define SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct sink sink_t;

// A sink on the user's descriptor fd (0, 1 or 2), which the sink then owns.
// Never NULL: without memory the process ends.
sink_t *sink_new_shared(int fd);

// A second sink on what the user's descriptor fd is, beside the first, with a descriptor of its
// own. NULL with errno when there are none left.
sink_t *sink_new_beside(int fd);

// A sink on a descriptor that is ours alone and has O_NONBLOCK; owned.
sink_t *sink_new_own(int fd);

// Close it, so that whoever reads sees the end. The number of a shared descriptor stays taken,
// by /dev/null.
void sink_destroy(sink_t **self_p);

// End the sink, but leave its descriptors as they are.
void sink_abandon(sink_t **self_p);

// Returns how many bytes were taken, 0 when none can be now, or -1 with errno when the reader
// is gone or the device failed.
ssize_t sink_write(sink_t *self, const void *bytes, size_t size);

// What to poll: for POLLOUT to write on, or for nothing, to hear POLLERR when the reader goes.
int sink_fd(const sink_t *self);

// Whether POLLERR or POLLHUP on it means that nobody reads any more (pipes and sockets).
bool sink_tells_reader_gone(const sink_t *self);

#endif
