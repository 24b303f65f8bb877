// fuzz_journal_run - any bytes as a run of the journal: read within them, and as they were made
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "journal_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    journal_run_t again = {0};
    journal_run_event_t event;
    journal_run_outcome_t outcome;
    journal_run_cursor_t cursor = journal_run_read(data, size);
    while ((outcome = journal_run_next(&cursor, &event)) == JOURNAL_RUN_EVENT)
        journal_run_add(&again, &event);    // which reads all of it
    // What was read makes the same bytes, as far as it was read.
    assert(again.used <= size && (outcome == JOURNAL_RUN_DAMAGED || again.used == size));
    if (again.used > 0)
        assert(memcmp(again.bytes, data, again.used) == 0);
    journal_run_free(&again);
    return 0;
}
