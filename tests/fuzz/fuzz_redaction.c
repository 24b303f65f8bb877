// fuzz_redaction - a secret in any surroundings goes, and valid UTF-8 stays valid
// SPDX-License-Identifier: MPL-2.0
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "redaction.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char secret[] = "sk-ant-api03-9aB8cD7eF6gH5iJ4kL3mN2oP1qR0";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static redaction_t *redaction;
    if (!redaction) {
        mesh_settings_t *settings = mesh_settings_new();
        char *error = NULL;
        (void) setenv("HOME", "/home/someone", 1);
        redaction = redaction_new(settings, &error);
        mesh_settings_destroy(&settings);
        assert(redaction);
    }
    if (size == 0)
        return 0;
    // The secret stands where the first byte says, as a word of its own.
    size_t at = data[0] % size;
    char *text = malloc(size + sizeof secret + 2);
    memcpy(text, data + 1, at);
    text[at] = ' ';
    memcpy(text + at + 1, secret, sizeof secret - 1);
    text[at + sizeof secret] = ' ';
    memcpy(text + at + sizeof secret + 1, data + 1 + at, size - 1 - at);
    size_t length = size + sizeof secret;
    text[length] = '\0';
    json_t *string = json_stringn(text, length);
    if (string) {
        json_t *payload = json_pack("{s:o}", "text", string);
        redaction_payload(redaction, payload);
        const char *clean = json_string_value(json_object_get(payload, "text"));
        assert(clean && !strstr(clean, secret));
        json_t *again = json_string(clean);
        assert(again);
        json_decref(again);
        json_decref(payload);
    }
    char *clean = redaction_text(redaction, text);
    assert(!strstr(clean ? clean : text, secret));
    free(clean);
    bool in_block = data[0] & 1;
    free(redaction_line(redaction, text, &in_block));
    json_decref(redaction_take_counts(redaction));
    free(text);
    return 0;
}
