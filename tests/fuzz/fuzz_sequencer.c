// fuzz_sequencer - the model of tests/unit/test_sequencer.c, its choices made by the input
// SPDX-License-Identifier: MPL-2.0
#include "source_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHOICES_MOST = 4096 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    choice_t choice = choice_of_bytes(data, size < CHOICES_MOST ? size : CHOICES_MOST);
    (void) source_model_run(&choice);
    return 0;
}
