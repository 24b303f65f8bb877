// quantity - numbers as people write them: 30s, 64MiB, 1000
// SPDX-License-Identifier: MPL-2.0
#include "quantity.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "text.h"

typedef struct unit {
    const char *name;
    int64_t factor;
} unit_t;

typedef struct form {
    const unit_t *units;    // smallest first, ended by a NULL name
    const char *allowed;
} form_t;

static const unit_t no_units[] = {{"", 1}, {NULL, 0}};
static const unit_t durations[] = {{"ms", 1},      {"s", 1000},     {"m", 60000},
                                   {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
static const unit_t sizes[] = {{"B", 1},         {"KiB", 1 << 10},           {"MiB", 1 << 20},
                               {"GiB", 1 << 30}, {"TiB", (int64_t) 1 << 40}, {NULL, 0}};

static const form_t forms[] = {
    [MESH_QUANTITY_NUMBER] = {no_units, "a whole number"},
    [MESH_QUANTITY_DURATION] = {durations, "a whole number and a unit, one of ms, s, m, h, d, "
                                           "as in 250ms or 30s"},
    [MESH_QUANTITY_SIZE] = {sizes, "a whole number and a unit, one of B, KiB, MiB, GiB, TiB, "
                                   "as in 64KiB or 1GiB"},
};

const char *
mesh_quantity_parse(mesh_quantity_t kind, const char *text, int64_t *value_p)
{
    const form_t *form = &forms[kind];
    const char *at = text;
    bool negative = kind == MESH_QUANTITY_NUMBER && *at == '-';
    if (negative)
        at++;
    if (!isdigit((unsigned char) *at))
        return form->allowed;
    int64_t value = 0;
    for (; isdigit((unsigned char) *at); at++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *at - '0', &value))
            return form->allowed;
    }
    // Nothing is nothing in every unit.
    if (value == 0 && *at == '\0') {
        *value_p = 0;
        return NULL;
    }
    for (const unit_t *unit = form->units; unit->name; unit++) {
        if (strcmp(at, unit->name) != 0)
            continue;
        if (__builtin_mul_overflow(value, unit->factor, &value))
            return form->allowed;
        *value_p = negative ? -value : value;
        return NULL;
    }
    return form->allowed;
}

char *
mesh_quantity_format(mesh_quantity_t kind, int64_t value)
{
    const unit_t *best = forms[kind].units;
    if (value == 0)
        return mesh_text_printf("0");
    for (const unit_t *unit = best; unit->name; unit++) {
        if (value % unit->factor == 0)
            best = unit;
    }
    return mesh_text_printf("%" PRId64 "%s", value / best->factor, best->name);
}
