/*
 * mend.h - JSON that says what no text can hold.
 */
#pragma once

#include "mapping/base.h"

/*
 * Replaces, in place, each escape of half a surrogate pair and of NUL by the one of U+FFFD, as
 * browsers do where they must write such a text as bytes. JavaScript writes the halves when it
 * has cut a name behind half an emoji, and jansson refuses both.
 * True when there was any.
 */
bool mend_json(char *text, size_t size);
