// frame_cache - frames that are made when they are wanted, and kept while there is room
// SPDX-License-Identifier: MPL-2.0
//
// A frame has the number of what it shows, and can be made again at any time, with the same
// bytes: so the newest overwrite the oldest, and nobody is told. Its memory is taken with the
// first frame.
#ifndef SSE_FRAME_CACHE_H
#define SSE_FRAME_CACHE_H

#include <stddef.h>
#include <stdint.h>

typedef struct frame_cache frame_cache_t;

// Frames that are used together, as in one system call, and so must lie there together: where
// the oldest of them is. FRAME_CACHE_NONE at first.
typedef uint64_t frame_cache_hold_t;
#define FRAME_CACHE_NONE UINT64_MAX

// Create one that takes size_bytes in all: an eighth for its table, the rest for frames.
frame_cache_t *frame_cache_new(size_t size_bytes);
void frame_cache_destroy(frame_cache_t **self_p);

// The frame of a number, which joins those held; NULL when it is not there.
const char *frame_cache_find(const frame_cache_t *self, uint64_t number, size_t *bytes,
                             frame_cache_hold_t *hold);

// Room for the frame of a number, which the caller fills, and which joins those held. NULL when
// it would take the room of one that is held, which is never so where none is. bytes is at most
// seven eighths of all.
char *frame_cache_add(frame_cache_t *self, uint64_t number, size_t bytes,
                      frame_cache_hold_t *hold);

// Write over all frames, and have none.
void frame_cache_clear(frame_cache_t *self);

// Bytes that frames now take, and how many were ever made.
size_t frame_cache_bytes(const frame_cache_t *self);
uint64_t frame_cache_made(const frame_cache_t *self);

#endif
