// session_labels - the name and the labels that a user gives a session, within their limits
// SPDX-License-Identifier: MPL-2.0
#include "session_labels.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    SHOWN_BYTES = 80,
    SENTENCE_BYTES = 512,
};

static const char labels_key[] = "bridge/labels";
static const char name_key[] = "bridge/name";

// How much of a text to show: whole characters.
static int
shown(const char *text)
{
    size_t length = strlen(text);
    if (length > SHOWN_BYTES)
        for (length = SHOWN_BYTES; ((unsigned char) text[length] & 0xc0) == 0x80;)
            length--;
    return (int) length;
}

static bool
is_taken(const session_label_t *labels, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(labels[i].key, key))
            return true;
    }
    return false;
}

// Read text as the label after count others. Returns NULL, or what is wrong with it.
static const char *
read_label(const char *text, session_label_t *labels, size_t count)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return "is not KEY=VALUE (a comma begins the next label)";
    size_t length = (size_t) (equals - text);
    if (length > SESSION_LABEL_KEY_BYTES)
        return "has too long a key, allowed: 64 bytes";
    if (strlen(equals + 1) > SESSION_LABEL_VALUE_BYTES)
        return "has too long a value, allowed: 256 bytes";
    session_label_t *label = &labels[count];
    memcpy(label->key, text, length);
    label->key[length] = '\0';
    label->value = equals + 1;
    return is_taken(labels, count, label->key) ? "has a key that an earlier one has" : NULL;
}

// Take what is right, and tell wrong, which may be NULL, of the rest.
static size_t
read_labels(const mesh_settings_t *settings, session_label_t *labels, size_t *wrong_count,
            session_labels_wrong_fn *wrong, void *arg)
{
    static_assert(SESSION_LABEL_KEY_BYTES == 64 && SESSION_LABEL_VALUE_BYTES == 256,
                  "the sentences say so");
    bool by_option = mesh_settings_origin(settings, labels_key)[0] == '-';
    size_t size = mesh_settings_list_size(settings, labels_key);
    size_t count = 0;
    char sentence[SENTENCE_BYTES];
    for (size_t i = 0; i < size && i < SESSION_LABELS_MOST; i++) {
        const char *text = mesh_settings_list_item(settings, labels_key, i);
        const char *problem = read_label(text, labels, count);
        if (!problem) {
            count++;
            continue;
        }
        ++*wrong_count;
        (void) snprintf(sentence, sizeof sentence, "the label \"%.*s\" %s", shown(text), text,
                        problem);
        if (wrong)
            wrong(arg, sentence, by_option);
    }
    if (size > SESSION_LABELS_MOST) {
        ++*wrong_count;
        (void) snprintf(sentence, sizeof sentence, "there are %zu labels, allowed: %d", size,
                        SESSION_LABELS_MOST);
        if (wrong)
            wrong(arg, sentence, by_option);
    }
    return count;
}

size_t
session_labels_take(const mesh_settings_t *settings,
                    session_label_t labels[static SESSION_LABELS_MOST])
{
    assert(settings && labels);
    size_t wrong = 0;
    return read_labels(settings, labels, &wrong, NULL, NULL);
}

const char *
session_labels_name(const mesh_settings_t *settings)
{
    const char *name = mesh_settings_string(settings, name_key);
    return *name && strlen(name) <= SESSION_NAME_BYTES ? name : NULL;
}

size_t
session_labels_check(const mesh_settings_t *settings, session_labels_wrong_fn *wrong, void *arg)
{
    assert(settings && wrong);
    session_label_t labels[SESSION_LABELS_MOST];
    size_t wrong_count = 0;
    (void) read_labels(settings, labels, &wrong_count, wrong, arg);
    const char *name = mesh_settings_string(settings, name_key);
    if (*name && !session_labels_name(settings)) {
        char sentence[SENTENCE_BYTES];
        (void) snprintf(sentence, sizeof sentence,
                        "the name \"%.*s...\" has %zu bytes, allowed: %d", shown(name), name,
                        strlen(name), SESSION_NAME_BYTES);
        wrong(arg, sentence, mesh_settings_origin(settings, name_key)[0] == '-');
        wrong_count++;
    }
    return wrong_count;
}
