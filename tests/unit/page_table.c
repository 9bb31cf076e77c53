/*
 * page_table.c - tables of docs/mapping.md that tests play, in every order.
 */
#include "tests/unit/page_table.h"

#include <stdio.h>
#include <string.h>

static void
trim_cell(char *cell)
{
    size_t size = strlen(cell);
    size_t kept = 0;

    for (size_t i = 0; i < size; i++) {
        if (cell[i] != '`') {
            cell[kept++] = cell[i];
        }
    }
    while (kept > 0 && cell[kept - 1] == ' ') {
        kept--;
    }
    cell[kept] = '\0';
    memmove(cell, cell + strspn(cell, " "), kept - strspn(cell, " ") + 1);
}

bool
read_cells(const char *line, size_t code, char cells[CELLS][CELL_SIZE])
{
    size_t first = CELLS;

    if (sscanf(line, "|%399[^|]|%399[^|]|%399[^|]|%399[^|]|", cells[0], cells[1],
            cells[2], cells[3]) != CELLS) {
        return false;
    }
    for (size_t i = CELLS; i-- > 0;) {
        first = strchr(cells[i], '`') != NULL ? i : first;
        trim_cell(cells[i]);
    }
    return first == code;
}

bool
permute(size_t *order, size_t count)
{
    size_t i = count;
    size_t j = count;

    while (i > 1 && order[i - 2] > order[i - 1]) {
        i--;
    }
    if (i <= 1) {
        return false;
    }
    while (order[j - 1] < order[i - 2]) {
        j--;
    }
    const size_t pivot = order[i - 2];

    order[i - 2] = order[j - 1];
    order[j - 1] = pivot;
    for (size_t a = i - 1, b = count - 1; a < b; a++, b--) {
        const size_t kept = order[a];

        order[a] = order[b];
        order[b] = kept;
    }
    return true;
}
