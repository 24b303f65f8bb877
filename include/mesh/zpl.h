// zpl - the items of a ZPL text (rfc.zeromq.org/spec/4), each with its line
// SPDX-License-Identifier: MPL-2.0
#ifndef MESH_ZPL_H
#define MESH_ZPL_H

#include <stddef.h>

enum {
    MESH_ZPL_LINE_BYTES = 1023,    // what zconfig takes of a line
    MESH_ZPL_ITEMS = 2000,
    MESH_ZPL_DEPTH = 8,
};

// Called for each item, in the order of the lines: key is the path ("http/port"), value is ""
// for a section; both borrowed. Returns 0 to go on, or -1 to stop.
typedef int mesh_zpl_item_fn(void *arg, int line, const char *key, const char *value);

// Read size_bytes of text and give each item to fn. Returns 0, or -1: when the text is not ZPL
// or past a limit, *error_p is a sentence for the caller to free, *line_p the line it is about,
// and fn was not called; when fn stopped, *error_p is unchanged.
int mesh_zpl_read(const char *text, size_t size_bytes, mesh_zpl_item_fn *fn, void *arg,
                  int *line_p, char **error_p);

#endif
