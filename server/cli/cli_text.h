/*
 * cli_text.h - text from outside, for a terminal.
 */
#pragma once

#include "mapping/base.h"

/* On standard output, what a terminal would obey escaped; blanks behind it up to `width` characters. */
void cli_print_text(struct slice text, size_t width);
