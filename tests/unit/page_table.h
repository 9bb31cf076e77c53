/*
 * page_table.h - tables of docs/mapping.md that tests play, in every order.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
    CELL_SIZE = 400,
    CELLS = 4,
};

/*
 * The cells of a row "| a | b | c | d |", without blanks around them and without backticks. False
 * for a line that is no such row, or whose first backtick is in another cell than `code`.
 */
bool read_cells(const char *line, size_t code, char cells[CELLS][CELL_SIZE]);

/* The next order of `count` numbers, from 0 1 2 … on; false behind the last. */
bool permute(size_t *order, size_t count);
