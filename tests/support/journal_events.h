// journal_events - batches of made-up events, for tests of the journal
// SPDX-License-Identifier: MPL-2.0
#ifndef TESTS_JOURNAL_EVENTS_H
#define TESTS_JOURNAL_EVENTS_H

#include "journal_batch.h"

// A batch of count events with the offsets from `first` on, of one source, with as many numbers
// as offsets, recorded at those microseconds. topic is "<type>/h/<session>".
journal_batch_t *journal_events_new(const mesh_uuid_t *source, const char *type, uint64_t first,
                                    size_t count);
void journal_events_destroy(journal_batch_t **self_p);

#endif
