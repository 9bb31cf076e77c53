/*
 * config_unit.c - numbers with a unit: durations and sizes.
 */
#include <stdio.h>
#include <string.h>

#include "server/config/config_set.h"

enum {
    UNITS_MAX = 5,
};

struct unit {
    const char *name;
    int64_t value;
};

/* The largest first. */
static const struct unit durations[UNITS_MAX] = {
    {"d", INT64_C(24) * 60 * 60 * 1000},
    {"h", INT64_C(60) * 60 * 1000},
    {"m", INT64_C(60) * 1000},
    {"s", 1000},
    {"ms", 1},
};

static const struct unit sizes[UNITS_MAX] = {
    {"TiB", INT64_C(1) << 40},
    {"GiB", INT64_C(1) << 30},
    {"MiB", INT64_C(1) << 20},
    {"KiB", INT64_C(1) << 10},
    {"B", 1},
};

static void
write_text(const struct unit units[UNITS_MAX], int64_t number,
    char text[CONFIG_DURATION_TEXT_SIZE])
{
    for (size_t i = 0; number != 0 && i < UNITS_MAX; i++) {
        if (number % units[i].value == 0) {
            (void)snprintf(text, CONFIG_DURATION_TEXT_SIZE, "%lld%s",
                (long long)(number / units[i].value), units[i].name);
            return;
        }
    }
    (void)snprintf(text, CONFIG_DURATION_TEXT_SIZE, "0");
}

/* A number needs its unit: 30 could be seconds, hours or days. Only nothing is nothing in all. */
static bool
parse(const struct unit units[UNITS_MAX], const char *text, int64_t *ret_number)
{
    const size_t digits = strspn(text, "0123456789");
    int64_t number;

    if (!slice_to_int64((struct slice){text, digits}, &number)) {
        return false;
    }
    if (number == 0 && text[digits] == '\0') {
        *ret_number = 0;
        return true;
    }
    for (size_t i = 0; i < UNITS_MAX; i++) {
        if (strcmp(text + digits, units[i].name) == 0) {
            return !__builtin_mul_overflow(number, units[i].value, ret_number);
        }
    }
    return false;
}

int
config_set_number(const struct config_option *option, int64_t number, int64_t *field)
{
    if (number < option->min || number > option->max) {
        return CONFIG_SET_E_RANGE;
    }
    *field = number;
    return 0;
}

void
config_duration_text(int64_t ms, char text[CONFIG_DURATION_TEXT_SIZE])
{
    write_text(durations, ms, text);
}

void
config_size_text(int64_t bytes, char text[CONFIG_DURATION_TEXT_SIZE])
{
    write_text(sizes, bytes, text);
}

bool
config_duration_parse(const char *text, int64_t *ret_ms)
{
    return parse(durations, text, ret_ms);
}

static int
set(const struct unit units[UNITS_MAX], const struct config_option *option,
    const struct config_item *item, struct config *config)
{
    int64_t number;

    if (!parse(units, item->text, &number)) {
        return CONFIG_SET_E_BAD;
    }
    return config_set_number(option, number, option_field(option, config));
}

int
config_set_duration(const struct config_option *option, const struct config_item *item,
    struct config *config)
{
    return set(durations, option, item, config);
}

int
config_set_size(const struct config_option *option, const struct config_item *item,
    struct config *config)
{
    return set(sizes, option, item, config);
}
