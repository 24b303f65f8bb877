// fuzz_settings - configuration files and assignments never break what they are read into
// SPDX-License-Identifier: MPL-2.0
//
// The first byte of the input chooses: an even one gives the rest as a file, an odd one as an
// assignment. What is accepted must survive being printed and read back.
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *
print_to_text(const mesh_settings_t *settings, size_t *size_p)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size_p);
    assert(out);
    mesh_settings_print(settings, out);
    int rc = fclose(out);
    assert(rc == 0);
    return text;
}

static bool
same_value(const mesh_settings_t *left, const mesh_settings_t *right, const mesh_setting_t *row)
{
    if (row->secret)
        return true;
    switch (row->kind) {
    case MESH_SETTING_STRING:
    case MESH_SETTING_CHOICE:
        return strcmp(mesh_settings_string(left, row->key),
                      mesh_settings_string(right, row->key)) == 0;
    case MESH_SETTING_LIST: {
        size_t size = mesh_settings_list_size(left, row->key);
        if (size != mesh_settings_list_size(right, row->key))
            return false;
        for (size_t i = 0; i < size; i++) {
            if (strcmp(mesh_settings_list_item(left, row->key, i),
                       mesh_settings_list_item(right, row->key, i)) != 0)
                return false;
        }
        return true;
    }
    case MESH_SETTING_FLAG:
        return mesh_settings_flag(left, row->key) == mesh_settings_flag(right, row->key);
    case MESH_SETTING_NUMBER:
        return mesh_settings_number(left, row->key) == mesh_settings_number(right, row->key);
    case MESH_SETTING_DURATION:
        return mesh_settings_ms(left, row->key) == mesh_settings_ms(right, row->key);
    case MESH_SETTING_SIZE:
        return mesh_settings_bytes(left, row->key) == mesh_settings_bytes(right, row->key);
    }
    abort();
}

static void
check_round_trip(const mesh_settings_t *settings)
{
    size_t size = 0;
    char *error = NULL;
    char *text = print_to_text(settings, &size);
    mesh_settings_t *again = mesh_settings_new();
    int rc = mesh_settings_read_zpl(again, text, size, "printed", &error);
    assert(rc == 0);
    for (const mesh_setting_t *row = mesh_settings_table; row->key; row++)
        assert(same_value(settings, again, row));
    mesh_settings_destroy(&again);
    free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    mesh_settings_t *settings = mesh_settings_new();
    char *error = NULL;
    int rc = 0;
    // A copy of its own size, so that one byte read past the end is seen.
    char *text = malloc(size);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    if (data[0] % 2)
        rc = mesh_settings_assign(settings, text, "--set", &error);
    else
        rc = mesh_settings_read_zpl(settings, text, size - 1, "fuzz.cfg", &error);
    assert((rc == 0) == (error == NULL));
    if (rc == 0)
        check_round_trip(settings);
    free(error);
    free(text);
    mesh_settings_destroy(&settings);
    return 0;
}
