// settings - the effective configuration: values by key, checked, each with its origin
// SPDX-License-Identifier: MPL-2.0
#include "mesh/settings.h"

#include <assert.h>
#include <ctype.h>
#include <czmq.h>

#include "mesh/nearest.h"
#include "quantity.h"
#include "settings_private.h"
#include "text.h"

typedef struct value {
    char *text;        // as written; owned
    char *origin;      // owned
    int64_t number;    // FLAG, NUMBER, DURATION (ms), SIZE (bytes)
    char *items;       // LIST: the items, each ended by NUL; owned
    size_t item_count;
} value_t;

struct mesh_settings {
    value_t *values;    // one a row of the table, in its order; owned
    size_t size;
};

static size_t
table_size(void)
{
    size_t size = 0;
    while (mesh_settings_table[size].key)
        size++;
    return size;
}

const mesh_setting_t *
mesh_settings_row(const char *key)
{
    for (const mesh_setting_t *row = mesh_settings_table; row->key; row++) {
        if (streq(row->key, key))
            return row;
    }
    return NULL;
}

char *
mesh_settings_unknown_key(const char *key)
{
    // A word alone was meant as a section.
    bool is_section = !strchr(key, '/');
    size_t least = SIZE_MAX;
    char nearest[MESH_NEAREST_BYTES + 1] = "";
    for (const mesh_setting_t *row = mesh_settings_table; row->key; row++) {
        char known[MESH_NEAREST_BYTES + 1];
        (void) snprintf(known, sizeof known, "%.*s",
                        (int) strcspn(row->key, is_section ? "/" : ""), row->key);
        size_t distance = mesh_edit_distance(key, known);
        if (distance < least) {
            least = distance;
            memcpy(nearest, known, sizeof nearest);
        }
    }
    char *quoted = mesh_text_quoted(key);
    char *error = mesh_text_printf("unknown %s %s; the nearest known is %s",
                                   is_section ? "section" : "setting", quoted, nearest);
    free(quoted);
    return error;
}

char *
mesh_settings_variable(const mesh_setting_t *row)
{
    char *name = mesh_text_printf("AIDERMESH_%s", row->key);
    for (char *at = name; *at; at++) {
        if (*at == '/')
            *at = '_';
        else
            *at = (char) toupper((unsigned char) *at);
    }
    return name;
}

static void
value_clear(value_t *value)
{
    free(value->text);
    free(value->origin);
    free(value->items);
    *value = (value_t){0};
}

static mesh_quantity_t
quantity_of(mesh_setting_kind_t kind)
{
    switch (kind) {
    case MESH_SETTING_DURATION:
        return MESH_QUANTITY_DURATION;
    case MESH_SETTING_SIZE:
        return MESH_QUANTITY_SIZE;
    default:
        return MESH_QUANTITY_NUMBER;
    }
}

// Each parse_ function reads value->text and returns NULL, or what is allowed as the end of a
// sentence, for the caller to free.

static char *
parse_quantity(value_t *value, const mesh_setting_t *row)
{
    mesh_quantity_t kind = quantity_of(row->kind);
    int64_t number = 0;
    const char *form = mesh_quantity_parse(kind, value->text, &number);
    value->number = number;
    if (!form && number >= row->least && number <= row->most)
        return NULL;
    char *least = mesh_quantity_format(kind, row->least);
    char *most = mesh_quantity_format(kind, row->most);
    char *allowed = form ? mesh_text_printf("%s, from %s to %s", form, least, most)
                         : mesh_text_printf("%s to %s", least, most);
    free(least);
    free(most);
    return allowed;
}

static char *
parse_flag(value_t *value)
{
    value->number = streq(value->text, "true");
    if (value->number || streq(value->text, "false"))
        return NULL;
    return mesh_text_printf("true or false");
}

static char *
parse_choice(value_t *value, const mesh_setting_t *row)
{
    size_t length = strlen(value->text);
    for (const char *word = row->allowed; *word; word += *word == '|') {
        size_t word_length = strcspn(word, "|");
        if (length == word_length && memcmp(word, value->text, length) == 0)
            return NULL;
        word += word_length;
    }
    return mesh_text_printf("one of %s", row->allowed);
}

static char *
parse_list(value_t *value)
{
    value->items = zmalloc(strlen(value->text) + 1);
    char *out = value->items;
    const char *at = value->text;
    if (!*at)
        return NULL;
    for (;;) {
        size_t length = strcspn(at, ",");
        const char *next = at + length;
        while (length && *at == ' ')
            at++, length--;
        while (length && at[length - 1] == ' ')
            length--;
        if (!length)
            return mesh_text_printf("items separated by single commas, none of them empty");
        memcpy(out, at, length);
        out += length;
        *out++ = '\0';
        value->item_count++;
        if (!*next)
            return NULL;
        at = next + 1;
    }
}

// What holds for the words of any kind of setting.
static char *
check_words(const char *words, const mesh_setting_t *row)
{
    size_t most =
        row->secret ? (size_t) MESH_SETTINGS_SECRET_BYTES : (size_t) MESH_SETTINGS_VALUE_BYTES;
    if (strlen(words) > most)
        return mesh_text_printf("at most %zu bytes", most);
    if (!mesh_text_is_plain(words))
        return mesh_text_printf("UTF-8 without control characters");
    // A ZPL value has no escapes, and --print-config must be readable again.
    if (!row->secret && strchr(words, '"') && strchr(words, '\''))
        return mesh_text_printf("double or single quotes, but not both");
    return NULL;
}

static char *
parse_value(value_t *value, const mesh_setting_t *row)
{
    char *allowed = check_words(value->text, row);
    if (allowed)
        return allowed;
    switch (row->kind) {
    case MESH_SETTING_STRING:
        return NULL;
    case MESH_SETTING_LIST:
        return parse_list(value);
    case MESH_SETTING_CHOICE:
        return parse_choice(value, row);
    case MESH_SETTING_FLAG:
        return parse_flag(value);
    case MESH_SETTING_NUMBER:
    case MESH_SETTING_DURATION:
    case MESH_SETTING_SIZE:
        return parse_quantity(value, row);
    }
    abort();
}

int
mesh_settings_put(mesh_settings_t *self, const mesh_setting_t *row, const char *value,
                  const char *origin, char **error_p)
{
    value_t fresh = {.text = strdup(value)};
    char *allowed = parse_value(&fresh, row);
    if (allowed) {
        char *quoted = row->secret ? strdup("***") : mesh_text_quoted(value);
        *error_p = mesh_text_printf("%s is %s, allowed: %s", row->key, quoted, allowed);
        free(quoted);
        free(allowed);
        value_clear(&fresh);
        return -1;
    }
    fresh.origin = strdup(origin);
    value_t *old = &self->values[row - mesh_settings_table];
    value_clear(old);
    *old = fresh;
    return 0;
}

mesh_settings_t *
mesh_settings_new(void)
{
    mesh_settings_t *self = zmalloc(sizeof *self);
    self->size = table_size();
    self->values = zmalloc(self->size * sizeof *self->values);
    for (size_t i = 0; i < self->size; i++) {
        char *error = NULL;
        int rc = mesh_settings_put(self, &mesh_settings_table[i],
                                   mesh_settings_table[i].initial, "default", &error);
        // A default that is not allowed is a mistake in the table.
        if (rc != 0)
            (void) fprintf(stderr, "settings table: %s\n", error);
        assert(rc == 0);
    }
    return self;
}

void
mesh_settings_destroy(mesh_settings_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        mesh_settings_t *self = *self_p;
        for (size_t i = 0; i < self->size; i++)
            value_clear(&self->values[i]);
        free(self->values);
        free(self);
        *self_p = NULL;
    }
}

mesh_settings_t *
mesh_settings_copy(const mesh_settings_t *self)
{
    mesh_settings_t *copy = mesh_settings_new();
    for (size_t i = 0; i < self->size; i++) {
        char *error = NULL;
        int rc = mesh_settings_put(copy, &mesh_settings_table[i], self->values[i].text,
                                   self->values[i].origin, &error);
        assert(rc == 0);    // it was allowed before
    }
    return copy;
}

void
mesh_settings_swap(mesh_settings_t *self, mesh_settings_t *other)
{
    mesh_settings_t kept = *self;
    *self = *other;
    *other = kept;
}

int
mesh_settings_assign(mesh_settings_t *self, const char *assignment, const char *origin,
                     char **error_p)
{
    assert(self && assignment && origin && error_p);
    const char *equals = strchr(assignment, '=');
    if (!equals) {
        char *quoted = mesh_text_quoted(assignment);
        *error_p =
            mesh_text_printf("%s: %s is not of the form section/key=value", origin, quoted);
        free(quoted);
        return -1;
    }
    char *error = NULL;
    char *key = strndup(assignment, (size_t) (equals - assignment));
    const mesh_setting_t *row = mesh_settings_row(key);
    if (!row)
        error = mesh_settings_unknown_key(key);
    else
        (void) mesh_settings_put(self, row, equals + 1, origin, &error);
    free(key);
    if (!error)
        return 0;
    *error_p = mesh_text_printf("%s: %s", origin, error);
    free(error);
    return -1;
}

static const value_t *
value_of(const mesh_settings_t *self, const char *key, mesh_setting_kind_t kind)
{
    const mesh_setting_t *row = mesh_settings_row(key);
    if (!row || row->kind != kind)
        (void) fprintf(stderr, "settings: no setting %s of this kind\n", key);
    assert(row && row->kind == kind);
    return &self->values[row - mesh_settings_table];
}

const char *
mesh_settings_string(const mesh_settings_t *self, const char *key)
{
    const mesh_setting_t *row = mesh_settings_row(key);
    bool is_choice = row && row->kind == MESH_SETTING_CHOICE;
    return value_of(self, key, is_choice ? MESH_SETTING_CHOICE : MESH_SETTING_STRING)->text;
}

size_t
mesh_settings_list_size(const mesh_settings_t *self, const char *key)
{
    return value_of(self, key, MESH_SETTING_LIST)->item_count;
}

const char *
mesh_settings_list_item(const mesh_settings_t *self, const char *key, size_t index)
{
    const value_t *value = value_of(self, key, MESH_SETTING_LIST);
    assert(index < value->item_count);
    const char *item = value->items;
    while (index--)
        item += strlen(item) + 1;
    return item;
}

bool
mesh_settings_flag(const mesh_settings_t *self, const char *key)
{
    return value_of(self, key, MESH_SETTING_FLAG)->number != 0;
}

int64_t
mesh_settings_number(const mesh_settings_t *self, const char *key)
{
    return value_of(self, key, MESH_SETTING_NUMBER)->number;
}

int64_t
mesh_settings_ms(const mesh_settings_t *self, const char *key)
{
    return value_of(self, key, MESH_SETTING_DURATION)->number;
}

size_t
mesh_settings_bytes(const mesh_settings_t *self, const char *key)
{
    return (size_t) value_of(self, key, MESH_SETTING_SIZE)->number;
}

const char *
mesh_settings_origin(const mesh_settings_t *self, const char *key)
{
    const mesh_setting_t *row = mesh_settings_row(key);
    assert(row);
    return self->values[row - mesh_settings_table].origin;
}

const char *
mesh_settings_text(const mesh_settings_t *self, const mesh_setting_t *row)
{
    return self->values[row - mesh_settings_table].text;
}
