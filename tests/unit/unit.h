/*
 * unit.h - cmocka, with the headers it needs before it.
 */
#pragma once

/* cmocka.h compiles only behind these four */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
