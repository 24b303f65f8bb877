// renumber - what waits under one source, given to another
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_RENUMBER_H
#define MESH_RENUMBER_H

#include "mesh/outbox.h"

// Move all that waits in `from` into `to`, in its order, under the source and the next numbers
// of `to`; what was sent already, too: whoever took it has it under another name. Numbers that
// stood for lost events are lost events of `to`. Nothing waits in `from` then. Returns how many
// events there were.
size_t mesh_renumber(mesh_outbox_t *from, mesh_outbox_t *to);

// How soon events of the type make room for others.
mesh_rank_t mesh_renumber_rank(const char *type);

#endif
