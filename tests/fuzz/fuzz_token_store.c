// fuzz_token_store - any bytes as the file of tokens: refused with a sentence, or read whole
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "mesh/token_store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *error = NULL;
    mesh_token_store_t *store = mesh_token_store_parse((const char *) data, size, &error);
    assert(!store != !error);
    for (size_t at = 0; store && at < mesh_token_store_size(store); at++) {
        const mesh_token_entry_t *entry = mesh_token_store_entry(store, at);
        assert(entry->scope_count > 0 && mesh_token_store_by_id(store, entry->id));
    }
    mesh_token_store_destroy(&store);
    free(error);
    return 0;
}
