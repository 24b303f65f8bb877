// nearest - which known word a mistyped one most likely meant
// SPDX-License-Identifier: MPL-2.0
#include "mesh/nearest.h"

#include <string.h>

static size_t
smaller(size_t left, size_t right)
{
    return left < right ? left : right;
}

size_t
mesh_edit_distance(const char *left, const char *right)
{
    size_t rows = strnlen(left, MESH_NEAREST_BYTES);
    size_t columns = strnlen(right, MESH_NEAREST_BYTES);
    // Three rows of the table of optimal string alignment: a swap looks two rows back.
    size_t table[3][MESH_NEAREST_BYTES + 1] = {{0}};
    for (size_t column = 0; column <= columns; column++)
        table[0][column] = column;

    for (size_t row = 1; row <= rows; row++) {
        const size_t *two_above = table[(row + 1) % 3];
        const size_t *above = table[(row + 2) % 3];
        size_t *current = table[row % 3];
        current[0] = row;
        for (size_t column = 1; column <= columns; column++) {
            size_t differs = left[row - 1] != right[column - 1];
            size_t best = smaller(above[column], current[column - 1]) + 1;
            best = smaller(best, above[column - 1] + differs);
            if (row > 1 && column > 1 && left[row - 1] == right[column - 2] &&
                left[row - 2] == right[column - 1])
                best = smaller(best, two_above[column - 2] + 1);
            current[column] = best;
        }
    }
    return table[rows % 3][columns];
}
