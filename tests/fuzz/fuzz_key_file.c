// fuzz_key_file - a key's file from anywhere is a key, or is refused with a sentence
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/key_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    // A copy of its own size, so that one byte read past the end is seen.
    char *text = malloc(size ? size : 1);
    if (size)
        memcpy(text, data, size);
    mesh_key_file_t file;
    char *error = NULL;
    int rc = mesh_key_file_parse(&file, text, size, &error);
    assert((rc == 0) == (error == NULL));
    size_t key_bytes = MESH_KEY_TEXT_SIZE - 1;
    if (rc == 0) {
        assert(strlen(file.public_key) == key_bytes);
        assert(!*file.secret_key || strlen(file.secret_key) == key_bytes);
        assert(!*file.server_key || strlen(file.server_key) == key_bytes);
        assert(!*file.name || mesh_key_name_is_legal(file.name));
    } else {
        assert(!*file.public_key && !*file.secret_key && file.role == MESH_ROLE_NONE);
    }
    free(error);
    free(text);
    return 0;
}
