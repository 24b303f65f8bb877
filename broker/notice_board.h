// notice_board - keeps what the discovery file says of this broker, whoever else writes there
// SPDX-License-Identifier: MPL-2.0
//
// Others read, change and rewrite the file without a lock, some not even atomically: what they
// lose of ours is put back within a second. Brokers take turns by a lock beside the file.
#ifndef BROKER_NOTICE_BOARD_H
#define BROKER_NOTICE_BOARD_H

#include <czmq.h>

#include "discovery_entries.h"

typedef struct notice_board notice_board_t;

// Write at once, and from then on. path is copied; self and registry are borrowed.
notice_board_t *notice_board_new(zloop_t *loop, const char *path, const discovery_self_t *about,
                                 registry_t *registry);

// Take our entries out, and end.
void notice_board_destroy(notice_board_t **self_p);

// A program has come or gone.
void notice_board_change(notice_board_t *self);

#endif
