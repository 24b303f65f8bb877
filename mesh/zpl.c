// zpl - the items of a ZPL text (rfc.zeromq.org/spec/4), each with its line
// SPDX-License-Identifier: MPL-2.0
//
// zconfig parses. Each line is checked before, because zconfig says what is wrong on stdout and
// without the file's name, cuts lines at 1 KiB and then loses its place, and frees a tree by
// recursion over its items.
#include "mesh/zpl.h"

#include <assert.h>
#include <ctype.h>
#include <czmq.h>

#include "text.h"

static_assert(MESH_ZPL_ITEMS == 2000 && MESH_ZPL_LINE_BYTES == 1023, "said in words below");

typedef struct outline {
    int lines[MESH_ZPL_ITEMS];    // where each item stands
    size_t items;
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

static const char *
check_value(const char *at)
{
    at += strspn(at, " \t");
    if (*at != '=')
        return check_rest(at);
    at++;
    at += strspn(at, " \t");
    if (*at != '"' && *at != '\'')
        return NULL;
    const char *end = strchr(at + 1, *at);
    return end ? check_rest(end + 1) : "has a quote that is not closed";
}

// Returns NULL, or what is wrong with the line. line has no newline.
static const char *
check_line(outline_t *outline, const char *line, int number)
{
    if (!mesh_text_is_plain(line))
        return "has control characters, or is not UTF-8";
    size_t indent = strspn(line, " ");
    const char *name = line + indent;
    const char *end = name;
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
    const char *wrong = check_value(end);
    if (wrong)
        return wrong;
    if (outline->items == MESH_ZPL_ITEMS)
        return "is one item more than the 2000 allowed";
    outline->lines[outline->items++] = number;
    outline->level = level;
    return NULL;
}

// Drop what zconfig drops at the end of a line, and make tabs spaces, so that a tab is refused
// by name where it would count as indentation.
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

static int
check_text(outline_t *outline, const char *text, size_t size_bytes, char *tidy, int *line_p,
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
            char line[MESH_ZPL_LINE_BYTES + 1];
            memcpy(line, at, length);
            line[length] = '\0';
            tidy_line(line);
            wrong = check_line(outline, line, number);
            tidy = stpcpy(stpcpy(tidy, line), "\n");
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

typedef struct walk {
    const outline_t *outline;
    size_t item;
    mesh_zpl_item_fn *fn;
    void *arg;
} walk_t;

static int
walk_items(walk_t *walk, zconfig_t *parent, const char *path)
{
    for (zconfig_t *item = zconfig_child(parent); item; item = zconfig_next(item)) {
        assert(walk->item < walk->outline->items);
        char *key = mesh_text_printf("%s%s%s", path, *path ? "/" : "", zconfig_name(item));
        int rc = walk->fn(walk->arg, walk->outline->lines[walk->item++], key,
                          zconfig_value(item) ? zconfig_value(item) : "");
        if (rc == 0)
            rc = walk_items(walk, item, key);
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
    outline_t outline = {.level = -1};
    int rc = -1;
    char *tidy = zmalloc(size_bytes + 2);    // a last newline, and NUL
    zconfig_t *root = NULL;
    if (check_text(&outline, text, size_bytes, tidy, line_p, error_p) != 0)
        goto done;
    root = zconfig_str_load(tidy);
    assert(root);
    walk_t walk = {.outline = &outline, .fn = fn, .arg = arg};
    rc = walk_items(&walk, root, "");
done:
    zconfig_destroy(&root);
    free(tidy);
    return rc;
}
