// settings_print - the effective configuration as a ZPL file that can be read back
// SPDX-License-Identifier: MPL-2.0
#include <string.h>

#include "settings_private.h"
#include "text.h"

// A comment is a line too, and a path in an origin may be long.
enum { COMMENT_BYTES = 900 };

static void
print_value(const mesh_settings_t *self, const mesh_setting_t *row, FILE *out)
{
    const char *name = strchr(row->key, '/') + 1;
    const char *text = mesh_settings_text(self, row);
    char origin[COMMENT_BYTES];
    size_t used = 0;
    (void) mesh_text_escape(origin, sizeof origin, &used, mesh_settings_origin(self, row->key),
                            MESH_TEXT_LINE);

    (void) fprintf(out, "    # %s\n    # from: %s\n", row->meaning, origin);
    // Reading *** back would make it the secret.
    if (row->secret && *text)
        (void) fprintf(out, "    # %s = \"***\"\n", name);
    else if (strchr(text, '"'))
        (void) fprintf(out, "    %s = '%s'\n", name, text);
    else
        (void) fprintf(out, "    %s = \"%s\"\n", name, text);
}

void
mesh_settings_print(const mesh_settings_t *self, FILE *out)
{
    const char *section = "";
    size_t section_bytes = 0;
    for (const mesh_setting_t *row = mesh_settings_table; row->key; row++) {
        size_t bytes = strcspn(row->key, "/");
        if (bytes != section_bytes || strncmp(section, row->key, bytes) != 0) {
            section = row->key;
            section_bytes = bytes;
            (void) fprintf(out, "%.*s\n", (int) bytes, section);
        }
        print_value(self, row, out);
    }
}
