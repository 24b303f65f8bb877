// journal_settings - what the configuration says of the journal
// SPDX-License-Identifier: MPL-2.0
#include "journal_settings.h"

#include <assert.h>
#include <czmq.h>

#include "mesh/paths.h"

static const char memory_word[] = "memory";
static const char file_name[] = "journal.db";

static int
read_path(char **path_p, const mesh_settings_t *settings, char **error_p)
{
    const char *text = mesh_settings_string(settings, "broker/journal");
    *path_p = NULL;
    if (streq(text, memory_word))
        return 0;
    if (text[0] != '\0') {
        *path_p = strdup(text);
        return 0;
    }
    char *directory = mesh_paths_state_dir(settings, error_p);
    if (!directory)
        return -1;
    if (asprintf(path_p, "%s/%s", directory, file_name) < 0)
        abort();
    free(directory);
    return 0;
}

int
journal_settings_read(journal_options_t *options, char **path_p,
                      const mesh_settings_t *settings, char **error_p)
{
    // Families that have a setting of their own; where it is 0, and for the others, retain_age
    // counts.
    static const struct {
        mesh_family_t family;
        const char *key;
    } ages[] = {
        {MESH_FAMILY_ERRORS, "broker/retain_errors"},
        {MESH_FAMILY_MESH, "broker/retain_mesh"},
        {MESH_FAMILY_PROGRESS, "broker/retain_progress"},
    };
    assert(options && path_p && settings && error_p);
    if (read_path(path_p, settings, error_p) != 0)
        return -1;
    *options = (journal_options_t){
        .path = *path_p,
        .durable = streq(mesh_settings_string(settings, "broker/durability"), "disk"),
        .block = (uint64_t) mesh_settings_number(settings, "broker/journal_block"),
        .wal_bytes = mesh_settings_bytes(settings, "broker/journal_wal"),
        .limits = {.events = (uint64_t) mesh_settings_number(settings, "broker/retain_events"),
                   .bytes = mesh_settings_bytes(settings, "broker/retain_bytes")},
        .memory_events = (uint64_t) mesh_settings_number(settings, "broker/memory_events"),
        .memory_bytes = mesh_settings_bytes(settings, "broker/memory_bytes"),
    };
    int64_t age_us = mesh_settings_ms(settings, "broker/retain_age") * 1000;
    for (int family = 0; family < MESH_FAMILIES; family++)
        options->limits.age_us[family] = age_us;
    for (size_t i = 0; i < sizeof ages / sizeof ages[0]; i++) {
        int64_t own_us = mesh_settings_ms(settings, ages[i].key) * 1000;
        if (own_us > 0)
            options->limits.age_us[ages[i].family] = own_us;
    }
    return 0;
}
