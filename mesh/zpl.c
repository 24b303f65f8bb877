// zpl - the items of a ZPL text (rfc.zeromq.org/spec/4), each with its line
// SPDX-License-Identifier: MPL-2.0
//
// Read here and not by zconfig, which says what is wrong on stdout and without the file's name,
// cuts lines at 1 KiB and then loses its place; and which would bring libczmq and thirty
// further libraries into every start of the stdio-bridge, before the command that it wraps.
#include "mesh/zpl.h"

#include <assert.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static_assert(MESH_ZPL_ITEMS == 2000 && MESH_ZPL_LINE_BYTES == 1023, "said in words below");

typedef struct item {
    int line;
    int level;
    char *name;     // borrowed from the tidied text, as the next
    char *value;    // "" without one
} item_t;

typedef struct outline {
    item_t items[MESH_ZPL_ITEMS];    // in their order
    size_t count;
    int level;    // of the last item; -1 before the first
} outline_t;

static bool
is_name_character(char c)
{
    return isalnum((unsigned char) c) || (c && strchr("$-_@.&+/", c));
}

// What follows a name or a quoted value: nothing, or a comment.
static const char *
check_rest(const char *at)
{
    at += strspn(at, " \t");
    return *at == '\0' || *at == '#' ? NULL : "has words that belong to nothing";
}

// Take the value that stands behind a name: in quotes, or up to a comment. *value_p then ends
// with NUL, in place.
static const char *
take_value(char *at, char **value_p)
{
    at += strspn(at, " ");
    if (*at != '=')
        return check_rest(at);
    at++;
    at += strspn(at, " ");
    if (*at == '"' || *at == '\'') {
        char *end = strchr(at + 1, *at);
        if (!end)
            return "has a quote that is not closed";
        *end = '\0';
        *value_p = at + 1;
        return check_rest(end + 1);
    }
    *value_p = at;
    char *end = at + strcspn(at, "#");
    while (end > at && end[-1] == ' ')
        end--;
    *end = '\0';
    return NULL;
}

// Returns NULL, or what is wrong with the line. line has no newline, is tidied, and is the
// outline's from now on.
static const char *
take_line(outline_t *outline, char *line, int number)
{
    if (!mesh_text_is_plain(line))
        return "has control characters, or is not UTF-8";
    size_t indent = strspn(line, " ");
    char *name = line + indent;
    char *end = name;
    while (is_name_character(*end))
        end++;
    if (indent % 4)
        return "is not indented by a multiple of four spaces";
    if (end == name)
        return check_rest(name);
    if (*name == '/' || end[-1] == '/')
        return "has a name that begins or ends with '/'";
    int level = (int) (indent / 4);
    if (level > outline->level + 1)
        return "is indented deeper than its section";
    if (level >= MESH_ZPL_DEPTH)
        return "is nested too deeply";
    item_t item = {.line = number, .level = level, .name = name, .value = line + strlen(line)};
    const char *wrong = take_value(end, &item.value);
    if (wrong)
        return wrong;
    *end = '\0';
    if (outline->count == MESH_ZPL_ITEMS)
        return "is one item more than the 2000 allowed";
    outline->items[outline->count++] = item;
    outline->level = level;
    return NULL;
}

// Drop the end of a line that nobody sees, and make tabs spaces, so that a tab is refused by
// name where it would count as indentation.
static void
tidy_line(char *line)
{
    for (char *at = line; *at; at++) {
        if (*at == '\t')
            *at = ' ';
    }
    size_t length = strlen(line);
    while (length && (line[length - 1] == ' ' || line[length - 1] == '\r'))
        line[--length] = '\0';
}

// Fill the outline with what stands in the text, of which tidy becomes a copy cut into lines.
static int
take_text(outline_t *outline, const char *text, size_t size_bytes, char *tidy, int *line_p,
          char **error_p)
{
    const char *wrong = NULL;
    const char *at = text;
    size_t left = size_bytes;
    int number = 0;
    while (left && !wrong) {
        const char *newline = memchr(at, '\n', left);
        size_t length = newline ? (size_t) (newline - at) : left;
        size_t taken = newline ? length + 1 : length;
        number++;
        if (length > MESH_ZPL_LINE_BYTES)
            wrong = "is longer than 1023 bytes";
        else if (memchr(at, '\0', length))
            wrong = "has control characters, or is not UTF-8";
        else {
            memcpy(tidy, at, length);
            tidy[length] = '\0';
            tidy_line(tidy);
            wrong = take_line(outline, tidy, number);
            tidy += length + 1;
        }
        at += taken;
        left -= taken;
    }
    if (!wrong)
        return 0;
    *line_p = number;
    *error_p = mesh_text_printf("the line %s", wrong);
    return -1;
}

// Tell each item with the path to it: the names of the sections it stands in.
static int
tell_items(const outline_t *outline, mesh_zpl_item_fn *fn, void *arg)
{
    const char *path[MESH_ZPL_DEPTH];
    for (size_t i = 0; i < outline->count; i++) {
        const item_t *item = &outline->items[i];
        path[item->level] = item->name;
        char *key = strdup(path[0]);
        for (int level = 1; level <= item->level; level++) {
            char *longer = mesh_text_printf("%s/%s", key, path[level]);
            free(key);
            key = longer;
        }
        int rc = fn(arg, item->line, key, item->value);
        free(key);
        if (rc != 0)
            return rc;
    }
    return 0;
}

int
mesh_zpl_read(const char *text, size_t size_bytes, mesh_zpl_item_fn *fn, void *arg, int *line_p,
              char **error_p)
{
    outline_t *outline = calloc(1, sizeof *outline);
    char *tidy = calloc(size_bytes + 1, 1);
    if (!outline || !tidy)
        abort();
    outline->level = -1;
    int rc = take_text(outline, text, size_bytes, tidy, line_p, error_p);
    if (rc == 0)
        rc = tell_items(outline, fn, arg);
    free(tidy);
    free(outline);
    return rc;
}
